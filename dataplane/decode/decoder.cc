#include "dataplane/decode/decoder.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "dataplane/decode/fast_decode.h"
#include "dataplane/decode/layer_walk.h"
#include "dataplane/decode/siphash_x4.h"
#include "dataplane/io/mbuf_train.h"

namespace sluice {

// A NIC says "none" with both bits of a pair: intact data under a sum that a virtual sender did not
// complete, which is right unless it has to be completed.
FastPort::FastPort(const PortDecode& settings) noexcept
    : sums_mask(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK),
      sums_right(RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD),
      domain(settings.vlan_in_key ? domain_with_vlans(settings.domain, {0, 0, 0})
                                  : settings.domain),
      vlan_mask(settings.vlan_in_key ? 0xffff : 0),
      checksums(settings.checksums),
      out_port(settings.out_port) {
  static_assert(RTE_MBUF_F_RX_L4_CKSUM_NONE ==
                (RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD));
  if (checksums != ChecksumMode::fix) sums_mask &= ~RTE_MBUF_F_RX_L4_CKSUM_BAD;
  if (checksums == ChecksumMode::trust) sums_mask = 0;
}

void Decoder::configure_port(std::uint8_t port, const PortDecode& settings) noexcept {
  SLUICE_CHECK(port < kPortsMax, "ports are numbered from 0 below kPortsMax");
  ports_[port] = settings;
  fast_ports_[port] = FastPort(settings);
}

void Decoder::decode(Burst& burst, const DecodeConfig& config) noexcept {
  PendingHashes pending;
  for (Packet& packet : burst.all()) {
    if (!packet.is_undecided()) continue;
    if (!fast_decode(packet, fast_ports_[packet.in_port], pending)) {
      decode_by_layers(packet, static_cast<std::uint32_t>(&packet - burst.packets.data()), config);
    }
  }
  hash_pending(pending);
}

// What the last group of four lacks goes into a packet that nobody reads.
void Decoder::hash_pending(PendingHashes& pending) noexcept {
  Packet spare;
  pending.v4.fill_up(spare);
  pending.v6.fill_up(spare);
  pending.v4.visit_groups([&]<std::size_t Groups>(Packet** packets, const LaneWords<2>& words) {
    const Lanes<Groups> hashes = siphash13_lanes<Groups>(flow_key_, words);
    for (std::size_t k = 0; k < hashes.size(); ++k) packets[k]->hash = hashes[k];
  });
  pending.v6.visit_groups([&]<std::size_t Groups>(Packet** packets, const LaneWords<5>& words) {
    const Hash128Lanes<Groups> digests = siphash13_128_lanes<Groups>(flow_key_, words);
    for (std::size_t k = 0; k < digests.lo.size(); ++k) {
      packets[k]->id = v6_identity_of({digests.lo[k], digests.hi[k]});
      packets[k]->hash = table_hash(flow_key_, packets[k]->id);
    }
  });
}

void Decoder::decode_general(Packet& packet, const DecodeConfig& config) noexcept {
  decode_by_layers(packet, 0, config);
}

// Headers that lie in several segments are copied together, so that one cursor reads them.
void Decoder::decode_by_layers(Packet& packet, std::uint32_t index,
                               const DecodeConfig& config) noexcept {
  const std::uint32_t frame_bytes = packet.mbuf->pkt_len;
  const std::uint32_t header_bytes = std::min(frame_bytes, kHeaderBytesMax);
  // A train that was handed over weighs what all its frames weigh; its first frame is decoded.
  const std::uint32_t wire_bytes =
      packet.frames > 1 ? note_of(packet.mbuf).wire_bytes : packet.wire_bytes;
  packet.flags = frame_bytes < wire_bytes ? std::uint16_t{kCapturedShort} : std::uint16_t{0};
  if (packet.bytes_at_hand < header_bytes) {
    std::uint8_t* copy = copies_[index].data();
    std::uint32_t copied = 0;
    visit_runs(packet, {0, header_bytes}, [&](const std::uint8_t* from, std::uint32_t n) noexcept {
      std::memcpy(copy + copied, from, n);
      copied += n;
    });
    packet.bytes = copy;
    packet.bytes_at_hand = copied;
  }
  LayerWalk(packet, config, ports_[packet.in_port], std::max(frame_bytes, wire_bytes))
      .walk_frame(flow_key_);
}

void Decoder::decode_datagram(Packet& packet, const DecodeConfig& config) noexcept {
  packet.flags = static_cast<std::uint16_t>(packet.flags & kCapturedShort);
  packet.set(kIsDatagram);
  const std::uint32_t end =
      std::max(packet.bytes_at_hand, std::uint32_t{packet.l3_offset} + packet.l3_bytes);
  LayerWalk(packet, config, ports_[packet.in_port], end).walk_datagram(flow_key_);
}

}  // namespace sluice
