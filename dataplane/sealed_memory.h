// Bytes that cross from one process to another as a sealed memfd: once sealed neither side can
// change or shorten them, so that they are checked once and then read in place. No DPDK here.
// Start-up, keeper and control threads.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace sluice {

/// A file descriptor that is closed when its owner goes; -1 = none.
class OwnedFd {
 public:
  OwnedFd() noexcept = default;
  explicit OwnedFd(int fd) noexcept : fd_(fd) {}
  ~OwnedFd() { reset(); }
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

/// An empty memfd that can be sealed. `name` shows in /proc only.
[[nodiscard]] Result<OwnedFd> make_memfd(const char* name);

/// Writes `bytes` into an empty memfd of `make_memfd` and seals it.
[[nodiscard]] Status write_and_seal(int memfd, std::span<const std::byte> bytes);

/// A sealed memfd mapped read-only, unmapped when this goes. The descriptor may be closed before.
class SealedView {
 public:
  /// Errors: invalid where the descriptor is not a sealed memfd, is empty, or is above `bytes_max`.
  [[nodiscard]] static Result<SealedView> map(int memfd, std::size_t bytes_max);
  ~SealedView();
  SealedView(SealedView&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  SealedView& operator=(SealedView&&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  explicit SealedView(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace sluice
