#include "config/listen_address.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ListenAddress, IsAnAddressAndAPort) {
  const auto v4 = parse_listen_address("127.0.0.1:9464");
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(v4->port, 9464);
  EXPECT_EQ(to_string(*v4), "127.0.0.1:9464");
  const auto v6 = parse_listen_address("[2001:db8::1]:80");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(to_string(*v6), "[2001:db8::1]:80");
}

TEST(ListenAddress, RefusesNamesPortsOutOfRangeAndBareIpv6) {
  for (const std::string_view text :
       {"", ":", "9464", "localhost:9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
        "127.0.0.1:65536", "127.0.0.1:80x", "::1:9464", "[127.0.0.1]:80", "[::1]", "[]:80"}) {
    EXPECT_FALSE(parse_listen_address(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sluice
