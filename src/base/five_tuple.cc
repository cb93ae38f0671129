#include "base/five_tuple.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/endian.h"

namespace sluice {
namespace {

// Addresses first, then ports: the order of the wire's bytes, so that it does not depend on the
// host and stays the same for both directions.
bool source_is_low(const FiveTuple& tuple) noexcept {
  const int order = std::memcmp(tuple.source.bytes.data(), tuple.destination.bytes.data(), 16);
  return order != 0 ? order < 0 : tuple.source_port <= tuple.destination_port;
}

IpAddress address_of(const std::array<std::uint8_t, 16>& bytes, std::uint8_t version) noexcept {
  return IpAddress{bytes, version};
}

std::string endpoint(const IpAddress& address, std::uint16_t port) {
  return address.version == 6 ? fmt::format("[{}]:{}", to_string(address), port)
                              : fmt::format("{}:{}", to_string(address), port);
}

bool has_ports(std::uint8_t protocol) noexcept {
  return protocol == 6 || protocol == 17 || protocol == 132;
}

}  // namespace

CanonicalKey canonical(const FiveTuple& tuple) noexcept {
  const bool source_first = source_is_low(tuple);
  const IpAddress& low = source_first ? tuple.source : tuple.destination;
  const IpAddress& high = source_first ? tuple.destination : tuple.source;
  CanonicalKey out;
  out.source_is_low = source_first;
  out.key.low = low.bytes;
  out.key.high = high.bytes;
  out.key.low_port = source_first ? tuple.source_port : tuple.destination_port;
  out.key.high_port = source_first ? tuple.destination_port : tuple.source_port;
  out.key.domain = tuple.domain;
  out.key.protocol = tuple.protocol;
  out.key.version = tuple.source.version;
  return out;
}

FiveTuple tuple_from(const FlowKey& key, bool source_is_low) noexcept {
  const IpAddress low = address_of(key.low, key.version);
  const IpAddress high = address_of(key.high, key.version);
  FiveTuple tuple;
  tuple.source = source_is_low ? low : high;
  tuple.destination = source_is_low ? high : low;
  tuple.source_port = source_is_low ? key.low_port : key.high_port;
  tuple.destination_port = source_is_low ? key.high_port : key.low_port;
  tuple.protocol = key.protocol;
  tuple.domain = key.domain;
  return tuple;
}

FlowId flow_id(const SipKey& key, const FlowKey& flow) noexcept {
  if (flow.version == 4) {
    const std::uint64_t low = byte_swap(load<std::uint32_t>(flow.low.data()));
    const std::uint64_t high = byte_swap(load<std::uint32_t>(flow.high.data()));
    return FlowId{low << 32 | high,
                  std::uint64_t{flow.low_port} << 48 | std::uint64_t{flow.high_port} << 32 |
                      std::uint64_t{flow.domain} << 16 | std::uint64_t{flow.protocol} << 8 | 4};
  }
  const auto words = std::bit_cast<std::array<std::uint64_t, 5>>(flow);
  const Hash128 digest = siphash13_128(key, words);
  return FlowId{digest.lo, (digest.hi & ~std::uint64_t{0xff}) | 6};
}

std::string to_string(const FiveTuple& tuple) {
  const std::string name = *protocol_name(tuple.protocol) != '\0'
                               ? std::string(protocol_name(tuple.protocol))
                               : fmt::format("proto-{}", tuple.protocol);
  if (!has_ports(tuple.protocol)) {
    return fmt::format("{} {} > {}", name, to_string(tuple.source), to_string(tuple.destination));
  }
  return fmt::format("{} {} > {}", name, endpoint(tuple.source, tuple.source_port),
                     endpoint(tuple.destination, tuple.destination_port));
}

const char* protocol_name(std::uint8_t protocol) noexcept {
  switch (protocol) {  // IANA, Assigned Internet Protocol Numbers
    case 1:
      return "icmp";
    case 2:
      return "igmp";
    case 4:
      return "ipip";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 41:
      return "ipv6";
    case 47:
      return "gre";
    case 50:
      return "esp";
    case 51:
      return "ah";
    case 58:
      return "icmpv6";
    case 89:
      return "ospf";
    case 103:
      return "pim";
    case 112:
      return "vrrp";
    case 132:
      return "sctp";
    default:
      return "";
  }
}

}  // namespace sluice
