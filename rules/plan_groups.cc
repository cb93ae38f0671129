#include "rules/compile_groups.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::array<std::string_view, kRuleProtocolCount> kProtocolNames{"ip",   "tcp",    "udp",
                                                                          "icmp", "icmpv6", "sctp"};
constexpr std::array<std::string_view, 2> kDirectionNames{"to_server", "to_client"};

/// Where HTTP is worth one scan in place of two or three.
constexpr std::array<std::uint16_t, 5> kWebPorts{80, 8000, 8080, 8888, 3128};

/// Of HTTP: comes in pieces and stands in the stream as it is, where it is neither compressed nor
/// chunked.
[[nodiscard]] bool is_body(Buffer buffer) {
  return buffer == Buffer::http_request_body || buffer == Buffer::http_response_body ||
         buffer == Buffer::file_data;
}

[[nodiscard]] bool has_ports(RuleProtocol protocol) {
  return protocol == RuleProtocol::tcp || protocol == RuleProtocol::udp ||
         protocol == RuleProtocol::sctp;
}

[[nodiscard]] bool covers(RuleDirection rule, unsigned direction) {
  if (rule == RuleDirection::both) return true;
  return (rule == RuleDirection::to_client) == (direction == 1);
}

/// Whether a DNS message asks or answers says its header: a query may go either way.
[[nodiscard]] bool covers(const BufferRow& row, unsigned direction) {
  if (row.side == BufferSide::both || row.service == Service::dns) return true;
  return (row.side == BufferSide::response) == (direction == 1);
}

[[nodiscard]] bool covers(RuleProtocol rule, RuleProtocol protocol) {
  return rule == RuleProtocol::ip || rule == protocol;
}

/// The buffer whose bytes make the rule a candidate; payload stands for packets too.
[[nodiscard]] Buffer home_of(const CompiledRule& rule, const PatternChoice& choice) {
  if (choice.pattern || choice.set) return rule.parts[choice.part].buffer;
  for (const RulePart& part : rule.parts) {
    if (part.buffer != Buffer::payload && is_scanned(part.buffer)) return part.buffer;
  }
  return Buffer::payload;
}

/// The ports of the server that packets of this direction may have.
[[nodiscard]] PortRanges server_ports(const Ruleset& ruleset, const CompiledRule& rule,
                                      unsigned direction) {
  const PortRanges& source = ruleset.ports[rule.ends.source_port];
  const PortRanges& destination = ruleset.ports[rule.ends.destination_port];
  if (!rule.is_bidirectional) return direction == 0 ? destination : source;
  ValueRanges<std::uint16_t> both = source.ports;
  both.insert(both.end(), destination.ports.begin(), destination.ports.end());
  return PortRanges{merged(std::move(both))};
}

[[nodiscard]] PatternGroup group_on(Buffer buffer, ScanMode mode, RuleProtocol protocol,
                                    unsigned direction) {
  PatternGroup group;
  group.buffer = buffer;
  group.mode = mode;
  group.protocol = protocol;
  group.direction = static_cast<std::uint8_t>(direction);
  return group;
}

class Planner {
 public:
  Planner(const Ruleset& ruleset, std::span<const PatternChoice> choices, GroupMap& map)
      : ruleset_(ruleset), choices_(choices), map_(map) {}

  [[nodiscard]] std::vector<GroupPlan> plan(const PortClassLimits& limits) {
    for (std::uint32_t i = 0; i < ruleset_.rules.size(); ++i) {
      homes_.push_back(home_of(ruleset_.rules[i], choices_[i]));
    }
    plan_buffers();
    for (std::size_t i = 0; i < kRuleProtocolCount; ++i) {
      for (const unsigned direction : {0U, 1U}) {
        plan_payload(static_cast<RuleProtocol>(i), direction, limits);
      }
    }
    return std::move(plans_);
  }

 private:
  void plan_buffers() {
    std::map<std::pair<Buffer, unsigned>, std::vector<std::uint32_t>> members;
    for (std::uint32_t i = 0; i < ruleset_.rules.size(); ++i) {
      if (homes_[i] == Buffer::payload) continue;
      for (const unsigned direction : {0U, 1U}) {
        if (covers(ruleset_.rules[i].direction, direction) &&
            covers(row_of(homes_[i]), direction)) {
          members[{homes_[i], direction}].push_back(i);
        }
      }
    }
    for (auto& [key, rules] : members) {
      const auto [buffer, direction] = key;
      const ScanMode mode = row_of(buffer).is_streamed ? ScanMode::stream : ScanMode::block;
      map_.buffer_groups[static_cast<std::size_t>(buffer)][direction] =
          add(group_on(buffer, mode, RuleProtocol::ip, direction),
              fmt::format("{} {}", name_of(buffer), kDirectionNames[direction]), rules);
    }
  }

  void plan_payload(RuleProtocol protocol, unsigned direction, const PortClassLimits& limits) {
    std::vector<PortDemand> demands;
    for (std::uint32_t i = 0; i < ruleset_.rules.size(); ++i) {
      const CompiledRule& rule = ruleset_.rules[i];
      if (homes_[i] != Buffer::payload || !covers(rule.protocol, protocol) ||
          !covers(rule.direction, direction)) {
        continue;
      }
      demands.push_back(
          {i, has_ports(protocol) ? server_ports(ruleset_, rule, direction) : PortRanges::any()});
    }
    if (demands.empty()) return;
    PortClassLimits bounded = limits;
    bounded.classes_max = std::min(limits.classes_max, kPortClassesMax);
    PortClasses classes = classify_ports(demands, bounded);
    const std::size_t slot = GroupMap::slot(protocol, direction);
    map_.class_of_port[slot] = std::move(classes.class_of_port);
    for (std::size_t i = 0; i < classes.rules_of.size(); ++i) {
      const std::string name =
          fmt::format("{} {} class {}", kProtocolNames[slot / 2], kDirectionNames[direction], i);
      add_packets(protocol, direction, i, name, classes.rules_of[i]);
      if (protocol == RuleProtocol::tcp) add_stream(direction, i, name, classes.rules_of[i]);
    }
  }

  void add_packets(RuleProtocol protocol, unsigned direction, std::size_t port_class,
                   const std::string& name, const std::vector<std::uint32_t>& rules) {
    const bool is_tcp = protocol == RuleProtocol::tcp;
    map_.packet_groups[GroupMap::slot(protocol, direction)][port_class] =
        add(group_on(Buffer::payload, ScanMode::block, protocol, direction), "packets " + name,
            those(rules, [is_tcp](const CompiledRule& rule) {
              return !is_tcp || rule.needs_packet || !rule.needs_stream;
            }));
  }

  void add_stream(unsigned direction, std::size_t port_class, const std::string& name,
                  const std::vector<std::uint32_t>& rules) {
    const std::uint32_t group = add(
        group_on(Buffer::payload, ScanMode::stream, RuleProtocol::tcp, direction), "stream " + name,
        those(rules, [](const CompiledRule& rule) { return rule.needs_stream; }));
    map_.stream_groups[direction][port_class] = group;
    if (group != kNoGroup && is_of_web(direction, port_class)) add_bodies(plans_[group], direction);
  }

  [[nodiscard]] bool is_of_web(unsigned direction, std::size_t port_class) const {
    return std::ranges::any_of(kWebPorts, [&](std::uint16_t port) {
      return map_.class_of(RuleProtocol::tcp, direction, port) == port_class;
    });
  }

  /// Bodies that stand in the stream as they are need no scan of their own: all of them or none.
  void add_bodies(GroupPlan& plan, unsigned direction) const {
    std::vector<std::uint32_t> bodies;
    for (std::uint32_t i = 0; i < ruleset_.rules.size(); ++i) {
      const bool is_of_body = is_body(homes_[i]) && choices_[i].pattern &&
                              covers(ruleset_.rules[i].direction, direction) &&
                              covers(row_of(homes_[i]), direction);
      if (!is_of_body) continue;
      if (!pattern_in_carrier(choices_[i])) return;
      bodies.push_back(i);
    }
    plan.group.carries_bodies = !bodies.empty();
    plan.body_rules = std::move(bodies);
  }

  template <class Predicate>
  [[nodiscard]] std::vector<std::uint32_t> those(const std::vector<std::uint32_t>& rules,
                                                 Predicate&& holds) const {
    std::vector<std::uint32_t> out;
    std::ranges::copy_if(rules, std::back_inserter(out), [this, &holds](std::uint32_t rule) {
      return holds(ruleset_.rules[rule]);
    });
    return out;
  }

  [[nodiscard]] std::uint32_t add(PatternGroup group, std::string name,
                                  std::vector<std::uint32_t> rules) {
    if (rules.empty()) return kNoGroup;
    plans_.push_back({std::move(group), std::move(name), std::move(rules), {}});
    return static_cast<std::uint32_t>(plans_.size() - 1);
  }

  const Ruleset& ruleset_;
  std::span<const PatternChoice> choices_;
  GroupMap& map_;
  std::vector<Buffer> homes_;
  std::vector<GroupPlan> plans_;
};

}  // namespace

std::vector<GroupPlan> plan_groups(const Ruleset& ruleset, std::span<const PatternChoice> choices,
                                   const PortClassLimits& limits, GroupMap& map) {
  return Planner(ruleset, choices, map).plan(limits);
}

}  // namespace sluice
