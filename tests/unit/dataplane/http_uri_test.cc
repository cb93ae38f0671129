#include "dataplane/inspect/http_uri.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

std::string normal(std::string_view target) {
  std::string out(target.size(), '\0');
  out.resize(normalise_uri(test::bytes_of(target), reinterpret_cast<std::uint8_t*>(out.data())));
  return out;
}

TEST(HttpUri, PathIsDecodedOnceAndResolved) {
  const std::pair<const char*, const char*> rows[] = {
      {"/", "/"},
      {"/Abc/%41%2fx", "/Abc/A/x"},
      {"/a//b///c", "/a/b/c"},
      {"/a/../b/./c/..", "/b"},
      {"/../../x", "/x"},
      {"/a\\b\\\\c", "/a/b/c"},
      {"/a%5cb", "/a/b"},
      {"/a%u0041b", "/aAb"},
      {"/a%uff0fb", "/a/b"},
      {"/x%zzq%4", "/x%zzq%4"},
      {"/a+b", "/a+b"},
      {"/%2541", "/%41"},
      {"/..%2f..%2fetc", "/etc"},
      {"/%2e%2e/x", "/x"},
      {"/a%c0%afb", "/a/b"},
      {"/a/.", "/a"},
      {"/a/..", "/"},
      {"/a/", "/a/"},
      {"/a/..b/...", "/a/..b/..."},
      {"*", "*"},
      {"host:443", "host:443"},
      {"%", "%"},
      {"%u", "%u"},
      {"", ""},
  };
  for (const auto& [raw, expected] : rows) EXPECT_EQ(normal(raw), expected) << raw;
}

TEST(HttpUri, BehindTheQuestionMarkOnlyPercentIsUndone) {
  EXPECT_EQ(normal("/p?a=%41+b%2541\\c//d/../e#frag%41"), "/p?a=A+b%41\\c//d/../e#fragA");
  EXPECT_EQ(normal("?x=%20%u0041"), "?x= %u0041");
  EXPECT_EQ(normal("/a#b?c%41%u0042"), "/a#b?cAB");
}

TEST(HttpUri, SchemeAndAuthorityAreTakenAway) {
  EXPECT_EQ(normal("http://host.com:80/pa//th?q"), "/pa/th?q");
  EXPECT_EQ(normal("http://host"), "");
  EXPECT_EQ(test::text_of(authority_of(test::bytes_of("http://u@h:80?q"))), "u@h:80");
  EXPECT_EQ(test::text_of(authority_of(test::bytes_of("/http://h/"))), "");
}

TEST(HttpUri, NulIsAByteAsAnyOther) { EXPECT_EQ(normal("/a%00b"), std::string("/a\0b", 4)); }

TEST(HttpUri, WhatIsTakenForNormalIsNotChanged) {
  std::mt19937 random(7);
  constexpr std::string_view kBytes = "/.%\\?#+ab25cfu\xc0\xaf";
  int normal_ones = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string target = "/";
    const std::size_t bytes = random() % 70;
    const std::size_t letters = round % 2 == 0 ? 0 : 3;
    for (std::size_t i = 0; i < bytes; ++i) {
      const bool is_letter = random() % 4 < letters;
      target += is_letter ? 'q' : kBytes[random() % kBytes.size()];
    }
    const std::string out = normal(target);
    ASSERT_LE(out.size(), target.size());
    if (!is_normal_uri(test::bytes_of(target))) continue;
    ++normal_ones;
    ASSERT_EQ(out, target);
  }
  EXPECT_GT(normal_ones, 1000);
}

}  // namespace
}  // namespace sluice
