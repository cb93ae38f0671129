#include "tests/bench/scenarios.h"

#include <algorithm>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "tests/support/packet_builder.h"

namespace sluice::bench {
namespace {

using test::PacketBuilder;

constexpr std::uint32_t kSources = 10'000;
constexpr std::uint32_t kSynSequence = 1000;
constexpr std::uint32_t kSynAckSequence = 5000;

struct Endpoints {
  std::string source;
  std::string destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;
};

Frame pad(const test::Bytes& bytes) {
  Frame frame{};
  std::memcpy(frame.bytes, bytes.data(), std::min<std::size_t>(bytes.size(), kFrameBytes));
  return frame;
}

Frame tcp(const Endpoints& ends, const test::TcpFields& fields) {
  return pad(PacketBuilder()
                 .eth()
                 .ipv4(ends.source, ends.destination)
                 .tcp(ends.source_port, ends.destination_port, fields)
                 .build());
}

Endpoints turned(const Endpoints& ends) {
  return {ends.destination, ends.source, ends.destination_port, ends.source_port};
}

Frame syn(const Endpoints& ends) { return tcp(ends, {.flags = 0x02, .sequence = kSynSequence}); }
Frame syn_ack(const Endpoints& ends) {
  return tcp(turned(ends),
             {.flags = 0x12, .sequence = kSynAckSequence, .acknowledgement = kSynSequence + 1});
}
Frame ack(const Endpoints& ends) {
  return tcp(ends,
             {.flags = 0x10, .sequence = kSynSequence + 1, .acknowledgement = kSynAckSequence + 1});
}

// A million IPv6 UDP frames fit 64 bytes; IPv6 TCP would not.
Frame udp6(const Endpoints& ends) {
  return pad(PacketBuilder()
                 .eth()
                 .ipv6(ends.source, ends.destination)
                 .udp(ends.source_port, ends.destination_port)
                 .build());
}

Endpoints v4_flow(std::uint32_t index) {
  const std::uint32_t source = index % kSources;
  return {fmt::format("10.{}.{}.{}", 1 + source / 65536, source / 256 % 256, source % 256),
          fmt::format("172.16.{}.{}", index / 1000 % 256, index % 250 + 1),
          static_cast<std::uint16_t>(1024 + index / kSources), 443};
}

Endpoints v6_flow(std::uint32_t index) {
  const std::uint32_t source = index % kSources;
  return {fmt::format("2001:db8:{:x}:{:x}::1", source / 256, source % 256),
          fmt::format("2001:db8:ffff::{:x}", index % 250 + 1),
          static_cast<std::uint16_t>(1024 + index / kSources), 443};
}

IpPrefix v4_prefix(std::uint32_t bits, std::uint8_t length) {
  const std::uint32_t mask = length == 0 ? 0 : ~0U << (32 - length);
  return {IpAddress::from_v4(bits & mask), length};
}

IpPrefix v6_prefix(std::uint64_t high, std::uint8_t length) {
  IpAddress address;
  address.version = 6;
  for (unsigned i = 0; i < length / 8U && i < 8; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
  }
  return {address, length};
}

BlockEntry block_of(const IpPrefix& prefix, std::uint64_t id) {
  BlockEntry entry;
  entry.id = id;
  entry.until = ~TimeNs{0};
  entry.prefix = prefix;
  return entry;
}

// 1,000 of each kind, none of which covers the flows: they must be looked up, not hit.
std::vector<ListEntry> bystanders() {
  std::mt19937 random(7);
  std::vector<ListEntry> lists;
  for (const ListKind kind : {ListKind::deny, ListKind::allow}) {
    for (int i = 0; i < 700; ++i) {
      const auto bits = static_cast<std::uint32_t>(0xc6000000U | (random() & 0x01ffffffU));
      lists.push_back({v4_prefix(bits, i % 2 == 0 ? 24 : 32), kind, ListSide::source});
    }
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t high = 0x2a00000000000000ULL | (random() & 0xffffffffU) << 16;
      lists.push_back({v6_prefix(high, i % 2 == 0 ? 48 : 64), kind, ListSide::source});
    }
  }
  return lists;
}

PolicySettings ordinary_settings() {
  PolicySettings settings;
  settings.limits.flow.packets = {.rate = 10'000'000, .burst = 1'000'000};
  settings.limits.source.packets = {.rate = 50'000'000, .burst = 5'000'000};
  return settings;
}

WorkerSizes sizes_for(std::uint32_t flows) {
  WorkerSizes sizes;
  sizes.flows = std::max<std::uint32_t>(1U << 16, std::bit_ceil(flows + flows / 8));
  sizes.half_open = 1U << 16;
  sizes.sources = 1U << 15;
  return sizes;
}

}  // namespace

Scenario established(std::uint32_t flows, unsigned v6_percent) {
  Scenario scenario;
  scenario.name = fmt::format("established_{}k_v6_{}", flows / 1000, v6_percent);
  scenario.what =
      fmt::format("{} established flows, {} % IPv6, lists, limits, records", flows, v6_percent);
  scenario.parts.settings = ordinary_settings();
  scenario.parts.lists = bystanders();
  scenario.sizes = sizes_for(flows);
  std::vector<Frame>& steady = scenario.steady.frames;
  for (std::uint32_t i = 0; i < flows; ++i) {
    if (i % 100 < v6_percent) {
      const Endpoints ends = v6_flow(i);
      steady.push_back(udp6(ends));
      scenario.prelude.frames.push_back(udp6(ends));
      scenario.prelude.frames.push_back(udp6(turned(ends)));
      continue;
    }
    const Endpoints ends = v4_flow(i);
    for (const Frame& frame : {syn(ends), syn_ack(ends), ack(ends)}) {
      scenario.prelude.frames.push_back(frame);
    }
    steady.push_back(ack(ends));
  }
  std::shuffle(steady.begin(), steady.end(), std::mt19937(11));
  return scenario;
}

Scenario denied(bool v6, std::uint32_t senders) {
  constexpr std::uint32_t kEntries = 1'000'000;
  Scenario scenario;
  scenario.name = v6 ? "denied_v6" : "denied_v4";
  scenario.what = fmt::format("{} denied sources out of 1,000,000 prefixes and hosts", senders);
  scenario.expects_drops = true;
  scenario.parts.settings = ordinary_settings();
  scenario.sizes = sizes_for(1U << 16);
  std::mt19937_64 random(13);
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    const std::uint64_t bits = random();
    const IpPrefix prefix =
        v6 ? v6_prefix(0x2000000000000000ULL | bits >> 3, i % 4 == 0 ? 48 : 64)
           : v4_prefix(static_cast<std::uint32_t>(bits) | 0x01000000U, i % 4 == 0 ? 24 : 32);
    scenario.parts.lists.push_back({prefix, ListKind::deny, ListSide::source});
    if (i % (kEntries / senders) != 0) continue;
    const std::string source = to_string(prefix.address);
    scenario.steady.frames.push_back(v6 ? udp6({source, "2001:db8:ffff::1", 1000, 53})
                                        : tcp({source, "172.16.0.1", 1000, 80}, {.flags = 0x02}));
  }
  std::shuffle(scenario.steady.frames.begin(), scenario.steady.frames.end(), random);
  return scenario;
}

Scenario blocked(bool v6, std::uint32_t senders) {
  constexpr std::uint32_t kEntries = 1'000'000;
  Scenario scenario;
  scenario.name = v6 ? "blocked_v6" : "blocked_v4";
  scenario.what = fmt::format("{} blocked sources out of 1,000,000 hosts", senders);
  scenario.expects_drops = true;
  scenario.parts.settings = ordinary_settings();
  scenario.sizes = sizes_for(1U << 16);
  std::mt19937_64 random(13);
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    const std::uint64_t bits = random();
    const BlockEntry entry =
        block_of(v6 ? v6_prefix(0x2000000000000000ULL | bits >> 3, 128)
                    : v4_prefix(static_cast<std::uint32_t>(bits) | 0x01000000U, 32),
                 i + 1);
    scenario.blocks.push_back(entry);
    if (i % (kEntries / senders) != 0) continue;
    const std::string source = to_string(entry.prefix.address);
    scenario.steady.frames.push_back(v6 ? udp6({source, "2001:db8:ffff::1", 1000, 53})
                                        : tcp({source, "172.16.0.1", 1000, 80}, {.flags = 0x02}));
  }
  std::shuffle(scenario.steady.frames.begin(), scenario.steady.frames.end(), random);
  return scenario;
}

Scenario established_beside_blocks(std::uint32_t blocks, unsigned v6_percent) {
  Scenario scenario = established(100'000, v6_percent);
  scenario.what += fmt::format(", {} blocked hosts", blocks);
  for (std::uint32_t i = 0; i < blocks; ++i) {
    const bool v6 = i % 100 < v6_percent;
    const IpPrefix prefix =
        v6 ? v6_prefix(0x2a01000000000000ULL | i, 128) : v4_prefix(0xcb000000U | i, 32);
    scenario.blocks.push_back(block_of(prefix, i + 1));
  }
  return scenario;
}

Scenario connections() {
  constexpr std::uint32_t kConnections = 200'000;
  constexpr std::uint32_t kAtOnce = 64;
  Scenario scenario;
  scenario.name = "connections";
  scenario.what = "set-up and tear-down, seven packets a connection";
  scenario.parts.settings = ordinary_settings();
  scenario.parts.settings.limits = {};
  scenario.sizes = sizes_for(1U << 20);
  for (std::uint32_t first = 0; first < kConnections; first += kAtOnce) {
    std::vector<std::vector<Frame>> steps(7);
    for (std::uint32_t i = first; i < first + kAtOnce; ++i) {
      const Endpoints ends = v4_flow(i);
      const std::uint32_t client = kSynSequence + 1;
      const std::uint32_t server = kSynAckSequence + 1;
      steps[0].push_back(syn(ends));
      steps[1].push_back(syn_ack(ends));
      steps[2].push_back(ack(ends));
      steps[3].push_back(tcp(ends, {.flags = 0x11, .sequence = client, .acknowledgement = server}));
      steps[4].push_back(
          tcp(turned(ends), {.flags = 0x10, .sequence = server, .acknowledgement = client + 1}));
      steps[5].push_back(
          tcp(turned(ends), {.flags = 0x11, .sequence = server, .acknowledgement = client + 1}));
      steps[6].push_back(
          tcp(ends, {.flags = 0x10, .sequence = client + 1, .acknowledgement = server + 1}));
    }
    for (const auto& step : steps) {
      scenario.steady.frames.insert(scenario.steady.frames.end(), step.begin(), step.end());
    }
  }
  return scenario;
}

}  // namespace sluice::bench
