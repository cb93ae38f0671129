// What a control process that was taken over could try with the descriptors that it inherits.
#include "dataplane/window_memory.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::size_t kWorkers = 2;
constexpr std::uint32_t kBlocks = 100;

class WindowMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = WindowMemory::create(kWorkers, kBlocks);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    memory_ = std::move(*made);
  }
  /// As the control process maps it; empty pointer where that is refused.
  void* map(int fd, std::size_t bytes, int protection) {
    void* address = mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    return address == MAP_FAILED ? nullptr : address;
  }
  [[nodiscard]] int window_fd() const { return memory_->fds().window; }
  [[nodiscard]] int tails_fd() const { return memory_->fds().tails; }
  /// The tail of flow records of worker 0, as the control process writes it.
  std::atomic<std::uint64_t>& tail() {
    void* page = map(tails_fd(), kWindowPage, PROT_READ | PROT_WRITE);
    return *static_cast<std::atomic<std::uint64_t>*>(page);
  }

  static constexpr std::size_t kBytes = window_bytes(kWorkers, kBlocks);
  static constexpr std::size_t kTailBytes = kWorkers * kTailOffsets.size() * kWindowPage;
  std::unique_ptr<WindowMemory> memory_;
};

TEST_F(WindowMemoryTest, ShowsToReadersWhatWorkersWrite) {
  memory_->windows()[1]->heartbeat = 42;
  memory_->block_hits()[1][99] = 7;
  const auto* seen = static_cast<const std::byte*>(map(window_fd(), kBytes, PROT_READ));
  ASSERT_NE(seen, nullptr);
  const auto* window = reinterpret_cast<const WorkerWindow*>(seen + sizeof(WindowHeader)) + 1;
  EXPECT_EQ(window->heartbeat.load(), 42U);
  const std::size_t hits = block_hits_offset(kWorkers, 1, kBlocks) + 99 * 4;
  EXPECT_EQ(*reinterpret_cast<const std::uint32_t*>(seen + hits), 7U);
}

TEST_F(WindowMemoryTest, LetsNobodyElseWriteWhatTheWireDecidesBy) {
  EXPECT_EQ(map(window_fd(), kBytes, PROT_READ | PROT_WRITE), nullptr);
  EXPECT_EQ(errno, EPERM);
  void* seen = map(window_fd(), kBytes, PROT_READ);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(mprotect(seen, kBytes, PROT_READ | PROT_WRITE), -1);
  const char byte = 1;
  EXPECT_EQ(pwrite(window_fd(), &byte, 1, 0), -1);
  // Opening it anew gives a descriptor that can no more.
  const std::string path = "/proc/self/fd/" + std::to_string(window_fd());
  const OwnedFd reopened(open(path.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(map(reopened.fd(), kBytes, PROT_READ | PROT_WRITE), nullptr);
}

TEST_F(WindowMemoryTest, LetsNobodyElseTakeItsPagesAway) {
  memory_->windows()[0]->heartbeat = 42;
  EXPECT_EQ(ftruncate(window_fd(), 0), -1);
  EXPECT_EQ(fallocate(window_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kBytes), -1);
  void* seen = map(window_fd(), kBytes, PROT_READ);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(madvise(seen, kBytes, MADV_REMOVE), -1);
  EXPECT_EQ(memory_->windows()[0]->heartbeat.load(), 42U);
  EXPECT_EQ(memory_->header()->workers, kWorkers);
}

TEST_F(WindowMemoryTest, TakesTheTailsFromTheirOwnSegment) {
  FlowLane& lane = memory_->windows()[0]->flows;
  ASSERT_TRUE(lane.try_push({}));
  EXPECT_EQ(lane.depth(), 1U);
  tail() = 1;
  EXPECT_EQ(lane.depth(), 0U);
}

TEST_F(WindowMemoryTest, LosesEventsAndNothingElseToAnyTail) {
  FlowLane& lane = memory_->windows()[0]->flows;
  std::uint64_t pushed = 0;
  for (const std::uint64_t value : {std::uint64_t{1}, std::uint64_t{8192}, ~std::uint64_t{0},
                                    std::uint64_t{1} << 63, std::uint64_t{0}}) {
    tail() = value;
    for (int i = 0; i < 20'000; ++i) pushed += lane.try_push({}) ? 1 : 0;
  }
  EXPECT_GE(pushed, 8192U);
  EXPECT_EQ(memory_->windows()[0]->drops.depth(), 0U);
  EXPECT_EQ(memory_->header()->workers, kWorkers);
}

TEST_F(WindowMemoryTest, ReadsAHoleInTheTailsAsZero) {
  FlowLane& lane = memory_->windows()[0]->flows;
  ASSERT_TRUE(lane.try_push({}));
  tail() = 1;
  EXPECT_EQ(ftruncate(tails_fd(), 0), -1);
  ASSERT_EQ(fallocate(tails_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kTailBytes), 0);
  EXPECT_EQ(lane.depth(), 1U);
  EXPECT_TRUE(lane.try_push({}));
}

}  // namespace
}  // namespace sluice
