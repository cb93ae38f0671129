#include "control/event_drain.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "dataplane/requests.h"

namespace sluice {
namespace {

// Enough for a writer that is within its two microseconds of publishing.
constexpr unsigned kReadTries = 200;

}  // namespace

Result<std::vector<WorkerWindow*>> windows_in(void* segment, std::size_t bytes) {
  const auto mismatch = [](std::string message) {
    return fail(ErrorKind::invalid, "window: " + std::move(message),
                "the control process and the wire process must be the same build");
  };
  if (bytes < sizeof(WindowHeader) ||
      reinterpret_cast<std::uintptr_t>(segment) % kWindowPage != 0) {
    return mismatch(fmt::format("{} bytes hold no header", bytes));
  }
  const auto* header = static_cast<const WindowHeader*>(segment);
  if (header->version != kWindowVersion) {
    return mismatch(fmt::format("version {} instead of {}", header->version, kWindowVersion));
  }
  if (header->worker_window_bytes != sizeof(WorkerWindow)) {
    return mismatch(fmt::format("a worker's part has {} bytes instead of {}",
                                header->worker_window_bytes, sizeof(WorkerWindow)));
  }
  const std::uint32_t workers = header->workers;
  if (workers == 0 || workers > kWorkersMax) {
    return mismatch(fmt::format("{} workers, not 1 to {}", workers, kWorkersMax));
  }
  const std::uint32_t blocks = header->block_capacity;
  if (blocks > kBlocksMax) {
    return mismatch(fmt::format("room for {} blocks, above {}", blocks, kBlocksMax));
  }
  const std::uint32_t rule_slots = header->rule_slots;
  if (rule_slots != 0 && rule_slots != kRuleSlotsMax) {
    return mismatch(fmt::format("{} slots of rules, not {}", rule_slots, kRuleSlotsMax));
  }
  const std::size_t needed = segment_bytes(workers, blocks, rule_slots);
  if (bytes < needed) return mismatch(fmt::format("{} bytes instead of {}", bytes, needed));
  std::vector<WorkerWindow*> windows;
  auto* first = static_cast<std::byte*>(segment) + sizeof(WindowHeader);
  for (std::uint32_t i = 0; i < workers; ++i) {
    windows.push_back(reinterpret_cast<WorkerWindow*>(first + i * sizeof(WorkerWindow)));
  }
  return windows;
}

EventDrain::EventDrain(std::vector<WorkerWindow*> windows)
    : windows_(std::move(windows)), last_(windows_.size()) {}

EventDrain::Sums EventDrain::sums() {
  Sums sums;
  std::uint64_t oldest = ~std::uint64_t{0};
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    if (!windows_[i]->counters.try_read(last_[i], kReadTries)) ++sums.unreadable;
    sums.total += last_[i];
    oldest = std::min(oldest, last_[i].generation);
  }
  sums.total.generation = windows_.empty() ? 0 : oldest;
  return sums;
}

}  // namespace sluice
