// Writes Ethernet frames as a nanosecond pcap: forwarded.pcap, dropped.pcap and generated.pcap of a
// replay. Buffered; one thread; an error sticks and is told by `close`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

class CaptureWriter {
 public:
  /// Creates the file, or empties the one that is there. Error: io, with the path.
  [[nodiscard]] static Result<CaptureWriter> create(const std::string& path);

  CaptureWriter(CaptureWriter&& other) noexcept;
  CaptureWriter& operator=(CaptureWriter&& other) noexcept;
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;
  /// Writes what is buffered; call `close` to learn whether that worked.
  ~CaptureWriter();

  /// `wire_bytes` below the bytes given counts as their number; bytes above kCapturedBytesMax are
  /// cut off; times after 2106 are written as the format's last second. Nothing after an error.
  void write(TimeNs timestamp, std::uint32_t wire_bytes, std::span<const std::uint8_t> bytes);

  /// Flushes and closes. Error: io, the first that happened, such as a full disk. Then nothing can
  /// be written; a second call does nothing.
  [[nodiscard]] Status close();

 private:
  CaptureWriter(int fd, std::string path);
  void append(std::span<const std::uint8_t> bytes);
  void flush() noexcept;

  int fd_ = -1;
  int failure_ = 0;  ///< errno of the first failure
  std::string path_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t buffered_ = 0;
};

}  // namespace sluice
