// What is written is read back the same, and a disk that is full is told.
#include "dataplane/io/capture_writer.h"

#include <unistd.h>

#include <cstdio>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using testing::SizeIs;

class CaptureWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "capture_writer_XXXXXX";
    const int fd = ::mkstemp(path_.data());
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_;
};

TEST_F(CaptureWriterTest, WritesWhatTheReaderReads) {
  std::mt19937_64 random(7);
  std::vector<CapturedPacket> packets;
  std::vector<Bytes> frames;
  for (int i = 0; i < 500; ++i) {
    frames.push_back(frame_of(random() % 3000, static_cast<std::uint8_t>(random())));
    packets.push_back({random() % (TimeNs{0xffffffff} * kNsPerSecond),
                       static_cast<std::uint32_t>(frames.back().size() + random() % 9),
                       0,
                       {}});
  }
  auto writer = CaptureWriter::create(path_);
  ASSERT_TRUE(writer.has_value());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    writer->write(packets[i].timestamp, packets[i].wire_bytes, frames[i]);
  }
  ASSERT_TRUE(writer->close().has_value());

  const auto capture = load_capture(path_);
  ASSERT_TRUE(capture.has_value());
  EXPECT_EQ(damage_of(*capture), "");
  ASSERT_THAT(capture->packets, SizeIs(packets.size()));
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(capture->packets[i].timestamp, packets[i].timestamp);
    EXPECT_EQ(capture->packets[i].wire_bytes, packets[i].wire_bytes);
    EXPECT_EQ(copy_of(capture->packets[i]), frames[i]);
  }
}

TEST_F(CaptureWriterTest, WithoutPacketsIsAWholeCapture) {
  ASSERT_TRUE(CaptureWriter::create(path_)->close().has_value());
  const auto capture = load_capture(path_);
  ASSERT_TRUE(capture.has_value());
  EXPECT_THAT(capture->packets, SizeIs(0));
  EXPECT_FALSE(capture->damage.has_value());
}

TEST_F(CaptureWriterTest, OutOfRangeValuesAreBroughtIntoTheFormat) {
  auto writer = CaptureWriter::create(path_);
  ASSERT_TRUE(writer.has_value());
  const Bytes long_frame(kCapturedBytesMax + 5, 1);
  writer->write(kCaptureTimeMax, 3, frame_of(60));
  writer->write(0, kCapturedBytesMax + 5, long_frame);
  ASSERT_TRUE(writer->close().has_value());
  const auto capture = load_capture(path_);
  ASSERT_TRUE(capture.has_value());
  ASSERT_THAT(capture->packets, SizeIs(2));
  EXPECT_EQ(capture->packets[0].timestamp / kNsPerSecond, 0xffffffffU);
  EXPECT_EQ(capture->packets[0].wire_bytes, 60U);
  EXPECT_EQ(capture->packets[1].bytes.size(), kCapturedBytesMax);
  EXPECT_EQ(capture->packets[1].wire_bytes, kCapturedBytesMax + 5);
}

TEST_F(CaptureWriterTest, DestructorWritesWhatIsBuffered) {
  {
    auto writer = CaptureWriter::create(path_);
    ASSERT_TRUE(writer.has_value());
    writer->write(1, 60, frame_of(60));
  }
  EXPECT_THAT(load_capture(path_)->packets, SizeIs(1));
}

TEST_F(CaptureWriterTest, MovedFromWriterHasNothingToClose) {
  auto first = CaptureWriter::create(path_);
  ASSERT_TRUE(first.has_value());
  CaptureWriter second = std::move(*first);
  EXPECT_TRUE(first->close().has_value());
  second.write(1, 60, frame_of(60));
  EXPECT_TRUE(second.close().has_value());
  EXPECT_THAT(load_capture(path_)->packets, SizeIs(1));
}

TEST(CaptureWriterFailure, DirectoryThatIsNotThereIsTold) {
  const auto writer = CaptureWriter::create("/nonexistent/out.pcap");
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().kind, ErrorKind::io);
  EXPECT_EQ(writer.error().message,
            "/nonexistent/out.pcap: cannot be written: No such file or directory");
}

TEST(CaptureWriterFailure, FullDiskIsToldOnceAndWritingGoesOnHarmlessly) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  auto writer = CaptureWriter::create("/dev/full");
  ASSERT_TRUE(writer.has_value());
  const Bytes frame(60'000, 1);
  for (int i = 0; i < 20; ++i) writer->write(1, 60'000, frame);
  const Status closed = writer->close();
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().kind, ErrorKind::io);
  EXPECT_EQ(closed.error().message, "/dev/full: cannot be written: No space left on device");
  EXPECT_TRUE(writer->close().has_value());
}

}  // namespace
}  // namespace sluice::test
