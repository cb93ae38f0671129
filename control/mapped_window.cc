#include "control/mapped_window.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include <fmt/format.h>

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
  window.rule_slots_ = window.header().rule_slots;
  if (auto mapped = window.map_notes(tails_fd); !mapped) {
    return tl::unexpected<Error>(mapped.error());
  }
  return window;
}

Status MappedWindow::map_notes(int tails_fd) {
  if (block_capacity_ == 0) return {};
  struct stat status {};
  const std::size_t needed = tails_bytes(windows_.size(), block_capacity_);
  if (fstat(tails_fd, &status) != 0 || static_cast<std::size_t>(status.st_size) < needed) {
    return fail(ErrorKind::invalid, fmt::format("window: {} bytes of tails and notes instead of {}",
                                                status.st_size, needed));
  }
  void* notes = mmap(nullptr, block_capacity_ * sizeof(BlockNote), PROT_READ | PROT_WRITE,
                     MAP_SHARED, tails_fd, static_cast<off_t>(block_notes_offset(windows_.size())));
  if (notes == MAP_FAILED) {
    return fail(ErrorKind::io,
                std::string("window: cannot map the notes: ") + std::strerror(errno));
  }
  notes_ = notes;
  return {};
}

MappedWindow::MappedWindow(MappedWindow&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      windows_(std::move(other.windows_)),
      block_capacity_(other.block_capacity_),
      rule_slots_(other.rule_slots_),
      notes_(std::exchange(other.notes_, nullptr)) {}

MappedWindow::~MappedWindow() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  if (notes_ != nullptr) munmap(notes_, block_capacity_ * sizeof(BlockNote));
}

std::span<const std::atomic<std::uint32_t>> MappedWindow::block_hits(
    std::size_t worker) const noexcept {
  const std::size_t offset = block_hits_offset(windows_.size(), worker, block_capacity_);
  const auto* first = static_cast<const std::byte*>(memory_) + offset;
  return {reinterpret_cast<const std::atomic<std::uint32_t>*>(first), block_capacity_};
}

// Nothing is read but what the keeper has written: the rest has no memory, and is to get none.
const RuleCounts* MappedWindow::rule_counts(std::size_t worker, std::uint32_t rule) const noexcept {
  if (rule >= rule_slots_ || rule >= header().keeper.rules.load(std::memory_order_relaxed)) {
    return nullptr;
  }
  const auto* const memory = static_cast<const std::byte*>(memory_);
  const auto* const directory = reinterpret_cast<const std::atomic<std::uint32_t>*>(
      memory + rule_directory_offset(windows_.size(), block_capacity_));
  const std::uint32_t slot = directory[rule].load(std::memory_order_relaxed);
  if (slot == kNoRuleSlot || slot >= rule_slots_) return nullptr;
  const auto* const counts = reinterpret_cast<const RuleCounts*>(
      memory + rule_counts_offset(windows_.size(), worker, block_capacity_, rule_slots_));
  return counts + slot;
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
