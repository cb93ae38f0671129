// The control thread: everything that decides slowly, put together on one sd-event loop. Each part
// does a bounded piece of work when its turn comes, and nothing blocks for longer than a
// millisecond; what may is behind the recorder's queue, in a short-lived child, or on the HTTP
// server's threads. Control thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "control/commands.h"
#include "control/config_child.h"
#include "control/control_plane.h"
#include "control/control_socket.h"
#include "control/control_tick.h"
#include "control/event_followers.h"
#include "control/keeper_link.h"
#include "control/mapped_window.h"
#include "control/observe/control_facts.h"
#include "control/observe/health.h"
#include "control/observe/http_server.h"
#include "control/observe/metrics.h"
#include "control/observe/top_rules.h"
#include "control/observe/wire_view.h"
#include "control/reload.h"
#include "control/respond/blocks.h"
#include "control/respond/rule_blocks.h"
#include "control/rule_desk.h"
#include "control/rule_text_loader.h"
#include "control/rules_child.h"
#include "control/store/audit_log.h"
#include "control/store/eve_log.h"
#include "control/user_share.h"
#include "dataplane/channel.h"

namespace sluice {

class ControlLoop {
 public:
  /// Configuration and setup outlive the loop.
  ControlLoop(Channel channel, MappedWindow window, const Config& config,
              const ControlSetup& setup);

  [[nodiscard]] Status start();
  /// Until asked to stop, or the keeper is gone. Returns the exit code.
  [[nodiscard]] int run();

 private:
  struct EventUnref {
    void operator()(sd_event* event) const noexcept { sd_event_unref(event); }
  };
  template <void (ControlLoop::*handler)()>
  static int call(void* self) noexcept {
    (static_cast<ControlLoop*>(self)->*handler)();
    return 0;
  }

  [[nodiscard]] ReloadSetup reload_setup();
  [[nodiscard]] std::uint64_t hits_of(std::uint32_t slot) const;
  [[nodiscard]] RuleFigures figures_of(std::uint32_t rule) const;
  [[nodiscard]] bool is_allowed(const IpPrefix& prefix) const;
  void audit_rule_blocks(const std::vector<BlockRequest>& asked, const Status& answer);
  void start_http();
  [[nodiscard]] int run_turn();
  void note_turn(DurationNs took);
  void turn();
  void drain();
  void send_waiting();
  void arm_work();
  void work();
  void receive();
  void obey(const Message& message);
  void hang_up();
  void observe();
  void fill_facts();
  void apply(const LiveOptions& live, Mode mode);
  void start_anew_for(const ConfigEntry& reloaded);
  void end_in(DurationNs pause);
  void begin_stop();
  void end() { sd_event_exit(loop_.get(), 0); }

  static int on_timer(sd_event_source* source, std::uint64_t, void* self);

  const Config& config_;
  const ControlSetup& setup_;
  MappedWindow window_;
  SteadyClock clock_;
  std::unique_ptr<sd_event, EventUnref> loop_;
  KeeperLink keeper_;
  EveLog log_;
  EventFollowers followers_;
  RuleBlocks rule_blocks_;
  ControlTick tick_;
  WireView view_;
  Health health_;
  AuditLog audit_;
  ConfigChild child_;
  RulesChild rules_child_;
  RuleTextLoader texts_;
  RuleDesk rules_;
  TopRules top_rules_;
  Reload reload_;
  Blocks blocks_;
  std::vector<IpPrefix> allow_sources_;
  SharedFacts shared_facts_;
  Metrics metrics_;
  std::unique_ptr<HttpServer> http_;
  UserShare row_lists_;
  Services services_;
  ControlSocket socket_;
  TimeNs turned_at_ = 0;
  bool is_work_armed_ = false;
  bool is_rules_turn_ = false;
  bool is_stopping_ = false;
};

}  // namespace sluice
