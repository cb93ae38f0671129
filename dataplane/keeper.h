// The thread of the wire process that is not a worker: watches the workers' heartbeats, publishes
// policies, looks after the control process, follows links, answers systemd and signals. It sleeps
// most of the time and never makes a worker wait.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/channel.h"
#include "dataplane/control_child.h"
#include "dataplane/io/link_watch.h"
#include "dataplane/sealed_memory.h"
#include "dataplane/window.h"
#include "dataplane/wire_plan.h"

namespace sluice {

class PolicySlot;
class PortSet;

/// Everything outlives the keeper.
struct KeeperSetup {
  const WirePlan* plan = nullptr;
  PolicySlot* policies = nullptr;
  PortSet* ports = nullptr;
  WindowHeader* window = nullptr;
  std::span<WorkerWindow* const> windows;
  int window_fd = -1;
  SipKey list_key;      ///< of the lists' hash, the same for every policy
  std::string program;  ///< run as the control process; empty = there is none
  std::string config_path;
  const Clock* clock = nullptr;
};

/// Which workers have stopped turning: told once, and once more when they turn again.
class HeartbeatWatch {
 public:
  explicit HeartbeatWatch(std::size_t workers) : seats_(workers) {}
  struct News {
    std::size_t worker = 0;
    bool is_stuck = false;
    friend bool operator==(const News&, const News&) noexcept = default;
  };
  /// `beats[i]` moves as long as worker i does. Stuck = unmoved for more than a second.
  [[nodiscard]] std::vector<News> see(std::span<const std::uint64_t> beats, TimeNs now);
  [[nodiscard]] bool all_move() const noexcept;

 private:
  struct Seat {
    std::uint64_t beat = 0;
    TimeNs moved = 0;
    bool is_stuck = false;
  };
  std::vector<Seat> seats_;
};

class Keeper {
 public:
  /// Signals are blocked already, in all threads. Errors: io.
  [[nodiscard]] static Result<std::unique_ptr<Keeper>> create(const KeeperSetup& setup);

  /// Until SIGTERM or SIGINT.
  void run();
  /// After the workers have stopped: lets the control process take what they left, then ends it.
  void end_control(DurationNs grace);

 private:
  explicit Keeper(const KeeperSetup& setup);
  void turn();
  void wait_for_events();
  void read_signals();
  void watch_heartbeats(TimeNs now);
  void watch_ports(TimeNs now);
  void listen(TimeNs now);
  void obey(const Message& message, TimeNs now);
  void take_policy(const Message& message);
  void publish_waiting();
  void acknowledge();
  void answer(MessageKind kind, std::uint64_t generation, std::string text = {});
  void follow_links(TimeNs now);
  void tell_systemd(TimeNs now);

  KeeperSetup setup_;
  ControlChild control_;
  HeartbeatWatch heartbeats_;
  LinkFollower links_;
  std::unique_ptr<LinkWatch> link_watch_;
  OwnedFd signals_;
  std::optional<PolicyParts> waiting_;  ///< the newest policy asked for, not published yet
  std::uint64_t acknowledged_ = 0;
  TimeNs ports_seen_ = 0;
  TimeNs watchdog_fed_ = 0;
  DurationNs watchdog_every_ = 0;
  std::string status_;
  bool is_stopping_ = false;
};

}  // namespace sluice
