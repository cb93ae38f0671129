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
#include "dataplane/keeper_blocks.h"
#include "dataplane/keeper_rows.h"
#include "dataplane/rule_slots.h"
#include "dataplane/sealed_memory.h"
#include "dataplane/sign_of_life.h"
#include "dataplane/window.h"
#include "dataplane/window_memory.h"
#include "dataplane/wire_plan.h"

namespace sluice {

struct LiveRuleset;
class PolicySlot;
class PortSet;

/// Everything outlives the keeper.
struct KeeperSetup {
  const WirePlan* plan = nullptr;
  PolicySlot* policies = nullptr;
  PortSet* ports = nullptr;
  WindowHeader* window = nullptr;
  std::span<WorkerWindow* const> windows;
  std::span<RequestSeat* const> requests;  ///< by worker
  /// As WindowMemory has them; empty: rules are not counted.
  std::span<std::atomic<std::uint32_t>> rule_directory;
  std::span<const std::span<RuleCounts>> rule_counts;
  WindowFds window_fds;
  SipKey list_key;  ///< of the lists' hash, the same for every policy
  BlockTable* blocks = nullptr;
  std::string program;  ///< run as the control process; empty = there is none
  std::string config_path;
  const Clock* clock = nullptr;
};

class Keeper {
 public:
  /// Signals are blocked already, in all threads. Errors: io.
  [[nodiscard]] static Result<std::unique_ptr<Keeper>> create(const KeeperSetup& setup);

  /// Before the workers start: until the control process has sent the blocks that outlived the last
  /// wire process, but no longer than `most`.
  void await_blocks(DurationNs most);
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
  void watch_pools();
  void tell_window();
  void listen(TimeNs now);
  void obey(Message message, TimeNs now);
  void take_policy(Message& message);
  void answer_request(Message& message);
  void take_block_changes(Message& message);
  void turn_blocks(TimeNs now);
  [[nodiscard]] bool send_receipt(const KeeperBlocks::Answer& receipt);
  void take_row_request(const Message& message);
  void send_rows();
  void publish_waiting();
  [[nodiscard]] Result<std::shared_ptr<const LiveRuleset>> ruleset_for(
      const PolicySettings& settings, const OwnedFd& rules);
  void tell_ruleset();
  void acknowledge();
  void answer(MessageKind kind, std::uint64_t generation, std::string text = {});
  void follow_links(TimeNs now);
  [[nodiscard]] std::string status_text(TimeNs now) const;
  /// The watchdog is fed while every worker turns and the control process answers, or has been
  /// silent for no longer than AnswerWatch bears.
  void tell_systemd(TimeNs now);
  void tell_reloading(TimeNs now);
  void tell_reloaded();

  KeeperSetup setup_;
  ControlChild control_;
  HeartbeatWatch heartbeats_;
  AnswerWatch answers_;
  RowRequests rows_;
  std::optional<RowAnswer> unsent_;  ///< the channel was full
  std::uint64_t rows_of_ = 0;        ///< which start of the control process asked
  KeeperBlocks blocks_;
  std::optional<KeeperBlocks::Answer> unsent_receipt_;  ///< the channel was full
  std::uint64_t blocks_of_ = 0;                         ///< as rows_of_
  LinkFollower links_;
  std::unique_ptr<LinkWatch> link_watch_;
  OwnedFd signals_;
  std::optional<PolicyParts> waiting_;  ///< the newest policy asked for, not published yet
  OwnedFd waiting_rules_;               ///< came with it
  /// The last one that was made, also where no policy has it any more: the next is told from it.
  std::shared_ptr<const LiveRuleset> newest_ruleset_;
  RuleSlots rule_slots_;
  std::uint32_t told_epoch_ = 0;  ///< of the ruleset that the window tells of; 0 = none
  std::uint64_t acknowledged_ = 0;
  TimeNs ports_seen_ = 0;
  TimeNs watchdog_fed_ = 0;
  DurationNs watchdog_every_ = 0;
  std::string status_;
  TimeNs reloading_since_ = 0;  ///< as systemd was told; 0 = not
  bool is_stopping_ = false;
};

}  // namespace sluice
