// The keyword table as a whole, and the page that is written from it.
#include "rules/keywords.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "rules/keyword_value.h"
#include "rules/reference.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

template <class Visit>
void for_each_choice_table(Visit&& visit) {
  visit(action_choices());
  visit(header_choices());
  visit(term_choices());
  visit(flag_choices());
  visit(counter_choices());
  visit(test_choices());
}

void expect_sound(const Keyword& keyword) {
  EXPECT_FALSE(keyword.key.empty());
  EXPECT_FALSE(keyword.help.empty()) << keyword.key;
  EXPECT_FALSE(keyword.help.ends_with('.')) << keyword.key;
  const bool has_words = keyword.type == KeywordType::word || keyword.type == KeywordType::bits;
  EXPECT_EQ(keyword.words.empty(), !has_words) << keyword.key;
}

template <class Fields>
void expect_sound_fields(const Fields& fields) {
  std::set<std::string_view> keys;
  for (const auto& field : fields) {
    expect_sound(field.keyword);
    EXPECT_TRUE(keys.insert(field.keyword.key).second) << field.keyword.key;
  }
}

TEST(Keywords, AreUniqueInTheirMapAndSayWhatTheyMean) {
  expect_sound_fields(pack_keywords());
  expect_sound_fields(rule_keywords());
  expect_sound_fields(when_keywords());
  expect_sound_fields(threshold_keywords());
  for_each_choice_table([](const auto& choices) {
    std::set<std::string_view> mains;
    for (const auto& choice : choices) {
      expect_sound(choice.main.keyword);
      expect_sound_fields(choice.fields);
      EXPECT_TRUE(mains.insert(choice.main.keyword.key).second) << choice.main.keyword.key;
    }
    // A main key says what a map is about, so that it is never a field beside another one.
    for (const auto& choice : choices) {
      for (const auto& field : choice.fields) EXPECT_FALSE(mains.contains(field.keyword.key));
    }
  });
}

TEST(Keywords, EveryBlankRecordIsOfItsOwnChoice) {
  for_each_choice_table([](const auto& choices) {
    for (const auto& choice : choices) {
      for (const auto& other : choices) {
        EXPECT_EQ(other.holds(choice.blank()), &other == &choice) << choice.main.keyword.key;
      }
    }
  });
}

TEST(Keywords, EveryHeaderFieldHasAKey) {
  const auto last = static_cast<std::size_t>(HeaderField::stream_bytes_either);
  EXPECT_EQ(header_choices().size(), last + 1);
}

Result<KeywordValue> range(std::string_view text) {
  const Keyword keyword{"size", KeywordType::range, "x"};
  return parse_keyword_value(keyword, {text, false});
}

TEST(KeywordValue, ReadsRangesInEveryForm) {
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  EXPECT_EQ(std::get<NumberRange>(*range("5")), (NumberRange{5, 5, false}));
  EXPECT_EQ(std::get<NumberRange>(*range("5-10")), (NumberRange{5, 10, false}));
  EXPECT_EQ(std::get<NumberRange>(*range("<5")), (NumberRange{0, 4, false}));
  EXPECT_EQ(std::get<NumberRange>(*range("<=5")), (NumberRange{0, 5, false}));
  EXPECT_EQ(std::get<NumberRange>(*range(">5")), (NumberRange{6, kLargest, false}));
  EXPECT_EQ(std::get<NumberRange>(*range("!>=0x10")), (NumberRange{16, kLargest, true}));
  EXPECT_EQ(std::get<NumberRange>(*range("any")), (NumberRange{0, kLargest, false}));
  for (const std::string_view text :
       {"", "!", "<0", ">18446744073709551615", "10-5", "-5", "5-", "!!5", "1.5", "5-6-7", " 5"}) {
    EXPECT_FALSE(range(text)) << text;
  }
}

TEST(KeywordValue, TellsNumbersFromNames) {
  const Keyword keyword{"offset", KeywordType::operand, "x", -10, 10};
  EXPECT_EQ(std::get<TermNumber>(*parse_keyword_value(keyword, {"-3", false})), TermNumber{-3});
  EXPECT_EQ(std::get<TermNumber>(*parse_keyword_value(keyword, {"0xa", false})), TermNumber{10});
  EXPECT_EQ(std::get<TermNumber>(*parse_keyword_value(keyword, {"length", true})),
            TermNumber{"length"});
  for (const std::string_view text : {"11", "-11", "3x", "", "-"}) {
    const auto value = parse_keyword_value(keyword, {text, false});
    EXPECT_FALSE(value && std::holds_alternative<std::int64_t>(std::get<TermNumber>(*value)))
        << text;
  }
  EXPECT_FALSE(parse_keyword_value(keyword, {"3", true}));
}

// docs/reference/rules.md is written by this test with SLUICE_UPDATE_GOLDEN=1.
TEST(RulesReference, IsThePageInDocs) {
  EXPECT_EQ(test::golden_page("docs/reference/rules.md", rules_reference()), rules_reference());
}

}  // namespace
}  // namespace sluice
