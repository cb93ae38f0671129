#include "dataplane/inspect/pattern_scan.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

/// Memory of streams that counts what it has given out.
struct CountedMemory {
  std::size_t taken = 0;
  std::size_t given = 0;
  std::size_t bytes = 0;
  bool is_spent = false;

  [[nodiscard]] StreamMemory memory() {
    return {this,
            [](void* self, std::size_t size) noexcept -> void* {
              auto& counted = *static_cast<CountedMemory*>(self);
              if (counted.is_spent) return nullptr;
              ++counted.taken;
              counted.bytes = size;
              return std::malloc(size);
            },
            [](void* self, void* chunk) noexcept {
              ++static_cast<CountedMemory*>(self)->given;
              std::free(chunk);
            }};
  }
};

ScanPattern literal(std::string text, bool nocase = false) {
  ScanPattern pattern;
  pattern.text = std::move(text);
  pattern.nocase = nocase;
  return pattern;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A database with its scratch.
struct Scanner {
  std::shared_ptr<const ScanDatabase> database;
  std::unique_ptr<ScanScratch> scratch;

  Scanner(std::span<const ScanPattern> patterns, ScanMode mode,
          std::size_t matches_max = kScanMatchesMax, std::uint32_t padding = 0) {
    const auto compiled = compile_patterns(patterns, mode, padding);
    if (!compiled) ADD_FAILURE() << compiled.error().message;
    database = *ScanDatabase::create(*compiled);
    scratch = *ScanScratch::create(std::span(&database, 1), matches_max);
  }
};

std::set<std::uint32_t> numbers(const ScanMatches& matches) {
  EXPECT_FALSE(matches.has_failed);
  std::set<std::uint32_t> out;
  for (const PatternMatch& match : matches.found) {
    EXPECT_TRUE(out.insert(match.pattern).second) << "each pattern once";
  }
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether the pattern ends at `end`, by looking.
bool ends_at(const ScanPattern& pattern, std::string_view text, std::size_t end) {
  const std::size_t size = pattern.text.size();
  if (end < size || end < pattern.end_min) return false;
  if (pattern.end_max != 0 && end > pattern.end_max) return false;
  if (pattern.at_end && end != text.size()) return false;
  return std::ranges::equal(text.substr(end - size, size), pattern.text, [&](char a, char b) {
    return pattern.nocase ? lower(a) == lower(b) : a == b;
  });
}

std::set<std::uint32_t> found_by_looking(std::span<const ScanPattern> patterns,
                                         std::string_view text) {
  std::set<std::uint32_t> out;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    for (std::size_t end = 1; end <= text.size(); ++end) {
      if (ends_at(patterns[i], text, end)) out.insert(i);
    }
  }
  return out;
}

std::string random_text(std::mt19937& random, std::size_t size) {
  constexpr std::string_view kLetters("aAbB\0.", 6);
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += kLetters[random() % kLetters.size()];
  return out;
}

std::uint32_t below(std::mt19937& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

std::vector<ScanPattern> random_patterns(std::mt19937& random, bool is_block) {
  std::vector<ScanPattern> out;
  for (std::size_t i = 1 + random() % 20; i > 0; --i) {
    ScanPattern pattern = literal(random_text(random, 1 + random() % 5), random() % 2 == 0);
    const auto size = static_cast<std::uint32_t>(pattern.text.size());
    if (random() % 3 == 0) pattern.end_max = size + below(random, 20);
    if (is_block && random() % 3 == 0) {
      pattern.end_min = pattern.end_max != 0 ? size : size + below(random, 20);
    }
    pattern.at_end = is_block && random() % 4 == 0;
    out.push_back(std::move(pattern));
  }
  return out;
}

TEST(PatternScan, FindsInBlocksWhatLookingFinds) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    const auto patterns = random_patterns(random, true);
    const Scanner scanner(patterns, ScanMode::block);
    for (int i = 0; i < 10; ++i) {
      const std::string text = random_text(random, random() % 80);
      ASSERT_EQ(numbers(scanner.scratch->scan_block(*scanner.database, bytes_of(text))),
                found_by_looking(patterns, text))
          << "seed " << seed << " text " << i;
    }
  }
}

TEST(PatternScan, FindsTheSameWhereverAStreamIsCut) {
  CountedMemory counted;
  const StreamMemory memory = counted.memory();
  for (std::uint32_t seed = 0; seed < 25; ++seed) {
    std::mt19937 random(seed);
    const auto patterns = random_patterns(random, false);
    const Scanner scanner(patterns, ScanMode::stream);
    const std::string text = random_text(random, 60);
    const auto expected = found_by_looking(patterns, text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      ScanStream stream;
      ASSERT_TRUE(stream.open(*scanner.database, memory));
      std::set<std::uint32_t> found;
      for (const std::string_view piece :
           {std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}) {
        found.merge(numbers(stream.scan(*scanner.database, bytes_of(piece), *scanner.scratch)));
      }
      ASSERT_EQ(found, expected) << "seed " << seed << " cut " << cut;
      stream.close(memory);
    }
  }
  EXPECT_EQ(counted.taken, counted.given);
}

TEST(PatternScan, WhatIsAskedBeforeTheEngineHidesNothing) {
  int hidden = 0;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    std::vector<ScanPattern> patterns;
    std::vector<std::string> certain;
    for (std::size_t i = 1 + random() % 6; i > 0; --i) {
      const std::string text = random_text(random, 3 + random() % 6);
      patterns.push_back(literal(text, random() % 2 == 0));
      patterns.back().at_end = random() % 4 == 0;
      certain.push_back(text);
    }
    auto compiled = compile_patterns(patterns, ScanMode::block);
    ASSERT_TRUE(compiled);
    compiled->filter = make_gram_filter(certain);
    const std::string other(40, 'z');
    hidden += compiled->filter.is_for(other.size()) && !compiled->filter.may_match(bytes_of(other));
    const auto database = *ScanDatabase::create(*compiled);
    const auto scratch = *ScanScratch::create(std::span(&database, 1));
    for (int i = 0; i < 40; ++i) {
      const std::string text =
          random_text(random, random() % 20) + patterns[random() % patterns.size()].text;
      ASSERT_EQ(numbers(scratch->scan_block(*database, bytes_of(text))),
                found_by_looking(patterns, text))
          << "seed " << seed;
    }
  }
  EXPECT_GT(hidden, 50) << "of buffers that hold nothing of the patterns";
}

TEST(PatternScan, EndsCountFromTheStartOfTheStream) {
  const ScanPattern pattern = literal("attack");
  const Scanner scanner(std::span(&pattern, 1), ScanMode::stream);
  CountedMemory counted;
  const StreamMemory memory = counted.memory();
  ScanStream stream;
  ASSERT_TRUE(stream.open(*scanner.database, memory));
  EXPECT_EQ(counted.bytes, scanner.database->stream_bytes());
  EXPECT_TRUE(stream.scan(*scanner.database, bytes_of("an att"), *scanner.scratch).found.empty());
  const auto matches = stream.scan(*scanner.database, bytes_of("ack "), *scanner.scratch);
  ASSERT_EQ(matches.found.size(), 1U);
  EXPECT_EQ(matches.found[0].end, 9U);
  EXPECT_TRUE(stream.is_open());
  stream.close(memory);
  EXPECT_FALSE(stream.is_open());
  stream.close(memory);
  EXPECT_EQ(counted.given, 1U);
}

TEST(PatternScan, AStreamWithoutMemoryIsNotOpened) {
  const ScanPattern pattern = literal("attack");
  const Scanner scanner(std::span(&pattern, 1), ScanMode::stream);
  CountedMemory counted;
  counted.is_spent = true;
  const StreamMemory memory = counted.memory();
  ScanStream stream;
  EXPECT_FALSE(stream.open(*scanner.database, memory));
  EXPECT_FALSE(stream.is_open());
  counted.is_spent = false;
  EXPECT_TRUE(stream.open(*scanner.database, memory));
  stream.close(memory);
}

TEST(PatternScan, ARepeatedPatternIsToldOnceAndHidesNoOther) {
  const std::vector<ScanPattern> patterns{literal("a"), literal("zq")};
  const Scanner scanner(patterns, ScanMode::block, 2);
  const auto matches =
      scanner.scratch->scan_block(*scanner.database, bytes_of(fmt::format("{:a>5000}zq", "")));
  EXPECT_FALSE(matches.too_many);
  EXPECT_EQ(numbers(matches), (std::set<std::uint32_t>{0, 1}));
  EXPECT_EQ(matches.found[0].end, 1U);
}

TEST(PatternScan, TooManyPatternsAreTold) {
  const std::vector<ScanPattern> patterns{literal("aa"), literal("bb"), literal("cc")};
  const Scanner scanner(patterns, ScanMode::block, 2);
  auto matches = scanner.scratch->scan_block(*scanner.database, bytes_of("aabbcc"));
  EXPECT_TRUE(matches.too_many);
  EXPECT_EQ(matches.found.size(), 2U);
  matches = scanner.scratch->scan_block(*scanner.database, bytes_of("cc"));
  EXPECT_FALSE(matches.too_many);
  EXPECT_EQ(numbers(matches), (std::set<std::uint32_t>{2}));
}

TEST(PatternScan, PaddingChangesNothing) {
  std::mt19937 random(1);
  const auto patterns = random_patterns(random, true);
  const Scanner plain(patterns, ScanMode::block);
  const Scanner padded(patterns, ScanMode::block, kScanMatchesMax, 300);
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_text(random, random() % 80);
    ASSERT_EQ(numbers(plain.scratch->scan_block(*plain.database, bytes_of(text))),
              numbers(padded.scratch->scan_block(*padded.database, bytes_of(text))));
  }
}

TEST(PatternScan, OneScratchServesAllDatabasesItWasMadeFor) {
  const std::vector<ScanPattern> many{literal("one"), literal("two"), literal("three")};
  std::vector<std::shared_ptr<const ScanDatabase>> databases;
  databases.push_back(*ScanDatabase::create(*compile_patterns(many, ScanMode::block)));
  databases.push_back(
      *ScanDatabase::create(*compile_patterns(std::span(many).first(1), ScanMode::stream)));
  const auto scratch = *ScanScratch::create(databases);
  EXPECT_GT(scratch->bytes(), 0U);
  CountedMemory counted;
  const StreamMemory memory = counted.memory();
  ScanStream stream;
  ASSERT_TRUE(stream.open(*databases[1], memory));
  EXPECT_EQ(numbers(scratch->scan_block(*databases[0], bytes_of("three two"))),
            (std::set<std::uint32_t>{1, 2}));
  EXPECT_EQ(numbers(stream.scan(*databases[1], bytes_of("one"), *scratch)),
            (std::set<std::uint32_t>{0}));
  stream.close(memory);
}

TEST(PatternScan, NoBytesAreNoMatch) {
  const ScanPattern pattern = literal("a");
  const Scanner scanner(std::span(&pattern, 1), ScanMode::block);
  EXPECT_TRUE(numbers(scanner.scratch->scan_block(*scanner.database, {})).empty());
}

// Vectorscan 5.4.9 overlooks matches of small databases: it leaps over bytes that it holds to be of
// no pattern.
TEST(PatternScan, FewLiteralsAreFoundWhereverTheyStand) {
  const std::vector<std::string> words = {"rawword", "only from this port", "needle", "attack",
                                          "cmd.exe", "union select",        "malware"};
  constexpr std::string_view kLetters = " etaoinshrdlu\r\n:/.0123ABCDEF-port";
  std::mt19937 random(3);
  for (std::size_t first = 0; first < words.size(); ++first) {
    for (std::size_t count = 1; count <= 5; ++count) {
      std::vector<ScanPattern> patterns;
      for (std::size_t i = 0; i < count; ++i) {
        patterns.push_back(literal(words[(first + i) % words.size()]));
      }
      const Scanner scanner(patterns, ScanMode::block);
      for (int round = 0; round < 300; ++round) {
        std::string text;
        for (std::size_t i = random() % 250; i > 0; --i) text += kLetters[random() % 33];
        const auto planted = static_cast<std::uint32_t>(random() % count);
        text.insert(random() % (text.size() + 1), patterns[planted].text);
        const auto found = numbers(scanner.scratch->scan_block(*scanner.database, bytes_of(text)));
        ASSERT_TRUE(found.contains(planted)) << patterns[planted].text << " in " << text;
      }
    }
  }
}

TEST(PatternScan, BytesThatAreNoDatabaseAreRefused) {
  const ScanPattern pattern = literal("attack");
  const auto compiled = compile_patterns(std::span(&pattern, 1), ScanMode::block);
  ASSERT_TRUE(compiled);
  for (std::size_t size = 0; size < compiled->bytes.size(); size += 1 + size / 3) {
    PatternDatabase damaged = *compiled;
    damaged.bytes.resize(size);
    EXPECT_FALSE(ScanDatabase::create(damaged)) << size;
  }
  PatternDatabase other = *compiled;
  other.mode = ScanMode::stream;
  EXPECT_FALSE(ScanDatabase::create(other));
}

}  // namespace
}  // namespace sluice
