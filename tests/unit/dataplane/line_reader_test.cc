#include "dataplane/inspect/line_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

class Lines {
 public:
  explicit Lines(std::size_t pool_bytes = kPoolBytes)
      : pool_(ChunkPool::create(pool_bytes, arena_).value()) {}
  ~Lines() { reader.release(*pool_); }

  Lines& push(std::string_view text) {
    const std::vector<std::uint8_t> kept(text.begin(), text.end());
    ByteSpan bytes = kept;
    for (;;) {
      const LineStep step = reader.read(bytes, *pool_);
      if (step == LineStep::wants_more) break;
      const std::string line(reader.line().begin(), reader.line().end());
      found.push_back((step == LineStep::cut_line    ? "cut:"
                       : step == LineStep::no_memory ? "none:"
                                                     : "") +
                      line);
      if (step == LineStep::no_memory) break;
    }
    return *this;
  }
  [[nodiscard]] std::uint64_t bytes_in_use() const { return pool_->counters().bytes_in_use; }
  ChunkPool& pool() { return *pool_; }

  LineReader reader;
  std::vector<std::string> found;

 private:
  MemoryArena arena_;
  std::unique_ptr<ChunkPool> pool_;
};

using Found = std::vector<std::string>;

TEST(LineReader, LinesEndWithLfAndOneCrBeforeIt) {
  EXPECT_EQ(Lines().push("a\r\nb\n\r\n\nc\r\r\nd\re\n").found,
            (Found{"a", "b", "", "", "c\r", "d\re"}));
}

TEST(LineReader, EveryCutTellsTheSame) {
  const std::string longest(kLineBytesMax, 'x');
  const std::string text =
      "first\r\n\r\n" + longest + "\n" + longest + "y\r\n" + longest.substr(1) + "\r\nlast\n";
  const Found expected{"first", "", longest, "cut:" + longest, longest.substr(1), "last"};
  EXPECT_EQ(Lines().push(text).found, expected);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Lines split;
    split.push(text.substr(0, cut)).push(text.substr(cut));
    ASSERT_EQ(split.found, expected) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
  Lines bytewise;
  for (const char byte : text) bytewise.push({&byte, 1});
  EXPECT_EQ(bytewise.found, expected);
}

TEST(LineReader, EndlessLineIsShownOnceAndHoldsNoMemory) {
  Lines lines;
  for (int i = 0; i < 1000; ++i) lines.push(std::string(100, 'x'));
  EXPECT_EQ(lines.found, (Found{"cut:" + std::string(kLineBytesMax, 'x')}));
  EXPECT_EQ(lines.bytes_in_use(), 0U);
}

TEST(LineReader, WithoutMemoryALineIsNotGathered) {
  Lines lines(kNoPool);
  void* all = lines.pool().take(kChunkBytesMax);
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(lines.push("whole\nbegun").found, (Found{"whole", "none:"}));
  lines.pool().give(all, kChunkBytesMax);
}

TEST(LineReader, LostLineEndsAtTheNextLineEnd) {
  Lines lines;
  lines.push("one\ntw");
  lines.reader.lose_line(lines.pool());
  EXPECT_EQ(lines.push("o\r\nthree\n").found, (Found{"one", "three"}));
}

TEST(LineReader, UnfinishedLineCanBeAskedFor) {
  Lines lines;
  lines.push("one\ntwo\r");
  const ByteSpan rest = lines.reader.unfinished();
  EXPECT_EQ(std::string(rest.begin(), rest.end()), "two");
}

}  // namespace
}  // namespace sluice
