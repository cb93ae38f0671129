// The flow id of a packet by arithmetic, equal to flow_id(canonical(tuple)) but without building
// the key. Called by the decoder for every packet; worker thread only.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/endian.h"
#include "base/five_tuple.h"
#include "base/siphash.h"
#include "dataplane/decode/cursor.h"

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

/// Both addresses, and both ports, as one number in host order, those of the source first: as they
/// follow each other in a packet.
struct EndpointsV4 {
  std::uint64_t addresses;
  std::uint32_t ports;
};

/// The end of an IPv4 key: what it holds besides addresses and ports.
[[nodiscard]] constexpr std::uint32_t v4_tail(std::uint16_t domain,
                                              std::uint8_t protocol) noexcept {
  return std::uint32_t{domain} << 16 | std::uint32_t{protocol} << 8 | 4;
}

/// The same for the last word of an IPv6 key, where the domain comes first.
[[nodiscard]] constexpr std::uint32_t v6_tail(std::uint16_t domain,
                                              std::uint8_t protocol) noexcept {
  return domain | std::uint32_t{protocol} << 16 | std::uint32_t{6} << 24;
}

/// Exchanging source and destination is a rotation, and whichever order is less is the canonical
/// one. The ports decide only between equal addresses. No branch hangs on the direction, which no
/// predictor could guess.
[[nodiscard]] inline FlowIdentityV4 v4_identity(const EndpointsV4& ends,
                                                std::uint32_t tail) noexcept {
  const std::uint64_t turned = std::rotl(ends.addresses, 32);
  const bool source_is_low =
      ends.addresses != turned ? ends.addresses < turned : ends.ports <= std::rotl(ends.ports, 16);
  const int turn = source_is_low ? 0 : 16;
  return {{std::rotl(ends.addresses, 2 * turn),
           std::uint64_t{std::rotl(ends.ports, turn)} << 32 | tail},
          source_is_low};
}
[[nodiscard]] inline FlowIdentityV4 v4_identity(std::uint32_t source, std::uint32_t destination,
                                                const FlowPorts& ports) noexcept {
  return v4_identity({std::uint64_t{source} << 32 | destination,
                      std::uint32_t{ports.source} << 16 | ports.destination},
                     v4_tail(ports.domain, ports.protocol));
}

/// The five words of an IPv6 flow key, ready to be hashed.
struct FlowWordsV6 {
  std::array<std::uint64_t, 5> words;
  bool source_is_low;
};

/// Both addresses as they stand in a packet.
struct AddressesV6 {
  Block<16> source;
  Block<16> destination;
};

/// Whether the source is the lower end; the ports decide only between equal addresses.
[[nodiscard]] inline bool is_source_low(const AddressesV6& addresses,
                                        std::uint32_t ports) noexcept {
  const std::uint64_t from = addresses.source.be64<0>();
  const std::uint64_t to = addresses.destination.be64<0>();
  if (from != to) return from < to;
  const std::uint64_t from_rest = addresses.source.be64<8>();
  const std::uint64_t to_rest = addresses.destination.be64<8>();
  return from_rest != to_rest ? from_rest < to_rest : ports <= std::rotl(ports, 16);
}

/// Ports as in EndpointsV4. Which end comes first is chosen once, by address and not by value.
[[nodiscard]] [[gnu::always_inline]] inline FlowWordsV6 v6_words(const AddressesV6& addresses,
                                                                 std::uint32_t ports,
                                                                 std::uint32_t tail) noexcept {
  const bool source_is_low = is_source_low(addresses, ports);
  const Block<16> low = source_is_low ? addresses.source : addresses.destination;
  const Block<16> high = source_is_low ? addresses.destination : addresses.source;
  const std::uint32_t low_port_last = source_is_low ? std::rotl(ports, 16) : ports;
  return {{low.raw<std::uint64_t, 0>(), low.raw<std::uint64_t, 8>(), high.raw<std::uint64_t, 0>(),
           high.raw<std::uint64_t, 8>(), low_port_last | std::uint64_t{tail} << 32},
          source_is_low};
}
/// `source` and `destination` are sixteen bytes each, as two words in memory order.
[[nodiscard]] inline FlowWordsV6 v6_words(const std::array<std::uint64_t, 2>& source,
                                          const std::array<std::uint64_t, 2>& destination,
                                          const FlowPorts& ports) noexcept {
  const auto bytes_of = [](const std::array<std::uint64_t, 2>& words) noexcept {
    return Block<16>(reinterpret_cast<const std::uint8_t*>(words.data()));
  };
  return v6_words({bytes_of(source), bytes_of(destination)},
                  std::uint32_t{ports.source} << 16 | ports.destination,
                  v6_tail(ports.domain, ports.protocol));
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
