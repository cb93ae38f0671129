// What a rule says about its flow, and how often it speaks.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_services.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

constexpr std::uint64_t kLargest32 = 0xffff'ffff;
constexpr DurationNs kSecondNs = 1'000'000'000;
constexpr std::uint64_t kSecondsMax = 10 * 365 * 86'400;

struct FlowWord {
  std::string_view word;
  void (*apply)(RuleHeader&);
};
constexpr std::array kFlowWords{
    FlowWord{"to_server", [](RuleHeader& when) { when.direction = RuleDirection::to_server; }},
    FlowWord{"from_client", [](RuleHeader& when) { when.direction = RuleDirection::to_server; }},
    FlowWord{"to_client", [](RuleHeader& when) { when.direction = RuleDirection::to_client; }},
    FlowWord{"from_server", [](RuleHeader& when) { when.direction = RuleDirection::to_client; }},
    FlowWord{"established", [](RuleHeader& when) { when.state = FlowState::established; }},
    FlowWord{"not_established", [](RuleHeader& when) { when.state = FlowState::not_established; }},
    FlowWord{"stateless", [](RuleHeader& when) { when.state = FlowState::stateless; }},
    FlowWord{"only_stream", [](RuleHeader& when) { when.scope = PayloadScope::only_stream; }},
    FlowWord{"no_stream", [](RuleHeader& when) { when.scope = PayloadScope::no_stream; }},
};

Status apply_flow_word(RuleHeader& when, std::string_view word) {
  for (const FlowWord& row : kFlowWords) {
    if (row.word != word) continue;
    row.apply(when);
    return {};
  }
  return fail(ErrorKind::invalid, fmt::format("'{}' is not known", escape_control(word)));
}

Status read_flow(RuleDraft& draft, const Option& option, const Keyword&) {
  RuleHeader& when = draft.rule.when;
  const RuleHeader before = when;
  for (const std::string_view word : split_list(option.value, ',')) {
    const RuleHeader last = when;
    if (auto applied = apply_flow_word(when, word); !applied) return applied;
    const bool turns = last.direction != before.direction && last.direction != when.direction;
    const bool restates = last.state != before.state && last.state != when.state;
    if (turns || restates) {
      return fail(ErrorKind::invalid,
                  fmt::format("'{}' contradicts a word before it", escape_control(word)));
    }
  }
  return {};
}

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

template <class Value, std::size_t N>
Result<Value> value_named(const std::array<Named<Value>, N>& rows, std::string_view name) {
  for (const Named<Value>& row : rows) {
    if (row.name == name) return row.value;
  }
  return fail(ErrorKind::invalid, fmt::format("'{}' is not known", escape_control(name)));
}

constexpr std::array<Named<ThresholdKind>, 3> kKinds{{{"limit", ThresholdKind::limit},
                                                      {"threshold", ThresholdKind::threshold},
                                                      {"both", ThresholdKind::both}}};
constexpr std::array<Named<ThresholdTrack>, 5> kTracks{{{"by_src", ThresholdTrack::source},
                                                        {"by_dst", ThresholdTrack::destination},
                                                        {"by_both", ThresholdTrack::pair},
                                                        {"by_rule", ThresholdTrack::rule},
                                                        {"by_flow", ThresholdTrack::flow}}};

/// Which of the words were there.
struct ThresholdWords {
  Threshold threshold;
  bool has_kind = false;
  bool has_track = false;
  bool has_count = false;
  bool has_seconds = false;
};

Status read_threshold_number(std::string_view word, std::string_view value, ThresholdWords& out) {
  const bool is_count = word == "count";
  const auto number = read_number(value, is_count ? kLargest32 : kSecondsMax);
  if (!number) return tl::unexpected(number.error());
  if (*number == 0) return fail(ErrorKind::invalid, fmt::format("{} is 0", word));
  if (is_count) {
    out.threshold.count = static_cast<std::uint32_t>(*number);
    out.has_count = true;
  } else {
    out.threshold.window = static_cast<DurationNs>(*number) * kSecondNs;
    out.has_seconds = true;
  }
  return {};
}

Status read_threshold_word(std::string_view text, ThresholdWords& out) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, blank);
  const std::string_view value = trim_blanks(text.substr(blank));
  if (word == "type") {
    const auto kind = value_named(kKinds, value);
    if (!kind) return tl::unexpected(kind.error());
    out.threshold.kind = *kind;
    out.has_kind = true;
    return {};
  }
  if (word == "track") {
    const auto track = value_named(kTracks, value);
    if (!track) return tl::unexpected(track.error());
    out.threshold.track = *track;
    out.has_track = true;
    return {};
  }
  if (word == "count" || word == "seconds") return read_threshold_number(word, value, out);
  return fail(ErrorKind::invalid, fmt::format("'{}' is not known", escape_control(word)));
}

Status add_threshold(RuleDraft& draft, const Option& option, ThresholdWords words) {
  if (draft.rule.threshold) {
    return fail(ErrorKind::invalid, "the rule has threshold or detection_filter already");
  }
  for (const std::string_view text : split_list(option.value, ',')) {
    if (auto read = read_threshold_word(text, words); !read) return read;
  }
  if (!words.has_kind || !words.has_track || !words.has_count || !words.has_seconds) {
    return fail(ErrorKind::invalid, "one of type, track, count and seconds is not there");
  }
  draft.rule.threshold = words.threshold;
  return {};
}

Status read_threshold(RuleDraft& draft, const Option& option, const Keyword&) {
  return add_threshold(draft, option, {});
}

Status read_detection_filter(RuleDraft& draft, const Option& option, const Keyword&) {
  ThresholdWords words;
  words.threshold.kind = ThresholdKind::rate;
  words.has_kind = true;
  return add_threshold(draft, option, words);
}

Status read_noalert(RuleDraft& draft, const Option&, const Keyword&) {
  draft.rule.is_silent = true;
  return {};
}

Status read_alert(RuleDraft& draft, const Option&, const Keyword&) {
  draft.rule.is_silent = false;
  draft.rule.reports_pass = true;  // where it passes
  return {};
}

Status drop_keyword(RuleDraft& draft, const Option&, const Keyword& keyword) {
  draft.downgrades.push_back({std::string(keyword.name), std::string(keyword.note)});
  return {};
}

Status read_app_layer_protocol(RuleDraft& draft, const Option& option, const Keyword&) {
  std::string_view name = option.value;
  const bool is_negated = cut_negation(name);
  const auto protocol = suricata_protocol_named(name);
  if (!protocol || protocol->service == Service::any) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no application that sluice tells apart",
                                                escape_control(name)));
  }
  RuleHeader& when = draft.rule.when;
  if (when.service != Service::any) {
    return fail(ErrorKind::invalid,
                fmt::format("the rule is about {} already", name_of(when.service)));
  }
  when.service = protocol->service;
  when.service_negated = is_negated;
  return {};
}

constexpr auto kNoValue = SuricataValue::none;
constexpr auto kRequired = SuricataValue::required;

constexpr std::array kKeywords{
    Keyword{"flow", kRequired, &read_flow},
    Keyword{"app-layer-protocol", kRequired, &read_app_layer_protocol},
    Keyword{"threshold", kRequired, &read_threshold},
    Keyword{"detection_filter", kRequired, &read_detection_filter},
    Keyword{"noalert", kNoValue, &read_noalert},
    Keyword{"alert", kNoValue, &read_alert},
    Keyword{"tag", SuricataValue::optional, &drop_keyword, Buffer::payload, HeaderField::ttl, 0,
            "packets behind a match are not kept"},
    Keyword{"prefilter", kNoValue, &drop_keyword, Buffer::payload, HeaderField::ttl, 0,
            "what the prefilter looks for is chosen among contents"},
};

}  // namespace

std::span<const SuricataKeyword> suricata_flow_keywords() noexcept { return kKeywords; }

}  // namespace sluice
