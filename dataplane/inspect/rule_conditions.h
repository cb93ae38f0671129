// What a rule asks of a packet and its flow besides bytes: protocol, direction, state, service,
// addresses, ports and fields of headers. Asked of candidates only. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "base/ip_address.h"
#include "dataplane/inspect/set_table.h"
#include "dataplane/packet.h"
#include "rules/ruleset.h"

namespace sluice {

/// Whose bytes are being judged. `flow` may be null.
struct RuleSubject {
  const Packet* packet = nullptr;
  const Flow* flow = nullptr;
  Service service = Service::any;  ///< any: nobody has told yet; unknown: none that is told apart
  bool is_turned = false;          ///< messages of the application go against the flow's direction
  std::array<std::uint64_t, 2> stream_bytes{};  ///< seen in order, by direction
  const RuleSets* sets = nullptr;               ///< of the ruleset; null: all are empty
  SetMemo* set_memo = nullptr;                  ///< of the packet's own flow; null: not remembered
};

/// Which rules' own group judges packets of this protocol; ip for those without one.
[[nodiscard]] RuleProtocol rule_protocol_of(const Packet& packet) noexcept;

/// 0 to the server, 1 to the client; a packet without a flow goes to the server.
[[nodiscard]] inline unsigned direction_of(const Packet& packet) noexcept {
  return packet.flow != nullptr && !packet.has(kInitiator) ? 1U : 0U;
}

[[nodiscard]] inline unsigned direction_of(const RuleSubject& subject) noexcept {
  return direction_of(*subject.packet) ^ (subject.is_turned ? 1U : 0U);
}

/// The port at the responder's side of the flow, or the destination's without a flow; 0 = none.
[[nodiscard]] inline std::uint16_t server_port_of(const Packet& packet) noexcept {
  return direction_of(packet) == 0 ? packet.destination_port : packet.source_port;
}

struct PacketEnds {
  IpAddress source;
  IpAddress destination;
};
/// Of a packet of IP.
[[nodiscard]] PacketEnds ends_of(const Packet& packet) noexcept;

/// Everything that the rule asks for but its parts, flags, counters and threshold.
[[nodiscard]] bool conditions_hold(const Ruleset& ruleset, const CompiledRule& rule,
                                   const RuleSubject& subject) noexcept;
/// It lacks nothing but to know which service it is, which nobody has told yet.
[[nodiscard]] bool waits_for_service(const Ruleset& ruleset, const CompiledRule& rule,
                                     const RuleSubject& subject) noexcept;

}  // namespace sluice
