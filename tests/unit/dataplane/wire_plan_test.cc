#include "dataplane/wire_plan.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/parts_codec.h"
#include "dataplane/sealed_memory.h"
#include "tests/support/fuzz_seeds.h"

namespace sluice {
namespace {

WirePlan some_plan() {
  WirePlan plan;
  PortPairConfig pair;
  pair.name = "lan";
  pair.outside.device = "af_packet:eth1";
  pair.inside.device = "af_packet:eth2";
  plan.pairs.push_back(pair);
  pair.name = "dmz";
  pair.outside.device = "0000:3b:00.0";
  pair.inside.device = "0000:3b:00.1";
  pair.mtu = 9000;
  plan.pairs.push_back(pair);
  plan.workers = {{2, 0}, {3, 1}};
  plan.control_cpus = {0, 1};
  plan.shared_meters = 1024;
  plan.pools = {{8191, 2048}, {16'383, 2048}};
  plan.pool_bytes = 40'000'000;
  plan.run_dir = "/run/sluice";
  plan.control_user = "sluice";
  plan.parts.lists.push_back({*parse_ip_prefix("192.0.2.0/24"), ListKind::deny, ListSide::source});
  return plan;
}

/// As `plan_fuzz` takes them: a byte that says what the others are.
void keep_plan_seed(char kind, std::span<const std::byte> bytes) {
  std::string input(1, kind);
  input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  test::keep_seed("plan_fuzz", input);
}

bool is_readable(const WirePlan& plan) {
  keep_plan_seed('p', encode_wire_plan(plan));
  keep_plan_seed('q', encode_parts(plan.parts));
  keep_plan_seed('r', encode_lists(plan.parts.lists));
  return decode_wire_plan(encode_wire_plan(plan)).has_value();
}

TEST(WirePlan, ComesBackAsItWasWritten) {
  const WirePlan plan = some_plan();
  const auto memfd = make_memfd("test");
  ASSERT_TRUE(write_wire_plan(memfd->fd(), plan));
  const auto back = read_wire_plan(memfd->fd());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode_wire_plan(*back), encode_wire_plan(plan));
  EXPECT_EQ(back->pairs[1].inside.device, "0000:3b:00.1");
  EXPECT_EQ(back->workers, plan.workers);
}

TEST(WirePlan, NamesItsPorts) {
  const WirePlan plan = some_plan();
  EXPECT_EQ(port_name(plan, 0), "lan.outside");
  EXPECT_EQ(port_name(plan, 3), "dmz.inside");
}

TEST(WirePlan, RefusesEveryValueOutOfItsRange) {
  const std::vector<std::function<void(WirePlan&)>> corruptions = {
      [](WirePlan& p) { p.pairs.clear(); },
      [](WirePlan& p) { p.workers.clear(); },
      [](WirePlan& p) { p.control_cpus.clear(); },
      [](WirePlan& p) { p.pools.pop_back(); },
      [](WirePlan& p) { p.pairs.resize(17, p.pairs[0]); },
      [](WirePlan& p) { p.workers.resize(65); },
      [](WirePlan& p) { p.workers[1].cpu = 4096; },
      [](WirePlan& p) { p.workers[1].numa_node = -2; },
      [](WirePlan& p) { p.workers[1].numa_node = 64; },
      [](WirePlan& p) { p.control_cpus[0] = 4096; },
      [](WirePlan& p) { p.burst = 0; },
      [](WirePlan& p) { p.burst = 33; },
      [](WirePlan& p) { p.handoff_ring = 100; },
      [](WirePlan& p) { p.handoff_ring = 1U << 21; },
      [](WirePlan& p) { p.hugepages = static_cast<HugepageMode>(3); },
      [](WirePlan& p) { p.sizes.flows = 0; },
      [](WirePlan& p) { p.sizes.flows = 1000; },
      [](WirePlan& p) { p.sizes.half_open = 0; },
      [](WirePlan& p) { p.sizes.sources = 1U << 27; },
      [](WirePlan& p) { p.sizes.fragment_datagrams = 1U << 21; },
      [](WirePlan& p) { p.sizes.fragments_held = 1U << 25; },
      [](WirePlan& p) { p.shared_meters = 1U << 27; },
      [](WirePlan& p) { p.pools[0].mbufs = 0; },
      [](WirePlan& p) { p.pools[0].frame_room_bytes = 1U << 16; },
      [](WirePlan& p) { p.pool_bytes = 1ULL << 45; },
      [](WirePlan& p) { p.run_dir = std::string(101, 'x'); },
      [](WirePlan& p) { p.control_user = std::string(65, 'x'); },
      [](WirePlan& p) { p.control_user = std::string("a\0b", 3); },
      [](WirePlan& p) { p.pairs[0].name = std::string(65, 'x'); },
      [](WirePlan& p) { p.pairs[0].mtu = 67; },
      [](WirePlan& p) { p.pairs[0].mtu = 9217; },
      [](WirePlan& p) { p.pairs[0].checksums = static_cast<ChecksumMode>(4); },
      [](WirePlan& p) { p.pairs[0].outside.device = "eth0"; },
      [](WirePlan& p) { p.pairs[0].outside.device = "af_packet:a,b=c"; },
      [](WirePlan& p) { p.pairs[0].outside.device = p.pairs[0].inside.device; },
      [](WirePlan& p) { p.pairs[0].outside.rx_descriptors = 63; },
      [](WirePlan& p) { p.pairs[0].outside.tx_descriptors = 1U << 15; },
      [](WirePlan& p) {
        p.pairs[0].outside.device = "af_xdp:eth1";
        p.pairs[0].mtu = 9000;
      },
      [](WirePlan& p) { p.parts.settings.generation = 0; },
      [](WirePlan& p) { p.parts.settings.mode = static_cast<Mode>(2); },
      [](WirePlan& p) { p.parts.settings.decode.tunnel_key = static_cast<TunnelKey>(2); },
      [](WirePlan& p) { p.parts.settings.decode.non_ip = static_cast<FramePolicy>(2); },
      [](WirePlan& p) { p.parts.settings.decode.control_frames = static_cast<FramePolicy>(9); },
      [](WirePlan& p) { p.parts.settings.decode.malformed = static_cast<MalformedPolicy>(2); },
      [](WirePlan& p) { p.parts.settings.decode.tunnel_depth = 4; },
      [](WirePlan& p) { p.parts.settings.fragments.datagrams = 1U << 21; },
      [](WirePlan& p) { p.parts.settings.fragments.fragments_per_datagram = 0; },
      [](WirePlan& p) { p.parts.settings.fragments.timeout = ~0ULL; },
      [](WirePlan& p) {
        p.parts.settings.fragments.exception_policy = static_cast<ExceptionPolicy>(3);
      },
      [](WirePlan& p) { p.parts.settings.flows.capacity = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.flows.half_open = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.flows.table_full = static_cast<ExceptionPolicy>(3); },
      [](WirePlan& p) { p.parts.settings.flows.out_of_state = static_cast<ExceptionPolicy>(3); },
      [](WirePlan& p) { p.parts.settings.flows.midstream = static_cast<ExceptionPolicy>(3); },
      [](WirePlan& p) { p.parts.settings.flows.tcp_established = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.flows.refused = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.limits.flow.packets.rate = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.limits.source.bits.burst = ~0ULL; },
      [](WirePlan& p) { p.parts.settings.limits.source_prefix_v6 = 129; },
      [](WirePlan& p) { p.parts.settings.limits.source_prefix_v4 = 33; },
      [](WirePlan& p) { p.parts.settings.limits.sources = ~0ULL; },
      [](WirePlan& p) { p.parts.lists[0].kind = static_cast<ListKind>(2); },
      [](WirePlan& p) { p.parts.lists[0].side = static_cast<ListSide>(2); },
      [](WirePlan& p) { p.parts.lists[0].prefix.length = 129; },
      [](WirePlan& p) { p.parts.lists[0].prefix.address.version = 0; },
  };
  ASSERT_TRUE(is_readable(some_plan()));
  for (std::size_t i = 0; i < corruptions.size(); ++i) {
    WirePlan plan = some_plan();
    corruptions[i](plan);
    EXPECT_FALSE(is_readable(plan)) << "corruption " << i;
  }
}

TEST(WirePlan, RefusesEveryTruncation) {
  const auto bytes = encode_wire_plan(some_plan());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_wire_plan(std::span(bytes).first(size))) << size;
  }
}

TEST(WirePlan, IsEitherRefusedOrWrittenBackTheSameWhateverByteIsWrong) {
  const auto bytes = encode_wire_plan(some_plan());
  for (std::size_t offset = 0; offset < bytes.size(); ++offset) {
    for (const unsigned value : {0x00U, 0x01U, 0x02U, 0x7fU, 0x80U, 0xffU}) {
      auto bad = bytes;
      bad[offset] = static_cast<std::byte>(value);
      const auto plan = decode_wire_plan(bad);
      EXPECT_TRUE(!plan || encode_wire_plan(*plan) == bad) << offset;
    }
  }
}

TEST(WirePlan, SurvivesNoise) {
  std::mt19937 random(20240617);
  const auto bytes = encode_wire_plan(some_plan());
  for (int i = 0; i < 20'000; ++i) {
    auto bad = bytes;
    for (int flips = 0; flips < 4; ++flips)
      bad[random() % bad.size()] = static_cast<std::byte>(random());
    bad.resize(random() % (bad.size() + 1));
    static_cast<void>(decode_wire_plan(bad));
  }
}

TEST(WirePlan, IsNotReadFromMemoryThatCouldStillChange) {
  const auto memfd = make_memfd("test");
  EXPECT_FALSE(read_wire_plan(memfd->fd()));
  EXPECT_FALSE(read_wire_plan(-1));
}

TEST(SealedMemory, RefusesMoreThanItsReaderAllows) {
  const auto memfd = make_memfd("test");
  const std::vector<std::byte> bytes(100);
  ASSERT_TRUE(write_and_seal(memfd->fd(), bytes));
  EXPECT_TRUE(SealedView::map(memfd->fd(), 100));
  EXPECT_FALSE(SealedView::map(memfd->fd(), 99));
}

}  // namespace
}  // namespace sluice
