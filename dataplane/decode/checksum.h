// Internet checksums (RFC 1071), their incremental update (RFC 1624), and CRC32c for SCTP
// (RFC 9260). Sums are taken over 16-bit words as they stand in memory, which gives the checksum in
// network order without a swap. Called by the decoder and by every station that edits a packet.
#pragma once

#include <cstddef>
#include <cstdint>

#include <rte_mbuf.h>

#include "config/config.h"
#include "dataplane/decode/frame_bytes.h"
#include "dataplane/packet.h"

namespace sluice {

/// A one's complement sum that is not folded yet; fits 2^32 words before it could overflow.
using RawSum = std::uint64_t;

/// Down to 16 bits, carries added back; not inverted.
[[nodiscard]] constexpr std::uint16_t fold(RawSum sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// The sum of `count` bytes; an odd last byte counts as the first byte of a word. O(count).
[[nodiscard]] RawSum ones_sum(const std::uint8_t* bytes, std::size_t count) noexcept;
/// The same over a range of a frame, across segments.
[[nodiscard]] RawSum ones_sum(const Packet& packet, ByteRange range) noexcept;

/// RFC 1624 equation 3: the checksum after a 16-bit word went from `before` to `after`. All three
/// as they stand in memory. A wrong sum stays wrong. A UDP checksum of 0 must not be updated, and a
/// UDP result of 0 is written as 0xffff; both are the caller's.
[[nodiscard]] constexpr std::uint16_t updated_sum(std::uint16_t checksum, std::uint16_t before,
                                                  std::uint16_t after) noexcept {
  const auto inverted = [](std::uint16_t word) { return static_cast<std::uint16_t>(~word); };
  return inverted(fold(RawSum{inverted(checksum)} + inverted(before) + after));
}
/// The same for a 32-bit field that starts on an even byte of the summed range.
[[nodiscard]] constexpr std::uint16_t updated_sum32(std::uint16_t checksum, std::uint32_t before,
                                                    std::uint32_t after) noexcept {
  const auto low = [](std::uint32_t word) { return static_cast<std::uint16_t>(word); };
  const auto high = [](std::uint32_t word) { return static_cast<std::uint16_t>(word >> 16); };
  return updated_sum(updated_sum(checksum, low(before), low(after)), high(before), high(after));
}

/// CRC32c of the SCTP packet in `range`, its checksum field taken as zero; as the field holds it
/// when loaded in memory order.
[[nodiscard]] std::uint32_t sctp_crc32c(const Packet& packet, ByteRange range) noexcept;

/// What the NIC says of the outermost headers; a NIC's "wrong" is looked at again in software.
[[nodiscard]] inline bool nic_found_ipv4_right(const rte_mbuf& mbuf) noexcept {
  return (mbuf.ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}
/// "None" means intact data under a sum that a virtual sender did not complete.
[[nodiscard]] inline bool nic_found_l4_right(const rte_mbuf& mbuf, ChecksumMode mode) noexcept {
  const std::uint64_t said = mbuf.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  return said == RTE_MBUF_F_RX_L4_CKSUM_GOOD ||
         (said == RTE_MBUF_F_RX_L4_CKSUM_NONE && mode != ChecksumMode::fix);
}

/// One layer-4 checksum of a packet: where it stands and what it covers. Offsets count from
/// `packet.bytes`; the addresses of the pseudo-header are those the final receiver sees.
struct SumTask {
  std::uint16_t source_at;
  std::uint16_t destination_at;
  std::uint16_t l4_offset;
  std::uint16_t l4_bytes;
  std::uint8_t protocol;
  std::uint8_t ip_version;
};

enum class SumState : std::uint8_t {
  right,
  partial,  ///< wrong, but what a kernel leaves for a NIC to complete
  wrong,
  unknown,  ///< not all covered bytes are at hand, or the protocol has no checksum
};
[[nodiscard]] SumState judge_sum(const Packet& packet, const SumTask& task) noexcept;

/// For TCP and UDP of which all covered bytes lie contiguous at `packet.bytes`.
[[nodiscard]] bool is_sum_right_in_place(const Packet& packet, const SumTask& task) noexcept;

/// Computes the checksum anew and writes it into the frame.
void rewrite_sum(Packet& packet, const SumTask& task) noexcept;
/// The same for the IPv4 header in `header`.
void rewrite_ipv4_sum(Packet& packet, ByteRange header) noexcept;

}  // namespace sluice
