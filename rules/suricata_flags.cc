// Flags and counters that rules leave for one another.
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

constexpr std::uint64_t kLargest32 = 0xffff'ffff;
constexpr DurationNs kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSecondsMax = 10 * 365 * 86'400;
constexpr std::size_t kNameBytesMax = 64;  // escapes take four times as many

Status check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kNameBytesMax) return {};
  return fail(ErrorKind::invalid,
              fmt::format("a name of 1 to {} bytes belongs there", kNameBytesMax));
}

struct OperationWord {
  std::string_view word;
  FlagOperation operation;
};
constexpr std::array kOperations{
    OperationWord{"set", FlagOperation::set},
    OperationWord{"unset", FlagOperation::unset},
    OperationWord{"toggle", FlagOperation::toggle},
    OperationWord{"isset", FlagOperation::is_set},
    OperationWord{"isnotset", FlagOperation::is_not_set},
};

Result<FlagOperation> read_operation(std::string_view word) {
  for (const OperationWord& row : kOperations) {
    if (row.word == word) return row.operation;
  }
  return fail(ErrorKind::invalid, fmt::format("'{}' is no operation: set, unset, toggle, isset and "
                                              "isnotset are",
                                              escape_control(word)));
}

Status read_names(std::string_view text, FlagStep& step) {
  if (text.find('&') != std::string_view::npos) {
    return fail(ErrorKind::invalid, "names that '&' joins are not known: '|' is");
  }
  for (const std::string_view name : split_list(text, '|')) {
    if (auto checked = check_name(name); !checked) return checked;
    step.names.push_back(escape_control(name));
  }
  if (step.names.empty()) return check_name("");
  // Suricata holds "isnotset" of a list where one of them is not set.
  if (step.names.size() > 1 && step.operation != FlagOperation::is_set) {
    return fail(ErrorKind::invalid, "a list of names belongs behind isset alone");
  }
  return {};
}

Status read_flowbits(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto words = split_list(option.value, ',');
  if (words.size() == 1 && words[0] == "noalert") {
    draft.rule.is_silent = true;
    return {};
  }
  if (words.size() != 2) return fail(ErrorKind::invalid, "OPERATION,NAME or noalert belongs there");
  FlagStep step;
  const auto operation = read_operation(words[0]);
  if (!operation) return tl::unexpected(operation.error());
  step.operation = *operation;
  if (auto read = read_names(words[1], step); !read) return read;
  draft.rule.flags.push_back(std::move(step));
  return {};
}

Status read_xbits_word(std::string_view text, FlagStep& step, bool& has_track) {
  const std::size_t blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  const std::string_view value =
      blank == std::string_view::npos ? std::string_view() : trim_blanks(text.substr(blank));
  if (word == "expire") {
    const auto seconds = read_number(value, kSecondsMax);
    if (!seconds) return tl::unexpected(seconds.error());
    step.expire = static_cast<DurationNs>(*seconds) * kSecondNs;
    return {};
  }
  has_track = word == "track";
  if (has_track && value == "ip_src") {
    step.scope = FlagScope::source;
  } else if (has_track && value == "ip_dst") {
    step.scope = FlagScope::destination;
  } else if (has_track && value == "ip_pair") {
    step.scope = FlagScope::pair;
  } else {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is not known: track ip_src, ip_dst or ip_pair, or expire SECONDS "
                            "belongs there",
                            escape_control(text)));
  }
  return {};
}

Status read_xbits(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto words = split_list(option.value, ',');
  if (words.size() < 3) return fail(ErrorKind::invalid, "OPERATION,NAME,track WHAT belongs there");
  FlagStep step;
  const auto operation = read_operation(words[0]);
  if (!operation) return tl::unexpected(operation.error());
  step.operation = *operation;
  if (auto read = read_names(words[1], step); !read) return read;
  bool is_tracked = false;
  for (std::size_t i = 2; i < words.size(); ++i) {
    bool has_track = false;
    if (auto read = read_xbits_word(words[i], step, has_track); !read) return read;
    is_tracked = is_tracked || has_track;
  }
  if (!is_tracked) return fail(ErrorKind::invalid, "it says not what is tracked");
  draft.rule.flags.push_back(std::move(step));
  return {};
}

struct CounterWord {
  std::string_view word;
  CounterOperation operation;
  Comparison comparison = Comparison::equal;
};
constexpr std::array kCounterWords{
    CounterWord{"+", CounterOperation::add},
    CounterWord{"-", CounterOperation::subtract},
    CounterWord{"=", CounterOperation::set},
    CounterWord{"isset", CounterOperation::is_set},
    CounterWord{"notset", CounterOperation::is_not_set},
    CounterWord{"isnotset", CounterOperation::is_not_set},
    CounterWord{"==", CounterOperation::compare, Comparison::equal},
    CounterWord{"!=", CounterOperation::compare, Comparison::not_equal},
    CounterWord{"<", CounterOperation::compare, Comparison::less},
    CounterWord{">", CounterOperation::compare, Comparison::greater},
    CounterWord{"<=", CounterOperation::compare, Comparison::less_or_equal},
    CounterWord{">=", CounterOperation::compare, Comparison::greater_or_equal},
};

Result<CounterStep> counter_step(std::string_view word) {
  for (const CounterWord& row : kCounterWords) {
    if (row.word != word) continue;
    CounterStep step;
    step.operation = row.operation;
    step.comparison = row.comparison;
    return step;
  }
  return fail(ErrorKind::invalid, fmt::format("'{}' is no operation", escape_control(word)));
}

Status read_flowint(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto words = split_list(option.value, ',');
  if (words.size() < 2) return fail(ErrorKind::invalid, "NAME,OPERATION belongs there");
  if (auto checked = check_name(words[0]); !checked) return checked;
  auto step = counter_step(words[1]);
  if (!step) return tl::unexpected(std::move(step.error()));
  step->name = escape_control(words[0]);
  const bool asks = step->operation == CounterOperation::is_set ||
                    step->operation == CounterOperation::is_not_set;
  if (words.size() != (asks ? 2U : 3U)) {
    return fail(ErrorKind::invalid, asks ? "no value belongs behind it" : "a value belongs there");
  }
  if (!asks) {
    const auto number = read_number(words[2], kLargest32);
    if (!number) return tl::unexpected(number.error());
    step->operand = static_cast<std::int64_t>(*number);
  }
  draft.rule.counters.push_back(std::move(*step));
  return {};
}

constexpr auto kRequired = SuricataValue::required;

constexpr std::array kKeywords{
    Keyword{"flowbits", kRequired, &read_flowbits},
    Keyword{"xbits", kRequired, &read_xbits},
    Keyword{"flowint", kRequired, &read_flowint},
};

}  // namespace

std::span<const SuricataKeyword> suricata_flag_keywords() noexcept { return kKeywords; }

}  // namespace sluice
