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
namespace {

void hash_v4_group(const SipKey& key, const std::array<Packet*, 4>& group) noexcept {
  std::array<LanesX4, 2> words;
  for (std::size_t k = 0; k < 4; ++k) {
    words[0][k] = group[k]->id.lo;
    words[1][k] = group[k]->id.hi;
  }
  const LanesX4 hashes = siphash13_x4(key, words);
  for (std::size_t k = 0; k < 4; ++k) group[k]->hash = hashes[k];
}

void identify_v6_group(const SipKey& key, const std::array<Packet*, 4>& group) noexcept {
  std::array<LanesX4, 5> words;
  for (std::size_t k = 0; k < 4; ++k) {
    Packet& packet = *group[k];
    const V6Pair addresses = v6_addresses(packet);
    const FlowWordsV6 flow =
        v6_words(load<std::array<std::uint64_t, 2>>(addresses.source),
                 load<std::array<std::uint64_t, 2>>(addresses.destination), flow_ports(packet));
    for (std::size_t w = 0; w < 5; ++w) words[w][k] = flow.words[w];
    if (flow.source_is_low) packet.set(kSourceIsLow);
  }
  const Hash128X4 digests = siphash13_128_x4(key, words);
  for (std::size_t k = 0; k < 4; ++k) {
    group[k]->id = v6_identity_of({digests.lo[k], digests.hi[k]});
    group[k]->hash = table_hash(key, group[k]->id);
  }
}

}  // namespace

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
    if (!packet.is_undecided()) continue;
    const FastOutcome outcome = fast_decode(packet, ports_[packet.in_port]);
    pending.v4[pending.v4_count] = pending.v6[pending.v6_count] = static_cast<std::uint8_t>(i);
    pending.v4_count += outcome == FastOutcome::ipv4 ? 1 : 0;
    pending.v6_count += outcome == FastOutcome::ipv6 ? 1 : 0;
    if (outcome == FastOutcome::declined) decode_by_layers(packet, i, config);
  }
  hash_pending(burst, pending);
}

// Four at a time; the last group is filled up with its own last packet, hashed more than once.
void Decoder::hash_pending(Burst& burst, const Pending& pending) noexcept {
  const auto place = [](const auto& places, std::uint32_t count, std::uint32_t at) noexcept {
    return places[std::min(at, count - 1)];
  };
  for (std::uint32_t i = 0; i < pending.v4_count; i += 4) {
    std::array<Packet*, 4> group;
    for (std::uint32_t k = 0; k < 4; ++k) {
      group[k] = &burst.packets[place(pending.v4, pending.v4_count, i + k)];
    }
    hash_v4_group(flow_key_, group);
  }
  for (std::uint32_t i = 0; i < pending.v6_count; i += 4) {
    std::array<Packet*, 4> group;
    for (std::uint32_t k = 0; k < 4; ++k) {
      group[k] = &burst.packets[place(pending.v6, pending.v6_count, i + k)];
    }
    identify_v6_group(flow_key_, group);
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
