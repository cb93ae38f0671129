#include "control/respond/block_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice {
namespace {

std::string normal(const std::string& text) {
  const auto target = parse_block_target(text);
  if (!target) return "error: " + target.error().message;
  EXPECT_TRUE(is_well_formed(*target)) << text;
  EXPECT_EQ(parse_block_target(to_string(*target)).value(), *target) << text;
  return to_string(*target);
}
std::string hint(const std::string& text) {
  const auto target = parse_block_target(text);
  return target ? "none" : target.error().hint;
}

TEST(BlockText, PrintsWhatItReadInNormalForm) {
  EXPECT_EQ(normal("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(normal("192.0.2.1/32"), "192.0.2.1");
  EXPECT_EQ(normal("198.51.100.0/24"), "198.51.100.0/24");
  EXPECT_EQ(normal("2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(normal("2001:db8::/32"), "2001:db8::/32");
  EXPECT_EQ(normal("udp [2001:db8::2]:53 [2001:db8::1]:4242"),
            "udp [2001:db8::1]:4242 [2001:db8::2]:53");
  EXPECT_EQ(normal("  sctp  10.0.0.2:1   10.0.0.1:2 "), "sctp 10.0.0.1:2 10.0.0.2:1");
  EXPECT_EQ(normal("icmp 10.0.0.2 10.0.0.1"), "icmp 10.0.0.1 10.0.0.2");
  EXPECT_EQ(normal("icmp 2001:db8::2 2001:db8::1"), "icmpv6 2001:db8::1 2001:db8::2");
}

TEST(BlockText, GivesBothDirectionsOfAFlowOneTarget) {
  EXPECT_EQ(parse_block_target("tcp 192.0.2.1:80 198.51.100.2:4242").value(),
            parse_block_target("tcp 198.51.100.2:4242 192.0.2.1:80").value());
  EXPECT_EQ(parse_block_target("tcp 192.0.2.1:80 192.0.2.1:79").value(),
            parse_block_target("tcp 192.0.2.1:79 192.0.2.1:80").value());
}

TEST(BlockText, RefusesWhatWouldBlockMost) {
  EXPECT_EQ(normal("0.0.0.0/0"), "error: 0.0.0.0/0 would block everything");
  EXPECT_EQ(normal("::/0"), "error: ::/0 would block everything");
  EXPECT_EQ(normal("10.0.0.0/7"),
            "error: 10.0.0.0/7 is too wide: at most a /8 (IPv4) or a /16 (IPv6)");
  EXPECT_EQ(normal("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(normal("2000::/15"),
            "error: 2000::/15 is too wide: at most a /8 (IPv4) or a /16 (IPv6)");
  EXPECT_EQ(normal("2001::/16"), "2001::/16");
}

TEST(BlockText, SuggestsTheAddressBehindAMappedOne) {
  EXPECT_EQ(normal("::ffff:192.0.2.1"),
            "error: ::ffff:192.0.2.1 is an IPv4-mapped address, which no packet has");
  EXPECT_EQ(hint("::ffff:192.0.2.1"), "did you mean '192.0.2.1'?");
  EXPECT_EQ(hint("::ffff:192.0.2.0/120"), "did you mean '192.0.2.0/24'?");
  EXPECT_EQ(hint("tcp [::ffff:192.0.2.1]:1 [2001:db8::1]:2"), "did you mean '192.0.2.1'?");
}

TEST(BlockText, SaysWhatIsWrong) {
  EXPECT_EQ(hint("192.0.2.1/24"), "did you mean '192.0.2.0/24'?");
  EXPECT_EQ(normal("tpc 192.0.2.1:80 192.0.2.2:1"),
            "error: 'tpc' is not a protocol: tcp, udp, sctp, icmp, icmpv6 would do");
  EXPECT_EQ(hint("tpc 192.0.2.1:80 192.0.2.2:1"), "did you mean 'tcp'?");
  for (const char* end : {"192.0.2.1", "192.0.2.1:65536", "192.0.2.1:", "2001:db8::1:80", ":80",
                          "[2001:db8::1]", "[192.0.2.1]:80", "192.0.2.1:-1", "[2001:db8::1:80"}) {
    EXPECT_TRUE(normal(std::string("tcp 192.0.2.9:1 ") + end).starts_with("error: ")) << end;
  }
  EXPECT_EQ(normal("tcp 192.0.2.1:80 [2001:db8::1]:80"),
            "error: 192.0.2.1:80 and [2001:db8::1]:80 are of different families: one of both");
  EXPECT_EQ(hint("icmpv6 192.0.2.1 192.0.2.2"), "did you mean 'icmp'?");
  for (const char* text : {"", " ", "a b", "tcp a b c", "tcp 1.1.1.1:1 1.1.1.2:2 3"}) {
    EXPECT_TRUE(normal(text).starts_with("error: ")) << text;
  }
}

TEST(BlockText, FindsWhatTouchesAPrefix) {
  const auto touching = [](const char* what, const char* prefix) {
    return touches(parse_block_target(what).value(), parse_ip_prefix(prefix).value());
  };
  EXPECT_TRUE(touching("192.0.2.1", "192.0.2.0/24"));
  EXPECT_TRUE(touching("192.0.2.0/24", "192.0.2.7"));
  EXPECT_FALSE(touching("192.0.2.0/24", "192.0.3.0/24"));
  EXPECT_FALSE(touching("192.0.2.0/24", "2001:db8::/32"));
  EXPECT_TRUE(touching("tcp 10.0.0.1:1 10.9.0.1:2", "10.9.0.0/16"));
  EXPECT_TRUE(touching("tcp 10.0.0.1:1 10.9.0.1:2", "10.0.0.1"));
  EXPECT_FALSE(touching("tcp 10.0.0.1:1 10.9.0.1:2", "10.8.0.0/16"));
}

TEST(BlockText, TellsTheWireTheSame) {
  const auto target = parse_block_target("tcp 192.0.2.1:80 198.51.100.2:4242").value();
  const BlockEntry flow = block_entry(target, 7, 9);
  EXPECT_EQ(flow.kind, BlockKind::flow);
  EXPECT_EQ(to_string(flow.low) + " " + to_string(flow.high), "192.0.2.1 198.51.100.2");
  EXPECT_EQ(flow.low_port, 80);
  EXPECT_EQ(flow.high_port, 4242);
  EXPECT_EQ(flow.protocol, 6);
  const auto source = block_entry(parse_block_target("2001:db8::/32").value(), 8, 9);
  EXPECT_EQ(to_string(source.prefix), "2001:db8::/32");
  EXPECT_EQ(source.id, 8U);
  EXPECT_EQ(source.until, 9U);
}

TEST(BlockText, AcceptsOnlyBytesThatParsingMakes) {
  std::mt19937 random(7);
  for (const char* text : {"192.0.2.1", "2001:db8::/32", "tcp 192.0.2.1:80 198.51.100.2:4242",
                           "icmp 192.0.2.1 192.0.2.2", "udp [2001:db8::1]:1 [2001:db8::2]:2"}) {
    const BlockTarget good = parse_block_target(text).value();
    for (int i = 0; i < 2000; ++i) {
      BlockTarget target = good;
      reinterpret_cast<unsigned char*>(&target)[random() % sizeof target] =
          static_cast<unsigned char>(random());
      if (!is_well_formed(target)) continue;
      const auto parsed = parse_block_target(to_string(target));
      ASSERT_TRUE(parsed && *parsed == target) << to_string(target);
    }
  }
}

}  // namespace
}  // namespace sluice
