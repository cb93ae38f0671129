#include "ctl/session.h"

#include <csignal>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/scratch_dir.h"
#include "tests/unit/ctl/fake_daemon.h"

namespace sluice {
namespace {

using nlohmann::json;
using test::FakeDaemon;
using test::ok;
using test::ScratchDir;

std::vector<std::string> split(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

/// A pipe that is read when all was written: what is written here fits into it.
class PipeOutput {
 public:
  PipeOutput() : out_(open_pipe()) {}
  ~PipeOutput() {
    close_reader();
    close(fds_[1]);
  }
  PipeOutput(const PipeOutput&) = delete;
  PipeOutput& operator=(const PipeOutput&) = delete;
  Output& out() { return out_; }
  void close_reader() {
    if (fds_[0] >= 0) close(std::exchange(fds_[0], -1));
  }
  std::string text() {
    std::string text(1 << 16, '\0');
    const ssize_t got = read(fds_[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

 private:
  int open_pipe() {
    std::signal(SIGPIPE, SIG_IGN);
    if (pipe2(fds_, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    return fds_[1];
  }
  int fds_[2] = {-1, -1};
  Output out_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
  std::vector<json> requests;
};

/// One call of sluicectl whose daemon gives `answers`.
Outcome run(const std::string& line, std::vector<std::string> answers, bool closes = false,
            bool has_reader = true) {
  Outcome outcome;
  PipeOutput out;
  PipeOutput err;
  if (!has_reader) out.close_reader();
  FakeDaemon daemon(std::move(answers), closes);
  const auto asked = parse_arguments(split(line));
  EXPECT_TRUE(asked) << asked.error().message;
  {
    Connection connection = daemon.connection();
    Session session{connection, out.out(), err.out(), Paper{}};
    outcome.code = run_verb(session, *asked);
  }
  if (has_reader) outcome.out = out.text();
  outcome.err = err.text();
  for (const std::string& request : daemon.requests()) {
    outcome.requests.push_back(json::parse(request));
  }
  return outcome;
}

const std::string kBlocksOne = R"({"items":[{"id":1,"what":"192.0.2.1"},{"id":2}],"next":17,)"
                               R"("active":3,"capacity":10})";
const std::string kBlocksTwo = R"({"items":[{"id":3}],"next":null,"active":3,"capacity":10})";

TEST(Session, ListsFollowTheirCursor) {
  const Outcome outcome = run("blocks list", {ok(1, kBlocksOne), ok(2, kBlocksTwo)});
  EXPECT_EQ(outcome.code, 0);
  ASSERT_EQ(outcome.requests.size(), 2U);
  EXPECT_EQ(outcome.requests[0]["args"], json({{"limit", 100}}));
  EXPECT_EQ(outcome.requests[1]["args"], json({{"limit", 98}, {"cursor", 17}}));
  EXPECT_EQ(outcome.out,
            "3 of 10 (30.0 %) blocks in force\n"
            "ID  WHAT       LEFT  HITS  OWNER  REASON  SINCE\n"
            " 1  192.0.2.1    0s     0  -      -       -\n"
            " 2  -            0s     0  -      -       -\n"
            " 3  -            0s     0  -      -       -\n");
}

TEST(Session, ListsAsJsonAreOneObjectOverAllPages) {
  const Outcome outcome = run("blocks list --json", {ok(1, kBlocksOne), ok(2, kBlocksTwo)});
  EXPECT_EQ(json::parse(outcome.out),
            json({{"active", 3},
                  {"capacity", 10},
                  {"items", {{{"id", 1}, {"what", "192.0.2.1"}}, {{"id", 2}}, {{"id", 3}}}},
                  {"next", nullptr}}));
}

TEST(Session, ListsStopAtTheirLimitAndSayThatThereIsMore) {
  const Outcome outcome = run("blocks list --limit 2", {ok(1, kBlocksOne)});
  EXPECT_EQ(outcome.requests.size(), 1U);
  EXPECT_NE(outcome.out.find("there are more: ask with --limit N or --all\n"), std::string::npos);
}

TEST(Session, ListsAskForNoMoreThanAPageAtOnce) {
  const Outcome outcome = run("flows list --all", {ok(1, R"({"items":[],"next":null})")});
  EXPECT_EQ(outcome.requests[0]["args"], json({{"limit", 1000}}));
  EXPECT_EQ(outcome.out, "no flows\n");
}

TEST(Session, AListWhoseCursorStaysDoesNotGoOnForEver) {
  const std::string page = R"({"items":[],"next":5})";
  const Outcome outcome = run("flows list", {ok(1, page), ok(2, page)});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "the list does not go on: its cursor stays\n");
}

TEST(Session, AnswersAreShownOrPrintedAsTheyAre) {
  EXPECT_EQ(run("mode monitor", {ok(1, R"({"mode":"monitor","generation":4})")}).out,
            "mode monitor since generation 4\n");
  EXPECT_EQ(run("mode monitor --json", {ok(1, R"({"mode":"monitor","generation":4})")}).out,
            "{\"generation\":4,\"mode\":\"monitor\"}\n");
}

TEST(Session, ErrorsGoToStandardErrorWithTheirHint) {
  const Outcome outcome =
      run("confirm",
          {"{\"id\":1,\"ok\":false,\"error\":{\"kind\":\"not_found\",\"message\":\"nothing waits\","
           "\"hint\":\"reload first\"}}\n"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nothing waits\n  hint: reload first\n");
}

TEST(Session, CheckExitsWithTwoWhereTheFileHasErrors) {
  EXPECT_EQ(run("check", {ok(1, R"({"ok":true,"findings":""})")}).code, 0);
  const Outcome bad = run("check", {ok(1, R"({"ok":false,"findings":"a:1:2: error: x\n"})")});
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.out, "a:1:2: error: x\n");
}

TEST(Session, HealthExitsWithOneOnlyWhereUnhealthy) {
  EXPECT_EQ(run("health", {ok(1, R"({"state":"healthy","score":100})")}).code, 0);
  EXPECT_EQ(run("health", {ok(1, R"({"state":"degraded","score":70})")}).code, 0);
  EXPECT_EQ(run("health", {ok(1, R"({"state":"unhealthy","score":0})")}).code, 1);
}

TEST(Session, ANumberAloneNamesABlockByItsId) {
  EXPECT_EQ(run("blocks remove 7", {ok(1, "{}")}).requests[0]["args"], json({{"id", 7}}));
  EXPECT_EQ(run("blocks remove 192.0.2.7", {ok(1, "{}")}).requests[0]["args"],
            json({{"what", "192.0.2.7"}}));
}

TEST(Session, TheStageStandsBehindTheIdsOfRules) {
  EXPECT_EQ(run("rules stage 20031 3:7 shadow --reason x", {ok(1, "{}")}).requests[0]["args"],
            json({{"rules", {"20031", "3:7"}}, {"stage", "shadow"}, {"reason", "x"}}));
  EXPECT_EQ(run("rules stage --clear 20031", {ok(1, "{}")}).requests[0]["args"],
            json({{"rules", {"20031"}}, {"clear", true}}));
  EXPECT_EQ(run("rules stage --clear --all", {ok(1, "{}")}).requests[0]["args"],
            json({{"clear", true}, {"all", true}}));
}

TEST(Session, RulesAreRankedAsAsked) {
  EXPECT_EQ(run("rules top --by hits -n 5", {ok(1, "{}")}).requests[0]["args"],
            json({{"by", "hits"}, {"limit", 5}}));
  EXPECT_EQ(run("rules top", {ok(1, R"({"by": "cost", "items": []})")}).out,
            "no rule was looked at yet\n");
}

TEST(Session, BlocksOfAFileGoInBatches) {
  const ScratchDir dir;
  std::string lines = "# a comment\n\n";
  for (int i = 0; i < 101; ++i) lines += "  192.0.2." + std::to_string(i % 256) + " # why\n";
  const std::string path = dir.write("blocks", lines);
  const Outcome outcome =
      run("blocks add --for 1h --reason x --file " + path, {ok(1, "{}"), ok(2, "{}")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "101 blocks were added\n");
  ASSERT_EQ(outcome.requests.size(), 2U);
  EXPECT_EQ(outcome.requests[0]["args"]["items"].size(), 100U);
  EXPECT_EQ(outcome.requests[1]["args"],
            json({{"items", {{{"what", "192.0.2.100"}, {"for", "1h"}, {"reason", "x"}}}}}));
}

TEST(Session, ABlockFileWithALineThatIsTooLongIsRefusedAtThatLine) {
  const ScratchDir dir;
  const std::string path = dir.write("blocks", fmt::format("192.0.2.1\n{:x<300}\n", ""));
  const Outcome outcome = run("blocks add --for 1h --file " + path, {});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find(path + ":2: a line longer than 256 bytes"), std::string::npos);
}

TEST(Session, BlocksNeedAFileOrSomethingToBlockAndNotBoth) {
  EXPECT_EQ(run("blocks add --for 1h", {}).code, 2);
  EXPECT_EQ(run("blocks add 192.0.2.1 --for 1h --file x", {}).code, 2);
  EXPECT_EQ(run("blocks add --for 1h --file /nonexistent", {}).code, 1);
}

const std::string kEvents =
    ok(1, R"({"following":true})") +
    R"({"id":1,"event":{"timestamp":"2025-01-02T03:04:05.000006+0000","event_type":"drop",)"
    R"("proto":"TCP","src_ip":"198.51.100.7","src_port":5,"dest_ip":"2001:db8::1",)"
    R"("dest_port":80,"drop":{"reason":"denied_prefix"}}})"
    "\n{\"id\":1,\"lost\":7}\n{\"id\":1,\"event\":{\"event_type\":\"stats\"}}\n";

TEST(Session, EventsAreOneLineEach) {
  const Outcome outcome = run("events follow", {kEvents}, true);
  EXPECT_EQ(outcome.out,
            "03:04:05.000 drop  TCP 198.51.100.7:5 > [2001:db8::1]:80  denied_prefix\n"
            " stats\n");
  EXPECT_EQ(outcome.code, 1);  // the daemon went away
  EXPECT_TRUE(outcome.err.starts_with("7 events were skipped: too many at once\n"));
}

TEST(Session, EventsAsJsonAreTheEventsThemselves) {
  const Outcome outcome = run("events follow --json", {kEvents}, true);
  EXPECT_TRUE(outcome.out.ends_with("}\n{\"event_type\":\"stats\"}\n"));
}

TEST(Session, AReaderThatWentAwayEndsItQuietly) {
  const Outcome status = run("status", {ok(1, "{}")}, false, false);
  EXPECT_EQ(status.code, 0);
  EXPECT_EQ(status.err, "");
  const Outcome events = run("events follow", {ok(1, R"({"following":true})")}, false, false);
  EXPECT_EQ(events.code, 0);
  EXPECT_EQ(events.err, "");
}

TEST(Session, OutputThatCannotBeWrittenIsAnError) {
  FakeDaemon daemon({ok(1, "{}")});
  Connection connection = daemon.connection();
  Output full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  PipeOutput err;
  Session session{connection, full, err.out(), Paper{}};
  EXPECT_EQ(run_verb(session, *parse_arguments(split("status"))), 1);
  EXPECT_EQ(err.text(), "standard output: cannot write: No space left on device\n");
  close(full.fd());
}

}  // namespace
}  // namespace sluice
