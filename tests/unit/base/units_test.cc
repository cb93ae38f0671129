#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string_view>

namespace sluice {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

/// Values of every magnitude, many of them whole multiples of a unit.
template <class Check>
void for_many_values(Check check) {
  std::mt19937_64 random(42);
  const std::uint64_t scales[] = {1, 1000, 1024, 1'000'000, 1 << 20, 1'000'000'000, 60'000'000'000};
  for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, kLargest}) check(value);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t any = random() >> (random() % 64);
    check(any);
    const std::uint64_t scale = scales[static_cast<std::size_t>(i) % std::size(scales)];
    check(any / scale * scale);
  }
}

TEST(Units, ReadsBytes) {
  EXPECT_EQ(parse_bytes("512"), 512U);
  EXPECT_EQ(parse_bytes("64KiB"), 65536U);
  EXPECT_EQ(parse_bytes("2MiB"), 2U << 20);
  EXPECT_EQ(parse_bytes("1GiB"), 1U << 30);
  EXPECT_EQ(parse_bytes("64kB"), 64000U);
  EXPECT_EQ(parse_bytes("2MB"), 2'000'000U);
  EXPECT_EQ(parse_bytes("1.5KiB"), 1536U);
  EXPECT_EQ(parse_bytes("18446744073709551615"), kLargest);
}

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration("250ns"), 250U);
  EXPECT_EQ(parse_duration("10us"), 10'000U);
  EXPECT_EQ(parse_duration("30s"), 30 * kNsPerSecond);
  EXPECT_EQ(parse_duration("2h4min"), 7440 * kNsPerSecond);
  EXPECT_EQ(parse_duration("1d"), 86'400 * kNsPerSecond);
  EXPECT_EQ(parse_duration("1.5s"), 1'500 * kNsPerMs);
  EXPECT_EQ(parse_duration("0s"), 0U);
}

TEST(Units, ReadsRates) {
  EXPECT_EQ(parse_bit_rate("10Mbit/s"), 10'000'000U);
  EXPECT_EQ(parse_bit_rate("1.5Gbit/s"), 1'500'000'000U);
  EXPECT_EQ(parse_bit_rate("1.500000000000Gbit/s"), 1'500'000'000U);
  EXPECT_EQ(parse_bit_rate("9600bit/s"), 9600U);
  EXPECT_EQ(parse_event_rate("1000/s"), 1000U);
  EXPECT_EQ(parse_event_rate("20k/s"), 20'000U);
  EXPECT_EQ(parse_event_rate("1.5M/s"), 1'500'000U);
}

TEST(Units, RefusesWhatIsNotExact) {
  EXPECT_EQ(parse_bit_rate("0.5bit/s").error().message,
            "'0.5bit/s' is not a whole number of bits per second");
  EXPECT_EQ(parse_bytes("0.3KiB").error().message, "'0.3KiB' is not a whole number of bytes");
  EXPECT_FALSE(parse_duration("0.0000000001s"));
}

TEST(Units, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_bytes("18446744073709551616").error().message,
            "'18446744073709551616' is too large for a number of bytes");
  EXPECT_FALSE(parse_bytes("17179869184GiB"));
  EXPECT_FALSE(parse_duration("213504d"));
  EXPECT_FALSE(parse_duration("213503d1000000000h"));
}

TEST(Units, RefusesMalformedText) {
  for (const std::string_view text :
       {"", "KiB", "-1", "+1", " 1", "1 ", "1 KiB", "1kib", "1K", "1e3", "0x10", ".5KiB", "5.KiB",
        "1.2.3KiB", "64KiB64", "1,5MB"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
  for (const std::string_view text :
       {"", "s", "4min2h", "30s30s", "1min1m", "1mm", "1sec", "5s ", "1h-2min"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (const std::string_view text : {"10", "10Mbps", "10Mbit", "10MB/s", "10 Mbit/s"}) {
    EXPECT_FALSE(parse_bit_rate(text)) << text;
  }
  for (const std::string_view text : {"1000", "1000pps", "/s", "1K/s"}) {
    EXPECT_FALSE(parse_event_rate(text)) << text;
  }
}

TEST(Units, NamesTheMissingUnitOfADuration) {
  EXPECT_EQ(parse_duration("30").error().message,
            "'30' has no unit: write a duration such as 30s or 30ms");
}

TEST(Units, PrintsTheNormalForm) {
  EXPECT_EQ(print_bytes(0), "0");
  EXPECT_EQ(print_bytes(65536), "64KiB");
  EXPECT_EQ(print_bytes(64000), "64kB");
  EXPECT_EQ(print_bytes(1001), "1001");
  EXPECT_EQ(print_duration(0), "0s");
  EXPECT_EQ(print_duration(7440 * kNsPerSecond), "2h4min");
  EXPECT_EQ(print_duration(1'500 * kNsPerMs), "1s500ms");
  EXPECT_EQ(print_bit_rate(0), "0bit/s");
  EXPECT_EQ(print_bit_rate(1'500'000'000), "1500Mbit/s");
  EXPECT_EQ(print_event_rate(20'000), "20k/s");
  EXPECT_EQ(print_event_rate(1), "1/s");
}

TEST(Units, ReadBackWhatTheyPrint) {
  for_many_values([](std::uint64_t value) {
    ASSERT_EQ(parse_bytes(print_bytes(value)), value);
    ASSERT_EQ(parse_duration(print_duration(value)), value);
    ASSERT_EQ(parse_bit_rate(print_bit_rate(value)), value);
    ASSERT_EQ(parse_event_rate(print_event_rate(value)), value);
  });
}

}  // namespace
}  // namespace sluice
