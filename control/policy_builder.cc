#include "control/policy_builder.h"

#include <vector>

#include "base/date.h"

namespace sluice {
namespace {

std::uint32_t transaction_records_of(const EventConfig& events) {
  const auto bit = [](bool wanted, Service service) {
    return wanted ? 1U << static_cast<unsigned>(service) : 0U;
  };
  return bit(events.http, Service::http) | bit(events.dns, Service::dns) |
         bit(events.tls, Service::tls) | bit(events.ssh, Service::ssh) |
         bit(events.smtp, Service::smtp) | bit(events.ftp, Service::ftp) |
         bit(events.quic, Service::quic);
}

void add_rule_limits(const std::vector<RuleLimitConfig>& limits, PolicySettings& settings) {
  for (const RuleLimitConfig& limit : limits) {
    RuleLimitEntry& entry = settings.rule_limits[settings.rule_limit_count++];
    limit.name.copy(entry.name.data(), kRuleLimitNameMax);
    entry.per = limit.per;
    entry.limit = limit.limit;
  }
}

PolicySettings settings_of(const Config& config) {
  PolicySettings settings;
  settings.mode = config.mode;
  settings.decode = config.decode;
  settings.fragments = config.fragments;
  settings.flows = config.flows;
  settings.limits = config.limits;
  add_rule_limits(config.rule_limits, settings);
  settings.drop_sample = config.events.drop_sample;
  settings.flow_records = config.events.flow_records;
  settings.anomaly_records = config.events.anomaly;
  settings.transaction_records = transaction_records_of(config.events);
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
  parts.sets = checked.sets;
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
