// Regular expressions in PCRE's syntax over bytes, never text of any encoding, and never turned
// into machine code: the wire process maps no memory executable. The rule compiler compiles them,
// the wire process reads what was compiled and matches under limits. The only door to PCRE2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/plain_codec.h"
#include "base/result.h"
#include "rules/rule.h"

namespace sluice {

inline constexpr std::size_t kRegexBytesMax = 8'192;        ///< of a pattern as written
inline constexpr std::size_t kRegexCodeBytesMax = 262'144;  ///< of a pattern compiled

/// An item of a pattern that asks for what is around the bytes at hand, by its place in the
/// pattern.
struct RegexEdge {
  enum class Kind : std::uint8_t {
    begin,      ///< \A
    end,        ///< \Z, \z
    word,       ///< \b, \B
    not_ahead,  ///< (?!...), up to its parenthesis at `close`; the next item is at `next`
  };
  Kind kind = Kind::word;
  std::uint16_t place = 0;
  std::uint16_t close = 0;
  std::uint16_t next = 0;
};

/// A compiled expression, const and shared by all workers; an empty one matches nothing.
class Regex {
 public:
  Regex() noexcept = default;
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  ~Regex();

  /// Errors: invalid, with PCRE2's words and the place in the pattern; limit, where the pattern or
  /// what it compiles to is too long.
  [[nodiscard]] static Result<Regex> compile(const PcreTerm& term);
  [[nodiscard]] bool is_empty() const noexcept { return code_ == nullptr; }
  [[nodiscard]] std::uint32_t groups() const noexcept;

  /// The same pattern gives the same bytes, but for one that was read: PCRE2 marks it.
  friend void code(PlainWriter& writer, Regex& regex);
  /// Accepts only what the same version of PCRE2 wrote on the same kind of machine. What else the
  /// bytes hold cannot be checked: see `code` of `PartProgram`.
  friend void code(PlainReader& reader, Regex& regex);

 private:
  friend class RegexMatcher;
  void* code_ = nullptr;
  std::vector<RegexEdge> edges_;  ///< by `place`
};

/// Defaults of Suricata; memory is what backtracking may take.
struct RegexLimits {
  std::uint32_t match = 3'500;
  std::uint32_t depth = 1'500;
  std::uint32_t memory_bytes = 1U << 20;
};

/// PCRE2's limits count anew at every place where a match may begin, so that they bound no whole
/// match. `work` does: an item of the pattern that is tried is one, and so are 32 bytes passed
/// over.
inline constexpr std::uint32_t kRegexWork = 131'072;

enum class RegexOutcome : std::uint8_t { no, yes, limit };

/// What one worker matches with. All memory is taken when it is made.
class RegexMatcher {
 public:
  struct Subject {
    std::span<const std::uint8_t> bytes;
    std::size_t start = 0;  ///< where the match may begin; what is before can be looked back at
    bool is_begin = true;   ///< `^` and `\A` hold at the first byte
    bool is_end = true;     ///< `$`, `\Z` and `\z` hold behind the last byte
    bool is_cut = false;    ///< bytes follow: neither `\b` nor `(?!` is decided by there being none
    std::uint32_t work_max = kRegexWork;
  };
  struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  [[nodiscard]] static Result<RegexMatcher> create(const RegexLimits& limits);
  RegexMatcher(RegexMatcher&&) noexcept;
  RegexMatcher& operator=(RegexMatcher&&) noexcept;
  ~RegexMatcher();

  [[nodiscard]] RegexOutcome match(const Regex& regex, const Subject& subject) noexcept;
  /// Of the last match, whatever its outcome.
  [[nodiscard]] std::uint32_t work() const noexcept;
  /// Of the last match that was found: 0 is all of it, then its groups up to kRegexGroups; none
  /// where a group took no part.
  [[nodiscard]] std::optional<Piece> group(std::size_t index) const noexcept;

 private:
  struct State;
  explicit RegexMatcher(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

inline constexpr std::size_t kRegexGroups = 8;  ///< groups that can be asked for

}  // namespace sluice
