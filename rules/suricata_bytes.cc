// Numbers that are read from a buffer: byte_test, byte_jump, byte_extract, byte_math, isdataat and
// base64_decode. Their words stand in any order behind the first ones.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_byte_words.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;
using Words = std::vector<std::string_view>;

constexpr std::uint64_t kLargest32 = 0xffff'ffff;

/// The first error of several steps.
Status first_error(std::initializer_list<Status> steps) {
  for (const Status& step : steps) {
    if (!step) return step;
  }
  return {};
}

tl::unexpected<Error> too_few(std::string_view form) {
  return fail(ErrorKind::invalid, fmt::format("it begins with {}", form));
}

Status place(RuleDraft& draft, Term term, bool is_relative) {
  return is_relative ? draft.add_behind_last(std::move(term)) : draft.add(std::move(term));
}

struct ComparisonWord {
  std::string_view word;
  Comparison comparison;
};
constexpr std::array kComparisons{
    ComparisonWord{"=", Comparison::equal},
    ComparisonWord{"==", Comparison::equal},
    ComparisonWord{"<", Comparison::less},
    ComparisonWord{">", Comparison::greater},
    ComparisonWord{"<=", Comparison::less_or_equal},
    ComparisonWord{">=", Comparison::greater_or_equal},
    ComparisonWord{"&", Comparison::bits_set},
    ComparisonWord{"^", Comparison::bits_xor},
};

Status read_comparison(std::string_view word, ByteTestTerm& test) {
  if (word == "!" || word == "!=") {
    test.comparison = Comparison::not_equal;
    return {};
  }
  test.is_negated = cut_negation(word);
  for (const ComparisonWord& row : kComparisons) {
    if (row.word != word) continue;
    test.comparison = row.comparison;
    return {};
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no comparison: <, >, =, <=, >=, & or ^ belongs here",
                          escape_control(word)));
}

Status read_byte_test(RuleDraft& draft, const Option& option, const Keyword&) {
  const Words words = split_list(option.value, ',');
  if (words.size() < 4) return too_few("BYTES,COMPARISON,VALUE,OFFSET");
  ByteTestTerm test;
  ByteReadWords read;
  auto operand = read_operand(words[2]);
  if (!operand) return tl::unexpected(std::move(operand.error()));
  test.operand = std::move(*operand);
  if (auto first = first_error(
          {read.take_bytes(words[0]), read_comparison(words[1], test), read.take_offset(words[3])});
      !first) {
    return first;
  }
  for (std::size_t i = 4; i < words.size(); ++i) {
    const auto is_known = read.take(words[i]);
    if (!is_known) return tl::unexpected(is_known.error());
    if (!*is_known) return unknown_word(words[i]);
  }
  auto finished = read.finish();
  if (!finished) return tl::unexpected(std::move(finished.error()));
  test.read = std::move(*finished);
  if (test.read.bytes == 0) {
    return fail(ErrorKind::invalid, "it reads 0 bytes: how many a number takes is not guessed");
  }
  const bool is_relative = test.read.is_relative;
  return place(draft, std::move(test), is_relative);
}

/// Words of byte_jump alone; false where it is none of them.
Result<bool> read_jump_word(std::string_view text, ByteJumpTerm& jump) {
  const auto [word, value] = split_word(text);
  if (word == "align") {
    jump.aligns_to_4 = true;
  } else if (word == "from_beginning") {
    jump.from_beginning = true;
  } else if (word == "from_end") {
    jump.from_end = true;
  } else if (word == "multiplier") {
    const auto number = read_number(value, 0xffff);
    if (!number) return tl::unexpected(number.error());
    jump.multiplier = static_cast<std::uint32_t>(*number);
  } else if (word == "post_offset") {
    const auto number = read_integer(value);
    if (!number) return tl::unexpected(number.error());
    if (*number < -0xffff || *number > 0xffff) {
      return fail(ErrorKind::invalid,
                  fmt::format("post_offset is {}: -65535 to 65535 belongs here", *number));
    }
    jump.post_offset = static_cast<std::int32_t>(*number);
  } else {
    return false;
  }
  return true;
}

Status read_byte_jump(RuleDraft& draft, const Option& option, const Keyword&) {
  const Words words = split_list(option.value, ',');
  if (words.size() < 2) return too_few("BYTES,OFFSET");
  ByteJumpTerm jump;
  ByteReadWords read;
  if (auto first = first_error({read.take_bytes(words[0]), read.take_offset(words[1])}); !first) {
    return first;
  }
  for (std::size_t i = 2; i < words.size(); ++i) {
    auto is_known = read.take(words[i]);
    if (is_known && !*is_known) is_known = read_jump_word(words[i], jump);
    if (!is_known) return tl::unexpected(is_known.error());
    if (!*is_known) return unknown_word(words[i]);
  }
  if (jump.from_beginning && jump.from_end) {
    return fail(ErrorKind::invalid, "from_beginning and from_end exclude each other");
  }
  auto finished = read.finish();
  if (!finished) return tl::unexpected(std::move(finished.error()));
  jump.read = std::move(*finished);
  const bool is_relative = jump.read.is_relative;
  return place(draft, std::move(jump), is_relative);
}

Result<bool> read_extract_word(std::string_view text, ByteExtractTerm& extract) {
  const auto [word, value] = split_word(text);
  if (word == "align") {
    if (value != "2" && value != "4") {
      return fail(ErrorKind::invalid, "align is neither 2 nor 4");
    }
    extract.align = value == "2" ? 2 : 4;
  } else if (word == "multiplier") {
    const auto number = read_number(value, 0xffff);
    if (!number) return tl::unexpected(number.error());
    extract.multiplier = static_cast<std::uint32_t>(*number);
  } else {
    return false;
  }
  return true;
}

Status read_byte_extract(RuleDraft& draft, const Option& option, const Keyword&) {
  const Words words = split_list(option.value, ',');
  if (words.size() < 3) return too_few("BYTES,OFFSET,NAME");
  auto name = read_name(words[2]);
  if (!name) return tl::unexpected(std::move(name.error()));
  ByteExtractTerm extract;
  ByteReadWords read;
  extract.name = std::move(*name);
  if (auto first = first_error({read.take_bytes(words[0]), read.take_offset(words[1])}); !first) {
    return first;
  }
  for (std::size_t i = 3; i < words.size(); ++i) {
    auto is_known = read.take(words[i]);
    if (is_known && !*is_known) is_known = read_extract_word(words[i], extract);
    if (!is_known) return tl::unexpected(is_known.error());
    if (!*is_known) return unknown_word(words[i]);
  }
  auto finished = read.finish();
  if (!finished) return tl::unexpected(std::move(finished.error()));
  extract.read = std::move(*finished);
  const bool is_relative = extract.read.is_relative;
  return place(draft, std::move(extract), is_relative);
}

struct OperatorWord {
  std::string_view word;
  MathOperator op;
};
constexpr std::array kOperators{
    OperatorWord{"+", MathOperator::add},         OperatorWord{"-", MathOperator::subtract},
    OperatorWord{"*", MathOperator::multiply},    OperatorWord{"/", MathOperator::divide},
    OperatorWord{"<<", MathOperator::shift_left}, OperatorWord{">>", MathOperator::shift_right},
};

Status read_operator(std::string_view word, ByteMathTerm& math) {
  for (const OperatorWord& row : kOperators) {
    if (row.word != word) continue;
    math.op = row.op;
    return {};
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no operator: + - * / << >> are", escape_control(word)));
}

/// Every word of byte_math has a name in front.
struct MathWords {
  ByteMathTerm term;
  ByteReadWords read;
  bool has_bytes = false;
  bool has_operator = false;
  bool has_value = false;
};

Status read_math_word(std::string_view text, MathWords& out) {
  const auto [word, value] = split_word(text);
  if (word == "bytes") {
    out.has_bytes = true;
    return out.read.take_bytes(value);
  }
  if (word == "offset") return out.read.take_offset(value);
  if (word == "oper") {
    out.has_operator = true;
    return read_operator(value, out.term);
  }
  if (word == "rvalue") {
    auto operand = read_operand(value);
    if (!operand) return tl::unexpected(std::move(operand.error()));
    out.term.operand = std::move(*operand);
    out.has_value = true;
    return {};
  }
  if (word == "result") {
    auto name = read_name(value);
    if (!name) return tl::unexpected(std::move(name.error()));
    out.term.result = std::move(*name);
    return {};
  }
  const auto is_known = out.read.take(text);
  if (!is_known) return tl::unexpected(is_known.error());
  return *is_known ? Status{} : unknown_word(text);
}

Status read_byte_math(RuleDraft& draft, const Option& option, const Keyword&) {
  MathWords words;
  for (const std::string_view text : split_list(option.value, ',')) {
    if (auto read = read_math_word(text, words); !read) return read;
  }
  if (!words.has_bytes || !words.has_operator || !words.has_value || words.term.result.empty()) {
    return fail(ErrorKind::invalid, "bytes, oper, rvalue and result belong there");
  }
  const auto* operand = std::get_if<std::int64_t>(&words.term.operand);
  if (words.term.op == MathOperator::divide && operand != nullptr && *operand == 0) {
    return fail(ErrorKind::invalid, "it divides by 0");
  }
  auto finished = words.read.finish();
  if (!finished) return tl::unexpected(std::move(finished.error()));
  words.term.read = std::move(*finished);
  const bool is_relative = words.term.read.is_relative;
  return place(draft, std::move(words.term), is_relative);
}

Status read_isdataat(RuleDraft& draft, const Option& option, const Keyword&) {
  std::string_view value = option.value;
  IsDataAtTerm data_at;
  data_at.is_negated = cut_negation(value);
  const Words words = split_list(value, ',');
  if (words.empty()) return too_few("OFFSET");
  auto offset = read_operand(words[0]);
  if (!offset) return tl::unexpected(std::move(offset.error()));
  data_at.offset = std::move(*offset);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "relative") {
      data_at.is_relative = true;
    } else if (words[i] != "rawbytes") {
      return unknown_word(words[i]);
    }
  }
  const bool is_relative = data_at.is_relative;
  return place(draft, std::move(data_at), is_relative);
}

Status read_base64_decode(RuleDraft& draft, const Option& option, const Keyword&) {
  Base64Term base64;
  for (const std::string_view text : split_list(option.value, ',')) {
    const auto [word, value] = split_word(text);
    if (word == "relative") {
      base64.is_relative = true;
      continue;
    }
    if (word != "bytes" && word != "offset") return unknown_word(text);
    const auto number = read_number(value, kLargest32);
    if (!number) return tl::unexpected(number.error());
    (word == "bytes" ? base64.bytes : base64.offset) = static_cast<std::uint32_t>(*number);
  }
  return place(draft, base64, base64.is_relative);
}

Status read_base64_data(RuleDraft& draft, const Option&, const Keyword&) {
  return draft.select_decoded();
}

constexpr auto kRequired = SuricataValue::required;
constexpr std::array kKeywords{
    Keyword{"byte_test", kRequired, &read_byte_test},
    Keyword{"byte_jump", kRequired, &read_byte_jump},
    Keyword{"byte_extract", kRequired, &read_byte_extract},
    Keyword{"byte_math", kRequired, &read_byte_math},
    Keyword{"isdataat", kRequired, &read_isdataat},
    Keyword{"base64_decode", SuricataValue::optional, &read_base64_decode},
    Keyword{"base64_data", SuricataValue::none, &read_base64_data},
};

}  // namespace

std::span<const SuricataKeyword> suricata_byte_keywords() noexcept { return kKeywords; }

}  // namespace sluice
