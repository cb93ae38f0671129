#include "ctl/connection.h"

#include <gtest/gtest.h>

#include "control/protocol.h"
#include "tests/unit/ctl/fake_daemon.h"

namespace sluice {
namespace {

using nlohmann::json;
using test::FakeDaemon;
using test::ok;

/// What `ask` says about one reply.
Result<json> ask_for(const std::string& reply, bool closes = false) {
  FakeDaemon daemon({reply}, closes);
  Connection connection = daemon.connection();
  return connection.ask("status", json::object());
}

std::string message_for(const std::string& reply, bool closes = false) {
  const auto result = ask_for(reply, closes);
  return result ? "no error" : result.error().message;
}

TEST(Connection, SendsOneLineAndReturnsTheResult) {
  FakeDaemon daemon({ok(1, R"({"mode":"enforce"})")});
  {
    Connection connection = daemon.connection();
    const auto result = connection.ask("blocks.add", {{"what", "192.0.2.1\n"}});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ((*result)["mode"], "enforce");
  }
  ASSERT_EQ(daemon.requests().size(), 1U);
  EXPECT_EQ(json::parse(daemon.requests()[0]),
            json({{"id", 1}, {"verb", "blocks.add"}, {"args", {{"what", "192.0.2.1\n"}}}}));
}

TEST(Connection, NumbersItsRequests) {
  FakeDaemon daemon({ok(1, "{}"), ok(2, "{}")});
  Connection connection = daemon.connection();
  EXPECT_TRUE(connection.ask("status", json::object()));
  EXPECT_TRUE(connection.ask("status", json::object()));
}

TEST(Connection, TellsWhatTheDaemonRefusedWithKindAndHint) {
  const auto result = ask_for(
      R"({"id":1,"ok":false,"error":{"kind":"invalid","message":"for: x","hint":"write 10min"}})"
      "\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  EXPECT_EQ(result.error().message, "for: x");
  EXPECT_EQ(result.error().hint, "write 10min");
  EXPECT_EQ(exit_code_of(result.error()), 2);
}

TEST(Connection, ExitsWithOneWhereTheRoleIsTooLow) {
  const auto result =
      ask_for("{\"id\":1,\"ok\":false,\"error\":{\"kind\":\"denied\",\"message\":\"no\"}}\n");
  ASSERT_FALSE(result);
  EXPECT_EQ(exit_code_of(result.error()), 1);
}

TEST(Connection, EscapesWhatAnErrorSays) {
  EXPECT_EQ(message_for("{\"id\":1,\"ok\":false,\"error\":{\"kind\":\"io\","
                        "\"message\":\"a\\u001b[2Jb\\nc\"}}\n"),
            "a\\x1b[2Jb\nc");
}

TEST(Connection, HearsARefusalThatCameBeforeTheRequest) {
  EXPECT_EQ(message_for("{\"id\":null,\"ok\":false,\"error\":{\"kind\":\"limit\","
                        "\"message\":\"too many clients\"}}\n",
                        true),
            "too many clients");
}

TEST(Connection, RefusesAReplyToAnotherRequest) {
  EXPECT_EQ(message_for(ok(7, "{}")), "control.sock: a reply to another request");
}

TEST(Connection, RefusesWhatIsNoReply) {
  for (const char* line : {"\n", "garbage\n", "[]\n", "{\"id\":1,\n", "\x80\xff\n"}) {
    EXPECT_EQ(message_for(line), "control.sock: the reply is not a JSON object") << line;
  }
  for (const char* line : {"{\"id\":1,\"ok\":true}\n", "{\"id\":1}\n"}) {
    EXPECT_EQ(message_for(line), "control.sock: a reply without result or error") << line;
  }
}

TEST(Connection, RefusesNestingThatWouldExhaustTheStack) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(message_for(ok(1, deep)), "control.sock: the reply is not a JSON object");
}

TEST(Connection, TellsAReplyThatIsCutShort) {
  EXPECT_EQ(message_for("{\"id\":1,\"ok\"", true), "control.sock: closed in the middle of a reply");
}

TEST(Connection, TellsADaemonThatWentAway) {
  FakeDaemon daemon({""}, true);
  Connection connection = daemon.connection();
  const auto result = connection.ask("status", json::object());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "control.sock: closed by the daemon");
  EXPECT_EQ(exit_code_of(result.error()), 1);
}

TEST(Connection, StopsReadingAReplyThatNeverEnds) {
  EXPECT_EQ(message_for(std::string(4 * kReplyBytesMax, 'x')),
            "control.sock: a reply longer than 1048576 bytes");
}

TEST(Connection, WaitsNoLongerThanItsPatience) {
  FakeDaemon daemon({});
  Connection connection = daemon.connection(1);
  const auto result = connection.ask("status", json::object());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "control.sock: no answer within 1 ms");
}

TEST(Connection, SendsNoRequestThatIsTooLong) {
  FakeDaemon daemon({});
  Connection connection = daemon.connection();
  const auto result = connection.ask("x", {{"what", std::string(kRequestLineBytesMax, 'x')}});
  ASSERT_FALSE(result);
  EXPECT_EQ(exit_code_of(result.error()), 2);
}

TEST(Connection, SaysWhatToLookAtWhereNobodyListens) {
  const auto connection = Connection::open("/nonexistent/control.sock");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().message,
            "/nonexistent/control.sock: cannot connect: No such file or directory");
  EXPECT_NE(connection.error().hint.find("systemctl status sluice"), std::string::npos);
  EXPECT_EQ(exit_code_of(connection.error()), 1);
}

TEST(Connection, RefusesAPathThatNoSocketCanHave) {
  EXPECT_FALSE(Connection::open(""));
  EXPECT_FALSE(Connection::open(std::string(108, 'x')));
}

}  // namespace
}  // namespace sluice
