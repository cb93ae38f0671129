// The table of what may stand in a rule file: one row per key, with its type, range and words and
// the member that it reads and writes. Loader, printer, "did you mean" and the reference page are
// all read from it. Control side and short-lived children only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/rule.h"
#include "rules/rule_pack.h"

namespace sluice {

enum class KeywordType : std::uint8_t {
  boolean,
  number,   ///< decimal, or hexadecimal behind 0x
  hex,      ///< a number that is printed in hexadecimal
  integer,  ///< may be below zero
  operand,  ///< an integer, or the name of what a byte_extract of the rule has read
  range,    ///< "5", "5-10", ">=5", "<5", or one of these behind a "!"
  duration,
  word,        ///< one of `words`; word i stands for the enumerator with value i
  text,        ///< printable UTF-8
  bytes,       ///< text with escapes for bytes that are not printable; see byte_text.h
  expression,  ///< addresses or ports; a list is put in brackets
  texts,       ///< one text or a list of them
  byte_texts,  ///< a list of texts with escapes
  bits,        ///< letters, letter i of `words` for bit i, or a number
  section,     ///< a map or list with a table of its own
};

using KeywordValue = std::variant<std::uint64_t, std::int64_t, std::string, TermNumber, NumberRange,
                                  std::vector<std::string>>;

struct Keyword {
  std::string_view key;
  KeywordType type = KeywordType::text;
  std::string_view help;  ///< without a full stop
  std::int64_t min = 0;   ///< of the value; of text: bytes; of a list: entries
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::span<const std::string_view> words = {};
};

/// A key of a map that describes a `Record`. Of a section, both functions are null.
template <class Record>
struct Field {
  Keyword keyword;
  std::optional<KeywordValue> (*read)(const Record&);  ///< none: not given
  void (*write)(Record&, KeywordValue);
};

/// Where the key that a map has says what the map is about: a term, a test of a header, a step.
template <class Record>
struct Choice {
  Field<Record> main;                     ///< whose key picks this choice
  Record (*blank)();                      ///< what the record is before any key is read
  bool (*holds)(const Record&);           ///< the record is one of this choice
  std::span<const Field<Record>> fields;  ///< further keys that may stand beside the main one
};

/// Of a file as a whole.
[[nodiscard]] std::span<const Field<RulePack>> pack_keywords() noexcept;
[[nodiscard]] std::span<const Field<Rule>> rule_keywords() noexcept;
[[nodiscard]] std::span<const Field<RuleHeader>> when_keywords() noexcept;
[[nodiscard]] std::span<const Field<Threshold>> threshold_keywords() noexcept;
/// Actions that are one word, without a map.
[[nodiscard]] std::span<const std::string_view> action_words() noexcept;
[[nodiscard]] std::span<const Choice<RuleAction>> action_choices() noexcept;
[[nodiscard]] std::span<const Choice<HeaderTest>> header_choices() noexcept;
[[nodiscard]] std::span<const Choice<Term>> term_choices() noexcept;
[[nodiscard]] std::span<const std::string_view> transform_words() noexcept;
[[nodiscard]] std::span<const Choice<FlagStep>> flag_choices() noexcept;
[[nodiscard]] std::span<const Choice<CounterStep>> counter_choices() noexcept;
[[nodiscard]] std::span<const Choice<RuleTest>> test_choices() noexcept;

inline constexpr std::size_t kRulesOfAFileMax = 200'000;
inline constexpr std::size_t kTermsOfARuleMax = 64;
inline constexpr std::size_t kPartsOfARuleMax = 64;
inline constexpr std::size_t kStepsOfARuleMax = 64;  ///< headers, flags, counters, tests: of each
inline constexpr std::size_t kTransformsOfAPartMax = 16;
inline constexpr std::size_t kMetadataMax = 256;
inline constexpr std::size_t kContentBytesMax = 8192;
inline constexpr std::size_t kTextBytesMax = 4096;
inline constexpr std::size_t kTestBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kSetEntriesMax = 1'000'000;

/// Bits of `HeaderTest::bits`, in the order of their letters. tcp_flags are those of the header:
/// FIN is 1, CWR 128. Of fragment_bits M (more fragments) is 1, D (do not fragment) 2, R 4.
inline constexpr std::string_view kTcpFlagLetters[] = {"F", "S", "R", "P", "A", "U", "E", "C"};
inline constexpr std::string_view kFragmentBitLetters[] = {"M", "D", "R"};

}  // namespace sluice
