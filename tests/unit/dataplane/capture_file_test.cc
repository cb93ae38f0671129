// Files: what cannot be had, what is no capture, what is too large.
#include "dataplane/io/capture_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class CaptureFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "capture_file_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const char* name) const { return directory_ + "/" + name; }
  std::string write(const char* name, std::span<const std::uint8_t> bytes) const {
    std::ofstream(path(name), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }
  static Bytes three_packets() {
    CaptureBuilder file;
    file.pcap_header(0xa1b2c3d4, 1);
    for (std::uint8_t i = 0; i < 3; ++i) file.pcap_record(i, 0, frame_of(60, i), 60);
    return file.bytes();
  }

  std::string directory_;
};

TEST_F(CaptureFile, LoadsAFile) {
  const auto capture = load_capture(write("a.pcap", three_packets()));
  ASSERT_TRUE(capture.has_value());
  EXPECT_THAT(capture->packets, SizeIs(3));
  EXPECT_FALSE(capture->damage.has_value());
}

TEST_F(CaptureFile, FramesStayWhereTheyAreWhenTheCaptureMoves) {
  auto loaded = load_capture(write("a.pcap", three_packets()));
  const Capture capture = std::move(*loaded);
  EXPECT_EQ(copy_of(capture.packets[2]), frame_of(60, 2));
}

TEST_F(CaptureFile, LoadsFromAPipeWhoseSizeIsNotKnown) {
  const std::string pipe = path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  CaptureBuilder file;
  file.pcap_header(0xa1b2c3d4, 1);
  for (std::uint32_t i = 0; i < 3000; ++i) file.pcap_record(i, 0, frame_of(100), 100);
  std::thread writer([&] { write("pipe", file.bytes()); });
  const auto capture = load_capture(pipe);
  writer.join();
  ASSERT_TRUE(capture.has_value());
  EXPECT_THAT(capture->packets, SizeIs(3000));
}

TEST_F(CaptureFile, MissingFileIsNotFound) {
  const auto capture = load_capture(path("absent.pcap"));
  ASSERT_FALSE(capture.has_value());
  EXPECT_EQ(capture.error().kind, ErrorKind::not_found);
  EXPECT_EQ(capture.error().message,
            path("absent.pcap") + ": cannot be read: No such file or directory");
}

TEST_F(CaptureFile, DirectoryCannotBeRead) {
  const auto capture = load_capture(directory_);
  ASSERT_FALSE(capture.has_value());
  EXPECT_EQ(capture.error().kind, ErrorKind::io);
}

TEST_F(CaptureFile, FileAboveTheCapIsALimit) {
  CaptureLimits limits;
  limits.file_bytes_max = three_packets().size() - 1;
  const auto capture = load_capture(write("a.pcap", three_packets()), limits);
  ASSERT_FALSE(capture.has_value());
  EXPECT_EQ(capture.error().kind, ErrorKind::limit);
  limits.file_bytes_max += 1;
  EXPECT_TRUE(load_capture(path("a.pcap"), limits).has_value());
}

TEST_F(CaptureFile, EndlessDeviceIsALimit) {
  CaptureLimits limits;
  limits.file_bytes_max = 1 << 20;
  const auto capture = load_capture("/dev/zero", limits);
  ASSERT_FALSE(capture.has_value());
  EXPECT_EQ(capture.error().kind, ErrorKind::limit);
}

TEST_F(CaptureFile, MorePacketsThanAllowedIsALimit) {
  CaptureLimits limits;
  limits.packets_max = 2;
  const auto capture = load_capture(write("a.pcap", three_packets()), limits);
  ASSERT_TRUE(capture.has_value());
  EXPECT_THAT(capture->packets, SizeIs(2));
  EXPECT_EQ(capture->damage.value().kind, ErrorKind::limit);
}

TEST_F(CaptureFile, EmptyFileIsDamaged) {
  const auto capture = load_capture(write("empty.pcap", {}));
  ASSERT_TRUE(capture.has_value());
  EXPECT_EQ(damage_of(*capture), path("empty.pcap") +
                                     ": damaged at offset 0, after 0 packets: 0 bytes hold no "
                                     "capture header");
}

TEST_F(CaptureFile, DamageIsToldWithThePath) {
  Bytes bytes = three_packets();
  bytes.pop_back();
  const auto capture = load_capture(write("cut.pcap", bytes));
  ASSERT_TRUE(capture.has_value());
  EXPECT_THAT(capture->packets, SizeIs(2));
  EXPECT_THAT(damage_of(*capture), StartsWith(path("cut.pcap") + ": damaged at offset 176"));
}

TEST(CaptureFormat, ForeignFormatsAreNamedWithTheWayOut) {
  struct Row {
    std::string head;
    const char* names;
    const char* hint;
  };
  const Row rows[] = {
      {"\x1f\x8b\x08 and so on", "gzip", "gunzip"},
      {"\xfd"
       "7zXZ and so on",
       "xz", "unxz"},
      {"\x28\xb5\x2f\xfd and so on", "zstd", "unzstd"},
      {"snoop and so on", "snoop", "editcap"},
      {"GMBU and so on", "Network Monitor", "editcap"},
      {"GET / HTTP/1.1", "neither pcap nor pcapng", ""},
  };
  for (const Row& row : rows) {
    const auto* head = reinterpret_cast<const std::uint8_t*>(row.head.data());
    const Capture capture = parse({head, row.head.size()});
    ASSERT_TRUE(capture.damage.has_value());
    EXPECT_EQ(capture.damage->kind, ErrorKind::unavailable);
    EXPECT_THAT(capture.damage->message, HasSubstr(row.names));
    EXPECT_THAT(capture.damage->hint, HasSubstr(row.hint));
  }
}

}  // namespace
}  // namespace sluice::test
