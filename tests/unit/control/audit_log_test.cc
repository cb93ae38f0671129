#include "control/store/audit_log.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "tests/support/file_size_limit.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::read_text;
using test::ScratchDir;

constexpr TimeNs kSecond = kNsPerSecond;

AuditRecord record(const std::string& verb) {
  AuditRecord out;
  out.at = 1'767'323'045 * kSecond;
  out.user = "alice";
  out.role = "operator";
  out.request_id = "k-1";
  out.verb = verb;
  out.args = "{}";
  return out;
}

std::vector<std::string> verbs(const AuditLog::Page& page) {
  std::vector<std::string> out;
  for (const Json& item : page.items) out.push_back(item.at("verb"));
  return out;
}

using Verbs = std::vector<std::string>;

;

TEST(AuditLog, WritesEachRecordAtOnceAsOneLine) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  log.append(record("mode"));
  const std::string text = read_text(dir.file("audit.json"));
  EXPECT_EQ(text,
            "{\"at\":\"2026-01-02T03:04:05.000000Z\",\"user\":\"alice\",\"uid\":0,\"pid\":0,"
            "\"role\":\"operator\",\"request_id\":\"k-1\",\"id\":null,\"verb\":\"mode\","
            "\"args\":{},\"ok\":true,\"error\":null}\n");
}

TEST(AuditLog, IsReadableByOwnerAndGroupAlone) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  const mode_t before = umask(0);
  log.append(record("mode"));
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(dir.file("audit.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST(AuditLog, AppendsToWhatAnEarlierDaemonWrote) {
  const ScratchDir dir;
  const std::string path = dir.file("audit.json");
  { AuditLog(path).append(record("first")); }
  AuditLog log(path);
  log.append(record("second"));
  EXPECT_EQ(verbs(*log.list({}, 10)), (Verbs{"second", "first"}));
}

TEST(AuditLog, GoesOnBehindALineThatADeadProcessCut) {
  const ScratchDir dir;
  AuditLog log(dir.write("audit.json", "{\"verb\":\"cu"));
  log.append(record("next"));
  EXPECT_EQ(verbs(*log.list({}, 10)), Verbs{"next"});
  EXPECT_TRUE(read_text(dir.file("audit.json")).starts_with("{\"verb\":\"cu\n{"));
}

TEST(AuditLog, DoesNotFollowALink) {
  const ScratchDir dir;
  const std::string target = dir.write("precious", "");
  std::filesystem::create_symlink(target, dir.file("audit.json"));
  AuditLog log(dir.file("audit.json"));
  log.append(record("mode"));
  EXPECT_EQ(read_text(target), "");
  EXPECT_EQ(log.failures(), 1U);
}

TEST(AuditLog, EscapesHostileTexts) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  AuditRecord hostile = record("mode");
  hostile.user = "a\nb\x1b\xff";
  hostile.error = "x\n{\"verb\":\"forged\"}\n";
  log.append(hostile);
  const std::string text = read_text(dir.file("audit.json"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(log.list({}, 10)->items.at(0)["error"], hostile.error);
}

TEST(AuditLog, KeepsTheFrontOfLongArguments) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  AuditRecord large = record("blocks.add");
  large.args = "{\"items\":\"" + std::string(60'000, 'x') + "\"}";
  log.append(large);
  EXPECT_LT(read_text(dir.file("audit.json")).size(), 2000U);
  const Json args = log.list({}, 10)->items.at(0)["args"];
  EXPECT_EQ(args["bytes"], large.args.size());
  EXPECT_EQ(args["cut"], large.args.substr(0, 1024));
}

TEST(AuditLog, KeepsRecordsWhileTheDiskIsFull) {
  const ScratchDir dir;
  const std::string path = dir.file("audit.json");
  AuditLog log(path);
  log.append(record("before"));
  const test::FileSizeLimit full(std::filesystem::file_size(path) + 10);
  log.append(record("one"));
  log.append(record("two"));
  EXPECT_EQ(log.failures(), 1U);
  EXPECT_EQ(log.records_waiting(), 2U);
  EXPECT_FALSE(log.status());
  EXPECT_EQ(verbs(*log.list({}, 10)), (Verbs{"two", "one", "before"}));
  full.lift();
  log.turn(10 * kSecond);
  EXPECT_EQ(log.records_waiting(), 0U);
  EXPECT_TRUE(log.status());
  EXPECT_EQ(verbs(*log.list({}, 10)), (Verbs{"two", "one", "before"}));
}

TEST(AuditLog, TriesAgainOnceASecond) {
  const ScratchDir dir;
  AuditLog log(dir.file("missing/audit.json"));
  log.append(record("mode"));
  for (TimeNs now = kSecond; now < 2 * kSecond; now += 50 * kNsPerMs) log.turn(now);
  EXPECT_EQ(log.failures(), 2U);
  std::filesystem::create_directory(dir.file("missing"));
  log.turn(2 * kSecond);
  EXPECT_EQ(verbs(*log.list({}, 10)), Verbs{"mode"});
}

TEST(AuditLog, LosesTheOldestBeyondWhatItKeeps) {
  const ScratchDir dir;
  AuditLog log(dir.file("missing/audit.json"));
  for (std::size_t i = 0; i < AuditLog::kKeptMax + 3; ++i) log.append(record(std::to_string(i)));
  EXPECT_EQ(log.records_waiting(), AuditLog::kKeptMax);
  EXPECT_EQ(log.records_lost(), 3U);
  std::filesystem::create_directory(dir.file("missing"));
  log.turn(kSecond);
  EXPECT_EQ(verbs(*log.list({}, 1)), Verbs{"1002"});
}

TEST(AuditLog, FollowsAFileThatWasMovedAway) {
  const ScratchDir dir;
  const std::string path = dir.file("audit.json");
  AuditLog log(path);
  log.append(record("old"));
  std::filesystem::rename(path, path + ".1");
  log.turn(kSecond);
  log.append(record("new"));
  EXPECT_EQ(verbs(*log.list({}, 10)), Verbs{"new"});
}

TEST(AuditLog, OpensTheFileAnewWhenAsked) {
  const ScratchDir dir;
  const std::string path = dir.file("audit.json");
  AuditLog log(path);
  log.append(record("old"));
  std::filesystem::rename(path, path + ".1");
  log.reopen();
  log.append(record("new"));
  EXPECT_EQ(verbs(*log.list({}, 10)), Verbs{"new"});
}

TEST(AuditLog, ListsEverythingInPagesNewestFirst) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  constexpr int kRecords = 3000;  // several times what one page reads
  for (int i = 0; i < kRecords; ++i) log.append(record(std::to_string(i)));
  int expected = kRecords;
  std::optional<std::uint64_t> cursor;
  do {
    const auto page = log.list(cursor, 1000);
    ASSERT_TRUE(page);
    ASSERT_FALSE(page->items.empty());
    for (const std::string& verb : verbs(*page)) EXPECT_EQ(verb, std::to_string(--expected));
    cursor = page->next;
  } while (cursor);
  EXPECT_EQ(expected, 0);
}

TEST(AuditLog, PassesOverWhatIsNoRecord) {
  const ScratchDir dir;
  const std::string junk(300'000, 'j');
  AuditLog log(dir.write("audit.json", "{\"verb\":\"first\"}\n[]\n" + junk + "\n\n"));
  log.append(record("last"));
  Verbs seen;
  std::optional<std::uint64_t> cursor;
  for (int pages = 0; pages < 10 && (pages == 0 || cursor); ++pages) {
    const auto page = log.list(cursor, 10);
    ASSERT_TRUE(page);
    for (const std::string& verb : verbs(*page)) seen.push_back(verb);
    cursor = page->next;
  }
  EXPECT_EQ(seen, (Verbs{"last", "first"}));
}

TEST(AuditLog, RefusesACursorOfAnotherFile) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  log.append(record("mode"));
  EXPECT_EQ(log.list(1'000'000, 10).error().kind, ErrorKind::not_found);
}

TEST(AuditLog, IsEmptyBeforeTheFirstChange) {
  const ScratchDir dir;
  const AuditLog log(dir.file("audit.json"));
  const auto page = log.list({}, 10);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->items.empty());
  EXPECT_FALSE(page->next);
}

TEST(AuditLog, CountsAFloodOfDeniedRequestsInsteadOfWritingIt) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  AuditRecord denied = record("mode");
  denied.error = "denied";
  denied.is_denied = true;
  for (int i = 0; i < 1000; ++i) log.append(denied);
  EXPECT_EQ(log.list({}, 1000)->items.size(), 10U);
  log.append(record("reload"));
  EXPECT_EQ(log.list({}, 1000)->items.at(0)["denied_unwritten"], 990);
}

TEST(AuditLog, TellsOfADeniedRequestBesideAnotherUsersFlood) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  AuditRecord denied = record("mode");
  denied.is_denied = true;
  denied.uid = 1001;
  for (int i = 0; i < 1000; ++i) log.append(denied);
  denied.uid = 1002;
  denied.verb = "reload";
  log.append(denied);
  EXPECT_EQ(log.list({}, 1000)->items.at(0)["verb"], "reload");
}

TEST(AuditLog, BoundsDeniedRequestsOfAllUsers) {
  const ScratchDir dir;
  AuditLog log(dir.file("audit.json"));
  AuditRecord denied = record("mode");
  denied.is_denied = true;
  for (denied.uid = 0; denied.uid < 1000; ++denied.uid) log.append(denied);
  EXPECT_EQ(log.list({}, 1000)->items.size(), 100U);
}

}  // namespace
}  // namespace sluice
