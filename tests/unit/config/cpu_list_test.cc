#include "config/cpu_list.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using Cpus = std::vector<std::uint32_t>;

TEST(CpuList, ReadsRangesInTheirOrder) {
  EXPECT_EQ(parse_cpu_list("2-5,8").value(), (Cpus{2, 3, 4, 5, 8}));
  EXPECT_EQ(parse_cpu_list("8,0").value(), (Cpus{8, 0}));
  EXPECT_EQ(parse_cpu_list("3-3").value(), (Cpus{3}));
  EXPECT_EQ(parse_cpu_list("4095").value(), (Cpus{4095}));
}

TEST(CpuList, RefusesWhatNamesNoCpus) {
  for (const std::string_view text : {"", ",", "1,", ",1", "1,,2", "5-2", "-1", "1-", "a", "1 2",
                                      "1-2-3", "4096", "99999999999", "+1", "0x1"}) {
    EXPECT_FALSE(parse_cpu_list(text)) << text;
  }
}

TEST(CpuList, RefusesACpuTwice) {
  EXPECT_EQ(parse_cpu_list("1-4,3").error().message, "CPU 3 stands twice");
}

}  // namespace
}  // namespace sluice
