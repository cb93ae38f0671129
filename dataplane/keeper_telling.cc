// What the keeper tells of itself, the ports and the process: in the window and to systemd.
#include <string>
#include <utility>

#include <systemd/sd-daemon.h>

#include <fmt/format.h>

#include "dataplane/io/port.h"
#include "dataplane/keeper.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"

namespace sluice {
namespace {

constexpr DurationNs kPortsEvery = kNsPerSecond;
/// A reload that leads to no policy (the file is invalid) is over for systemd after this.
constexpr DurationNs kReloadWithin = 10 * kNsPerSecond;

}  // namespace

void Keeper::watch_ports(TimeNs now) {
  if (now - ports_seen_ < kPortsEvery) return;
  ports_seen_ = now;
  for (std::size_t i = 0; i < setup_.ports->size(); ++i) {
    const PortLosses losses = setup_.ports->losses(i);
    PortState& state = setup_.window->port_states[i];
    state.lost_before_receive.store(losses.lost_before_receive, std::memory_order_relaxed);
    state.lost_after_transmit.store(losses.lost_after_transmit, std::memory_order_relaxed);
    state.has_carrier.store(links_.has_carrier(i) ? 1 : 0, std::memory_order_relaxed);
  }
  watch_pools();
}

void Keeper::watch_pools() {
  for (std::size_t i = 0; i < setup_.plan->pairs.size(); ++i) {
    const PoolLevel level = setup_.ports->pool_level(i);
    PoolState& state = setup_.window->pools[i];
    const bool is_first = state.mbufs.exchange(level.mbufs, std::memory_order_relaxed) == 0;
    state.free.store(level.free, std::memory_order_relaxed);
    if (is_first || level.free < state.free_low.load(std::memory_order_relaxed)) {
      state.free_low.store(level.free, std::memory_order_relaxed);
    }
  }
}

void Keeper::tell_window() {
  KeeperState& state = setup_.window->keeper;
  state.heartbeat.fetch_add(1, std::memory_order_relaxed);
  state.control_starts.store(control_.starts(), std::memory_order_relaxed);
  state.generation.store(acknowledged_, std::memory_order_relaxed);
}

std::string Keeper::status_text(TimeNs now) const {
  std::string text = fmt::format("forwarding over {} ports with {} workers, policy generation {}",
                                 setup_.ports->size(), setup_.windows.size(),
                                 setup_.policies->in_force().settings.generation);
  if (!heartbeats_.all_move()) text += ", a worker is stuck";
  if (setup_.program.empty()) return text;
  if (!control_.is_running()) {
    text += ", control process is being started again";
  } else if (answers_.is_silent(now)) {
    text += ", control process does not answer";
  }
  return text;
}

void Keeper::tell_systemd(TimeNs now) {
  std::string status = status_text(now);
  if (status != status_) {
    sd_notifyf(0, "STATUS=%s", status.c_str());
    status_ = std::move(status);
  }
  if (reloading_since_ != 0 && now - reloading_since_ > kReloadWithin) tell_reloaded();
  const bool is_well = heartbeats_.all_move() && (setup_.program.empty() || answers_.is_borne(now));
  if (watchdog_every_ == 0 || now - watchdog_fed_ < watchdog_every_ || !is_well) return;
  watchdog_fed_ = now;
  sd_notify(0, "WATCHDOG=1");
}

// Only the main process may tell: it passes the signal on, and cannot know what comes of it. READY
// follows when every worker obeys the policy that came of it, or when none came in time.
void Keeper::tell_reloading(TimeNs now) {
  if (reloading_since_ != 0) return;
  reloading_since_ = now;
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
             static_cast<unsigned long long>(read_clock(CLOCK_MONOTONIC) / kNsPerUs));
}

void Keeper::tell_reloaded() {
  if (std::exchange(reloading_since_, 0) != 0) sd_notify(0, "READY=1");
}

}  // namespace sluice
