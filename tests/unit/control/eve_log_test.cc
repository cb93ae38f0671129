#include "control/store/eve_log.h"

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "tests/support/scratch_dir.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::read_text;
using test::ScratchDir;

std::vector<Json> events_in(const std::string& path) {
  std::istringstream text(read_text(path));
  std::vector<Json> events;
  for (std::string line; std::getline(text, line);) events.push_back(Json::parse(line));
  return events;
}

FlowRecord some_flow() { return test::flow_record({"10.0.0.1", "10.0.0.2", 1000, 80}); }
DropRecord some_drop() { return test::drop_record({"10.0.0.1", "10.0.0.2", 1000, 80}); }

TEST(EveLog, WritesEveryRecordInOrder) {
  const ScratchDir dir;
  EveLog log(dir.file("eve.json"), {});
  FlowRecord flow = some_flow();
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    flow.flow_number = i;
    log.flow(flow);
  }
  log.drop(some_drop());
  log.end_turn(0);
  ASSERT_TRUE(log.stop(60 * kNsPerSecond));
  const std::vector<Json> events = events_in(dir.file("eve.json"));
  ASSERT_EQ(events.size(), 1001U);
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(events[i]["flow_id"], i + 1);
  EXPECT_EQ(events[1000]["event_type"], "drop");
  EXPECT_EQ(log.counts().written, 1001U);
  EXPECT_EQ(log.counts().lost_queue, 0U);
}

TEST(EveLog, WritesStatistics) {
  const ScratchDir dir;
  EveLog log(dir.file("eve.json"), {});
  log.stats({});
  ASSERT_TRUE(log.stop(60 * kNsPerSecond));
  const std::vector<Json> events = events_in(dir.file("eve.json"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["event_type"], "stats");
}

TEST(EveLog, CountsEveryRecordOnce) {
  const ScratchDir dir;
  constexpr std::uint64_t kRecords = 200'000;
  EveLog log(dir.file("eve.json"), {});
  for (std::uint64_t i = 0; i < kRecords; ++i) log.drop(some_drop());
  ASSERT_TRUE(log.stop(60 * kNsPerSecond));
  const EventCounts counts = log.counts();
  EXPECT_EQ(counts.written + counts.lost_queue + counts.lost_file, kRecords);
  EXPECT_EQ(events_in(dir.file("eve.json")).size(), counts.written);
}

TEST(EveLog, LosesAndCountsWhatAStuckReaderLeavesNoRoomFor) {
  const ScratchDir dir;
  const std::string path = dir.file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  EveLog log(path, {});
  constexpr std::uint64_t kRecords = 100'000;
  for (std::uint64_t i = 0; i < kRecords; ++i) log.drop(some_drop());
  log.end_turn(0);
  ASSERT_TRUE(log.stop(60 * kNsPerSecond));
  const EventCounts counts = log.counts();
  EXPECT_EQ(counts.written + counts.lost_queue + counts.lost_file, kRecords);
  EXPECT_GT(counts.lost_queue + counts.lost_file, 0U);
  close(reader);
}

TEST(EveLog, RecordsNothingWithoutAPath) {
  EveLog log("", {});
  log.flow(some_flow());
  log.drop(some_drop());
  log.stats({});
  log.end_turn(0);
  log.request_reopen();
  EXPECT_TRUE(log.stop(0));
  EXPECT_EQ(log.counts().lost_queue, 0U);
}

TEST(EveLog, OpensANewFileOnRequest) {
  const ScratchDir dir;
  const std::string path = dir.write("eve.json", "");
  EveLog log(path, {});
  std::filesystem::rename(path, dir.file("eve.json.1"));
  log.request_reopen();
  log.flow(some_flow());
  ASSERT_TRUE(log.stop(60 * kNsPerSecond));
  EXPECT_EQ(events_in(path).size(), 1U);
}

TEST(EveWriter, ReportsAFileThatCannotBeWritten) {
  const ScratchDir dir;
  EveWriter writer({.path = dir.file("missing/eve.json")}, {});
  writer.flow(some_flow());
  const Status status = writer.finish(0);
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("missing/eve.json: cannot write"), std::string::npos);
}

TEST(EveWriter, NamesEveryCapture) {
  const ScratchDir dir;
  EveContext context;
  context.is_replay = true;
  EveWriter writer({.path = dir.file("eve.json")}, context);
  writer.formatter().use_capture("one.pcap");
  writer.flow(some_flow());
  writer.formatter().use_capture("two.pcap");
  writer.flow(some_flow());
  ASSERT_TRUE(writer.finish(0).has_value());
  const std::vector<Json> events = events_in(dir.file("eve.json"));
  EXPECT_EQ(events[0]["sluice"]["capture"], "one.pcap");
  EXPECT_EQ(events[1]["sluice"]["capture"], "two.pcap");
}

TEST(EveWriter, MakesAFileThatIsToStartEmptyWithoutAnyEvent) {
  const ScratchDir dir;
  EveFileOptions options;
  options.path = dir.write("eve.json", "of the run before\n");
  options.starts_empty = true;
  EveWriter writer(options, {});
  ASSERT_TRUE(writer.finish(0));
  EXPECT_EQ(read_text(options.path), "");
}

}  // namespace
}  // namespace sluice
