// Quiescent-state based reclamation (rte_rcu_qsbr). A worker loads the pointer only after it has
// reported the quiescent state of the turn before; so once every worker has reported a state later
// than the swap, nobody can hold a pointer that was loaded before it.
#include "dataplane/policy_slot.h"

#include <cstdlib>
#include <utility>

#include <rte_rcu_qsbr.h>

#include "base/check.h"
#include "dataplane/policy.h"

namespace sluice {
namespace {

rte_rcu_qsbr* make_rcu(unsigned workers) {
  const std::size_t bytes = rte_rcu_qsbr_get_memsize(workers);
  const std::size_t rounded =
      (bytes + RTE_CACHE_LINE_SIZE - 1) & ~std::size_t{RTE_CACHE_LINE_SIZE - 1};
  auto* rcu = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded));
  SLUICE_CHECK(rcu != nullptr && rte_rcu_qsbr_init(rcu, workers) == 0,
               "a few hundred bytes at start, for at least one worker");
  return rcu;
}

}  // namespace

void PolicySlot::RcuDeleter::operator()(rte_rcu_qsbr* rcu) const noexcept { std::free(rcu); }

PolicySlot::PolicySlot(std::unique_ptr<const Policy> first, unsigned workers)
    : published_(first.get()), owned_(std::move(first)), rcu_(make_rcu(workers)), seats_(workers) {
  SLUICE_CHECK(owned_ != nullptr, "workers need a policy from their first burst on");
}

PolicySlot::~PolicySlot() = default;

void PolicySlot::enter(unsigned worker) noexcept {
  rte_rcu_qsbr_thread_register(rcu_.get(), worker);
  rte_rcu_qsbr_thread_online(rcu_.get(), worker);
  seats_[worker].is_taken.store(true, std::memory_order_release);
}

// Compared by generation: a new policy may stand at the address of one that was freed.
const Policy* PolicySlot::current(unsigned worker) noexcept {
  const Policy* policy = published_.load(std::memory_order_acquire);
  std::atomic<std::uint64_t>& adopted = seats_[worker].generation;
  const std::uint64_t generation = policy->settings.generation;
  if (generation != adopted.load(std::memory_order_relaxed)) {
    adopted.store(generation, std::memory_order_release);
  }
  return policy;
}

void PolicySlot::quiesce(unsigned worker) noexcept { rte_rcu_qsbr_quiescent(rcu_.get(), worker); }

void PolicySlot::leave(unsigned worker) noexcept {
  seats_[worker].is_taken.store(false, std::memory_order_release);
  rte_rcu_qsbr_thread_offline(rcu_.get(), worker);
  rte_rcu_qsbr_thread_unregister(rcu_.get(), worker);
}

void PolicySlot::publish(std::unique_ptr<const Policy> next) {
  SLUICE_CHECK(next != nullptr && can_publish(), "at most two policies live at a time");
  published_.store(next.get(), std::memory_order_release);
  retired_ = std::exchange(owned_, std::move(next));
  retired_token_ = rte_rcu_qsbr_start(rcu_.get());
}

bool PolicySlot::reclaim() noexcept {
  if (retired_ == nullptr) return true;
  if (rte_rcu_qsbr_check(rcu_.get(), retired_token_, false) != 1) return false;
  retired_.reset();
  return true;
}

std::uint64_t PolicySlot::adopted_by(unsigned worker) const noexcept {
  return seats_[worker].generation.load(std::memory_order_acquire);
}

bool PolicySlot::is_adopted_by_all() const noexcept {
  const std::uint64_t wanted = owned_->settings.generation;
  for (const Seat& seat : seats_) {
    if (!seat.is_taken.load(std::memory_order_acquire)) continue;
    if (seat.generation.load(std::memory_order_acquire) != wanted) return false;
  }
  return true;
}

}  // namespace sluice
