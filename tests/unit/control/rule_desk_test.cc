// Rules as they are looked for, and the heaviest of many.
#include "control/rule_desk.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

namespace sluice {
namespace {

using ::testing::ElementsAre;

struct Written {
  Ruleset rules;
  RuleTexts texts;
  void add(std::uint32_t gid, std::uint32_t id, const std::string& name) {
    CompiledRule& rule = rules.rules.emplace_back();
    rule.gid = gid;
    rule.id = id;
    RuleText& text = texts.rules.emplace_back();
    text.name = name;
    text.class_name = "scan";
  }
};

TEST(RuleCatalog, FindsRulesByIdWhateverTheirOrder) {
  Written written;
  written.add(1, 30, "c");
  written.add(3, 20, "b");
  written.add(1, 20, "a");
  const RuleCatalog catalog(written.rules, written.texts);
  EXPECT_THAT(catalog.find({0, 30}), ElementsAre(0U));
  EXPECT_THAT(catalog.find({0, 20}), ElementsAre(2U, 1U));
  EXPECT_THAT(catalog.find({3, 20}), ElementsAre(1U));
  EXPECT_THAT(catalog.find({0, 21}), ElementsAre());
  EXPECT_THAT(catalog.classes(), ElementsAre("scan"));
}

TEST(RuleCatalog, KnowsAnIdThatIsASlipAway) {
  Written written;
  written.add(1, 20031, "a");
  const RuleCatalog catalog(written.rules, written.texts);
  for (const std::uint32_t slip : {2031U, 200311U, 20032U, 20301U, 2003U}) {
    EXPECT_EQ(catalog.nearest_id(slip), 20031U) << slip;
  }
  EXPECT_EQ(catalog.nearest_id(4711), 0U);
}

TEST(RuleCatalog, CutsLongNamesBetweenCharacters) {
  Written written;
  written.add(1, 1, fmt::format("{:x<{}}\xc3\xa4", "", kCatalogTextMax - 1));
  const RuleCatalog catalog(written.rules, written.texts);
  EXPECT_EQ(catalog.rows()[0].name.size(), kCatalogTextMax - 1);
}

class RuleDeskTest : public testing::Test {
 protected:
  RuleDeskTest() {
    for (std::uint32_t id = 1; id <= 10'000; ++id) written_.add(1, id, "rule");
    written_.rules.digest = {1, 2};
    in_force_ = written_.rules.digest;
    desk_.use(std::make_shared<const RuleCatalog>(written_.rules, written_.texts));
  }
  /// In as many pieces as it takes.
  std::optional<Result<Ranking>> rank(RankBy by, std::size_t most) {
    std::optional<Result<Ranking>> answer;
    desk_.rank(by, most, [&answer](Result<Ranking> ranked) { answer = std::move(ranked); });
    for (pieces_ = 0; desk_.has_work(); ++pieces_) desk_.work();
    return answer;
  }
  static std::vector<std::uint32_t> places(const Ranking& ranking) {
    std::vector<std::uint32_t> places;
    for (const RankedRule& rule : ranking.rules) places.push_back(rule.place);
    return places;
  }

  Written written_;
  Hash128 in_force_;
  std::map<std::uint32_t, RuleFigures> figures_;
  RuleDesk desk_{[this] { return in_force_; },
                 [this](std::uint32_t place) {
                   const auto found = figures_.find(place);
                   return found == figures_.end() ? RuleFigures() : found->second;
                 },
                 2};
  unsigned pieces_ = 0;
};

TEST_F(RuleDeskTest, RanksByHitsOverAllPieces) {
  figures_[5].hits = 10;
  figures_[9'999].hits = 30;
  figures_[6'000].hits = 20;
  const auto ranking = rank(RankBy::hits, 2);
  ASSERT_TRUE(ranking.has_value() && ranking->has_value());
  EXPECT_THAT(places(**ranking), ElementsAre(9'999U, 6'000U));
  EXPECT_EQ((*ranking)->hits, 60U);
  EXPECT_GT(pieces_, 1U) << "nobody is to wait for all rules";
}

TEST_F(RuleDeskTest, RanksByTheCostOfAllLooksAsMeasuredOfSome) {
  figures_[1] = {.candidates = 1'000, .cost_cycles = 600, .cost_looks = 3};
  figures_[2] = {.candidates = 10, .cost_cycles = 9'000, .cost_looks = 1};
  figures_[3] = {.candidates = 5'000};
  const auto ranking = rank(RankBy::cost, 10);
  ASSERT_TRUE(ranking.has_value() && ranking->has_value());
  EXPECT_THAT(places(**ranking), ElementsAre(1U, 2U));
  EXPECT_EQ((*ranking)->rules[0].figures.cycles(), 200'000.0);
  EXPECT_EQ((*ranking)->cycles, 290'000.0);
}

TEST_F(RuleDeskTest, SaysWhereTheRulesInForceAreNotKnown) {
  in_force_ = {};
  EXPECT_EQ(desk_.catalog().error().kind, ErrorKind::unavailable);
  in_force_ = {3, 4};
  EXPECT_EQ(desk_.catalog().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(rank(RankBy::hits, 2)->error().kind, ErrorKind::unavailable);
}

TEST_F(RuleDeskTest, NeverMixesTheCountsOfTwoRulesets) {
  std::optional<Result<Ranking>> answer;
  desk_.rank(RankBy::hits, 2, [&answer](Result<Ranking> ranked) { answer = std::move(ranked); });
  desk_.work();
  in_force_ = {3, 4};
  while (desk_.has_work()) desk_.work();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().kind, ErrorKind::unavailable);
}

TEST_F(RuleDeskTest, TakesNoMoreListsThanItsBound) {
  unsigned refused = 0;
  for (std::size_t i = 0; i < RuleDesk::kRankingsWaitingMax + 2; ++i) {
    desk_.rank(RankBy::hits, 2, [&](const Result<Ranking>& ranked) { refused += !ranked; });
  }
  EXPECT_EQ(refused, 2U);
  while (desk_.has_work()) desk_.work();
  EXPECT_EQ(refused, 2U);
}

}  // namespace
}  // namespace sluice
