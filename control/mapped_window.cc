#include "control/mapped_window.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include "control/event_drain.h"
#include "dataplane/window_memory.h"

namespace sluice {

Result<MappedWindow> MappedWindow::map(int fd, int tails_fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return fail(ErrorKind::io, std::string("window: ") + std::strerror(errno));
  }
  const auto bytes = static_cast<std::size_t>(std::max<off_t>(status.st_size, 1));
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorKind::io, std::string("window: cannot map it: ") + std::strerror(errno));
  }
  MappedWindow window(memory, bytes);
  // The pages behind an empty file may not be touched: the size is checked first.
  auto windows = windows_in(memory, static_cast<std::size_t>(status.st_size));
  if (!windows) return tl::unexpected<Error>(windows.error());
  const auto tails = map_tails(memory, windows->size(), tails_fd, PROT_READ | PROT_WRITE);
  if (!tails) return tl::unexpected<Error>(tails.error());
  window.windows_ = std::move(*windows);
  window.block_capacity_ = window.header().block_capacity;
  return window;
}

MappedWindow::MappedWindow(MappedWindow&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      windows_(std::move(other.windows_)),
      block_capacity_(other.block_capacity_) {}

MappedWindow::~MappedWindow() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

std::span<const std::atomic<std::uint32_t>> MappedWindow::block_hits(
    std::size_t worker) const noexcept {
  const std::size_t offset = block_hits_offset(windows_.size(), worker, block_capacity_);
  const auto* first = static_cast<const std::byte*>(memory_) + offset;
  return {reinterpret_cast<const std::atomic<std::uint32_t>*>(first), block_capacity_};
}

TimeNs MappedWindow::started() const noexcept { return header().started; }

std::vector<std::string> MappedWindow::port_names() const {
  std::vector<std::string> names;
  const std::size_t ports = std::min<std::size_t>(header().ports, kPortsMax);
  for (std::size_t i = 0; i < ports; ++i) {
    const auto& name = header().port_names[i];
    names.emplace_back(name.data(), strnlen(name.data(), name.size()));
  }
  return names;
}

}  // namespace sluice
