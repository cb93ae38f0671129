#include "control/control_socket.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/unit/control/socket_bench.h"

namespace sluice {
namespace {

using test::Json;
using test::SocketBench;
using test::TestClient;

const std::string kAudit = R"({"id": 7, "verb": "audit.list"})";

/// Answers nothing by itself: keeps the replies for the test.
struct Kept {
  std::vector<Reply> replies;
  std::vector<Caller> callers;
  CommandRunner runner() {
    return [this](Services&, const Caller& caller, std::string_view, const Json&, Reply reply) {
      callers.push_back(caller);
      replies.push_back(std::move(reply));
    };
  }
};

CommandRunner echo() {
  return [](Services&, const Caller&, std::string_view verb, const Json&, Reply reply) {
    reply(Json{{"verb", verb}});
  };
}

TEST(ControlSocket, AnswersARequestUnderItsId) {
  const SocketBench bench;
  TestClient client(bench.path);
  const auto lines = bench.ask(client, kAudit);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["id"], 7);
  EXPECT_EQ(lines[0]["ok"], true);
  EXPECT_FALSE(lines[0]["request_id"].get<std::string>().empty());
  EXPECT_EQ(lines[0]["result"], (Json{{"items", Json::array()}, {"next", nullptr}}));
}

TEST(ControlSocket, RefusesJunkAndGoesOn) {
  const SocketBench bench;
  TestClient client(bench.path);
  for (const char* junk : {"GET / HTTP/1.1", "", "[]", "\xff\xfe", "{\"verb\":", "null"}) {
    const auto refused = bench.ask(client, junk);
    ASSERT_EQ(refused.size(), 1U) << junk;
    EXPECT_EQ(refused[0]["error"]["kind"], "invalid");
  }
  EXPECT_EQ(bench.ask(client, kAudit).at(0)["ok"], true);
}

TEST(ControlSocket, PutsALineTogetherFromSingleBytes) {
  const SocketBench bench;
  TestClient client(bench.path);
  for (const char c : kAudit + "\n") {
    EXPECT_TRUE(client.lines().empty());
    client.send({&c, 1});
    bench.run();
  }
  EXPECT_EQ(client.lines().size(), 1U);
}

TEST(ControlSocket, CutsAClientWhoseLineIsTooLong) {
  for (const bool has_end : {false, true}) {
    const SocketBench bench;
    TestClient client(bench.path);
    client.send(std::string(kRequestLineBytesMax + 1, 'x') + (has_end ? "\n" : ""));
    bench.run();
    const auto lines = client.lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["error"]["message"], "request: a line longer than 65536 bytes");
    EXPECT_TRUE(client.is_closed());
    EXPECT_EQ(bench.socket->clients(), 0U);
  }
}

TEST(ControlSocket, TakesALineOfExactlyTheLargestSize) {
  const SocketBench bench;
  TestClient client(bench.path);
  const std::string line = kAudit + std::string(kRequestLineBytesMax - kAudit.size(), ' ');
  EXPECT_EQ(bench.ask(client, line).at(0)["ok"], true);
}

TEST(ControlSocket, CutsHalfALineAfterTenSecondsHoweverItDrips) {
  SocketBench bench;
  TestClient client(bench.path);
  for (int i = 0; i < 11; ++i) {
    client.send("x");
    bench.run();
    bench.socket->turn(bench.clock.time);
    EXPECT_EQ(bench.socket->clients(), 1U) << i;
    bench.clock.time += kNsPerSecond;
  }
  bench.socket->turn(bench.clock.time);
  EXPECT_EQ(client.lines().at(0)["error"]["message"], "request: half a line for 10 s: a whole one");
  EXPECT_TRUE(client.is_closed());
}

TEST(ControlSocket, CutsSilentClientsButNoFollowers) {
  SocketBench bench;
  TestClient silent(bench.path);
  TestClient follower(bench.path);
  bench.ask(follower, R"({"verb": "events.follow"})");
  bench.clock.time += ControlSocket::kIdleMax + 1;
  bench.socket->turn(bench.clock.time);
  EXPECT_EQ(silent.lines().at(0)["error"]["kind"], "unavailable");
  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(follower.lines().empty());
  EXPECT_EQ(bench.socket->clients(), 1U);
}

TEST(ControlSocket, TellsTheSixtyFifthClientThatThereIsNoPlace) {
  SocketBench bench;
  std::vector<std::unique_ptr<TestClient>> clients;
  for (std::size_t i = 0; i < ControlSocket::kClientsMax; ++i) {
    clients.push_back(std::make_unique<TestClient>(bench.path));
    bench.run();
  }
  // Where the test is not root, all of them are viewers.
  const std::size_t places = geteuid() == 0
                                 ? ControlSocket::kClientsMax
                                 : ControlSocket::kClientsMax - ControlSocket::kClientsKept;
  EXPECT_EQ(bench.socket->clients(), places);
  TestClient late(bench.path);
  bench.run();
  EXPECT_EQ(late.lines().at(0)["error"]["kind"], "limit");
  EXPECT_TRUE(late.is_closed());
  clients.front()->leave();
  bench.run();
  TestClient next(bench.path);
  EXPECT_EQ(bench.ask(next, kAudit).at(0)["ok"], true);
}

TEST(ControlSocket, GivesOneViewerNoMoreThanHisShareOfPlaces) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be two users";
  SocketBench bench;
  std::vector<std::unique_ptr<TestClient>> viewers;
  for (std::size_t i = 0; i < ControlSocket::kClientsMax; ++i) {
    viewers.push_back(bench.connect_as_viewer());
    bench.run();
  }
  EXPECT_EQ(bench.socket->clients(), ControlSocket::kClientsOfViewer);
  EXPECT_EQ(viewers.back()->lines().at(0)["error"]["kind"], "limit");
  TestClient admin(bench.path);
  EXPECT_EQ(bench.ask(admin, kAudit).at(0)["ok"], true);
}

TEST(ControlSocket, AnswersWhileConnectionsPourIn) {
  SocketBench bench;
  TestClient steady(bench.path);
  bench.run();
  for (int round = 0; round < 100; ++round) {
    std::vector<std::unique_ptr<TestClient>> flood;
    for (int i = 0; i < 100; ++i) flood.push_back(std::make_unique<TestClient>(bench.path));
    steady.send(kAudit + "\n");
    // Each source gets its turn: a few callbacks answer, however many connections wait.
    for (int i = 0; i < 8; ++i) bench.run_once();
    ASSERT_EQ(steady.lines().size(), 1U) << round;
    flood.clear();
    bench.run();
  }
  EXPECT_EQ(bench.socket->clients(), 1U);
  EXPECT_EQ(bench.socket->counts().accepted + bench.socket->counts().refused, 10'001U);
}

TEST(ControlSocket, GoesOnAfterDescriptorsRanOut) {
  SocketBench bench;
  TestClient waiting(bench.path);
  TestClient asking(bench.path);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  bench.run();
  const std::size_t then = bench.socket->clients();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(then, 0U);
  EXPECT_EQ(sd_event_run(bench.loop(), 0), 0) << "the listener must not wake the loop for ever";
  bench.socket->turn(bench.clock.time);
  EXPECT_EQ(bench.ask(waiting, kAudit).size(), 1U);
  EXPECT_EQ(bench.ask(asking, kAudit).size(), 1U);
}

TEST(ControlSocket, AnswersEveryLineOfALargeWrite) {
  const SocketBench bench(echo());
  TestClient client(bench.path);
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += R"({"id":)" + std::to_string(i) +
            R"(,"verb":"x"})"
            "\n";
  ASSERT_EQ(client.send(text), text.size());
  int answered = 0;
  for (int i = 0; i < 100 && answered < 1000; ++i) {
    bench.run();
    for (const Json& line : client.lines()) EXPECT_EQ(line["id"], answered++);
  }
  EXPECT_EQ(answered, 1000);
}

TEST(ControlSocket, ServesAllClientsWhileOneFloods) {
  const SocketBench bench(echo());
  TestClient flood(bench.path);
  TestClient other(bench.path);
  bench.run();
  std::string text;
  for (int i = 0; i < 800; ++i)
    text += R"({"verb":"x"})"
            "\n";
  flood.send(text);
  std::string few;
  for (int i = 0; i < 20; ++i)
    few += R"({"verb":"y"})"
           "\n";
  other.send(few);
  std::size_t answered = 0;
  for (int i = 0; i < 12; ++i) {
    bench.run_once();
    answered += other.lines().size();
  }
  EXPECT_EQ(answered, 20U);
  EXPECT_LT(flood.lines().size(), 100U);
}

TEST(ControlSocket, AnAnswerAfterTheClientLeftIsHarmless) {
  Kept kept;
  const SocketBench bench(kept.runner());
  {
    TestClient client(bench.path);
    bench.ask(client, R"({"verb": "later"})");
  }
  bench.run();
  EXPECT_EQ(bench.socket->clients(), 0U);
  ASSERT_EQ(kept.replies.size(), 1U);
  kept.replies[0](Json{{"done", true}});
  TestClient next(bench.path);
  bench.run();
  EXPECT_TRUE(next.lines().empty());
}

TEST(ControlSocket, AnAnswerAfterTheSocketIsGoneIsHarmless) {
  Kept kept;
  SocketBench bench(kept.runner());
  TestClient client(bench.path);
  bench.ask(client, R"({"verb": "later"})");
  bench.socket.reset();
  ASSERT_EQ(kept.replies.size(), 1U);
  kept.replies[0](Json{{"done", true}});
  EXPECT_TRUE(client.lines().empty());
  EXPECT_TRUE(client.is_closed());
}

TEST(ControlSocket, AnswersInTheOrderInWhichAnswersCome) {
  Kept kept;
  const SocketBench bench(kept.runner());
  TestClient client(bench.path);
  bench.ask(client, "{\"id\": 1, \"verb\": \"a\"}\n{\"id\": \"two\", \"verb\": \"b\"}");
  ASSERT_EQ(kept.replies.size(), 2U);
  EXPECT_EQ(kept.callers[1].client_id, "\"two\"");
  EXPECT_NE(kept.callers[0].request_id, kept.callers[1].request_id);
  kept.replies[1](Json(2));
  kept.replies[0](fail(ErrorKind::not_found, "a: no such thing", "look elsewhere"));
  const auto lines = client.lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["id"], "two");
  EXPECT_EQ(lines[0]["request_id"], kept.callers[1].request_id);
  EXPECT_EQ(lines[1]["id"], 1);
  EXPECT_EQ(
      lines[1]["error"],
      (Json{{"kind", "not_found"}, {"message", "a: no such thing"}, {"hint", "look elsewhere"}}));
}

TEST(ControlSocket, RefusesMoreRequestsThanMayWait) {
  Kept kept;
  const SocketBench bench(kept.runner());
  TestClient client(bench.path);
  for (unsigned i = 0; i < ControlSocket::kUnansweredMax; ++i) {
    EXPECT_TRUE(bench.ask(client, R"({"verb": "later"})").empty());
  }
  EXPECT_EQ(bench.ask(client, R"({"id": 9, "verb": "later"})").at(0)["error"]["kind"], "limit");
  kept.replies[0](Json(0));
  EXPECT_EQ(client.lines().size(), 1U);
  EXPECT_TRUE(bench.ask(client, R"({"verb": "later"})").empty());
  EXPECT_EQ(kept.replies.size(), ControlSocket::kUnansweredMax + 1U);
}

TEST(ControlSocket, CutsAClientThatNeverReads) {
  const CommandRunner large = [](Services&, const Caller&, std::string_view, const Json&,
                                 Reply reply) { reply(Json(std::string(200'000, 'x'))); };
  const SocketBench bench(large);
  TestClient client(bench.path);
  for (int i = 0; i < 20; ++i) {
    client.send(R"({"verb": "x"})"
                "\n");
    bench.run();
  }
  EXPECT_EQ(bench.socket->clients(), 0U);
  EXPECT_EQ(bench.socket->counts().cut, 1U);
}

TEST(ControlSocket, SendsALargeAnswerAsItIsRead) {
  const CommandRunner large = [](Services&, const Caller&, std::string_view, const Json&,
                                 Reply reply) { reply(Json(std::string(1'000'000, 'x'))); };
  const SocketBench bench(large);
  TestClient client(bench.path);
  auto lines = bench.ask(client, R"({"verb": "x"})");
  for (int i = 0; i < 100 && lines.empty(); ++i) {
    bench.run();
    lines = client.lines();
  }
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["result"].get<std::string>().size(), 1'000'000U);
}

TEST(ControlSocket, TurnsAResultThatIsTooLargeIntoAnError) {
  const CommandRunner large = [](Services&, const Caller&, std::string_view, const Json&,
                                 Reply reply) { reply(Json(std::string(kReplyBytesMax, 'x'))); };
  const SocketBench bench(large);
  TestClient client(bench.path);
  EXPECT_EQ(bench.ask(client, R"({"verb": "x"})").at(0)["error"]["kind"], "limit");
}

TEST(ControlSocket, AnswersAClientThatHasEndedItsInputAndThenCloses) {
  Kept kept;
  SocketBench bench(kept.runner());
  TestClient client(bench.path);
  client.send(R"({"verb": "later"})"
              "\n");
  client.end_input();
  bench.run();
  ASSERT_EQ(kept.replies.size(), 1U);
  EXPECT_FALSE(client.is_closed());
  kept.replies[0](Json(1));
  bench.socket->turn(bench.clock.time);
  EXPECT_EQ(client.lines().size(), 1U);
  EXPECT_TRUE(client.is_closed());
}

TEST(ControlSocket, RunsWhatAClientSentBeforeItDied) {
  Kept kept;
  const SocketBench bench(kept.runner());
  {
    const TestClient client(bench.path);
    for (int i = 0; i < 12; ++i)
      client.send(R"({"verb": "x"})"
                  "\n");
    client.send(R"({"verb": "ha)");
  }
  bench.run();
  EXPECT_EQ(kept.replies.size(), 12U);
  EXPECT_EQ(bench.socket->clients(), 0U);
}

TEST(ControlSocket, DeniesWhatTheRoleDoesNotAllow) {
  SocketBench bench;
  const auto viewer = bench.connect_as_viewer();
  const auto lines =
      bench.ask(*viewer, R"({"verb": "blocks.add", "args": {"what": "192.0.2.1", "for": "1h"}})");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["error"]["kind"], "denied");
  EXPECT_EQ(bench.ask(*viewer, kAudit).at(0)["result"]["items"].at(0)["verb"], "blocks.add");
}

TEST(ControlSocket, ShowsEventsToAFollower) {
  SocketBench bench;
  TestClient client(bench.path);
  const auto first =
      bench.ask(client, R"({"id": 3, "verb": "events.follow", "args": {"types": ["drop"]}})");
  EXPECT_EQ(first.at(0)["result"], (Json{{"following", true}}));
  bench.followers.flow(test::flow_record({"192.0.2.1", "198.51.100.2", 1, 2}));
  bench.followers.drop(test::drop_record({"192.0.2.1", "198.51.100.2", 1, 2}));
  bench.socket->turn(bench.clock.time);
  const auto lines = client.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["id"], 3);
  EXPECT_EQ(lines[0]["event"]["event_type"], "drop");
  EXPECT_EQ(lines[0]["event"]["src_ip"], "192.0.2.1");
  client.leave();
  bench.run();
  EXPECT_EQ(bench.followers.size(), 0U);
}

TEST(ControlSocket, CountsWhatASlowFollowerMissed) {
  SocketBench bench;
  TestClient client(bench.path);
  bench.ask(client, R"({"id": 3, "verb": "events.follow"})");
  constexpr std::uint64_t kEvents = 10'000;
  const DropRecord record = test::drop_record({"192.0.2.1", "198.51.100.2", 1, 2});
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    if (i % 1000 == 0) {
      bench.clock.time += EventFollowers::kWindow;
      bench.followers.end_turn(bench.clock.time);
      bench.socket->turn(bench.clock.time);
      bench.run();
    }
    bench.followers.drop(record);
  }
  EXPECT_EQ(bench.socket->clients(), 1U);
  std::uint64_t seen = 0;
  std::uint64_t lost = 0;
  for (int i = 0; i < 200; ++i) {
    for (const Json& line : client.lines()) {
      seen += line.contains("event") ? 1 : 0;
      lost += line.value("lost", std::uint64_t{0});
    }
    bench.run();
    bench.socket->turn(bench.clock.time);
  }
  EXPECT_EQ(seen + lost, kEvents);
  EXPECT_GT(seen, 1000U);
  EXPECT_EQ(lost, bench.followers.lost());
  EXPECT_GT(lost, 1000U);
}

}  // namespace
}  // namespace sluice
