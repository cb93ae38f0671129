#include "dataplane/io/capture_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/endian.h"
#include "dataplane/io/capture_file.h"

namespace sluice {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

struct FileHeader {
  std::uint32_t magic = 0xa1b23c4d;
  std::uint16_t major = 2;
  std::uint16_t minor = 4;
  std::uint32_t zone = 0;
  std::uint32_t accuracy = 0;
  std::uint32_t snap_bytes = kCapturedBytesMax;
  std::uint32_t link_type = 1;
};
static_assert(sizeof(FileHeader) == 24);

struct RecordHeader {
  std::uint32_t seconds;
  std::uint32_t nanoseconds;
  std::uint32_t captured_bytes;
  std::uint32_t wire_bytes;
};
static_assert(sizeof(RecordHeader) == 16);

template <class T>
std::array<std::uint8_t, sizeof(T)> bytes_of(const T& value) noexcept {
  std::array<std::uint8_t, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

tl::unexpected<Error> write_failure(const std::string& path, int error) {
  return fail(ErrorKind::io, fmt::format("{}: cannot be written: {}", path, std::strerror(error)));
}

}  // namespace

Result<CaptureWriter> CaptureWriter::create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
  if (fd < 0) return write_failure(path, errno);
  CaptureWriter writer(fd, path);
  writer.append(bytes_of(FileHeader{}));
  return writer;
}

CaptureWriter::CaptureWriter(int fd, std::string path)
    : fd_(fd),
      path_(std::move(path)),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kBufferBytes)) {}

CaptureWriter::CaptureWriter(CaptureWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      failure_(other.failure_),
      path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      buffered_(std::exchange(other.buffered_, 0)) {}

CaptureWriter& CaptureWriter::operator=(CaptureWriter&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(failure_, other.failure_);
  std::swap(path_, other.path_);
  std::swap(buffer_, other.buffer_);
  std::swap(buffered_, other.buffered_);
  return *this;
}

CaptureWriter::~CaptureWriter() {
  if (fd_ < 0) return;
  flush();
  ::close(fd_);
}

void CaptureWriter::write(TimeNs timestamp, std::uint32_t wire_bytes,
                          std::span<const std::uint8_t> bytes) {
  if (fd_ < 0) return;
  bytes = bytes.first(std::min<std::size_t>(bytes.size(), kCapturedBytesMax));
  const auto captured = static_cast<std::uint32_t>(bytes.size());
  const RecordHeader header{
      .seconds = static_cast<std::uint32_t>(std::min<TimeNs>(timestamp / kNsPerSecond, UINT32_MAX)),
      .nanoseconds = static_cast<std::uint32_t>(timestamp % kNsPerSecond),
      .captured_bytes = captured,
      .wire_bytes = std::max(wire_bytes, captured),
  };
  append(bytes_of(header));
  append(bytes);
}

void CaptureWriter::append(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (buffered_ == kBufferBytes) flush();
    const std::size_t room = std::min(bytes.size(), kBufferBytes - buffered_);
    std::memcpy(buffer_.get() + buffered_, bytes.data(), room);
    buffered_ += room;
    bytes = bytes.subspan(room);
  }
}

void CaptureWriter::flush() noexcept {
  for (std::size_t done = 0; done < buffered_ && failure_ == 0;) {
    const ssize_t wrote = ::write(fd_, buffer_.get() + done, buffered_ - done);
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
    if (wrote == 0) failure_ = EIO;
    if (wrote < 0 && errno != EINTR) failure_ = errno;
  }
  buffered_ = 0;
}

Status CaptureWriter::close() {
  if (fd_ < 0) return {};
  flush();
  // Some file systems tell of a full disk only now.
  if (::close(std::exchange(fd_, -1)) != 0 && failure_ == 0) failure_ = errno;
  if (failure_ != 0) return write_failure(path_, failure_);
  return {};
}

}  // namespace sluice
