// Packets as the decoder would leave them, and a flow tracker to send them through. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/endian.h"
#include "base/five_tuple.h"
#include "dataplane/burst.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"

namespace sluice::test {

inline constexpr SipKey kFlowKey{0x0123456789abcdef, 0xfedcba9876543210};
inline constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;

/// Who talks to whom, client first.
struct Talk {
  std::uint32_t client = 0x0a000001;
  std::uint32_t server = 0xc0000201;
  std::uint16_t client_port = 40'000;
  std::uint16_t server_port = 80;
  std::uint8_t protocol = 6;
};

[[nodiscard]] inline IpAddress v4_address(std::uint32_t host_order) {
  IpAddress address{};
  address.version = 4;
  store(address.bytes.data(), byte_swap(host_order));
  return address;
}

[[nodiscard]] inline FiveTuple tuple_of(const Talk& talk, bool from_client) {
  FiveTuple tuple;
  tuple.source = v4_address(from_client ? talk.client : talk.server);
  tuple.destination = v4_address(from_client ? talk.server : talk.client);
  tuple.source_port = from_client ? talk.client_port : talk.server_port;
  tuple.destination_port = from_client ? talk.server_port : talk.client_port;
  tuple.protocol = talk.protocol;
  return tuple;
}

[[nodiscard]] inline Packet packet_of(const Talk& talk, bool from_client, TimeNs now,
                                      std::uint32_t wire_bytes = 100) {
  static constexpr std::array<std::uint8_t, 128> kNoBytes{};
  Packet packet{};
  const CanonicalKey canon = canonical(tuple_of(talk, from_client));
  packet.bytes = kNoBytes.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(kNoBytes.size());
  packet.now = now;
  packet.wire_bytes = wire_bytes;
  packet.id = flow_id(kFlowKey, canon.key);
  packet.hash = table_hash(kFlowKey, packet.id);
  packet.set(kIsIp);
  if (canon.source_is_low) packet.set(kSourceIsLow);
  packet.ip_version = 4;
  packet.protocol = talk.protocol;
  packet.l3_offset = 14;
  packet.l4_offset = packet.payload_offset = 34;
  packet.source_port = from_client ? talk.client_port : talk.server_port;
  packet.destination_port = from_client ? talk.server_port : talk.client_port;
  packet.in_port = from_client ? 0 : 1;
  packet.frames = 1;
  return packet;
}

struct TcpNumbers {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint16_t payload = 0;
  std::uint16_t window = 0xffff;
};

[[nodiscard]] inline Packet tcp_packet(const Talk& talk, bool from_client, unsigned flags,
                                       const TcpNumbers& fields, TimeNs now) {
  Packet packet = packet_of(talk, from_client, now, 54U + fields.payload);
  packet.payload_offset = 54;
  packet.tcp_flags = static_cast<std::uint8_t>(flags);
  packet.tcp_sequence = fields.sequence;
  packet.tcp_acknowledgement = fields.acknowledgement;
  packet.payload_bytes = fields.payload;
  packet.tcp_window = fields.window;
  return packet;
}

class FlowTest : public ::testing::Test {
 protected:
  void SetUp() override { start({.flows = 4096, .half_open = 1024, .started = kStart}); }

  void start(const FlowSizes& sizes) {
    records.clear();
    auto made = FlowTracker::create(sizes, kFlowKey, arena, {&FlowTest::keep, this});
    ASSERT_TRUE(made.has_value()) << made.error().message;
    tracker = std::move(*made);
  }

  [[nodiscard]] Packet udp(bool from_client, TimeNs when, std::uint32_t bytes = 100) const {
    Talk other = talk;
    other.protocol = 17;
    return packet_of(other, from_client, when, bytes);
  }

  /// Through find and track, alone in its burst.
  Packet send(const Packet& packet) { return send_all({packet})[0]; }

  std::vector<Packet> send_all(const std::vector<Packet>& packets) {
    burst.count = 0;
    for (const Packet& packet : packets) burst.packets[burst.count++] = packet;
    tracker->prefetch_index(burst);
    tracker->guess(burst);
    tracker->find(burst, settings.flows);
    tracker->track(burst, settings, 1);
    now = packets.back().now;
    return {burst.packets.begin(), burst.packets.begin() + burst.count};
  }

  Packet send_tcp(bool from_client, unsigned flags, const TcpNumbers& fields) {
    return send(tcp_packet(talk, from_client, flags, fields, now += kNsPerMs));
  }

  /// A handshake of `talk` with the numbers below; the client's next byte is 1001, the server's
  /// 5001.
  void shake_hands() {
    send_tcp(true, kSyn, {.sequence = 1000});
    send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
    send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
  }

  Flow* flow_of(const Talk& of) {
    const Packet packet = packet_of(of, true, now);
    return tracker->table().find(packet.hash, packet.id);
  }
  TcpState state() {
    const Flow* flow = flow_of(talk);
    return flow == nullptr ? TcpState::none : flow->tcp_state;
  }

  void sweep_at(TimeNs when) {
    now = when;
    tracker->expire(when, 1U << 20);
  }

  MemoryArena arena;
  std::unique_ptr<FlowTracker> tracker;
  std::vector<FlowRecord> records;
  PolicySettings settings;
  Burst burst;
  Talk talk;
  TimeNs now = kStart;

 private:
  static void keep(void* context, const FlowRecord& record) noexcept {
    static_cast<FlowTest*>(context)->records.push_back(record);
  }
};

}  // namespace sluice::test
