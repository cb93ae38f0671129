#include "control/store/eve_file.h"

#include <array>
#include <cstring>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/file_size_limit.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using test::read_text;
using test::ScratchDir;

constexpr TimeNs kSecond = kNsPerSecond;

bool put(EveFile& file, const std::string& line, TimeNs now) {
  const std::span<char> room = file.room(line.size(), now);
  if (room.empty()) return false;
  std::memcpy(room.data(), line.data(), line.size());
  file.commit(line.size());
  return true;
}

;

TEST(EveFile, AppendsToWhatIsThere) {
  const ScratchDir dir;
  const std::string path = dir.write("eve.json", "first\n");
  EveFile file({.path = path});
  EXPECT_TRUE(put(file, "second\n", 0));
  file.flush(0);
  EXPECT_EQ(read_text(path), "first\nsecond\n");
}

TEST(EveFile, StartsEmptyWhereAskedTo) {
  const ScratchDir dir;
  const std::string path = dir.write("eve.json", "first\n");
  EveFile file({.path = path, .starts_empty = true});
  EXPECT_TRUE(put(file, "second\n", 0));
  file.flush(0);
  EXPECT_EQ(read_text(path), "second\n");
}

TEST(EveFile, EndsALineThatADeadProcessCut) {
  const ScratchDir dir;
  const std::string path = dir.write("eve.json", "whole\n{\"cut\":");
  EveFile file({.path = path});
  EXPECT_TRUE(put(file, "next\n", 0));
  file.flush(0);
  EXPECT_EQ(read_text(path), "whole\n{\"cut\":\nnext\n");
}

TEST(EveFile, WritesWhenTheBufferIsFull) {
  const ScratchDir dir;
  EveFile file({.path = dir.file("eve.json"), .buffer_bytes = 16});
  std::string all;
  for (int i = 0; i < 10; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    ASSERT_TRUE(put(file, line, 0));
    all += line;
  }
  file.flush(0);
  EXPECT_EQ(read_text(dir.file("eve.json")), all);
}

TEST(EveFile, TriesAgainAfterASecondWhereTheDirectoryIsMissing) {
  const ScratchDir dir;
  const std::string path = dir.file("later/eve.json");
  EveFile file({.path = path});
  EXPECT_TRUE(put(file, "kept\n", 0));
  file.flush(0);
  EXPECT_TRUE(file.is_failing());
  EXPECT_FALSE(file.status().has_value());
  std::filesystem::create_directory(dir.file("later"));
  file.flush(kSecond - 1);
  EXPECT_TRUE(file.is_failing());
  file.flush(kSecond);
  EXPECT_FALSE(file.is_failing());
  EXPECT_EQ(read_text(path), "kept\n");
}

TEST(EveFile, KeepsLinesWholeOverAFullDisk) {
  const ScratchDir dir;
  const std::string path = dir.file("eve.json");
  EveFile file({.path = path, .buffer_bytes = 24});
  const test::FileSizeLimit full(10);
  EXPECT_TRUE(put(file, "0123456\n", 0));
  EXPECT_TRUE(put(file, "abcdefg\n", 0));
  file.flush(0);
  EXPECT_TRUE(file.is_failing());
  EXPECT_TRUE(put(file, "ABCDEFG\n", 1));
  EXPECT_TRUE(put(file, "tuvwxyz\n", 1));
  EXPECT_FALSE(put(file, "refused\n", 1));
  full.lift();
  file.flush(kSecond);
  EXPECT_FALSE(file.is_failing());
  EXPECT_EQ(read_text(path), "0123456\nabcdefg\nABCDEFG\ntuvwxyz\n");
}

TEST(EveFile, FollowsARotationThatNobodyAnnounced) {
  const ScratchDir dir;
  const std::string path = dir.file("eve.json");
  EveFile file({.path = path});
  EXPECT_TRUE(put(file, "old\n", 0));
  file.flush(0);
  std::filesystem::rename(path, dir.file("eve.json.1"));
  EXPECT_TRUE(put(file, "new\n", 2 * kSecond));
  file.flush(2 * kSecond);
  EXPECT_EQ(read_text(dir.file("eve.json.1")), "old\n");
  EXPECT_EQ(read_text(path), "new\n");
}

TEST(EveFile, ReopensOnRequestAfterWritingWhatWaits) {
  const ScratchDir dir;
  const std::string path = dir.file("eve.json");
  EveFile file({.path = path});
  EXPECT_TRUE(put(file, "old\n", 0));
  file.flush(0);
  EXPECT_TRUE(put(file, "waiting\n", 0));
  std::filesystem::rename(path, dir.file("eve.json.1"));
  file.reopen(0);
  EXPECT_TRUE(put(file, "new\n", 0));
  file.flush(0);
  EXPECT_EQ(read_text(dir.file("eve.json.1")), "old\nwaiting\n");
  EXPECT_EQ(read_text(path), "new\n");
}

TEST(EveFile, StartsARotatedFileWithAWholeLine) {
  const ScratchDir dir;
  const std::string path = dir.file("eve.json");
  EveFile file({.path = path, .buffer_bytes = 64});
  {
    const test::FileSizeLimit full(10);
    EXPECT_TRUE(put(file, "0123456\n", 0));
    EXPECT_TRUE(put(file, "abcdefg\n", 0));
    EXPECT_TRUE(put(file, "ABCDEFG\n", 0));
    file.flush(0);
    std::filesystem::rename(path, dir.file("eve.json.1"));
    file.reopen(0);
  }
  file.flush(2 * kSecond);
  EXPECT_EQ(read_text(path), "ABCDEFG\n");
  EXPECT_EQ(file.lines_lost(), 1U);
}

TEST(EveFile, DoesNotWaitForAPipeThatNobodyReads) {
  const ScratchDir dir;
  const std::string path = dir.file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EveFile unread({.path = path, .buffer_bytes = 64});
  EXPECT_TRUE(put(unread, "line\n", 0));
  unread.flush(0);
  EXPECT_TRUE(unread.is_failing());
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  unread.flush(2 * kSecond);
  std::array<char, 16> text{};
  EXPECT_EQ(read(reader, text.data(), text.size()), 5);
  close(reader);
}

}  // namespace
}  // namespace sluice
