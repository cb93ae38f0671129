#include "dataplane/decode/decoder.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "dataplane/decode/fast_decode.h"
#include "dataplane/decode/layer_walk.h"

namespace sluice {

void Decoder::configure_port(std::uint8_t port, const PortDecode& settings) noexcept {
  SLUICE_CHECK(port < kPortsMax, "ports are numbered from 0 below kPortsMax");
  ports_[port] = settings;
}

/// Packets of the fast path that still lack their hash, by place in the burst.
struct Decoder::Pending {
  std::array<std::uint8_t, kBurstMax> v4;
  std::array<std::uint8_t, kBurstMax> v6;
  std::uint32_t v4_count = 0;
  std::uint32_t v6_count = 0;
};

void Decoder::decode(Burst& burst, const DecodeConfig& config) noexcept {
  Pending pending;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    const FastOutcome outcome = fast_decode(packet, ports_[packet.in_port]);
    pending.v4[pending.v4_count] = pending.v6[pending.v6_count] = static_cast<std::uint8_t>(i);
    pending.v4_count += outcome == FastOutcome::ipv4 ? 1 : 0;
    pending.v6_count += outcome == FastOutcome::ipv6 ? 1 : 0;
    if (outcome == FastOutcome::declined) decode_by_layers(packet, i, config);
  }
  hash_pending(burst, pending);
}

// The hashes of several packets do not depend on each other: one loop of nothing else keeps the
// processor's units full.
void Decoder::hash_pending(Burst& burst, const Pending& pending) noexcept {
  for (std::uint32_t i = 0; i < pending.v4_count; ++i) {
    Packet& packet = burst.packets[pending.v4[i]];
    packet.hash = table_hash(flow_key_, packet.id);
  }
  for (std::uint32_t i = 0; i < pending.v6_count; ++i) {
    Packet& packet = burst.packets[pending.v6[i]];
    const V6Pair addresses = v6_addresses(packet);
    const FlowWordsV6 flow =
        v6_words(load<std::array<std::uint64_t, 2>>(addresses.source),
                 load<std::array<std::uint64_t, 2>>(addresses.destination), flow_ports(packet));
    packet.id = v6_identity(flow_key_, flow);
    packet.hash = table_hash(flow_key_, packet.id);
    if (flow.source_is_low) packet.set(kSourceIsLow);
  }
}

void Decoder::decode_general(Packet& packet, const DecodeConfig& config) noexcept {
  decode_by_layers(packet, 0, config);
}

// Headers that lie in several segments are copied together, so that one cursor reads them.
void Decoder::decode_by_layers(Packet& packet, std::uint32_t index,
                               const DecodeConfig& config) noexcept {
  const std::uint32_t frame_bytes = packet.mbuf->pkt_len;
  const std::uint32_t header_bytes = std::min(frame_bytes, kHeaderBytesMax);
  packet.flags = frame_bytes < packet.wire_bytes ? std::uint16_t{kCapturedShort} : std::uint16_t{0};
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
  LayerWalk(packet, config, ports_[packet.in_port], std::max(frame_bytes, packet.wire_bytes))
      .walk_frame(flow_key_);
}

void Decoder::decode_datagram(Packet& packet, const DecodeConfig& config) noexcept {
  packet.flags = static_cast<std::uint16_t>(packet.flags & (kCapturedShort | kFromHandoff));
  packet.set(kIsDatagram);
  const std::uint32_t end =
      std::max(packet.bytes_at_hand, std::uint32_t{packet.l3_offset} + packet.l3_bytes);
  LayerWalk(packet, config, ports_[packet.in_port], end).walk_datagram(flow_key_);
}

}  // namespace sluice
