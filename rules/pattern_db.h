// Patterns as a database that finds all of them in one pass over the bytes. The only file of this
// folder that knows the engine (Hyperscan). Compiling takes milliseconds to seconds and memory in
// proportion: short-lived children only, never the process that holds the wire.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/siphash.h"
#include "rules/gram_filter.h"

namespace sluice {

/// block: a buffer that is there as a whole; stream: bytes in order that come in pieces.
enum class ScanMode : std::uint8_t {
  block,   ///< bytes at hand
  stream,  ///< bytes as they come
  once,    ///< bytes at hand, of each pattern only whether it is there
};

/// loose_regex: the engine finds all that the expression finds, and perhaps more.
enum class PatternKind : std::uint8_t { literal, regex, loose_regex };

/// What is looked for. Ends are counted in bytes from the buffer's start to the end of a match.
struct ScanPattern {
  std::string text;  ///< the bytes themselves, or an expression in PCRE's syntax
  PatternKind kind = PatternKind::literal;
  bool nocase = false;
  bool multiline = false;
  bool dotall = false;
  std::uint32_t end_min = 0;
  std::uint32_t end_max = 0;  ///< 0 = anywhere
  bool at_end = false;        ///< of a literal in block mode: nothing stands behind it
  friend auto operator<=>(const ScanPattern&, const ScanPattern&) = default;
};

inline constexpr std::size_t kNoPattern = ~std::size_t{0};

/// Why patterns did not become a database.
struct PatternFault {
  std::size_t pattern = kNoPattern;  ///< which one; none: all of them together
  std::string message;               ///< with the offset in the pattern where there is one
};

/// A compiled database. Its patterns' numbers are their places in what it was compiled from;
/// numbers from `patterns` on are padding and never found in what people send.
struct PatternDatabase {
  Hash128 digest;  ///< of everything that went in: same digest, same bytes
  ScanMode mode = ScanMode::block;
  std::uint32_t patterns = 0;
  std::uint32_t padding = 0;
  std::uint32_t stream_bytes = 0;  ///< state of one stream; 0 in block mode
  std::uint32_t scratch_bytes = 0;
  std::vector<std::byte> bytes;
  GramFilter filter;  ///< of its patterns; none where streams are scanned
};

struct PatternWidth {
  std::uint32_t min = 0;
  bool needs_end = false;  ///< some matches are known only where the bytes end
};

/// Whether one pattern could be compiled, without compiling it: microseconds.
[[nodiscard]] tl::expected<PatternWidth, PatternFault> check_pattern(const ScanPattern& pattern);

/// `padding` literals that nobody sends are added: the engine's choice of algorithm depends on the
/// number of literals, and more are at times faster.
[[nodiscard]] tl::expected<PatternDatabase, PatternFault> compile_patterns(
    std::span<const ScanPattern> patterns, ScanMode mode, std::uint32_t padding = 0);

/// What `compile_patterns` would give as digest.
[[nodiscard]] Hash128 pattern_digest(std::span<const ScanPattern> patterns, ScanMode mode,
                                     std::uint32_t padding = 0);

/// Processor time of a scan over all texts, the best of `rounds`, in nanoseconds.
[[nodiscard]] Result<std::uint64_t> scan_cost_ns(const PatternDatabase& database,
                                                 std::span<const std::string> texts,
                                                 unsigned rounds);

/// The engine's version and the processor that databases are made for: another one, other bytes.
[[nodiscard]] const std::string& scan_engine_identity();

}  // namespace sluice
