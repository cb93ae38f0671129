#include "dataplane/limit/prefix_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/flow/flow.h"

namespace sluice {
namespace {

constexpr SipKey kKey{0x0123456789abcdef, 0xfedcba9876543210};
constexpr std::uint16_t kEpoch = 7;

IpAddress address(const std::string& text) {
  auto parsed = parse_ip_address(text);
  SLUICE_CHECK(parsed, "tests write addresses correctly");
  return *parsed;
}

ListEntry entry(const std::string& prefix, ListKind kind, ListSide side = ListSide::source) {
  auto parsed = parse_ip_prefix(prefix);
  SLUICE_CHECK(parsed, "tests write prefixes correctly");
  return {*parsed, kind, side};
}

std::unique_ptr<const PrefixTable> table_of(const std::vector<ListEntry>& entries) {
  auto table = PrefixTable::build(entries, kKey);
  SLUICE_CHECK(table, "the entries are valid");
  return std::move(*table);
}

ListAnswer scan(const std::vector<ListEntry>& entries, const IpAddress& address, ListSide side) {
  ListAnswer answer = ListAnswer::none;
  for (const ListEntry& entry : entries) {
    if (entry.side != side || !entry.prefix.covers(address)) continue;
    if (entry.kind == ListKind::allow) return ListAnswer::allow;
    answer = ListAnswer::deny;
  }
  return answer;
}

/// A burst whose packets are IP headers only.
class FilterBurst {
 public:
  Packet& add(const std::string& source, const std::string& destination, Flow* flow = nullptr) {
    return add(address(source), address(destination), flow);
  }
  Packet& add(const IpAddress& source, const IpAddress& destination, Flow* flow = nullptr) {
    Packet& packet = burst.packets.at(burst.count);
    std::array<std::uint8_t, 64>& bytes = bytes_.at(burst.count++);
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    const std::size_t size = source.version == 4 ? 4 : 16;
    const std::size_t at = 14U + (source.version == 4 ? 12U : 8U);
    std::memcpy(&bytes[at], source.bytes.data(), size);
    std::memcpy(&bytes[at + size], destination.bytes.data(), size);
    packet.bytes = bytes.data();
    packet.l3_offset = 14;
    packet.ip_version = source.version;
    packet.verdict = {};
    packet.flow = flow;
    return packet;
  }
  Burst burst;

 private:
  std::array<std::array<std::uint8_t, 64>, kBurstMax> bytes_{};
};

bool is_denied(const Packet& packet) {
  return packet.verdict.action == Action::drop &&
         packet.verdict.reason == DropReason::denied_prefix;
}

// --- PrefixTable
// ----------------------------------------------------------------------------------

TEST(PrefixTable, EmptyHasNoOpinionAndNoMemory) {
  const auto table = table_of({});
  EXPECT_TRUE(table->is_empty());
  EXPECT_EQ(table->memory_bytes(), 0U);
  EXPECT_EQ(table->lookup(address("192.0.2.1"), ListSide::source), ListAnswer::none);
  EXPECT_EQ(table->lookup(address("2001:db8::1"), ListSide::destination), ListAnswer::none);
}

TEST(PrefixTable, AllowBeatsDenyOfAnyLength) {
  const auto table =
      table_of({entry("10.0.0.0/8", ListKind::allow), entry("10.1.2.3/32", ListKind::deny),
                entry("2001:db8::/32", ListKind::allow), entry("2001:db8::1/128", ListKind::deny)});
  EXPECT_EQ(table->lookup(address("10.1.2.3"), ListSide::source), ListAnswer::allow);
  EXPECT_EQ(table->lookup(address("2001:db8::1"), ListSide::source), ListAnswer::allow);
}

TEST(PrefixTable, SidesAreKeptApart) {
  const auto table = table_of({entry("192.0.2.0/24", ListKind::deny, ListSide::destination)});
  EXPECT_EQ(table->lookup(address("192.0.2.9"), ListSide::source), ListAnswer::none);
  EXPECT_EQ(table->lookup(address("192.0.2.9"), ListSide::destination), ListAnswer::deny);
}

TEST(PrefixTable, WholeInternetAndLastHostAreCovered) {
  const auto table = table_of({entry("0.0.0.0/0", ListKind::deny), entry("::/0", ListKind::deny),
                               entry("255.255.255.255/32", ListKind::allow)});
  EXPECT_EQ(table->lookup(address("0.0.0.0"), ListSide::source), ListAnswer::deny);
  EXPECT_EQ(table->lookup(address("255.255.255.254"), ListSide::source), ListAnswer::deny);
  EXPECT_EQ(table->lookup(address("255.255.255.255"), ListSide::source), ListAnswer::allow);
  EXPECT_EQ(table->lookup(address("ffff::1"), ListSide::source), ListAnswer::deny);
}

TEST(PrefixTable, EveryLengthOfIpv4EndsExactlyWhereItShould) {
  for (unsigned length = 0; length <= 32; ++length) {
    const std::uint32_t mask = length == 0 ? 0 : ~0U << (32 - length);
    const std::uint32_t base = 0xc6336437U & mask;
    ListEntry deny;
    deny.prefix = {IpAddress::from_v4(base), static_cast<std::uint8_t>(length)};
    const auto table = table_of({deny});
    const auto answer = [&](std::uint32_t host) {
      return table->lookup(IpAddress::from_v4(host), ListSide::source);
    };
    EXPECT_EQ(answer(base), ListAnswer::deny) << length;
    EXPECT_EQ(answer(base | ~mask), ListAnswer::deny) << length;
    if (length == 0) continue;
    EXPECT_EQ(answer(base - 1), ListAnswer::none) << length;
    EXPECT_EQ(answer((base | ~mask) + 1), ListAnswer::none) << length;
  }
}

TEST(PrefixTable, ZeroAddressOfIpv6IsNotListedByAccident) {
  const auto table =
      table_of({entry("2001:db8::/64", ListKind::deny), entry("2001:db8::7/128", ListKind::deny)});
  EXPECT_EQ(table->lookup(address("::"), ListSide::source), ListAnswer::none);
  const auto zero = table_of({entry("::/64", ListKind::deny)});
  EXPECT_EQ(zero->lookup(address("::1"), ListSide::source), ListAnswer::deny);
  EXPECT_EQ(zero->lookup(address("0:0:0:1::"), ListSide::source), ListAnswer::none);
}

TEST(PrefixTable, RepeatedShortPrefixesAreDoneOnce) {
  std::vector<ListEntry> entries(50'000, entry("0.0.0.0/1", ListKind::deny));
  const auto table = table_of(entries);
  EXPECT_EQ(table->lookup(address("1.2.3.4"), ListSide::source), ListAnswer::deny);
  EXPECT_EQ(table->lookup(address("128.0.0.0"), ListSide::source), ListAnswer::none);
}

TEST(PrefixTable, CoveredPrefixesOfIpv6AreLeftOut) {
  const auto table =
      table_of({entry("2001:db8::/32", ListKind::deny), entry("2001:db8:1::/48", ListKind::deny),
                entry("2001:db8:1::1/128", ListKind::deny)});
  EXPECT_EQ(table->v6(ListKind::deny, ListSide::source).size(), 1U);
}

TEST(PrefixTable, DamagedEntriesAreRefusedByTheirNumber) {
  std::vector<ListEntry> entries{entry("10.0.0.0/8", ListKind::deny),
                                 entry("10.0.0.0/8", ListKind::deny)};
  entries[1].prefix.length = 33;
  const auto table = PrefixTable::build(entries, kKey);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, ErrorKind::invalid);
  EXPECT_EQ(table.error().message, "lists: entry 2 is not a prefix");
}

TEST(PrefixTable, HostBitsBehindThePrefixAreIgnored) {
  ListEntry sloppy = entry("10.0.0.0/8", ListKind::deny);
  sloppy.prefix.address = address("10.9.9.9");
  const auto table = table_of({sloppy});
  EXPECT_EQ(table->lookup(address("10.0.0.1"), ListSide::source), ListAnswer::deny);
}

TEST(PrefixTable, DigestTellsListsApart) {
  const auto one = table_of({entry("10.0.0.0/8", ListKind::deny)});
  const auto same = table_of({entry("10.0.0.0/8", ListKind::deny)});
  const auto other = table_of({entry("10.0.0.0/8", ListKind::allow)});
  EXPECT_EQ(one->digest(), same->digest());
  EXPECT_NE(one->digest(), other->digest());
}

/// Random prefixes that overlap a lot, and addresses near their edges.
class RandomLists {
 public:
  explicit RandomLists(std::uint64_t seed) : random_(seed) {}

  std::vector<ListEntry> entries(std::size_t count, std::uint8_t version) {
    std::vector<ListEntry> made(count);
    for (ListEntry& entry : made) {
      entry.prefix.length = length(version);
      entry.prefix.address = masked(near(version), entry.prefix.length);
      entry.kind = random_() % 4 == 0 ? ListKind::allow : ListKind::deny;
      entry.side = random_() % 2 == 0 ? ListSide::source : ListSide::destination;
    }
    return made;
  }

  // Few bits vary, so that prefixes and addresses meet.
  IpAddress near(std::uint8_t version) {
    IpAddress address;
    address.version = version;
    const std::size_t size = version == 4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) {
      address.bytes[i] = static_cast<std::uint8_t>(random_() % 4 == 0 ? random_() % 4 : 0);
    }
    address.bytes[size - 1] = static_cast<std::uint8_t>(random_());
    return address;
  }

 private:
  std::uint8_t length(std::uint8_t version) {
    const unsigned bits = version == 4 ? 32 : 128;
    const unsigned shortest = random_() % 16 == 0 ? 4 : bits / 2;
    return static_cast<std::uint8_t>(shortest + random_() % (bits - shortest + 1));
  }
  static IpAddress masked(IpAddress address, unsigned length) {
    for (unsigned bit = length; bit < 128; ++bit) {
      address.bytes[bit / 8] =
          static_cast<std::uint8_t>(address.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
    }
    return address;
  }
  std::mt19937_64 random_;
};

TEST(PrefixTable, AgreesWithALinearScan) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const std::uint8_t version = seed % 2 == 0 ? 4 : 6;
    RandomLists lists(seed);
    const auto entries = lists.entries(seed * 40, version);
    const auto table = table_of(entries);
    for (int i = 0; i < 4000; ++i) {
      const IpAddress candidate = lists.near(version);
      for (const ListSide side : {ListSide::source, ListSide::destination}) {
        ASSERT_EQ(table->lookup(candidate, side), scan(entries, candidate, side))
            << "seed " << seed << " " << to_string(candidate);
      }
    }
  }
}

TEST(PrefixTable, ManyPrefixesOfOneLengthAreAllFoundAndNothingElse) {
  std::mt19937_64 random(99);
  std::vector<ListEntry> entries;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    ListEntry one;
    one.prefix.address.version = 6;
    for (std::uint8_t& byte : one.prefix.address.bytes) byte = static_cast<std::uint8_t>(random());
    one.prefix.length = i % 2 == 0 ? 128 : 64;
    if (one.prefix.length == 64) {
      std::fill(one.prefix.address.bytes.begin() + 8, one.prefix.address.bytes.end(),
                std::uint8_t{0});
    }
    entries.push_back(one);
  }
  const auto table = table_of(entries);
  for (const ListEntry& one : entries) {
    ASSERT_EQ(table->lookup(one.prefix.address, ListSide::source), ListAnswer::deny);
    IpAddress beside = one.prefix.address;
    beside.bytes[7] ^= 1;
    ASSERT_EQ(table->lookup(beside, ListSide::source), ListAnswer::none);
  }
  EXPECT_LE(table->memory_bytes(), PrefixTable::memory_bytes_max(0, entries.size()));
}

// --- PrefixFilter: step A
// -------------------------------------------------------------------------

TEST(PrefixFilter, DeniedSourceIsDroppedBeforeAnyState) {
  const auto table =
      table_of({entry("192.0.2.0/24", ListKind::deny), entry("2001:db8::/64", ListKind::deny)});
  FilterBurst bursts;
  const Packet& v4 = bursts.add("192.0.2.1", "198.51.100.1");
  const Packet& v6 = bursts.add("2001:db8::5", "2001:db8:1::1");
  const Packet& other4 = bursts.add("198.51.100.1", "192.0.2.1");
  const Packet& other6 = bursts.add("2001:db8:1::1", "2001:db8::5");
  PrefixFilter{}.filter_sources(bursts.burst, *table);
  EXPECT_TRUE(is_denied(v4));
  EXPECT_TRUE(is_denied(v6));
  EXPECT_TRUE(other4.is_undecided());
  EXPECT_TRUE(other6.is_undecided());
}

TEST(PrefixFilter, AllowedDestinationSavesADeniedSource) {
  const auto table =
      table_of({entry("192.0.2.0/24", ListKind::deny), entry("2001:db8::/64", ListKind::deny),
                entry("198.51.100.1/32", ListKind::allow, ListSide::destination),
                entry("2001:db8:1::/48", ListKind::allow, ListSide::destination)});
  FilterBurst bursts;
  const Packet& v4 = bursts.add("192.0.2.1", "198.51.100.1");
  const Packet& v6 = bursts.add("2001:db8::5", "2001:db8:1::1");
  const Packet& refused = bursts.add("192.0.2.1", "198.51.100.2");
  PrefixFilter{}.filter_sources(bursts.burst, *table);
  EXPECT_TRUE(v4.is_undecided());
  EXPECT_TRUE(v4.has(kAllowed) && v4.has(kListsChecked));
  EXPECT_TRUE(v6.is_undecided());
  EXPECT_TRUE(v6.has(kAllowed));
  EXPECT_TRUE(is_denied(refused));
}

TEST(PrefixFilter, DecidedAndNonIpPacketsAreLeftAlone) {
  const auto table = table_of({entry("0.0.0.0/0", ListKind::deny)});
  FilterBurst bursts;
  Packet& decided = bursts.add("192.0.2.1", "198.51.100.1");
  decided.drop(DropReason::bad_ip_checksum);
  Packet& frame = bursts.add("192.0.2.1", "198.51.100.1");
  frame.ip_version = 0;
  PrefixFilter{}.filter_sources(bursts.burst, *table);
  PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
  EXPECT_EQ(decided.verdict.reason, DropReason::bad_ip_checksum);
  EXPECT_TRUE(frame.is_undecided());
}

// --- PrefixFilter: step B
// -------------------------------------------------------------------------

TEST(PrefixFilter, DeniedDestinationIsDroppedUnlessTheSourceIsAllowed) {
  const auto table = table_of({entry("192.0.2.0/24", ListKind::deny, ListSide::destination),
                               entry("2001:db8::/64", ListKind::deny, ListSide::destination),
                               entry("198.51.100.7/32", ListKind::allow)});
  FilterBurst bursts;
  const Packet& v4 = bursts.add("198.51.100.1", "192.0.2.1");
  const Packet& v6 = bursts.add("2001:db8:1::1", "2001:db8::9");
  const Packet& saved = bursts.add("198.51.100.7", "192.0.2.1");
  PrefixFilter{}.filter_sources(bursts.burst, *table);
  PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
  EXPECT_TRUE(is_denied(v4));
  EXPECT_TRUE(is_denied(v6));
  EXPECT_TRUE(saved.is_undecided());
  EXPECT_TRUE(saved.has(kAllowed));
}

TEST(PrefixFilter, FlowIsLookedUpOncePerEpoch) {
  const auto table = table_of({entry("203.0.113.0/24", ListKind::deny)});
  Flow flow{};
  FilterBurst first;
  EXPECT_FALSE(first.add("192.0.2.1", "198.51.100.1", &flow).has(kListsChecked));
  PrefixFilter{}.filter_flows(first.burst, *table, kEpoch);
  EXPECT_TRUE(first.burst.packets[0].has(kListsChecked));
  EXPECT_EQ(flow.list_epoch, kEpoch);
  FilterBurst second;
  const Packet& again = second.add("192.0.2.1", "198.51.100.1", &flow);
  PrefixFilter{}.filter_flows(second.burst, *table, kEpoch);
  EXPECT_FALSE(again.has(kListsChecked));
  EXPECT_TRUE(again.is_undecided());
}

TEST(PrefixFilter, FlowOfAnotherEpochIsLookedUpAgain) {
  const auto table = table_of({entry("198.51.100.0/24", ListKind::deny, ListSide::destination)});
  Flow flow{};
  flow.list_epoch = kEpoch - 1;
  FilterBurst bursts;
  const Packet& packet = bursts.add("192.0.2.1", "198.51.100.1", &flow);
  PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
  EXPECT_TRUE(is_denied(packet));
  EXPECT_NE(flow.list_epoch, kEpoch);
}

TEST(PrefixFilter, AllowedFlowStaysAllowedWithoutLookUp) {
  const auto table = table_of({entry("192.0.2.1/32", ListKind::allow),
                               entry("192.0.2.1/32", ListKind::allow, ListSide::destination)});
  Flow flow{};
  for (int i = 0; i < 2; ++i) {
    FilterBurst bursts;
    const Packet& packet = bursts.add("192.0.2.1", "198.51.100.1", &flow);
    PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
    EXPECT_TRUE(packet.has(kAllowed));
    EXPECT_EQ(packet.has(kListsChecked), i == 0);
  }
}

TEST(PrefixFilter, AnswerThatHoldsForOneDirectionIsNotKeptForTheOther) {
  const auto table = table_of({entry("192.0.2.1/32", ListKind::deny, ListSide::destination)});
  Flow flow{};
  FilterBurst bursts;
  const Packet& there = bursts.add("192.0.2.1", "198.51.100.1", &flow);
  const Packet& back = bursts.add("198.51.100.1", "192.0.2.1", &flow);
  PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
  EXPECT_TRUE(there.is_undecided());
  EXPECT_TRUE(is_denied(back));
}

TEST(PrefixFilter, IcmpErrorIsJudgedByItsOwnAddresses) {
  const auto table = table_of({entry("203.0.113.9/32", ListKind::deny, ListSide::destination)});
  Flow flow{};
  flow.list_epoch = kEpoch;
  FilterBurst bursts;
  Packet& error = bursts.add("192.0.2.1", "203.0.113.9", &flow);
  error.set(kIcmpError);
  PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
  EXPECT_TRUE(is_denied(error));
}

TEST(PrefixFilter, BothStepsTogetherAgreeWithALinearScan) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    RandomLists lists(seed * 77);
    auto entries = lists.entries(60, 4);
    const auto more = lists.entries(120, 6);
    entries.insert(entries.end(), more.begin(), more.end());
    const auto table = table_of(entries);
    for (int round = 0; round < 60; ++round) {
      FilterBurst bursts;
      std::vector<std::pair<IpAddress, IpAddress>> pairs;
      for (std::uint32_t i = 0; i < kBurstMax; ++i) {
        const std::uint8_t version = i % 3 == 0 ? 6 : 4;
        pairs.emplace_back(lists.near(version), lists.near(version));
        bursts.add(pairs.back().first, pairs.back().second);
      }
      PrefixFilter{}.filter_sources(bursts.burst, *table);
      PrefixFilter{}.filter_flows(bursts.burst, *table, kEpoch);
      for (std::uint32_t i = 0; i < kBurstMax; ++i) {
        const ListAnswer source = scan(entries, pairs[i].first, ListSide::source);
        const ListAnswer destination = scan(entries, pairs[i].second, ListSide::destination);
        const bool allowed = source == ListAnswer::allow || destination == ListAnswer::allow;
        const bool denied = source == ListAnswer::deny || destination == ListAnswer::deny;
        ASSERT_EQ(is_denied(bursts.burst.packets[i]), denied && !allowed);
        ASSERT_EQ(bursts.burst.packets[i].has(kAllowed), allowed);
      }
    }
  }
}

}  // namespace
}  // namespace sluice
