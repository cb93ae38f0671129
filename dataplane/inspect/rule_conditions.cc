#include "dataplane/inspect/rule_conditions.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/endian.h"
#include "dataplane/flow/flow.h"

namespace sluice {
namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpV6 = 58, kSctp = 132;
constexpr std::uint32_t kIpv4Header = 20, kTcpHeader = 20;

[[nodiscard]] bool is_in(const NumberRange& range, std::uint64_t value) noexcept {
  return (value >= range.low && value <= range.high) != range.is_negated;
}

[[nodiscard]] bool bits_match(const HeaderTest& test, std::uint32_t value) noexcept {
  const std::uint32_t seen = value & ~test.ignored_bits;
  switch (test.bit_match) {
    case BitMatch::exact:
      return seen == test.bits;
    case BitMatch::all:
      return (seen & test.bits) == test.bits;
    case BitMatch::any:
      return (seen & test.bits) != 0;
    case BitMatch::none:
      return (seen & test.bits) == 0;
  }
  return false;
}

[[nodiscard]] bool is_v4(const Packet& packet) noexcept { return packet.ip_version == 4; }
[[nodiscard]] bool is_v6(const Packet& packet) noexcept { return packet.ip_version == 6; }

/// The header's fixed part is at hand wherever the decoder set a version.
[[nodiscard]] std::optional<std::uint64_t> ip_field(const Packet& packet,
                                                    HeaderField field) noexcept {
  const std::uint8_t* ip = packet.l3();
  switch (field) {
    case HeaderField::ttl:
      return is_v4(packet) ? ip[8] : ip[7];
    case HeaderField::tos:
      return is_v4(packet) ? ip[1] : (load_be16(ip) >> 4 & 0xffU);
    case HeaderField::ip_id:
      if (!is_v4(packet)) return std::nullopt;
      return load_be16(ip + 4);
    case HeaderField::ip_protocol:
      return packet.protocol;
    case HeaderField::fragment_bits:
      if (!is_v4(packet)) return std::nullopt;
      return load_be16(ip + 6) >> 13;
    case HeaderField::fragment_offset:
      if (!is_v4(packet)) return std::nullopt;
      return load_be16(ip + 6) & 0x1fffU;
    default:
      return std::nullopt;
  }
}

/// One of the options in the IPv4 header is of these kinds; behind `!`, none is. Its end is one
/// too.
[[nodiscard]] bool ip_options_hold(const NumberRange& kinds, const Packet& packet) noexcept {
  if (!is_v4(packet)) return false;
  const std::uint8_t* ip = packet.l3();
  const std::uint32_t end = (ip[0] & 0xfU) * 4U;
  for (std::uint32_t at = kIpv4Header; at < end;) {
    const std::uint8_t kind = ip[at];
    if (kind >= kinds.low && kind <= kinds.high) return !kinds.is_negated;
    if (kind == 0) break;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (end - at < 2 || ip[at + 1] < 2) break;
    at += ip[at + 1];
  }
  return kinds.is_negated;
}

[[nodiscard]] std::optional<std::uint64_t> tcp_mss_of(const Packet& packet) noexcept {
  const std::uint32_t end = std::min<std::uint32_t>(packet.payload_offset, packet.bytes_at_hand);
  for (std::uint32_t at = packet.l4_offset + kTcpHeader; at < end;) {
    const std::uint8_t kind = packet.bytes[at];
    if (kind == 0) break;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (end - at < 2 || packet.bytes[at + 1] < 2 || packet.bytes[at + 1] > end - at) break;
    if (kind == 2 && packet.bytes[at + 1] == 4) return load_be16(packet.bytes + at + 2);
    at += packet.bytes[at + 1];
  }
  return std::nullopt;
}

[[nodiscard]] std::optional<std::uint64_t> tcp_field(const Packet& packet,
                                                     HeaderField field) noexcept {
  if (packet.protocol != kTcp || packet.l4_offset == 0 || packet.has(kIcmpError)) {
    return std::nullopt;
  }
  switch (field) {
    case HeaderField::tcp_flags:
      return packet.tcp_flags;
    case HeaderField::tcp_sequence:
      return packet.tcp_sequence;
    case HeaderField::tcp_acknowledgement:
      return packet.tcp_acknowledgement;
    case HeaderField::tcp_window:
      return packet.tcp_window;
    case HeaderField::tcp_mss:
      return tcp_mss_of(packet);
    default:
      return std::nullopt;
  }
}

[[nodiscard]] std::optional<std::uint64_t> icmp_field(const Packet& packet,
                                                      HeaderField field) noexcept {
  if (!has_icmp_header(packet)) return std::nullopt;
  switch (field) {
    case HeaderField::icmp_type:
      return packet.icmp_type;
    case HeaderField::icmp_code:
      return icmp_code(packet);
    case HeaderField::icmp_id:
      return load_be16(packet.l4() + 4);
    case HeaderField::icmp_sequence:
      return load_be16(packet.l4() + 6);
    default:
      return std::nullopt;
  }
}

[[nodiscard]] bool is_same_address(const Packet& packet) noexcept {
  if (is_v4(packet)) return v4_addresses(packet).source == v4_addresses(packet).destination;
  const V6Pair pair = v6_addresses(packet);
  return std::memcmp(pair.source, pair.destination, 16) == 0;
}

[[nodiscard]] bool stream_size_holds(const HeaderTest& test, const RuleSubject& subject) noexcept {
  const auto& [to_server, to_client] = subject.stream_bytes;
  switch (test.field) {
    case HeaderField::stream_bytes_to_server:
      return is_in(test.value, to_server);
    case HeaderField::stream_bytes_to_client:
      return is_in(test.value, to_client);
    case HeaderField::stream_bytes_both:
      return is_in(test.value, to_server) && is_in(test.value, to_client);
    default:
      return is_in(test.value, to_server) || is_in(test.value, to_client);
  }
}

[[nodiscard]] bool holds(const HeaderTest& test, const RuleSubject& subject) noexcept {
  const Packet& packet = *subject.packet;
  switch (test.field) {
    case HeaderField::same_address:
      return is_same_address(packet) != test.value.is_negated;
    case HeaderField::ip_options:
      return ip_options_hold(test.value, packet);
    case HeaderField::fragment_bits: {
      const auto bits = ip_field(packet, test.field);
      return bits && bits_match(test, static_cast<std::uint32_t>(*bits));
    }
    case HeaderField::tcp_flags: {
      const auto bits = tcp_field(packet, test.field);
      return bits && bits_match(test, static_cast<std::uint32_t>(*bits));
    }
    case HeaderField::stream_bytes_to_server:
    case HeaderField::stream_bytes_to_client:
    case HeaderField::stream_bytes_both:
    case HeaderField::stream_bytes_either:
      return stream_size_holds(test, subject);
    case HeaderField::ttl:
    case HeaderField::tos:
    case HeaderField::ip_id:
    case HeaderField::ip_protocol:
    case HeaderField::fragment_offset: {
      const auto value = ip_field(packet, test.field);
      return value && is_in(test.value, *value);
    }
    case HeaderField::tcp_sequence:
    case HeaderField::tcp_acknowledgement:
    case HeaderField::tcp_window:
    case HeaderField::tcp_mss: {
      const auto value = tcp_field(packet, test.field);
      return value && is_in(test.value, *value);
    }
    case HeaderField::icmp_type:
    case HeaderField::icmp_code:
    case HeaderField::icmp_id:
    case HeaderField::icmp_sequence: {
      const auto value = icmp_field(packet, test.field);
      return value && is_in(test.value, *value);
    }
  }
  return false;
}

[[nodiscard]] bool protocol_fits(RuleProtocol protocol, const Packet& packet) noexcept {
  switch (protocol) {
    case RuleProtocol::ip:
      return true;
    case RuleProtocol::tcp:
      return packet.protocol == kTcp;
    case RuleProtocol::udp:
      return packet.protocol == kUdp;
    case RuleProtocol::icmp:
      return packet.protocol == kIcmp || packet.protocol == kIcmpV6;
    case RuleProtocol::icmpv6:
      return packet.protocol == kIcmpV6;
    case RuleProtocol::sctp:
      return packet.protocol == kSctp;
  }
  return false;
}

// Established: TCP behind its handshake (or picked up midstream), else both sides have sent.
[[nodiscard]] bool is_established(const Flow* flow) noexcept {
  if (flow == nullptr) return false;
  if (flow->tcp_state == TcpState::none) return flow->has(kTwoWay);
  return flow->tcp_state != TcpState::syn_sent && flow->tcp_state != TcpState::syn_received;
}

[[nodiscard]] bool state_fits(FlowState state, const Flow* flow) noexcept {
  switch (state) {
    case FlowState::any:
    case FlowState::stateless:
      return true;
    case FlowState::established:
      return is_established(flow);
    case FlowState::not_established:
      return !is_established(flow);
  }
  return false;
}

[[nodiscard]] bool direction_fits(RuleDirection direction, unsigned actual) noexcept {
  return direction == RuleDirection::both ||
         (direction == RuleDirection::to_server) == (actual == 0);
}

// As long as nobody has told which service it is, it is not another one either.
[[nodiscard]] bool service_fits(const CompiledRule& rule, Service service) noexcept {
  if (rule.service == Service::any) return true;
  return service != Service::any && (rule.service == service) != rule.service_negated;
}

/// `end` is the address's place in the memo.
[[nodiscard]] bool is_in_set(std::uint32_t set, const IpAddress& address, unsigned end,
                             const RuleSubject& subject) noexcept {
  if (subject.sets == nullptr) return false;
  SetMemo* const memo = subject.set_memo;
  if (memo == nullptr || set >= kSetsMax) {
    return subject.sets->contains(set, address, subject.packet->now);
  }
  if (memo->epoch != subject.sets->epoch()) *memo = {subject.sets->epoch(), {}};
  const std::uint32_t bit = 1U << set;
  if ((memo->absent[end] & bit) != 0) return false;
  if (subject.sets->contains(set, address, subject.packet->now)) return true;
  memo->absent[end] |= bit;
  return false;
}

[[nodiscard]] bool address_fits(const AddressSet& addresses, const IpAddress& address, unsigned end,
                                const RuleSubject& subject) noexcept {
  bool is_in_one = addresses.contains(address);
  if (addresses.named.empty()) [[likely]]
    return is_in_one;
  for (const NamedSetRef& ref : addresses.named) {
    const bool is_member = is_in_set(ref.set, address, end, subject);
    if (is_member && ref.is_negated) return false;
    is_in_one = is_in_one || (is_member && !addresses.excludes(address));
  }
  return is_in_one;
}

// Index 0 of both tables is `any`.
[[nodiscard]] bool addresses_fit(const Ruleset& ruleset, const RuleEnds& ends,
                                 const RuleSubject& subject) noexcept {
  if (ends.source == 0 && ends.destination == 0) return true;
  const PacketEnds actual = ends_of(*subject.packet);
  const unsigned own = actual.source.bytes < actual.destination.bytes ? 0 : 1;
  const auto fits = [&](std::uint32_t number, const IpAddress& address, unsigned end) {
    return number == 0 || address_fits(ruleset.addresses[number], address, end, subject);
  };
  return fits(ends.source, actual.source, own) &&
         fits(ends.destination, actual.destination, own ^ 1U);
}

[[nodiscard]] bool ports_fit(const Ruleset& ruleset, const RuleEnds& ends, std::uint16_t source,
                             std::uint16_t destination) noexcept {
  return (ends.source_port == 0 || ruleset.ports[ends.source_port].contains(source)) &&
         (ends.destination_port == 0 || ruleset.ports[ends.destination_port].contains(destination));
}

[[nodiscard]] bool ends_fit(const Ruleset& ruleset, const CompiledRule& rule,
                            const RuleSubject& subject) noexcept {
  const Packet& packet = *subject.packet;
  const RuleEnds& ends = rule.ends;
  if (ports_fit(ruleset, ends, packet.source_port, packet.destination_port) &&
      addresses_fit(ruleset, ends, subject)) {
    return true;
  }
  if (!rule.is_bidirectional) return false;
  const RuleEnds swapped{ends.destination, ends.source, ends.destination_port, ends.source_port};
  return ports_fit(ruleset, swapped, packet.source_port, packet.destination_port) &&
         addresses_fit(ruleset, swapped, subject);
}

/// All but the service.
[[nodiscard]] bool others_hold(const Ruleset& ruleset, const CompiledRule& rule,
                               const RuleSubject& subject) noexcept {
  const Packet& packet = *subject.packet;
  if (!is_v4(packet) && !is_v6(packet)) return false;
  return protocol_fits(rule.protocol, packet) &&
         direction_fits(rule.direction, direction_of(subject)) &&
         state_fits(rule.state, subject.flow) && ends_fit(ruleset, rule, subject) &&
         std::all_of(rule.headers.begin(), rule.headers.end(),
                     [&](const HeaderTest& test) { return holds(test, subject); });
}

}  // namespace

PacketEnds ends_of(const Packet& packet) noexcept {
  PacketEnds ends;
  if (is_v4(packet)) {
    const V4Pair pair = v4_addresses(packet);
    return {IpAddress::from_v4(pair.source), IpAddress::from_v4(pair.destination)};
  }
  const V6Pair pair = v6_addresses(packet);
  ends.source.version = ends.destination.version = 6;
  std::memcpy(ends.source.bytes.data(), pair.source, 16);
  std::memcpy(ends.destination.bytes.data(), pair.destination, 16);
  return ends;
}

RuleProtocol rule_protocol_of(const Packet& packet) noexcept {
  switch (packet.protocol) {
    case kTcp:
      return RuleProtocol::tcp;
    case kUdp:
      return RuleProtocol::udp;
    case kIcmp:
      return RuleProtocol::icmp;
    case kIcmpV6:
      return RuleProtocol::icmpv6;
    case kSctp:
      return RuleProtocol::sctp;
    default:
      return RuleProtocol::ip;
  }
}

bool conditions_hold(const Ruleset& ruleset, const CompiledRule& rule,
                     const RuleSubject& subject) noexcept {
  return service_fits(rule, subject.service) && others_hold(ruleset, rule, subject);
}

bool waits_for_service(const Ruleset& ruleset, const CompiledRule& rule,
                       const RuleSubject& subject) noexcept {
  return rule.service != Service::any && subject.service == Service::any &&
         others_hold(ruleset, rule, subject);
}

}  // namespace sluice
