#include "base/suggest.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

constexpr std::string_view kWords[] = {"exception_policy", "timeout", "datagrams", "mtu", "name"};

TEST(NearestWord, FindsASlipOfTheKeyboard) {
  EXPECT_EQ(nearest_word("exeption_policy", kWords), "exception_policy");  // left out
  EXPECT_EQ(nearest_word("timeoutt", kWords), "timeout");                  // twice
  EXPECT_EQ(nearest_word("tiemout", kWords), "timeout");                   // swapped
  EXPECT_EQ(nearest_word("nome", kWords), "name");                         // another
}

TEST(NearestWord, CountsASwapAsOne) {
  const std::string_view words[] = {"mut", "mtu"};
  EXPECT_EQ(nearest_word("umt", words), "mut");
  EXPECT_EQ(nearest_word("mtu", words), "mtu");
}

TEST(NearestWord, IsEmptyWhereNothingIsNear) {
  EXPECT_EQ(nearest_word("colour", kWords), "");
  EXPECT_EQ(nearest_word("xyz", kWords), "");
  EXPECT_EQ(nearest_word("", kWords), "");
  EXPECT_EQ(nearest_word("timeout", {}), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'a'), kWords), "");
}

TEST(NearestWord, TakesTheFirstOfEquals) {
  const std::string_view words[] = {"cat", "bat"};
  EXPECT_EQ(nearest_word("rat", words), "cat");
}

}  // namespace
}  // namespace sluice
