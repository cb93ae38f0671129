// The shared window as the control process sees it: the inherited descriptors mapped, checked
// against this build's layout, and unmapped when the object goes. It can be read, and the lanes'
// tails and its own notes written. Control thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/window.h"

namespace sluice {

class MappedWindow {
 public:
  /// Reads size and header of `fd`; both descriptors stay open and the caller's. Errors: io where
  /// they cannot be mapped, invalid where they were made by another build.
  [[nodiscard]] static Result<MappedWindow> map(int fd, int tails_fd);
  ~MappedWindow();
  MappedWindow(MappedWindow&& other) noexcept;
  MappedWindow& operator=(MappedWindow&&) = delete;

  [[nodiscard]] const std::vector<WorkerWindow*>& windows() const noexcept { return windows_; }
  [[nodiscard]] const WindowHeader& header() const noexcept {
    return *static_cast<const WindowHeader*>(memory_);
  }
  /// How often this worker refused for the block in each slot, as BlockReceipt numbers them.
  [[nodiscard]] std::span<const std::atomic<std::uint32_t>> block_hits(
      std::size_t worker) const noexcept;
  /// What this worker counted of the rule in this place of the ruleset in force; null where the
  /// rule has no counts of its own.
  [[nodiscard]] const RuleCounts* rule_counts(std::size_t worker,
                                              std::uint32_t rule) const noexcept;
  /// What the control processes before this one left, by slot as well.
  [[nodiscard]] std::span<BlockNote> block_notes() const noexcept {
    return {static_cast<BlockNote*>(notes_), notes_ == nullptr ? 0 : block_capacity_};
  }
  [[nodiscard]] TimeNs started() const noexcept;
  [[nodiscard]] std::vector<std::string> port_names() const;

 private:
  MappedWindow(void* memory, std::size_t bytes) noexcept : memory_(memory), bytes_(bytes) {}
  [[nodiscard]] Status map_notes(int tails_fd);

  void* memory_;
  std::size_t bytes_;
  std::vector<WorkerWindow*> windows_;
  std::size_t block_capacity_ = 0;  ///< as it was when the size was checked
  std::uint32_t rule_slots_ = 0;    ///< the same
  void* notes_ = nullptr;
};

}  // namespace sluice
