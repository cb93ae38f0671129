#include "control/protocol.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using Json = nlohmann::json;

std::string refusal(std::string_view line) {
  const Request request = parse_request(line);
  return request.error ? request.error->message : "";
}

std::string nested(unsigned depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Protocol, ReadsIdVerbAndArguments) {
  const Request request =
      parse_request(R"({"id": 7, "verb": "blocks.add", "args": {"what": "192.0.2.1"}})");
  ASSERT_FALSE(request.error);
  EXPECT_EQ(request.id, 7);
  EXPECT_EQ(request.verb, "blocks.add");
  EXPECT_EQ(request.args, (Json{{"what", "192.0.2.1"}}));
}

TEST(Protocol, NeedsNeitherIdNorArguments) {
  const Request request = parse_request(R"({"verb":"status"})");
  ASSERT_FALSE(request.error);
  EXPECT_TRUE(request.id.is_null());
  EXPECT_EQ(request.args, Json::object());
}

TEST(Protocol, RefusesWhatIsNoRequest) {
  EXPECT_EQ(refusal(""), "request: not JSON at byte 1: one object per line");
  EXPECT_EQ(refusal("{\"verb\":\"a\"} x"), "request: not JSON at byte 14: one object per line");
  EXPECT_EQ(refusal("[1]"), "request: array: a JSON object");
  EXPECT_EQ(refusal("{}"), "request: no verb: a text such as \"status\"");
  EXPECT_EQ(refusal(R"({"verb":1})"), "request: verb is number: a text");
  EXPECT_EQ(refusal(R"({"verb":""})"), "request: a verb of 0 bytes: 1 to 64");
  EXPECT_EQ(refusal(R"({"verb":")" + std::string(65, 'v') + R"("})"),
            "request: a verb of 65 bytes: 1 to 64");
  EXPECT_EQ(refusal(R"({"verb":"a","args":[]})"), "request: args is array: an object");
  EXPECT_EQ(refusal(R"({"verb":"a","args":{"n":1e999}})"),
            "request: a number out of range: whole numbers below 2^64");
}

TEST(Protocol, SuggestsTheMemberThatWasMeant) {
  const Request request = parse_request(R"({"id":"x","verb":"status","arg":{}})");
  ASSERT_TRUE(request.error);
  EXPECT_EQ(request.error->message, "request: unknown member 'arg': id, verb, args");
  EXPECT_EQ(request.error->hint, "did you mean 'args'?");
  EXPECT_EQ(request.id, "x") << "so that the client knows which request it was";
}

TEST(Protocol, TakesWholeNumbersAndShortTextsAsIds) {
  for (const char* id : {"0", "-1", "18446744073709551615", R"("a")", "null"}) {
    const std::string line = std::string(R"({"verb":"a","id":)") + id + "}";
    EXPECT_EQ(refusal(line), "") << id;
    EXPECT_EQ(parse_request(line).id.dump(), id);
  }
  const std::string long_text = '"' + std::string(65, 'i') + '"';
  for (const std::string& id :
       {std::string("1.5"), std::string("{}"), std::string("true"), long_text}) {
    const Request request = parse_request(R"({"verb":"a","id":)" + id + "}");
    EXPECT_TRUE(request.error) << id;
    EXPECT_TRUE(request.id.is_null());
  }
}

TEST(Protocol, RefusesBytesThatAreNotUtf8) {
  EXPECT_NE(refusal("{\"verb\":\"\xff\"}"), "");
  EXPECT_NE(refusal("{\"verb\":\"\xc0\xaf\"}"), "");
  EXPECT_NE(refusal("{\"verb\":\"\xed\xa0\x80\"}"), "");
}

TEST(Protocol, RefusesANulThatWouldHideWhatFollows) {
  EXPECT_EQ(refusal(std::string_view("{\"verb\":\"a\"}\0{}", 15)),
            "request: byte 13 is NUL: JSON text");
}

TEST(Protocol, RefusesDeepNestingButNotBracketsInTexts) {
  const std::string head = R"({"verb":"a","args":{"x":)";
  EXPECT_EQ(refusal(head + nested(14) + "}}"), "");
  EXPECT_EQ(refusal(head + nested(15) + "}}"), "request: nested deeper than 16 levels");
  EXPECT_EQ(refusal(head + "\"\\\"" + nested(15) + "\"}}"), "");
  EXPECT_EQ(refusal(std::string(kRequestLineBytesMax, '[')),
            "request: nested deeper than 16 levels");
}

TEST(Protocol, RefusesALongLine) {
  const std::string line = R"({"verb":"a"})";
  EXPECT_EQ(refusal(line + std::string(kRequestLineBytesMax - line.size(), ' ')), "");
  EXPECT_EQ(refusal(line + std::string(kRequestLineBytesMax - line.size() + 1, ' ')),
            "request: a line of 65537 bytes: at most 65536");
}

TEST(Protocol, ShowsHostileTextsHarmlessly) {
  const std::string message = refusal("{\"verb\":\"a\",\"\\u001b[31m\":1}");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(Protocol, WritesRepliesOnOneLineWithTheIdInFront) {
  EXPECT_EQ(result_line({7, "k-1"}, Json{{"removed", 2}}),
            "{\"id\":7,\"request_id\":\"k-1\",\"ok\":true,\"result\":{\"removed\":2}}\n");
  EXPECT_EQ(error_line({"x", "k-2"}, "invalid", Error{ErrorKind::invalid, "a: b", {}}),
            "{\"id\":\"x\",\"request_id\":\"k-2\",\"ok\":false,"
            "\"error\":{\"kind\":\"invalid\",\"message\":\"a: b\"}}\n");
  EXPECT_EQ(event_line(1, R"({"a":2})"), "{\"id\":1,\"event\":{\"a\":2}}\n");
  EXPECT_EQ(lost_line(1, 5), "{\"id\":1,\"lost\":5}\n");
}

TEST(Protocol, EscapesWhatATerminalWouldObey) {
  const std::string line = result_line({nullptr, "k"}, Json("\x1b[2J\x7f\xc2\x9b\n\xff"));
  for (const char c : line.substr(0, line.size() - 1)) {
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  }
  EXPECT_EQ(Json::parse(line)["result"], "\x1b[2J\x7f\xc2\x9b\n\xef\xbf\xbd");
}

TEST(Protocol, TurnsAResultThatIsTooLargeIntoAnError) {
  const Json reply = Json::parse(result_line({1, "k"}, Json(std::string(kReplyBytesMax, 'x'))));
  EXPECT_EQ(reply["ok"], false);
  EXPECT_EQ(reply["error"]["kind"], "limit");
}

TEST(Protocol, WritesTimesWithMicroseconds) {
  EXPECT_EQ(time_text(1'767'323'045'000'006'999), "2026-01-02T03:04:05.000006Z");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000Z");
}

TEST(RequestIds, AreUniqueOverRestarts) {
  std::set<std::string> seen;
  for (const TimeNs started : {TimeNs{0}, kNsPerMs, 2 * kNsPerMs, ~TimeNs{0}}) {
    RequestIds ids(started);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(ids.next()).second);
  }
}

}  // namespace
}  // namespace sluice
