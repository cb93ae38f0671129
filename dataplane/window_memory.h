// The segments behind the window: one that only the wire process can ever write, with what workers
// and the keeper tell, and a small one that the control process writes, with the lanes' tails and
// its own notes of blocks, which are left to its successor. Part of the door: no DPDK here.
// Start-up of either process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/sealed_memory.h"
#include "dataplane/window.h"

namespace sluice {

/// As the control process inherits them.
struct WindowFds {
  int window = -1;
  int tails = -1;
};

/// The wire process's side. Both sizes are sealed, so that no page behind a mapping can be cut off;
/// the window is sealed against every later writer as well, so that nobody else can write to it,
/// map it for writing or punch holes into it. The tails can be written and punched by the control
/// process: a hole reads as 0.
class WindowMemory {
 public:
  /// The header holds these three, the rest is the caller's to fill. Of the rules' part memory is
  /// taken when it is first written. Errors: io; limit, where memory is short; unavailable, on a
  /// kernel before 5.1.
  [[nodiscard]] static Result<std::unique_ptr<WindowMemory>> create(std::size_t workers,
                                                                    std::uint32_t block_capacity,
                                                                    std::uint32_t rule_slots = 0);
  ~WindowMemory();
  WindowMemory(const WindowMemory&) = delete;
  WindowMemory& operator=(const WindowMemory&) = delete;

  [[nodiscard]] WindowFds fds() const noexcept { return {window_fd_.fd(), tails_fd_.fd()}; }
  [[nodiscard]] WindowHeader* header() const noexcept {
    return static_cast<WindowHeader*>(memory_);
  }
  [[nodiscard]] const std::vector<WorkerWindow*>& windows() const noexcept { return windows_; }
  /// By worker: a count for every slot of the blocks' table.
  [[nodiscard]] const std::vector<std::span<std::atomic<std::uint32_t>>>& block_hits()
      const noexcept {
    return block_hits_;
  }
  /// By place in the ruleset in force: the slot of the rule.
  [[nodiscard]] std::span<std::atomic<std::uint32_t>> rule_directory() const noexcept {
    return rule_directory_;
  }
  /// By worker, and there by slot.
  [[nodiscard]] const std::vector<std::span<RuleCounts>>& rule_counts() const noexcept {
    return rule_counts_;
  }

 private:
  struct Sizes {
    std::size_t workers = 0;
    std::uint32_t block_capacity = 0;
    std::uint32_t rule_slots = 0;
  };
  WindowMemory() = default;
  [[nodiscard]] Status make_segments(const Sizes& sizes);
  [[nodiscard]] Status map_window(const Sizes& sizes);
  void lay_out(const Sizes& sizes);
  void lay_out_rules(const Sizes& sizes);

  OwnedFd window_fd_;
  OwnedFd tails_fd_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<WorkerWindow*> windows_;
  std::vector<std::span<std::atomic<std::uint32_t>>> block_hits_;
  std::span<std::atomic<std::uint32_t>> rule_directory_;
  std::vector<std::span<RuleCounts>> rule_counts_;
};

/// Maps the tails of `workers` workers over their places in a mapped window, which can be read, and
/// written where `protection` (PROT_*) says so. Errors: io; invalid, where there are too few pages.
[[nodiscard]] Status map_tails(void* segment, std::size_t workers, int tails_fd, int protection);

}  // namespace sluice
