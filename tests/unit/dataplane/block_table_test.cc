#include "dataplane/limit/block_table.h"

#include <bit>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/five_tuple.h"
#include "dataplane/decode/flow_identity.h"

namespace sluice {
namespace {

constexpr SipKey kKey{0x0123456789abcdef, 0xfedcba9876543210};
constexpr SipKey kFlowKey{1, 2};
constexpr TimeNs kNow = 1000 * kNsPerSecond;

IpAddress address(const std::string& text) {
  auto parsed = parse_ip_address(text);
  SLUICE_CHECK(parsed, "tests write addresses correctly");
  return *parsed;
}

BlockEntry source_block(const std::string& prefix, TimeNs until = kNow + 1) {
  auto parsed = parse_ip_prefix(prefix);
  SLUICE_CHECK(parsed, "tests write prefixes correctly");
  BlockEntry entry;
  entry.until = until;
  entry.prefix = *parsed;
  return entry;
}

BlockEntry flow_block(const FiveTuple& tuple, TimeNs until = kNow + 1) {
  BlockEntry entry;
  entry.until = until;
  entry.kind = BlockKind::flow;
  entry.low = tuple.source;
  entry.high = tuple.destination;
  entry.low_port = tuple.source_port;
  entry.high_port = tuple.destination_port;
  entry.protocol = tuple.protocol;
  return entry;
}

/// A table and the little that the keeper does with one.
class Blocks {
 public:
  explicit Blocks(std::uint32_t capacity) {
    auto made = BlockTable::create(capacity, kKey, arena_);
    SLUICE_CHECK(made, "a table of a test is small");
    table_ = std::move(*made);
  }
  std::uint32_t put(const BlockEntry& entry) {
    const BlockKey key = block_key(entry);
    const std::uint32_t slot = table_->find(key);
    if (slot == BlockTable::kNone) return table_->insert(key, ++last_id_, entry.until);
    table_->renew(slot, ++last_id_, entry.until);
    return slot;
  }
  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }
  [[nodiscard]] BlockTable& table() { return *table_; }

  std::uint32_t slot_of_source(const IpAddress& source, TimeNs now = kNow) {
    BlockSlots slots;
    const std::array<TimeNs, 1> times{now};
    if (source.version == 4) {
      const std::uint32_t one = source.v4();
      return table_->find_sources_v4({&one, 1}, times, slots) != 0 ? slots[0] : BlockTable::kNone;
    }
    const V6Address one = v6_address(source.bytes.data());
    return table_->find_sources_v6({&one, 1}, times, slots) != 0 ? slots[0] : BlockTable::kNone;
  }
  bool blocks(const std::string& source, TimeNs now = kNow) {
    return slot_of_source(address(source), now) != BlockTable::kNone;
  }
  /// As a worker asks: by what the decoder makes of a packet.
  std::uint32_t slot_of_flow(const FiveTuple& tuple, TimeNs now = kNow) {
    BlockSlots slots;
    const std::array<TimeNs, 1> times{now};
    const FlowKey key = canonical(tuple).key;
    if (key.version == 4) {
      const FlowId id = flow_id(kFlowKey, key);
      const auto words = flow_words_v4(id.lo, id.hi);
      return table_->find_flows_v4({&words, 1}, times, slots) != 0 ? slots[0] : BlockTable::kNone;
    }
    FlowKey plain = key;
    plain.domain = 0;
    const auto words = std::bit_cast<std::array<std::uint64_t, 5>>(plain);
    return table_->find_flows_v6({&words, 1}, times, slots) != 0 ? slots[0] : BlockTable::kNone;
  }
  bool blocks(const FiveTuple& tuple, TimeNs now = kNow) {
    return slot_of_flow(tuple, now) != BlockTable::kNone;
  }

 private:
  MemoryArena arena_;
  std::unique_ptr<BlockTable> table_;
  std::uint64_t last_id_ = 0;
};

FiveTuple turned(const FiveTuple& tuple) {
  return {tuple.destination, tuple.source,   tuple.destination_port,
          tuple.source_port, tuple.protocol, tuple.domain};
}

TEST(BlockTable, EmptyBlocksNothing) {
  Blocks blocks(64);
  EXPECT_TRUE(blocks.table().is_empty());
  EXPECT_FALSE(blocks.table().has_sources_v4());
  EXPECT_FALSE(blocks.table().has_sources_v6());
  EXPECT_FALSE(blocks.blocks("0.0.0.0"));
  EXPECT_FALSE(blocks.blocks("::"));
  EXPECT_FALSE(blocks.blocks(FiveTuple{}));
}

TEST(BlockTable, HostsAndPrefixesOfBothFamiliesEndWhereTheyShould) {
  Blocks blocks(64);
  blocks.put(source_block("192.0.2.7"));
  blocks.put(source_block("198.51.100.0/24"));
  blocks.put(source_block("2001:db8::7"));
  blocks.put(source_block("2001:db8:bad::/48"));
  EXPECT_TRUE(blocks.blocks("192.0.2.7"));
  EXPECT_FALSE(blocks.blocks("192.0.2.8"));
  EXPECT_TRUE(blocks.blocks("198.51.100.255"));
  EXPECT_FALSE(blocks.blocks("198.51.101.0"));
  EXPECT_TRUE(blocks.blocks("2001:db8::7"));
  EXPECT_FALSE(blocks.blocks("2001:db8::8"));
  EXPECT_TRUE(blocks.blocks("2001:db8:bad:ffff::1"));
  EXPECT_FALSE(blocks.blocks("2001:db8:bae::1"));
}

TEST(BlockTable, TheWholeInternetIsAPrefixToo) {
  Blocks blocks(64);
  blocks.put(source_block("0.0.0.0/0"));
  EXPECT_TRUE(blocks.blocks("255.255.255.255"));
  EXPECT_FALSE(blocks.blocks("::1"));
  blocks.put(source_block("::/0"));
  EXPECT_TRUE(blocks.blocks("ffff::1"));
}

TEST(BlockTable, AnIpv4AddressIsNotTheIpv6AddressWithItsBits) {
  Blocks blocks(64);
  blocks.put(source_block("192.0.2.7"));
  EXPECT_FALSE(blocks.blocks("c000:207::"));
  EXPECT_FALSE(blocks.blocks("::c000:207"));
}

TEST(BlockTable, ABlockEndsWithItsTimeAndNotBefore) {
  Blocks blocks(64);
  blocks.put(source_block("192.0.2.7", kNow));
  EXPECT_TRUE(blocks.blocks("192.0.2.7", kNow - 1));
  EXPECT_FALSE(blocks.blocks("192.0.2.7", kNow));
}

TEST(BlockTable, WhenALongerPrefixHasRunOutAShorterOneStillBlocks) {
  Blocks blocks(64);
  blocks.put(source_block("192.0.2.7", kNow));
  const std::uint32_t slot = blocks.put(source_block("192.0.2.0/24"));
  EXPECT_EQ(blocks.slot_of_source(address("192.0.2.7")), slot);
}

TEST(BlockTable, FlowsAreBlockedInBothDirectionsAndAnyDomain) {
  for (const auto& [from, to] :
       {std::pair{"192.0.2.1", "198.51.100.2"}, std::pair{"2001:db8::2", "2001:db8::1"}}) {
    Blocks blocks(64);
    FiveTuple tuple{address(from), address(to), 80, 4242, 6, 0};
    blocks.put(flow_block(tuple));
    tuple.domain = 17;
    EXPECT_TRUE(blocks.blocks(tuple));
    EXPECT_TRUE(blocks.blocks(turned(tuple)));
    FiveTuple other = tuple;
    other.source_port = 81;
    EXPECT_FALSE(blocks.blocks(other));
    other = tuple;
    other.protocol = 17;
    EXPECT_FALSE(blocks.blocks(other));
    other = tuple;
    std::swap(other.source_port, other.destination_port);
    EXPECT_FALSE(blocks.blocks(other));
  }
}

TEST(BlockTable, AFlowWithoutPortsIsBlockedWhateverItsIdentifier) {
  Blocks blocks(64);
  FiveTuple echo{address("192.0.2.1"), address("192.0.2.2"), 0, 0, 1, 0};
  blocks.put(flow_block(echo));
  echo.source_port = echo.destination_port = 777;
  EXPECT_TRUE(blocks.blocks(echo));
}

TEST(BlockTable, ANewBlockOfTheSameKeyTakesTheSlotOfTheOld) {
  Blocks blocks(64);
  const std::uint32_t slot = blocks.put(source_block("192.0.2.7", kNow));
  const std::uint64_t old_id = blocks.last_id();
  EXPECT_EQ(blocks.put(source_block("192.0.2.7", kNow + 1)), slot);
  EXPECT_TRUE(blocks.blocks("192.0.2.7"));
  EXPECT_EQ(blocks.table().active(), 1U);
  EXPECT_EQ(blocks.table().slot_of(old_id), BlockTable::kNone);
  EXPECT_EQ(blocks.table().slot_of(blocks.last_id()), slot);
}

TEST(BlockTable, TakesAsManyAsItWasMadeForAndNoMore) {
  Blocks blocks(100);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_NE(blocks.put(source_block(to_string(IpAddress::from_v4(i)))), BlockTable::kNone);
  }
  EXPECT_EQ(blocks.table().room(), 0U);
  EXPECT_EQ(blocks.put(source_block("192.0.2.7")), BlockTable::kNone);
  EXPECT_FALSE(blocks.blocks("192.0.2.7"));
  EXPECT_TRUE(blocks.blocks("0.0.0.99"));
}

TEST(BlockTable, ExpiryLooksAtSoManySlotsAndComesRound) {
  Blocks blocks(100);
  for (std::uint32_t i = 0; i < 100; ++i) {
    blocks.put(source_block(to_string(IpAddress::from_v4(i)), i % 2 == 0 ? kNow : kNow + 1));
  }
  EXPECT_EQ(blocks.table().expire(kNow, 10), 5U);
  EXPECT_EQ(blocks.table().expire(kNow, 1000), 45U);
  EXPECT_EQ(blocks.table().active(), 50U);
  EXPECT_EQ(blocks.table().expire(kNow + 1, 100), 50U);
  EXPECT_TRUE(blocks.table().is_empty());
  EXPECT_FALSE(blocks.table().has_sources_v4());
}

// --- against a list -----------------------------------------------------------------------------

/// What the table promises, by looking at every block.
class Model {
 public:
  struct Block {
    BlockEntry entry;
    std::uint64_t id = 0;
  };
  void put(const BlockEntry& entry, std::uint64_t id) {
    for (Block& block : blocks_) {
      if (block_key(block.entry).words == block_key(entry).words) {
        block = {entry, id};
        return;
      }
    }
    blocks_.push_back({entry, id});
  }
  std::optional<Block> take_any(std::mt19937& random) {
    if (blocks_.empty()) return std::nullopt;
    std::swap(blocks_[random() % blocks_.size()], blocks_.back());
    const Block taken = blocks_.back();
    blocks_.pop_back();
    return taken;
  }
  void expire(TimeNs now) {
    std::erase_if(blocks_, [now](const Block& block) { return block.entry.until <= now; });
  }
  [[nodiscard]] bool blocks(const FiveTuple& packet, BlockKind kind, TimeNs now) const {
    for (const Block& block : blocks_) {
      const BlockEntry& entry = block.entry;
      if (entry.kind != kind || entry.until <= now) continue;
      if (kind == BlockKind::source && entry.prefix.covers(packet.source)) return true;
      if (kind == BlockKind::flow && is_of(entry, packet)) return true;
    }
    return false;
  }
  [[nodiscard]] std::size_t size() const { return blocks_.size(); }

 private:
  static bool is_of(const BlockEntry& entry, const FiveTuple& packet) {
    const auto ends = [](const IpAddress& a, std::uint16_t p, const IpAddress& b, std::uint16_t q) {
      return std::pair(std::pair(a, p), std::pair(b, q));
    };
    const auto wanted = ends(entry.low, entry.low_port, entry.high, entry.high_port);
    return entry.protocol == packet.protocol &&
           (wanted == ends(packet.source, packet.source_port, packet.destination,
                           packet.destination_port) ||
            wanted == ends(packet.destination, packet.destination_port, packet.source,
                           packet.source_port));
  }
  std::vector<Block> blocks_;
};

/// Few values, so that blocks and packets meet.
IpAddress any_address(std::mt19937& random, bool v6) {
  IpAddress one = IpAddress::from_v4(0x0a000000U | (random() & 0x1ff));
  if (!v6) return one;
  one = address("2001:db8::");
  one.bytes[7] = static_cast<std::uint8_t>(random() & 3);
  one.bytes[15] = static_cast<std::uint8_t>(random());
  return one;
}

FiveTuple any_packet(std::mt19937& random) {
  const bool v6 = random() % 2 == 0;
  return {any_address(random, v6),
          any_address(random, v6),
          static_cast<std::uint16_t>(random() % 3 + 1),
          static_cast<std::uint16_t>(random() % 3 + 1),
          static_cast<std::uint8_t>(random() % 2 == 0 ? 6 : 17),
          static_cast<std::uint16_t>(random() % 3)};
}

BlockEntry any_block(std::mt19937& random, TimeNs now) {
  const TimeNs until = now + random() % 200;
  const FiveTuple packet = any_packet(random);
  if (random() % 2 == 0) return flow_block(packet, until);
  constexpr std::array<unsigned, 4> kShorterBy{0, 1, 4, 8};
  const unsigned length = packet.source.bits() - kShorterBy[random() % kShorterBy.size()];
  BlockEntry entry;
  entry.until = until;
  entry.prefix.length = static_cast<std::uint8_t>(length);
  entry.prefix.address = packet.source;
  if (length < packet.source.bits()) {
    std::uint8_t& last = entry.prefix.address.bytes[packet.source.bits() / 8 - 1];
    last = static_cast<std::uint8_t>(last & (0xff00U >> (8 - (packet.source.bits() - length))));
  }
  return entry;
}

class BlockTableModel : public testing::TestWithParam<unsigned> {};

TEST_P(BlockTableModel, AnswersAsAListDoes) {
  std::mt19937 random(GetParam());
  constexpr std::uint32_t kCapacity = 300;
  Blocks blocks(kCapacity);
  Model model;
  TimeNs now = kNow;
  for (int round = 0; round < 20'000; ++round) {
    const auto dice = random() % 100;
    if (dice < 40 && blocks.table().room() > 0) {
      const BlockEntry entry = any_block(random, now);
      blocks.put(entry);
      model.put(entry, blocks.last_id());
    } else if (dice < 50) {
      if (const auto block = model.take_any(random)) {
        const std::uint32_t slot = blocks.table().slot_of(block->id);
        ASSERT_NE(slot, BlockTable::kNone);
        blocks.table().remove(slot);
      }
    } else if (dice < 52) {
      now += random() % 50;
      blocks.table().expire(now, kCapacity);
      model.expire(now);
    }
    ASSERT_EQ(blocks.table().active(), model.size());
    const FiveTuple packet = any_packet(random);
    const TimeNs when = now + random() % 20;
    ASSERT_EQ(blocks.slot_of_source(packet.source, when) != BlockTable::kNone,
              model.blocks(packet, BlockKind::source, when))
        << round;
    ASSERT_EQ(blocks.blocks(packet, when), model.blocks(packet, BlockKind::flow, when)) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BlockTableModel, testing::Range(1U, 7U));

TEST(BlockTable, ABatchIsAnsweredAsItsMembersAre) {
  std::mt19937 random(3);
  Blocks blocks(4096);
  for (int i = 0; i < 400; ++i) blocks.put(any_block(random, kNow));
  for (std::size_t count = 1; count <= kBlockBatchMax; ++count) {
    std::vector<std::uint32_t> v4;
    std::vector<V6Address> v6;
    std::vector<TimeNs> times;
    for (std::size_t i = 0; i < count; ++i) {
      v4.push_back(any_address(random, false).v4());
      v6.push_back(v6_address(any_address(random, true).bytes.data()));
      times.push_back(kNow + random() % 200);
    }
    BlockSlots slots;
    BlockSlots one;
    const std::uint32_t found_v4 = blocks.table().find_sources_v4(v4, times, slots);
    const std::uint32_t found_v6 = blocks.table().find_sources_v6(v6, times, slots);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(found_v4 >> i & 1,
                blocks.table().find_sources_v4({&v4[i], 1}, {&times[i], 1}, one));
      EXPECT_EQ(found_v6 >> i & 1,
                blocks.table().find_sources_v6({&v6[i], 1}, {&times[i], 1}, one));
    }
  }
}

// Full, emptied and filled again, so that buckets overflow and tombstones come and go.
TEST(BlockTable, StaysExactWhenItIsFilledAndEmptiedAgainAndAgain) {
  constexpr std::uint32_t kCapacity = 4096;
  Blocks blocks(kCapacity);
  std::mt19937 random(5);
  for (std::uint32_t round = 0; round < 5; ++round) {
    const std::uint32_t base = round << 20;
    std::vector<std::uint32_t> slots;
    for (std::uint32_t i = 0; i < kCapacity; ++i) {
      slots.push_back(blocks.put(source_block(to_string(IpAddress::from_v4(base + i)))));
    }
    EXPECT_EQ(blocks.table().room(), 0U);
    std::vector<std::uint32_t> order(kCapacity);
    for (std::uint32_t i = 0; i < kCapacity; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (std::uint32_t n = 0; n < kCapacity; ++n) {
      blocks.table().remove(slots[order[n]]);
      ASSERT_EQ(blocks.slot_of_source(IpAddress::from_v4(base + order[n])), BlockTable::kNone);
      const std::uint32_t next = order[(n + 1) % kCapacity];
      if (n + 1 == kCapacity) continue;
      ASSERT_EQ(blocks.slot_of_source(IpAddress::from_v4(base + next)), slots[next]);
    }
    EXPECT_TRUE(blocks.table().is_empty());
  }
}

TEST(BlockTable, RefusesACapacityOutOfItsRange) {
  MemoryArena arena;
  EXPECT_FALSE(BlockTable::create(0, kKey, arena));
  EXPECT_FALSE(BlockTable::create(kBlocksMax + 1, kKey, arena));
}

TEST(BlockTable, NeedsNoMoreMemoryThanThePlanCounts) {
  for (const std::uint32_t capacity : {64U, 1000U, 65'536U, 100'000U}) {
    MemoryArena arena;
    ASSERT_TRUE(BlockTable::create(capacity, kKey, arena));
    constexpr std::size_t kPagesOfFiveTables = 5 * 4096;
    EXPECT_LE(arena.bytes_mapped(),
              capacity * BlockTable::bytes_per_block(capacity) + kPagesOfFiveTables);
  }
}

}  // namespace
}  // namespace sluice
