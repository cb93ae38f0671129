// What a rule says about itself: its numbers, its name, its class and what it refers to.
#include <algorithm>
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
constexpr std::uint64_t kPriorityMax = 255;
/// What a rule may require of Suricata: keywords here are those of version 7.
constexpr std::array<std::uint64_t, 3> kVersion{7, 0, 0};

Status read_message(RuleDraft& draft, const Option& option, const Keyword&) {
  draft.rule.name = escape_control(read_text(option.value));
  return {};
}

template <std::uint32_t Rule::*member, std::uint64_t min>
Status read_rule_number(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto number = read_number(option.value, kLargest32);
  if (!number) return tl::unexpected(number.error());
  if (*number < min) return fail(ErrorKind::invalid, "it is 0: 1 or more belongs here");
  draft.rule.*member = static_cast<std::uint32_t>(*number);
  return {};
}

Status read_classtype(RuleDraft& draft, const Option& option, const Keyword&) {
  draft.rule.class_name = escape_control(read_text(option.value));
  return {};
}

Status read_priority(RuleDraft& draft, const Option& option, const Keyword&) {
  const auto number = read_number(option.value, kPriorityMax);
  if (!number) return tl::unexpected(number.error());
  if (*number == 0) return fail(ErrorKind::invalid, "it is 0: 1 to 255 belongs here");
  draft.priority = static_cast<std::uint32_t>(*number);
  return {};
}

Status read_reference(RuleDraft& draft, const Option& option, const Keyword&) {
  const std::string text = escape_control(read_text(option.value));
  const std::size_t comma = text.find(',');
  const std::string_view kind = trim_blanks(std::string_view(text).substr(0, comma));
  const std::string_view target = comma == std::string::npos
                                      ? std::string_view()
                                      : trim_blanks(std::string_view(text).substr(comma + 1));
  if (kind.empty() || target.empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is no reference: KIND,TARGET belongs there", text));
  }
  draft.rule.references.push_back(fmt::format("{}:{}", kind, target));
  return {};
}

Status read_metadata(RuleDraft& draft, const Option& option, const Keyword&) {
  const std::string text = escape_control(read_text(option.value));
  for (const std::string_view entry : split_list(text, ',')) {
    if (entry.empty()) continue;
    const std::size_t blank = std::min(entry.find_first_of(" \t"), entry.size());
    std::string name(entry.substr(0, blank));
    std::string value(trim_blanks(entry.substr(blank)));
    if (name == "confidence") draft.confidence = value;
    if (name == "signature_severity") draft.signature_severity = value;
    draft.rule.metadata.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

Status read_target(RuleDraft& draft, const Option& option, const Keyword&) {
  if (option.value != "src_ip" && option.value != "dest_ip") {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is neither src_ip nor dest_ip", escape_control(option.value)));
  }
  draft.rule.metadata.emplace_back("target", std::string(option.value));
  return {};
}

/// "7.0.4" or a part of it.
Result<std::array<std::uint64_t, 3>> read_version(std::string_view text) {
  std::array<std::uint64_t, 3> version{};
  const auto parts = split_list(text, '.');
  if (parts.empty() || parts.size() > version.size()) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no version", escape_control(text)));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = read_number(parts[i], kLargest32);
    if (!number) return tl::unexpected(number.error());
    version[i] = *number;
  }
  return version;
}

Status read_required_version(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_of("0123456789"), text.size());
  const std::string_view comparison = trim_blanks(text.substr(0, digits));
  const auto version = read_version(text.substr(digits));
  if (!version) return tl::unexpected(version.error());
  const bool holds = comparison == ">="   ? kVersion >= *version
                     : comparison == ">"  ? kVersion > *version
                     : comparison == "<=" ? kVersion <= *version
                     : comparison == "<"  ? kVersion < *version
                                          : false;
  if (holds) return {};
  return fail(ErrorKind::invalid,
              fmt::format("it requires a version '{}', and 7.0 is what is read here",
                          escape_control(text)));
}

Status read_requires(RuleDraft&, const Option& option, const Keyword&) {
  for (const std::string_view entry : split_list(option.value, ',')) {
    const std::size_t blank = std::min(entry.find(' '), entry.size());
    const std::string_view what = entry.substr(0, blank);
    const std::string_view value = trim_blanks(entry.substr(blank));
    const bool is_there = (what == "keyword" && suricata_keyword_named(value) != nullptr) ||
                          (what == "feature" && value == "ja4");
    if (is_there) continue;
    if (what == "version") {
      if (auto read = read_required_version(value); !read) return read;
      continue;
    }
    return fail(ErrorKind::invalid, fmt::format("it requires '{}'", escape_control(entry)));
  }
  return {};
}

constexpr auto kRequired = SuricataValue::required;
constexpr std::array kKeywords{
    Keyword{"msg", kRequired, &read_message},
    Keyword{"sid", kRequired, &read_rule_number<&Rule::id, 1>},
    Keyword{"gid", kRequired, &read_rule_number<&Rule::gid, 0>},
    Keyword{"rev", kRequired, &read_rule_number<&Rule::rev, 0>},
    Keyword{"classtype", kRequired, &read_classtype},
    Keyword{"priority", kRequired, &read_priority},
    Keyword{"reference", kRequired, &read_reference},
    Keyword{"metadata", SuricataValue::optional, &read_metadata},
    Keyword{"target", kRequired, &read_target},
    Keyword{"requires", kRequired, &read_requires},
};

}  // namespace

std::span<const SuricataKeyword> suricata_about_keywords() noexcept { return kKeywords; }

}  // namespace sluice
