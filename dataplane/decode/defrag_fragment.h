// What the headers of one IP fragment say, read from its mbuf, and the checks that one fragment can
// fail alone. Pure functions over untrusted bytes, called by the defragmenter on a worker's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/siphash.h"
#include "dataplane/packet.h"

namespace sluice {

/// The longest whole packet, IP header included. IPv4 has no longer ones; of IPv6, whose length
/// does not count the fixed header, the last 40 bytes are given up.
inline constexpr std::uint32_t kIpBytesMax = 65'535;

/// Offsets count from the first byte of the frame, but for `link_offset`.
struct Fragment {
  std::uint32_t identification;
  std::uint32_t first;         ///< place of the first payload byte in the whole datagram
  std::uint32_t bytes;         ///< payload by the header's lengths
  std::uint32_t data_offset;   ///< where the payload stands
  std::uint16_t l3_offset;     ///< where the fragmented IP header stands
  std::uint16_t header_bytes;  ///< IP headers that the whole datagram keeps in front of its payload
  std::uint16_t link_offset;  ///< IPv6, from the IP header: the byte that names the fragment header
  std::uint8_t protocol;      ///< what the payload of the whole datagram starts with
  std::uint8_t version;
  bool more;  ///< more fragments follow

  [[nodiscard]] std::uint32_t end() const noexcept { return first + bytes; }
  /// RFC 6946: a fragment header around a whole datagram.
  [[nodiscard]] bool is_atomic() const noexcept { return first == 0 && !more; }
};

/// Nothing where the headers are cut short, contradict themselves or hold no fragment header.
[[nodiscard]] std::optional<Fragment> read_fragment(const rte_mbuf* frame,
                                                    std::uint16_t l3_offset) noexcept;

/// A length that can be part of a datagram, and for the first fragment all headers up to and with
/// layer 4 (RFC 1858, RFC 7112).
[[nodiscard]] bool is_acceptable(const rte_mbuf* frame, const Fragment& fragment) noexcept;

/// Which datagram of which addresses the fragment belongs to, under `key`.
[[nodiscard]] Hash128 datagram_key(const SipKey& key, const Packet& packet,
                                   const Fragment& fragment) noexcept;

/// How many of the payload's bytes are in the mbuf: all, but for a frame captured short.
[[nodiscard]] std::uint32_t bytes_at_hand(const rte_mbuf* frame, const Fragment& fragment) noexcept;

/// Copies the payload to `into`, as far as it is at hand.
void copy_payload(const rte_mbuf* frame, const Fragment& fragment, std::uint8_t* into) noexcept;

/// Whether two payloads of equal length are the same bytes, as far as both are at hand.
[[nodiscard]] bool is_same_payload(const rte_mbuf* frame_a, const Fragment& a,
                                   const rte_mbuf* frame_b, const Fragment& b) noexcept;

}  // namespace sluice
