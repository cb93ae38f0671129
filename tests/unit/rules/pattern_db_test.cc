#include "rules/pattern_db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/shape_corpus.h"

namespace sluice {
namespace {

ScanPattern literal(std::string text) {
  ScanPattern pattern;
  pattern.text = std::move(text);
  return pattern;
}

ScanPattern regex(std::string text) {
  ScanPattern pattern = literal(std::move(text));
  pattern.kind = PatternKind::regex;
  return pattern;
}

TEST(PatternDb, SameInputsGiveTheSameBytesAndDigest) {
  const std::vector<ScanPattern> patterns{literal("attack"), regex("un[io]on\\s+select")};
  for (const ScanMode mode : {ScanMode::block, ScanMode::stream}) {
    const auto first = compile_patterns(patterns, mode);
    const auto second = compile_patterns(patterns, mode);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->bytes, second->bytes);
    EXPECT_EQ(first->digest, second->digest);
    EXPECT_EQ(first->digest, pattern_digest(patterns, mode));
  }
}

TEST(PatternDb, EveryInputChangesTheDigest) {
  const ScanPattern plain = literal("attack");
  std::vector<ScanPattern> others(6, plain);
  others[0].text = "attacc";
  others[1].nocase = true;
  others[2].end_max = 9;
  others[3].end_min = 9;
  others[4].at_end = true;
  others[5].kind = PatternKind::regex;
  const Hash128 digest = pattern_digest(std::span(&plain, 1), ScanMode::block);
  for (const ScanPattern& other : others) {
    EXPECT_NE(pattern_digest(std::span(&other, 1), ScanMode::block), digest);
  }
  EXPECT_NE(pattern_digest(std::span(&plain, 1), ScanMode::stream), digest);
  EXPECT_NE(pattern_digest(std::span(&plain, 1), ScanMode::block, 1), digest);
  const std::vector<ScanPattern> two{plain, plain};
  EXPECT_NE(pattern_digest(two, ScanMode::block), digest);
}

TEST(PatternDb, AFaultNamesThePatternAndThePlaceInIt) {
  const std::vector<ScanPattern> patterns{literal("good"), regex("(a"), literal("fine")};
  const auto database = compile_patterns(patterns, ScanMode::block);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().pattern, 1U);
  EXPECT_THAT(database.error().message, testing::HasSubstr("at index 0"));
}

TEST(PatternDb, APatternThatIsTooLargeIsAFaultAndNotACrash) {
  const std::vector<ScanPattern> patterns{literal("good"),
                                          regex("(([a-z]{1,900}x){1,900}y){1,900}")};
  const auto database = compile_patterns(patterns, ScanMode::stream);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().pattern, 1U);
}

TEST(PatternDb, AnExpressionThatMatchesNothingAtAllIsRefusedBeforehand) {
  EXPECT_FALSE(check_pattern(regex("a*")));
  EXPECT_FALSE(check_pattern(regex("(?=look)ahead")));
  EXPECT_TRUE(check_pattern(regex("a+")));
  EXPECT_TRUE(check_pattern(literal(std::string("\0\0", 2))));
}

TEST(PatternDb, AnExpressionThatWaitsForTheEndIsTold) {
  EXPECT_TRUE(check_pattern(regex("end$"))->needs_end);
  EXPECT_FALSE(check_pattern(regex("end"))->needs_end);
  EXPECT_EQ(check_pattern(regex("end+"))->min, 3U);
}

TEST(PatternDb, LooseExpressionsTakeWhatTheEngineCannotDo) {
  ScanPattern pattern = regex("(\\w+)=\\1");
  EXPECT_FALSE(check_pattern(pattern));
  pattern.kind = PatternKind::loose_regex;
  EXPECT_TRUE(check_pattern(pattern));
}

TEST(PatternDb, OnlyStreamsHaveStateOfStreams) {
  const ScanPattern pattern = literal("attack");
  const auto block = compile_patterns(std::span(&pattern, 1), ScanMode::block);
  const auto stream = compile_patterns(std::span(&pattern, 1), ScanMode::stream);
  ASSERT_TRUE(block && stream);
  EXPECT_EQ(block->stream_bytes, 0U);
  EXPECT_GT(stream->stream_bytes, 0U);
  EXPECT_GT(block->scratch_bytes, 0U);
}

TEST(PatternDb, NoPatternsAreAFault) { EXPECT_FALSE(compile_patterns({}, ScanMode::block)); }

TEST(PatternDb, ScansOfOrdinaryTextAreMeasured) {
  const ScanPattern pattern = literal("attack");
  const auto database = compile_patterns(std::span(&pattern, 1), ScanMode::stream, 50);
  ASSERT_TRUE(database);
  EXPECT_EQ(database->padding, 50U);
  const auto texts = ordinary_texts(4, 1'400);
  const auto cost = scan_cost_ns(*database, texts, 2);
  ASSERT_TRUE(cost);
  EXPECT_GT(*cost, 0U);
  PatternDatabase damaged = *database;
  damaged.bytes.resize(damaged.bytes.size() / 2);
  EXPECT_FALSE(scan_cost_ns(damaged, texts, 1));
}

TEST(ShapeCorpus, IsTheSameEveryTime) {
  const auto texts = ordinary_texts(10, 1'000);
  EXPECT_EQ(texts, ordinary_texts(10, 1'000));
  for (const std::string& text : texts) EXPECT_GE(text.size(), 1'000U);
}

}  // namespace
}  // namespace sluice
