#include "base/five_tuple.h"

#include <gtest/gtest.h>

#include <utility>

namespace sluice {
namespace {

constexpr SipKey kKey{11, 22};

FiveTuple tuple_of(const char* source, std::uint16_t source_port, const char* destination,
                   std::uint16_t destination_port, std::uint8_t protocol = 6) {
  FiveTuple tuple;
  tuple.source = parse_ip_address(source).value();
  tuple.destination = parse_ip_address(destination).value();
  tuple.source_port = source_port;
  tuple.destination_port = destination_port;
  tuple.protocol = protocol;
  return tuple;
}

FiveTuple reversed(FiveTuple tuple) {
  std::swap(tuple.source, tuple.destination);
  std::swap(tuple.source_port, tuple.destination_port);
  return tuple;
}

TEST(FlowKey, IsTheSameForBothDirections) {
  for (const FiveTuple& tuple :
       {tuple_of("192.0.2.1", 80, "192.0.2.2", 999), tuple_of("10.0.0.9", 1, "10.0.0.9", 2),
        tuple_of("2001:db8::2", 443, "2001:db8::1", 50000)}) {
    const CanonicalKey there = canonical(tuple);
    const CanonicalKey back = canonical(reversed(tuple));
    EXPECT_EQ(there.key, back.key);
    EXPECT_NE(there.source_is_low, back.source_is_low);
  }
}

TEST(FlowKey, OrdersAddressesAsNetworkBytes) {
  const CanonicalKey canon = canonical(tuple_of("2.0.0.1", 5, "1.0.0.2", 6));
  EXPECT_FALSE(canon.source_is_low);
  EXPECT_EQ(canon.key.low[0], 1);
  EXPECT_EQ(canon.key.low_port, 6);
}

TEST(FlowKey, GivesTheTupleBack) {
  FiveTuple tuple = tuple_of("192.0.2.200", 80, "192.0.2.2", 999);
  tuple.domain = 7;
  const CanonicalKey canon = canonical(tuple);
  EXPECT_EQ(tuple_from(canon.key, canon.source_is_low), tuple);
  EXPECT_EQ(tuple_from(canon.key, !canon.source_is_low), reversed(tuple));
}

TEST(FlowId, IsExactForV4) {
  FiveTuple tuple = tuple_of("192.0.2.1", 80, "192.0.2.2", 999);
  tuple.domain = 3;
  const FlowId id = flow_id(kKey, canonical(tuple).key);
  EXPECT_EQ(id.lo, 0xc0000201c0000202U);
  EXPECT_EQ(id.hi, 80ULL << 48 | 999ULL << 32 | 3ULL << 16 | 6ULL << 8 | 4);
  EXPECT_FALSE(id.is_v6());
}

TEST(FlowId, IsTheKeyedDigestForV6) {
  const FlowKey key = canonical(tuple_of("2001:db8::1", 80, "2001:db8::2", 999)).key;
  const FlowId id = flow_id(kKey, key);
  const Hash128 digest = siphash128<1, 3>(kKey, &key, sizeof key);
  EXPECT_EQ(id.lo, digest.lo);
  EXPECT_EQ(id.hi >> 8, digest.hi >> 8);
  EXPECT_TRUE(id.is_v6());
  EXPECT_NE(id, flow_id(SipKey{11, 23}, key));
}

TEST(FlowId, TellsDomainsAndProtocolsApart) {
  FiveTuple tuple = tuple_of("192.0.2.1", 80, "192.0.2.2", 999);
  const FlowId id = flow_id(kKey, canonical(tuple).key);
  tuple.domain = 1;
  EXPECT_NE(flow_id(kKey, canonical(tuple).key), id);
  tuple.domain = 0;
  tuple.protocol = 17;
  EXPECT_NE(flow_id(kKey, canonical(tuple).key), id);
}

TEST(FlowId, HashesV4IdsWithTheKey) {
  const FlowId id{1, 4};
  EXPECT_EQ(table_hash(kKey, id), (siphash<1, 3>(kKey, &id, sizeof id)));
  EXPECT_NE(table_hash(kKey, id), table_hash(SipKey{11, 23}, id));
}

TEST(FiveTuple, ReadsAsText) {
  EXPECT_EQ(to_string(tuple_of("192.0.2.1", 80, "192.0.2.2", 99)),
            "tcp 192.0.2.1:80 > 192.0.2.2:99");
  EXPECT_EQ(to_string(tuple_of("2001:db8::1", 53, "::1", 99, 17)),
            "udp [2001:db8::1]:53 > [::1]:99");
  EXPECT_EQ(to_string(tuple_of("192.0.2.1", 7, "192.0.2.2", 7, 1)), "icmp 192.0.2.1 > 192.0.2.2");
  EXPECT_EQ(to_string(tuple_of("192.0.2.1", 0, "192.0.2.2", 0, 200)),
            "proto-200 192.0.2.1 > 192.0.2.2");
}

}  // namespace
}  // namespace sluice
