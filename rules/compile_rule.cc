#include "rules/compile_rule.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/pattern_choice.h"

namespace sluice {
namespace {

[[nodiscard]] bool is_about_stream(HeaderField field) {
  switch (field) {
    case HeaderField::stream_bytes_to_server:
    case HeaderField::stream_bytes_to_client:
    case HeaderField::stream_bytes_both:
    case HeaderField::stream_bytes_either:
      return true;
    default:
      return false;
  }
}

[[nodiscard]] bool is_at_a_place(const Term& term) {
  const auto* content = std::get_if<ContentTerm>(&term);
  return content != nullptr && (content->offset || content->depth || content->starts_with);
}

/// Terms on the payload that only packets have an answer to, or that stand at a place.
struct PayloadTerms {
  bool has_part = false;
  bool has_size = false;
  bool has_place = false;
};

[[nodiscard]] PayloadTerms payload_terms(const Rule& rule) {
  PayloadTerms found;
  for (const BufferTerms& part : rule.match) {
    if (part.buffer != Buffer::payload) continue;
    found.has_part = true;
    found.has_place = found.has_place || std::ranges::any_of(part.terms, is_at_a_place);
    found.has_size = found.has_size || std::ranges::any_of(part.terms, [](const Term& term) {
                       return std::holds_alternative<SizeTerm>(term);
                     });
  }
  return found;
}

/// Whether a DNS message asks or answers says its header, whichever side began the flow.
[[nodiscard]] RuleDirection direction_of(const Rule& rule) {
  const bool says_header = std::ranges::any_of(rule.match, [](const BufferTerms& part) {
    const BufferRow& row = row_of(part.buffer);
    return row.service == Service::dns && row.side != BufferSide::both;
  });
  return says_header ? RuleDirection::both : rule.when.direction;
}

/// A rule that only tells which application a flow is of, which is told once.
[[nodiscard]] bool is_about_service_alone(const Rule& rule) {
  return rule.when.service != Service::any && rule.action.kind == RuleActionKind::alert &&
         rule.match.empty() && rule.headers.empty() && rule.flags.empty() &&
         rule.counters.empty() && !rule.threshold;
}

[[nodiscard]] CompiledRule header_of(const Rule& rule) {
  CompiledRule out;
  out.id = rule.id;
  out.gid = rule.gid;
  out.rev = rule.rev;
  out.stage = rule.stage;
  out.action.kind = rule.action.kind;
  out.action.block_key = rule.action.block_key;
  out.action.block_for = rule.action.block_for;
  out.is_silent = rule.is_silent;
  out.reports_pass = rule.reports_pass;
  out.protocol = rule.when.protocol;
  out.service = rule.when.service;
  out.service_negated = rule.when.service_negated;
  out.direction = direction_of(rule);
  out.is_bidirectional = rule.when.is_bidirectional;
  out.state = rule.when.state;
  const PayloadNeeds needs = payload_needs(rule);
  out.needs_packet = needs.packet;
  out.needs_stream = needs.stream;
  out.headers = rule.headers;
  out.threshold = rule.threshold;
  return out;
}

}  // namespace

std::uint32_t NameNumbers::number_of(const std::string& name) {
  const auto [place, is_new] = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return place->second;
}

PayloadNeeds payload_needs(const Rule& rule) {
  const PayloadTerms terms = payload_terms(rule);
  const bool has_scanned_part = std::ranges::any_of(
      rule.match, [](const BufferTerms& part) { return is_scanned(part.buffer); });
  PayloadNeeds needs;
  needs.stream = rule.when.scope == PayloadScope::only_stream && terms.has_part;
  needs.packet = rule.when.scope == PayloadScope::no_stream || terms.has_size ||
                 !has_scanned_part || std::ranges::any_of(rule.headers, [](const HeaderTest& test) {
                   return !is_about_stream(test.field);
                 });
  if (!terms.has_part) return {needs.packet && !has_scanned_part, false};
  if (needs.packet || needs.stream) return needs;
  return {terms.has_place, true};
}

RuleResolver::RuleResolver(Ruleset& ruleset, const RuleVariables& variables)
    : ruleset_(ruleset),
      variables_(variables),
      addresses_(ruleset.addresses),
      ports_(ruleset.ports) {}

Result<RuleEnds> RuleResolver::resolve_ends(const RuleHeader& when) {
  RuleEnds ends;
  const auto address = [this](const std::string& text) {
    return addresses_.number_of(text, variables_, parse_addresses);
  };
  const auto port = [this](const std::string& text) {
    return ports_.number_of(text, variables_, parse_ports);
  };
  const auto put = [](std::string_view key, const Result<std::uint32_t>& number,
                      std::uint32_t& place) -> Status {
    if (!number) return with_context(key, number.error());
    place = *number;
    return {};
  };
  if (auto ok = put("source", address(when.source), ends.source); !ok) {
    return tl::unexpected<Error>(ok.error());
  }
  if (auto ok = put("destination", address(when.destination), ends.destination); !ok) {
    return tl::unexpected<Error>(ok.error());
  }
  if (auto ok = put("source_port", port(when.source_port), ends.source_port); !ok) {
    return tl::unexpected<Error>(ok.error());
  }
  auto ok = put("destination_port", port(when.destination_port), ends.destination_port);
  if (!ok) return tl::unexpected<Error>(ok.error());
  return ends;
}

Result<std::vector<RulePart>> RuleResolver::resolve_parts(const Rule& rule, RuleNames& names) {
  if (rule.match.size() > kRulePartsMax) {
    return fail(ErrorKind::limit, fmt::format("match has {} parts, above the most of {}",
                                              rule.match.size(), kRulePartsMax));
  }
  std::vector<RulePart> parts;
  std::vector<PartProgram> programs;
  for (std::size_t i = 0; i < rule.match.size(); ++i) {
    auto program = compile_part(rule, i, names, variables_.sets);
    if (!program) return tl::unexpected<Error>(program.error());
    parts.push_back({rule.match[i].buffer,
                     static_cast<std::uint32_t>(ruleset_.programs.size() + programs.size())});
    programs.push_back(std::move(*program));
  }
  std::ranges::move(programs, std::back_inserter(ruleset_.programs));
  return parts;
}

CompiledFlagStep RuleResolver::resolve_flags(const FlagStep& step) {
  CompiledFlagStep out{step.scope, step.operation, {}, step.expire};
  NameNumbers& numbers = flags_[static_cast<std::size_t>(step.scope)];
  for (const std::string& name : step.names) out.flags.push_back(numbers.number_of(name));
  return out;
}

Result<CompiledCounterStep> RuleResolver::resolve_counter(const CounterStep& step,
                                                          const RuleNames& names) {
  CompiledCounterStep out;
  out.counter = counters_.number_of(step.name);
  out.operation = step.operation;
  out.comparison = step.comparison;
  if (const auto* value = std::get_if<std::int64_t>(&step.operand)) {
    out.operand.value = *value;
    return out;
  }
  const std::string& name = std::get<std::string>(step.operand);
  const auto slot = names.slot_of(name);
  if (!slot) {
    return fail(
        ErrorKind::invalid,
        fmt::format("counter {}: operand is '{}', which no term of the rule reads: a number "
                    "or the name of one that is read",
                    step.name, name));
  }
  out.operand.slot = *slot;
  return out;
}

Status RuleResolver::resolve_all(const Rule& rule, CompiledRule& out) {
  auto ends = resolve_ends(rule.when);
  if (!ends) return tl::unexpected<Error>(ends.error());
  out.ends = *ends;
  RuleNames names;
  auto parts = resolve_parts(rule, names);
  if (!parts) return tl::unexpected<Error>(parts.error());
  out.parts = std::move(*parts);
  for (const FlagStep& step : rule.flags) out.flags.push_back(resolve_flags(step));
  if (is_about_service_alone(rule)) {
    const std::string told = fmt::format("rule {}.{} was told", rule.gid, rule.id);
    for (const FlagOperation operation : {FlagOperation::is_not_set, FlagOperation::set}) {
      out.flags.push_back(resolve_flags({FlagScope::flow, operation, {told}, 0}));
    }
  }
  for (const CounterStep& step : rule.counters) {
    auto counter = resolve_counter(step, names);
    if (!counter) return tl::unexpected<Error>(counter.error());
    out.counters.push_back(*counter);
  }
  if (rule.action.kind == RuleActionKind::limit) {
    out.action.limit = limits_.number_of(rule.action.limit);
  }
  return {};
}

Result<CompiledRule> RuleResolver::resolve(const Rule& rule) {
  const std::size_t programs_before = ruleset_.programs.size();
  CompiledRule out = header_of(rule);
  auto resolved = resolve_all(rule, out);
  if (resolved) {
    out.class_number = classes_.number_of(without_zeros(rule.class_name));
    return out;
  }
  auto& programs = ruleset_.programs;
  programs.erase(programs.begin() + static_cast<std::ptrdiff_t>(programs_before), programs.end());
  const std::string where = fmt::format("rule {}", rule.id);
  if (resolved.error().message.starts_with(where)) return tl::unexpected<Error>(resolved.error());
  return with_context(where, resolved.error());
}

std::string without_zeros(std::string text) {
  std::ranges::replace(text, '\0', ' ');
  return text;
}

void RuleResolver::finish(RuleTexts& texts) {
  for (std::size_t scope = 0; scope < kFlagScopeCount; ++scope) {
    texts.flags[scope] = flags_[scope].names();
    ruleset_.flag_counts[scope] = static_cast<std::uint32_t>(texts.flags[scope].size());
  }
  texts.counters = counters_.names();
  ruleset_.counter_count = static_cast<std::uint32_t>(texts.counters.size());
  ruleset_.limits = limits_.names();
  ruleset_.sets = variables_.sets;
  ruleset_.classes = classes_.names();
}

}  // namespace sluice
