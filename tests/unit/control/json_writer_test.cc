#include "control/store/json_writer.h"

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::json;

std::string unescaped(std::string_view text) {
  return Json::parse('"' + escape_json(text) + '"').get<std::string>();
}

TEST(EscapeJson, LeavesPlainTextAlone) {
  EXPECT_EQ(escape_json("sluice 0 ~/[{}]'<>"), "sluice 0 ~/[{}]'<>");
  EXPECT_EQ(escape_json(""), "");
}

TEST(EscapeJson, EscapesQuotesBackslashesAndControls) {
  EXPECT_EQ(escape_json("a\"b\\c\n\r\t\b\f"), R"(a\"b\\c\n\r\t\b\f)");
  EXPECT_EQ(escape_json(std::string_view("\0\x1b\x7f", 3)), R"(\u0000\u001b\u007f)");
}

TEST(EscapeJson, EscapesC1ControlsAndLineSeparators) {
  EXPECT_EQ(escape_json("\xc2\x85\xc2\x9b"), R"(\u0085\u009b)");
  EXPECT_EQ(escape_json("\xe2\x80\xa8\xe2\x80\xa9"), R"(\u2028\u2029)");
  EXPECT_EQ(escape_json("\xe2\x80\xa7"), "\xe2\x80\xa7");
}

TEST(EscapeJson, KeepsValidUtf8OfEveryLength) {
  const std::string text =
      "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8a \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf";
  EXPECT_EQ(escape_json(text), text);
}

TEST(EscapeJson, ReplacesBrokenUtf8) {
  EXPECT_EQ(escape_json("\x80"), "\\ufffd");
  EXPECT_EQ(escape_json("\xc0\xaf"), "\\ufffd\\ufffd");             // overlong
  EXPECT_EQ(escape_json("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");  // surrogate
  EXPECT_EQ(escape_json("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(escape_json("\xf0\x9f\x8c"), "\\ufffd\\ufffd\\ufffd");  // cut short
  EXPECT_EQ(escape_json("\xe2\x82z"), "\\ufffd\\ufffdz");
}

TEST(EscapeJson, ParsesBackToTheSameText) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
  all += "\xc2\x80\xc2\x9f\xe2\x80\xa8\xf0\x9f\x8c\x8a";
  EXPECT_EQ(unescaped(all), all);
}

TEST(EscapeJson, StopsAtAWholeCharacterWhereTheBufferEnds) {
  std::array<char, 7> buffer{};
  const EscapedText escaped = escape_json("ab\x01z", buffer);
  EXPECT_FALSE(escaped.complete);
  EXPECT_EQ(escaped.bytes, 2U);
}

TEST(JsonWriter, WritesNestedValuesThatParse) {
  std::array<char, 256> buffer;
  JsonWriter json(buffer);
  json.open_object();
  json.number("n", 18446744073709551615ULL);
  json.flag("t", true);
  json.flag("f", false);
  json.open_object("empty");
  json.close_object();
  json.open_array("a");
  json.element(1);
  json.element(2);
  json.close_array();
  json.word("w", "word");
  json.text("s", "q\"\n");
  json.close_object();
  json.end_line();
  const std::string text(buffer.data(), json.size());
  EXPECT_EQ(
      text,
      R"({"n":18446744073709551615,"t":true,"f":false,"empty":{},"a":[1,2],"w":"word","s":"q\"\n"})"
      "\n");
  EXPECT_EQ(Json::parse(text)["s"], "q\"\n");
}

TEST(JsonWriter, IsEmptyWhereTheTextDoesNotFit) {
  std::string whole;
  for (std::size_t room = 0; room < 60; ++room) {
    std::vector<char> buffer(room);
    JsonWriter json(buffer);
    json.open_object();
    json.number("number", 12345);
    json.text("text", "a\nb");
    json.close_object();
    if (json.size() == 0) {
      EXPECT_TRUE(json.overflowed());
      continue;
    }
    whole.assign(buffer.data(), json.size());
    EXPECT_EQ(whole, R"({"number":12345,"text":"a\nb"})");
  }
  EXPECT_FALSE(whole.empty());
}

}  // namespace
}  // namespace sluice
