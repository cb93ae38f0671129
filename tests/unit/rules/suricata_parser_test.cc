#include "rules/suricata_parser.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

SuricataRule parsed(std::string_view line) {
  auto rule = parse_suricata_rule(line);
  EXPECT_TRUE(rule.has_value()) << rule.error().reason;
  return rule ? *rule : SuricataRule{};
}

SuricataFault fault_in(std::string_view line) {
  const auto rule = parse_suricata_rule(line);
  EXPECT_FALSE(rule.has_value()) << line;
  return rule ? SuricataFault{} : rule.error();
}

TEST(SuricataParser, TakesHeaderAndOptionsApart) {
  const SuricataRule rule = parsed(
      "alert tcp $HOME_NET any -> [10.0.0.0/8, !10.1.0.0/16] [80,8000:8099] "
      "(msg:\"a rule\"; nocase ; sid: 1 ;)");
  EXPECT_EQ(rule.action, "alert");
  EXPECT_EQ(rule.protocol, "tcp");
  EXPECT_EQ(rule.source, "$HOME_NET");
  EXPECT_EQ(rule.source_port, "any");
  EXPECT_EQ(rule.direction, "->");
  EXPECT_EQ(rule.destination, "[10.0.0.0/8, !10.1.0.0/16]");
  EXPECT_EQ(rule.destination_port, "[80,8000:8099]");
  ASSERT_EQ(rule.options.size(), 3U);
  EXPECT_EQ(rule.options[0].name, "msg");
  EXPECT_EQ(rule.options[0].value, "\"a rule\"");
  EXPECT_FALSE(rule.options[1].has_value);
  EXPECT_EQ(rule.options[2].value, "1");
}

TEST(SuricataParser, ReadsEveryArrow) {
  for (const char* arrow : {"->", "<>", "=>"}) {
    EXPECT_EQ(parsed(fmt::format("alert ip any any {} any any (sid:1;)", arrow)).direction, arrow);
  }
  EXPECT_EQ(fault_in("alert ip any any <- any any (sid:1;)").column, 18U);
}

TEST(SuricataParser, LeavesEscapedSemicolonsInTheirValue) {
  const SuricataRule rule = parsed(R"(alert ip any any -> any any (content:"a\;b|3b|"; sid:1;))");
  ASSERT_EQ(rule.options.size(), 2U);
  EXPECT_EQ(rule.options[0].value, R"("a\;b|3b|")");
}

TEST(SuricataParser, SaysWhereAnOptionIsWrong) {
  const SuricataFault open = fault_in("alert ip any any -> any any (content:\"a;b\"; sid:1;)");
  EXPECT_EQ(open.keyword, "content");
  EXPECT_EQ(open.column, 30U);
  EXPECT_NE(open.reason.find("quote is not closed"), std::string::npos) << open.reason;
  EXPECT_EQ(fault_in("alert ip any any -> any any (sid:1)").keyword, "sid");
  EXPECT_EQ(fault_in("alert ip any any -> any any (sid 1;)").keyword, "sid");
  EXPECT_EQ(fault_in("alert ip any any -> any any (sid:1;;)").keyword, "syntax");
  EXPECT_EQ(fault_in("alert ip any any -> any any (sid:1;").keyword, "syntax");
  EXPECT_EQ(fault_in("alert ip any any -> any any (sid:1;) x").column, 38U);
}

TEST(SuricataParser, SaysWhereAHeaderIsWrong) {
  EXPECT_NE(fault_in("alarm ip any any -> any any (sid:1;)").reason.find("'alarm' is no action"),
            std::string::npos);
  EXPECT_NE(fault_in("alert ip any any -> any (sid:1;)").reason.find("destination port"),
            std::string::npos);
  EXPECT_NE(fault_in("alert ip any any -> any any").reason.find("'('"), std::string::npos);
}

TEST(SuricataParser, BoundsLinesAndOptions) {
  std::string many = "alert ip any any -> any any (";
  for (std::size_t i = 0; i <= kSuricataOptionsMax; ++i) many += "nocase;";
  EXPECT_NE(fault_in(many + ")").reason.find("more than 512 options"), std::string::npos);
  const std::string padding(kSuricataLineBytesMax, ' ');
  EXPECT_NE(fault_in("alert ip any any -> any any (sid:1;)" + padding).reason.find("longer than"),
            std::string::npos);
}

TEST(SuricataParser, JoinsContinuedLinesAndCountsThem) {
  const auto rules = split_suricata_rules(
      "# a comment\r\n\nalert ip any any -> any any \\\r\n  (sid:1; \\\n  rev:2;)\r\n"
      "alert ip any any -> any any (sid:2;)");
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].line, 3U);
  EXPECT_EQ(parsed(rules[0].text).options.size(), 2U);
  EXPECT_EQ(rules[1].line, 6U);
}

TEST(SuricataParser, BoundsLinesThatAreContinuedForEver) {
  std::string text = "alert ip any any -> any any (";
  for (int i = 0; i < 3000; ++i) text += fmt::format("{:64}\\\n", "msg:\"x\";");
  const auto rules = split_suricata_rules(text);
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_EQ(rules[0].text.size(), kSuricataLineBytesMax + 1);
}

TEST(SuricataParser, CountsRulesBehindACommentSign) {
  const auto rules = split_suricata_rules(
      "\xef\xbb\xbf#alert tcp any any -> any any (sid:1;)\n"
      "## alert tcp any any <> any any (sid:2;)\n"
      "# alert fatigue is a thing (says a person)\n"
      "something else\n");
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_FALSE(rules[0].is_enabled);
  EXPECT_FALSE(rules[1].is_enabled);
  EXPECT_TRUE(rules[2].is_enabled) << "what is no rule is told about, not skipped";
}

TEST(SuricataParser, FindsTheNumberOfABrokenRule) {
  EXPECT_EQ(sid_in("alert (msg:\"x; sid: 2001 ;)"), 2001U);
  EXPECT_EQ(sid_in("alert (rev:1;)"), 0U);
  EXPECT_EQ(sid_in("sid:99999999999;"), 0U);
}

}  // namespace
}  // namespace sluice
