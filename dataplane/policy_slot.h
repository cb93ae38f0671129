// Where the policy in force stands. The keeper publishes and later frees; every worker picks the
// policy up before a burst and says after it that it holds none any more. Nobody waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

struct rte_rcu_qsbr;

namespace sluice {

struct Policy;

/// Keeper thread: constructor, `can_publish`, `publish`, `reclaim` and the questions. Worker thread
/// `w`: `enter(w)`, then per turn `current(w)` and `quiesce(w)`, then `leave(w)`. At most two
/// policies live at a time, which is what the memory budget counts.
class PolicySlot {
 public:
  PolicySlot(std::unique_ptr<const Policy> first, unsigned workers);
  ~PolicySlot();  ///< every worker has left
  PolicySlot(const PolicySlot&) = delete;
  PolicySlot& operator=(const PolicySlot&) = delete;

  void enter(unsigned worker) noexcept;
  /// The policy to obey until `quiesce`.
  [[nodiscard]] const Policy* current(unsigned worker) noexcept;
  /// The worker holds no policy from here to its next `current`.
  void quiesce(unsigned worker) noexcept;
  void leave(unsigned worker) noexcept;

  /// False while an older policy still waits for a worker to let go of it.
  [[nodiscard]] bool can_publish() const noexcept { return retired_ == nullptr; }
  /// Only where `can_publish`.
  void publish(std::unique_ptr<const Policy> next);
  /// Frees the older policy if no worker can still hold it; true if none is left. Never blocks.
  bool reclaim() noexcept;

  [[nodiscard]] const Policy& in_force() const noexcept { return *owned_; }
  /// Generation that the worker last picked up; 0 before its first `current`.
  [[nodiscard]] std::uint64_t adopted_by(unsigned worker) const noexcept;
  /// Every worker that has entered and not left obeys `in_force()`.
  [[nodiscard]] bool is_adopted_by_all() const noexcept;

 private:
  struct alignas(64) Seat {
    std::atomic<std::uint64_t> generation{0};
    std::atomic<bool> is_taken{false};
  };
  struct RcuDeleter {
    void operator()(rte_rcu_qsbr* rcu) const noexcept;
  };

  std::atomic<const Policy*> published_;
  std::unique_ptr<const Policy> owned_;
  std::unique_ptr<const Policy> retired_;
  std::uint64_t retired_token_ = 0;
  std::unique_ptr<rte_rcu_qsbr, RcuDeleter> rcu_;
  std::vector<Seat> seats_;
};

}  // namespace sluice
