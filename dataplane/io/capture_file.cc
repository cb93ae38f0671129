#include "dataplane/io/capture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dataplane/io/capture_assembler.h"
#include "dataplane/io/pcap_reader.h"
#include "dataplane/io/pcapng_reader.h"

namespace sluice {
namespace {

// First read of a pipe or device, whose size is not known; doubled as it fills.
constexpr std::size_t kFirstReadBytes = 64 * 1024;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int number() const noexcept { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> read_failure(const std::string& path, int error) {
  const ErrorKind kind = error == ENOENT || error == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
  return fail(kind, fmt::format("{}: cannot be read: {}", path, std::strerror(error)));
}

tl::unexpected<Error> too_large(const std::string& path, std::uint64_t bytes_max) {
  return fail(ErrorKind::limit,
              fmt::format("{}: larger than the {} bytes that are loaded at most", path, bytes_max),
              "split it, for example: editcap -c 1000000 FILE PART");
}

void grow(CaptureBytes& file, std::size_t& capacity, std::size_t wanted) {
  auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
  if (file.size > 0) std::memcpy(larger.get(), file.data.get(), file.size);
  file.data = std::move(larger);
  capacity = wanted;
}

/// Reads to the end, whatever the size was said to be: a file may grow or shrink meanwhile.
Result<CaptureBytes> read_to_end(const std::string& path, int fd, std::uint64_t expected_bytes,
                                 std::uint64_t bytes_max) {
  CaptureBytes file;
  std::size_t capacity = 0;
  grow(file, capacity, std::max<std::size_t>(expected_bytes + 1, kFirstReadBytes));
  for (;;) {
    const ssize_t got = ::read(fd, file.data.get() + file.size, capacity - file.size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return read_failure(path, errno);
    if (got == 0) return file;
    file.size += static_cast<std::size_t>(got);
    if (file.size > bytes_max) return too_large(path, bytes_max);
    if (file.size == capacity) grow(file, capacity, capacity * 2);
  }
}

Result<CaptureBytes> read_file(const std::string& path, std::uint64_t bytes_max) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.number() < 0) return read_failure(path, errno);
  struct stat status {};
  if (::fstat(fd.number(), &status) != 0) return read_failure(path, errno);
  if (S_ISDIR(status.st_mode)) return read_failure(path, EISDIR);
  const std::uint64_t expected =
      S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0)) : 0;
  if (expected > bytes_max) return too_large(path, bytes_max);
  return read_to_end(path, fd.number(), expected, bytes_max);
}

struct ForeignFormat {
  std::string_view magic;
  std::string_view name;
  std::string_view hint;
};

/// What people hand to a capture reader most often when it is not a capture that sluice reads.
constexpr std::array<ForeignFormat, 6> kForeignFormats{{
    {"\x1f\x8b", "gzip", "decompress it first: gunzip FILE"},
    {"\xfd"
     "7zXZ",
     "xz", "decompress it first: unxz FILE"},
    {"\x28\xb5\x2f\xfd", "zstd", "decompress it first: unzstd FILE"},
    {"PK\x03\x04", "zip", "unpack it first: unzip FILE"},
    {"snoop", "a snoop capture", "convert it: editcap -F pcapng FILE OUT"},
    {"GMBU", "a Network Monitor capture", "convert it: editcap -F pcapng FILE OUT"},
}};

Error unknown_format(std::span<const std::uint8_t> file) {
  const std::string_view head(reinterpret_cast<const char*>(file.data()),
                              std::min<std::size_t>(file.size(), 8));
  for (const ForeignFormat& format : kForeignFormats) {
    if (!head.starts_with(format.magic)) continue;
    return {ErrorKind::unavailable,
            fmt::format("unsupported format {}: pcap or pcapng", format.name),
            std::string(format.hint)};
  }
  return {ErrorKind::unavailable, "neither pcap nor pcapng: the first four bytes are no magic"};
}

}  // namespace

Capture parse_capture(CaptureBytes file, const CaptureLimits& limits) {
  Capture capture;
  capture.file = std::move(file);
  const std::span<std::uint8_t> bytes(capture.file.data.get(), capture.file.size);
  CaptureAssembler assembler(bytes, limits, capture);
  if (bytes.size() < 4) {
    assembler.stop(ErrorKind::invalid, 0,
                   fmt::format("{} bytes hold no capture header", bytes.size()));
  } else if (const auto shape = pcap_shape(bytes)) {
    read_pcap(*shape, bytes, assembler);
  } else if (is_pcapng(bytes)) {
    read_pcapng(bytes, assembler);
  } else {
    capture.damage = unknown_format(bytes);
  }
  return capture;
}

Result<Capture> load_capture(const std::string& path, const CaptureLimits& limits) {
  Result<CaptureBytes> file = read_file(path, limits.file_bytes_max);
  if (!file) return tl::unexpected<Error>(std::move(file.error()));
  Capture capture = parse_capture(std::move(*file), limits);
  if (capture.damage) capture.damage = with_context(path, std::move(*capture.damage)).value();
  return capture;
}

}  // namespace sluice
