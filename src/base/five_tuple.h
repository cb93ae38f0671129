// Who talks to whom. `FiveTuple` is a packet's view, as on the wire; `FlowKey` is the same in
// canonical order, so that both directions of a flow have one key; `FlowId` is what tables compare.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

#include "base/ip_address.h"
#include "base/siphash.h"

namespace sluice {

/// As the packet says it. Ports in host order; an ICMP echo carries its identifier in both ports,
/// any other protocol without ports has zeros.
struct FiveTuple {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint16_t domain = 0;  ///< tracking domain: keeps equal tuples of different wires apart
  friend constexpr bool operator==(const FiveTuple&, const FiveTuple&) noexcept = default;
};

/// Canonical order: (address, port) `low` is not above `high`, compared as bytes in network order.
struct FlowKey {
  std::array<std::uint8_t, 16> low{};
  std::array<std::uint8_t, 16> high{};
  std::uint16_t low_port = 0;
  std::uint16_t high_port = 0;
  std::uint16_t domain = 0;
  std::uint8_t protocol = 0;
  std::uint8_t version = 4;
  friend constexpr bool operator==(const FlowKey&, const FlowKey&) noexcept = default;
};
static_assert(sizeof(FlowKey) == 40 && std::is_trivially_copyable_v<FlowKey>);

struct CanonicalKey {
  FlowKey key;
  bool source_is_low = true;
};
[[nodiscard]] CanonicalKey canonical(const FiveTuple& tuple) noexcept;

/// The tuple as sent by the low or by the high side of `key`.
[[nodiscard]] FiveTuple tuple_from(const FlowKey& key, bool source_is_low) noexcept;

/// Sixteen bytes that stand for a flow key. IPv4: exact
/// (lo = low address << 32 | high address; hi = low port << 48 | high port << 32 | domain << 16 |
/// protocol << 8 | 4). IPv6: the 128-bit SipHash-1-3 of the key's 40 bytes taken as five
/// little-endian words, with the lowest byte of hi set to 6, so that the two never meet.
struct FlowId {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  [[nodiscard]] constexpr bool is_v6() const noexcept { return (hi & 0xff) == 6; }
  friend constexpr bool operator==(const FlowId&, const FlowId&) noexcept = default;
};
static_assert(sizeof(FlowId) == 16 && std::is_trivially_copyable_v<FlowId>);

[[nodiscard]] FlowId flow_id(const SipKey& key, const FlowKey& flow) noexcept;

/// The keyed hash under which tables file a flow: SipHash-1-3 of the id for IPv4; an IPv6 id is
/// already a keyed digest and is folded.
[[nodiscard]] constexpr std::uint64_t table_hash(const SipKey& key, const FlowId& id) noexcept {
  return id.is_v6() ? id.lo ^ (id.hi >> 8)
                    : siphash13(key, std::array<std::uint64_t, 2>{id.lo, id.hi});
}

[[nodiscard]] std::string to_string(const FiveTuple& tuple);  ///< "tcp 192.0.2.1:80 > 192.0.2.2:99"
[[nodiscard]] const char* protocol_name(
    std::uint8_t protocol) noexcept;  ///< "tcp", or "" if unnamed

}  // namespace sluice
