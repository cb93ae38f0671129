// The flow id of a packet by arithmetic, equal to flow_id(canonical(tuple)) but without building
// the key. Called by the decoder for every packet; worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "base/endian.h"
#include "base/five_tuple.h"
#include "base/siphash.h"

namespace sluice {

/// What belongs to a flow key besides the addresses; ports as in `FiveTuple`.
struct FlowPorts {
  std::uint16_t source = 0;
  std::uint16_t destination = 0;
  std::uint16_t domain = 0;
  std::uint8_t protocol = 0;
};

struct FlowIdentityV4 {
  FlowId id;
  bool source_is_low;
};

/// Addresses in host order. An endpoint is one 48-bit number, so that one comparison orders both.
[[nodiscard]] inline FlowIdentityV4 v4_identity(std::uint32_t source, std::uint32_t destination,
                                                const FlowPorts& ports) noexcept {
  const std::uint64_t from = std::uint64_t{source} << 16 | ports.source;
  const std::uint64_t to = std::uint64_t{destination} << 16 | ports.destination;
  const bool source_is_low = from <= to;
  const std::uint64_t low = source_is_low ? from : to;
  const std::uint64_t high = source_is_low ? to : from;
  FlowId id;
  id.lo = (low >> 16) << 32 | high >> 16;
  id.hi = low << 48 | (high & 0xffff) << 32 |
          (std::uint64_t{ports.domain} << 16 | std::uint64_t{ports.protocol} << 8 | 4);
  return {id, source_is_low};
}

/// The five words of an IPv6 flow key, ready to be hashed.
struct FlowWordsV6 {
  std::array<std::uint64_t, 5> words;
  bool source_is_low;
};

/// `source` and `destination` are sixteen bytes each, as two words in memory order.
[[nodiscard]] inline FlowWordsV6 v6_words(const std::array<std::uint64_t, 2>& source,
                                          const std::array<std::uint64_t, 2>& destination,
                                          const FlowPorts& ports) noexcept {
  const std::uint64_t s0 = byte_swap(source[0]);
  const std::uint64_t s1 = byte_swap(source[1]);
  const std::uint64_t d0 = byte_swap(destination[0]);
  const std::uint64_t d1 = byte_swap(destination[1]);
  const bool same = s0 == d0 && s1 == d1;
  const bool below = s0 < d0 || (s0 == d0 && s1 < d1);
  const bool source_is_low = same ? ports.source <= ports.destination : below;
  const std::uint64_t low_port = source_is_low ? ports.source : ports.destination;
  const std::uint64_t high_port = source_is_low ? ports.destination : ports.source;
  return {{source_is_low ? source[0] : destination[0], source_is_low ? source[1] : destination[1],
           source_is_low ? destination[0] : source[0], source_is_low ? destination[1] : source[1],
           low_port | high_port << 16 | std::uint64_t{ports.domain} << 32 |
               std::uint64_t{ports.protocol} << 48 | std::uint64_t{6} << 56},
          source_is_low};
}

[[nodiscard]] inline FlowId v6_identity_of(const Hash128& digest) noexcept {
  return FlowId{digest.lo, (digest.hi & ~std::uint64_t{0xff}) | 6};
}
[[nodiscard]] inline FlowId v6_identity(const SipKey& key, const FlowWordsV6& flow) noexcept {
  return v6_identity_of(siphash13_128(key, flow.words));
}

/// Tracking domain of a port whose VLAN ids belong to the key: no two domains below 16 with one tag
/// meet; with more tags, or greater domains, they are spread.
[[nodiscard]] inline std::uint16_t domain_with_vlans(std::uint16_t domain,
                                                     const std::uint16_t (&vlan)[3]) noexcept {
  const std::uint32_t inner = vlan[1] * 0x9e5U + vlan[2] * 0xb2dU;
  return static_cast<std::uint16_t>((static_cast<std::uint32_t>(domain) << 12 | domain >> 4) ^
                                    vlan[0] ^ inner);
}

}  // namespace sluice
