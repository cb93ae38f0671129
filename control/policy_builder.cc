#include "control/policy_builder.h"

#include <vector>

#include "base/date.h"

namespace sluice {
namespace {

PolicySettings settings_of(const Config& config) {
  PolicySettings settings;
  settings.mode = config.mode;
  settings.decode = config.decode;
  settings.fragments = config.fragments;
  settings.flows = config.flows;
  settings.limits = config.limits;
  settings.drop_sample = config.events.drop_sample;
  settings.flow_records = config.events.flow_records;
  settings.overload = config.overload;
  settings.inspect = config.inspect;
  settings.has_rules = !config.rules.files.empty();
  settings.until_ready = config.rules.until_ready;
  return settings;
}

/// The configuration was validated: everything can be read.
RuleException exception_of(const RuleExceptionConfig& config) {
  RuleException exception;
  for (const std::string& text : config.rules) {
    if (const auto key = parse_rule_key(text)) exception.rules.push_back(*key);
  }
  exception.class_name = config.class_name;
  exception.sources = config.source;
  exception.destinations = config.destination;
  exception.uri = config.uri;
  if (!config.expires.empty()) exception.until = parse_date(config.expires).value_or(1);
  exception.owner = config.owner;
  exception.reason = config.reason;
  return exception;
}

}  // namespace

PolicyParts build_policy_parts(const CheckedConfig& checked) {
  PolicyParts parts;
  parts.settings = settings_of(checked.config);
  for (const RuleExceptionConfig& exception : checked.config.rules.exceptions) {
    parts.overrides.exceptions.push_back(exception_of(exception));
  }
  const PrefixLists& lists = checked.lists;
  parts.lists.reserve(lists.allow_source.size() + lists.deny_source.size() +
                      lists.allow_destination.size() + lists.deny_destination.size());
  const auto append = [&parts](const std::vector<IpPrefix>& list, ListKind kind, ListSide side) {
    for (const IpPrefix& prefix : list) parts.lists.push_back({prefix, kind, side});
  };
  append(lists.allow_source, ListKind::allow, ListSide::source);
  append(lists.deny_source, ListKind::deny, ListSide::source);
  append(lists.allow_destination, ListKind::allow, ListSide::destination);
  append(lists.deny_destination, ListKind::deny, ListSide::destination);
  return parts;
}

}  // namespace sluice
