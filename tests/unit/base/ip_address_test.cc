#include "base/ip_address.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = parse_ip_address(text);
  return address ? to_string(*address) : "error: " + address.error().message;
}

IpPrefix prefix_of(std::string_view text) { return parse_ip_prefix(text).value(); }
IpAddress address_of(std::string_view text) { return parse_ip_address(text).value(); }

TEST(IpAddress, PrintsRfc5952) {
  struct Row {
    const char* written;
    const char* printed;
  };
  const Row rows[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1"},  // 4.1, 4.2.1
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},              // 4.2.2: one group is not cut
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},                       // 4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},                 // 4.2.3: the first of equals
      {"2001:DB8::ABCD", "2001:db8::abcd"},                          // 4.3
      {"fe80:0:0:0:1:2:3:0", "fe80::1:2:3:0"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"::ffff:192.0.2.128", "::ffff:192.0.2.128"},  // 5
      {"::ffff:c000:280", "::ffff:192.0.2.128"},
      {"::192.0.2.1", "::c000:201"},
  };
  for (const Row& row : rows) EXPECT_EQ(round_trip(row.written), row.printed);
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  const std::string with_zero("10.0.0.1\0", 9);
  for (const std::string_view text : {"", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4",
                                      " 1.2.3.4", "1.2.3.4 ", ":::", "1::2::3", "fe80::1%eth0",
                                      "[::1]", "12345::", "1.2.3.4:80", "::1.2.3", "example.org"}) {
    EXPECT_FALSE(parse_ip_address(text)) << text;
  }
  EXPECT_FALSE(parse_ip_address(with_zero));
  EXPECT_FALSE(parse_ip_address(std::string(100'000, '1')));
}

TEST(IpAddress, HoldsV4InTheFirstFourBytes) {
  const IpAddress address = IpAddress::from_v4(0xc0000201);
  EXPECT_EQ(address, address_of("192.0.2.1"));
  EXPECT_EQ(address.v4(), 0xc0000201U);
  EXPECT_EQ(address.bytes[0], 192);
  EXPECT_EQ(address.bytes[4], 0);
}

TEST(IpAddress, ReadsBackEveryPrintedAddress) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress address;
    address.version = 6;
    for (std::size_t group = 0; group < 16; group += 2) {
      const auto bits = random();
      if (bits % 2 == 0) continue;  // zero groups are what makes the text interesting
      address.bytes[group] = static_cast<std::uint8_t>(bits >> 8);
      address.bytes[group + 1] = static_cast<std::uint8_t>(bits >> 16);
    }
    ASSERT_EQ(address_of(to_string(address)), address) << to_string(address);
  }
}

TEST(IpPrefix, CoversExactlyItsAddresses) {
  EXPECT_TRUE(prefix_of("10.0.0.0/8").covers(address_of("10.255.0.1")));
  EXPECT_FALSE(prefix_of("10.0.0.0/8").covers(address_of("11.0.0.0")));
  EXPECT_TRUE(prefix_of("10.64.0.0/10").covers(address_of("10.127.255.255")));
  EXPECT_FALSE(prefix_of("10.64.0.0/10").covers(address_of("10.128.0.0")));
  EXPECT_TRUE(prefix_of("0.0.0.0/0").covers(address_of("203.0.113.9")));
  EXPECT_FALSE(prefix_of("0.0.0.0/0").covers(address_of("::1")));
  EXPECT_FALSE(prefix_of("::/0").covers(address_of("203.0.113.9")));
  EXPECT_TRUE(prefix_of("2001:db8::/33").covers(address_of("2001:db8:7fff::1")));
  EXPECT_FALSE(prefix_of("2001:db8::/33").covers(address_of("2001:db8:8000::1")));
  EXPECT_TRUE(prefix_of("::1").covers(address_of("::1")));
}

TEST(IpPrefix, TakesAnAddressAsAHost) {
  EXPECT_EQ(to_string(prefix_of("192.0.2.7")), "192.0.2.7/32");
  EXPECT_EQ(to_string(prefix_of("2001:db8::7")), "2001:db8::7/128");
}

TEST(IpPrefix, NamesThePrefixThatWasMeant) {
  const auto prefix = parse_ip_prefix("10.1.2.3/8");
  ASSERT_FALSE(prefix);
  EXPECT_EQ(prefix.error().message, "'10.1.2.3/8' has bits set behind its length");
  EXPECT_EQ(prefix.error().hint, "did you mean '10.0.0.0/8'?");
}

TEST(IpPrefix, RefusesBadLengths) {
  for (const std::string_view text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "::/129", "/8",
        "10.0.0.0/255.0.0.0", "10.0.0.0/4294967304"}) {
    EXPECT_FALSE(parse_ip_prefix(text)) << text;
  }
}

}  // namespace
}  // namespace sluice
