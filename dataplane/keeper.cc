#include "dataplane/keeper.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "dataplane/io/kernel_interface.h"
#include "dataplane/io/port.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "rules/ruleset_codec.h"

namespace sluice {
namespace {

constexpr int kTurnMs = 50;
constexpr int kTurnWhileAskingMs = 1;  // workers answer without a wake-up
constexpr unsigned kMessagesPerTurn = 16;
constexpr std::uint32_t kBlocksPerTurn = 1U << 14;  // some milliseconds
// A peer that goes wrong must not use up the numbers.
constexpr std::uint64_t kGenerationStepMax = 1ULL << 32;

OwnedFd open_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGHUP}) sigaddset(&wanted, signal);
  return OwnedFd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::vector<bool> following_ports(const WirePlan& plan) {
  std::vector<bool> follows;
  for (const PortPairConfig& pair : plan.pairs) follows.insert(follows.end(), 2, pair.link_follow);
  return follows;
}

}  // namespace

Keeper::Keeper(const KeeperSetup& setup)
    : setup_(setup),
      control_(setup.program, setup.config_path, setup.window_fds),
      heartbeats_(setup.windows.size()),
      answers_(setup.clock->now()),
      rows_(setup.requests),
      blocks_(*setup.blocks),
      links_(following_ports(*setup.plan)),
      signals_(open_signals()),
      rule_slots_(setup.rule_directory, setup.rule_counts),
      acknowledged_(setup.policies->in_force().settings.generation) {
  std::uint64_t every_us = 0;
  if (sd_watchdog_enabled(0, &every_us) > 0) watchdog_every_ = every_us * kNsPerUs / 3;
}

Result<std::unique_ptr<Keeper>> Keeper::create(const KeeperSetup& setup) {
  std::unique_ptr<Keeper> keeper(new Keeper(setup));
  if (!keeper->signals_.is_open()) {
    return fail(ErrorKind::io,
                fmt::format("keeper: no signal descriptor: {}", std::strerror(errno)));
  }
  std::vector<int> interfaces;
  for (std::size_t i = 0; i < setup.ports->size(); ++i) {
    const KernelInterface* interface = setup.ports->interface(i);
    interfaces.push_back(interface == nullptr ? 0 : interface->index());
  }
  if (std::ranges::any_of(interfaces, [](int index) { return index != 0; })) {
    auto watch = LinkWatch::create(std::move(interfaces));
    if (!watch) return tl::unexpected<Error>(watch.error());
    keeper->link_watch_ = std::move(*watch);
  }
  return keeper;
}

void Keeper::await_blocks(DurationNs most) {
  const TimeNs until = setup_.clock->now() + most;
  while (!setup_.program.empty() && !is_stopping_ && !blocks_.is_told() &&
         setup_.clock->now() < until) {
    turn();
    wait_for_events();
  }
}

void Keeper::run() {
  while (!is_stopping_) {
    wait_for_events();
    turn();
  }
}

void Keeper::turn() {
  read_signals();
  const TimeNs now = setup_.clock->now();
  watch_heartbeats(now);
  publish_waiting();
  acknowledge();
  if (!setup_.program.empty()) control_.tend(now, setup_.policies->in_force().settings.generation);
  listen(now);
  send_rows();
  turn_blocks(now);
  follow_links(now);
  watch_ports(now);
  tell_window();
  tell_systemd(now);
}

void Keeper::wait_for_events() {
  const Channel* channel = control_.channel();
  std::array<pollfd, 3> events = {
      pollfd{signals_.fd(), POLLIN, 0},
      pollfd{link_watch_ ? link_watch_->fd() : -1, POLLIN, 0},
      pollfd{channel != nullptr ? channel->fd() : -1, POLLIN, 0},
  };
  const bool is_asking = rows_.is_waiting() || unsent_ || unsent_receipt_;
  const bool is_working = blocks_.is_busy() && !unsent_receipt_;
  poll(events.data(), events.size(), is_working ? 0 : is_asking ? kTurnWhileAskingMs : kTurnMs);
}

void Keeper::read_signals() {
  signalfd_siginfo info{};
  while (read(signals_.fd(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGCHLD) {
      control_.reap(setup_.clock->now());
    } else if (info.ssi_signo == SIGHUP) {
      control_.pass_on(SIGHUP);
      tell_reloading(setup_.clock->now());
    } else {
      is_stopping_ = true;
    }
  }
}

void Keeper::watch_heartbeats(TimeNs now) {
  std::vector<std::uint64_t> beats;
  for (const WorkerWindow* window : setup_.windows) {
    beats.push_back(window->heartbeat.load(std::memory_order_relaxed));
  }
  for (const HeartbeatWatch::News& news : heartbeats_.see(beats, now)) {
    if (news.is_stuck) {
      log(LogLevel::error, fmt::format("worker {}: has not turned for more than 1 s", news.worker));
    } else {
      log(LogLevel::notice, fmt::format("worker {}: turns again", news.worker));
    }
  }
}

void Keeper::listen(TimeNs now) {
  for (unsigned i = 0; i < kMessagesPerTurn; ++i) {
    Channel* channel = control_.channel();
    if (channel == nullptr) return;
    auto message = channel->try_receive();
    if (!message) {
      if (message.error().kind == ErrorKind::invalid) log(LogLevel::error, message.error().message);
      return control_.hang_up(now);
    }
    if (!message->has_value()) return;
    obey(std::move(**message), now);
  }
}

void Keeper::obey(Message message, TimeNs now) {
  control_.heard(now);
  answers_.hear(now);
  switch (message.kind) {
    case MessageKind::publish_policy:
      return take_policy(message);
    case MessageKind::ping:
      return answer(MessageKind::pong, message.generation);
    case MessageKind::hello:
    case MessageKind::pong:
    case MessageKind::ack:
    case MessageKind::refused:
    case MessageKind::stop:
    case MessageKind::reply:
    case MessageKind::denied:
      return;
    case MessageKind::request:
      return answer_request(message);
  }
}

void Keeper::answer_request(Message& message) {
  switch (message.request) {
    case RequestKind::change_blocks:
      return take_block_changes(message);
    case RequestKind::list_flows:
    case RequestKind::list_sources:
      return take_row_request(message);
  }
}

void Keeper::take_block_changes(Message& message) {
  if (blocks_of_ != control_.starts()) {
    blocks_.forget();
    unsent_receipt_.reset();
    blocks_of_ = control_.starts();
  }
  const std::uint64_t number = message.generation;
  if (const Status taken = blocks_.take(std::move(message)); !taken) {
    answer(MessageKind::denied, number, taken.error().message);
  }
}

void Keeper::turn_blocks(TimeNs now) {
  if (!unsent_receipt_) unsent_receipt_ = blocks_.turn(now, kBlocksPerTurn);
  setup_.window->keeper.blocks_active.store(blocks_.active(), std::memory_order_relaxed);
  setup_.window->keeper.blocks_expired.store(blocks_.expired(), std::memory_order_relaxed);
  if (unsent_receipt_ && send_receipt(*unsent_receipt_)) unsent_receipt_.reset();
}

/// False: it did not fit and is to be sent again.
bool Keeper::send_receipt(const KeeperBlocks::Answer& receipt) {
  Channel* channel = blocks_of_ == control_.starts() ? control_.channel() : nullptr;
  if (channel == nullptr) return true;
  if (!receipt.receipt) {
    answer(MessageKind::denied, receipt.number, receipt.receipt.error().message);
    return true;
  }
  const auto sent = channel->try_send_body(MessageKind::reply, RequestKind::change_blocks,
                                           receipt.number, encode(*receipt.receipt));
  return !sent || *sent;
}

void Keeper::take_row_request(const Message& message) {
  // A new control process knows nothing of what the one before it asked.
  if (rows_of_ != control_.starts()) {
    rows_.forget_all();
    unsent_.reset();
    rows_of_ = control_.starts();
  }
  auto body = body_of(message);
  const Status taken = body ? rows_.take(message.request, message.generation, body->bytes())
                            : tl::unexpected<Error>(body.error());
  if (!taken) answer(MessageKind::denied, message.generation, taken.error().message);
}

void Keeper::send_rows() {
  if (!unsent_) unsent_ = rows_.turn();
  if (!unsent_) return;
  Channel* channel = rows_of_ == control_.starts() ? control_.channel() : nullptr;
  if (channel != nullptr) {
    const auto sent =
        channel->try_send_body(MessageKind::reply, unsent_->kind, unsent_->number, unsent_->body);
    if (sent && !*sent) return;
  }
  unsent_.reset();
}

void Keeper::take_policy(Message& message) {
  auto parts = parts_of(message);
  if (!parts) return answer(MessageKind::refused, message.generation, parts.error().message);
  const std::uint64_t newest =
      waiting_ ? waiting_->settings.generation : setup_.policies->in_force().settings.generation;
  if (parts->settings.generation <= newest ||
      parts->settings.generation - newest > kGenerationStepMax) {
    return answer(MessageKind::refused, message.generation,
                  fmt::format("generation {} is not newer than {}, or too far ahead of it",
                              message.generation, newest));
  }
  if (waiting_) answer(MessageKind::refused, newest, "a newer generation came before its turn");
  waiting_ = std::move(*parts);
  waiting_rules_ = std::move(message.rules);
  publish_waiting();
}

/// A ruleset that came is read, checked and made ready for all workers; without one, the ruleset in
/// force stays, or goes where the policy has no rules.
Result<std::shared_ptr<const LiveRuleset>> Keeper::ruleset_for(const PolicySettings& settings,
                                                               const OwnedFd& rules) {
  if (!settings.has_rules) return nullptr;
  if (!rules.is_open()) return setup_.policies->in_force().ruleset;
  auto view = SealedView::map(rules.fd(), kRulesetBytesMax);
  if (!view) return with_context("ruleset", view.error());
  auto parts = decode_ruleset(view->bytes());
  if (!parts) return tl::unexpected<Error>(parts.error());
  const LiveRuleset* in_force = setup_.policies->in_force().ruleset.get();
  auto slots = rule_slots_.assign(parts->ruleset, in_force ? &in_force->rules : nullptr);
  auto live = make_live(std::move(parts->ruleset), std::move(parts->databases),
                        static_cast<std::uint32_t>(setup_.windows.size()), newest_ruleset_.get(),
                        std::move(slots));
  if (live) newest_ruleset_ = *live;
  return live;
}

// Whoever reads a slot finds the digest that it belongs to before and behind it.
void Keeper::tell_ruleset() {
  const LiveRuleset* ruleset = setup_.policies->in_force().ruleset.get();
  const std::uint32_t epoch = ruleset == nullptr ? 0 : ruleset->epoch;
  if (std::exchange(told_epoch_, epoch) == epoch) return;
  const auto tell_digest = [this](const Hash128& digest) {
    setup_.window->keeper.ruleset[0].store(digest.lo, std::memory_order_release);
    setup_.window->keeper.ruleset[1].store(digest.hi, std::memory_order_release);
  };
  tell_digest({});
  std::atomic_thread_fence(std::memory_order_release);
  if (ruleset != nullptr) rule_slots_.publish(ruleset->count_slots);
  setup_.window->keeper.rules.store(ruleset == nullptr ? 0 : ruleset->rules.rules.size(),
                                    std::memory_order_relaxed);
  tell_digest(ruleset == nullptr ? Hash128{} : ruleset->rules.digest);
}

// At most two policies live at a time: a new one waits until every worker has let go of the last.
void Keeper::publish_waiting() {
  if (!setup_.policies->reclaim() || !waiting_) return;
  const PolicyParts parts = std::move(*std::exchange(waiting_, std::nullopt));
  auto ruleset = ruleset_for(parts.settings, std::exchange(waiting_rules_, OwnedFd()));
  if (!ruleset) {
    return answer(MessageKind::refused, parts.settings.generation, ruleset.error().message);
  }
  auto policy =
      build_policy(parts, &setup_.policies->in_force(), setup_.list_key, {}, std::move(*ruleset));
  if (!policy) {
    return answer(MessageKind::refused, parts.settings.generation, policy.error().message);
  }
  setup_.policies->publish(std::move(*policy));
  if (!parts.keeps_lists) tell_reloading(setup_.clock->now());
}

void Keeper::acknowledge() {
  const std::uint64_t generation = setup_.policies->in_force().settings.generation;
  if (generation == acknowledged_ || !setup_.policies->is_adopted_by_all()) return;
  acknowledged_ = generation;
  tell_ruleset();
  answer(MessageKind::ack, generation);
  tell_reloaded();
  log(LogLevel::info, fmt::format("policy generation {} is in force", generation));
}

// What does not fit is not missed: every process that connects is told the generation in force.
void Keeper::answer(MessageKind kind, std::uint64_t generation, std::string text) {
  if (kind == MessageKind::refused) {
    setup_.window->keeper.policies_refused.fetch_add(1, std::memory_order_relaxed);
  }
  if (Channel* channel = control_.channel()) {
    static_cast<void>(
        channel->try_send({.kind = kind, .generation = generation, .text = std::move(text)}));
  }
}

void Keeper::follow_links(TimeNs now) {
  if (!link_watch_) return;
  link_watch_->drain([&](std::size_t port, bool has_carrier) {
    if (!links_.see(port, has_carrier, now)) return;
    log(LogLevel::notice, fmt::format("port {}: link is {}", port_name(*setup_.plan, port),
                                      has_carrier ? "up" : "down"));
  });
  for (const LinkFollower::Change& change : links_.due(now)) {
    KernelInterface* interface = setup_.ports->interface(change.port);
    if (interface == nullptr) continue;
    log(LogLevel::notice,
        fmt::format("port {}: set {}, as its peer's link is", port_name(*setup_.plan, change.port),
                    change.up ? "up" : "down"));
    if (auto set = interface->set_up(change.up); !set) log(LogLevel::error, set.error().message);
  }
}

void Keeper::end_control(DurationNs grace) {
  // The last statistics are to hold the losses of the last second too.
  ports_seen_ = 0;
  watch_ports(setup_.clock->now());
  control_.stop();
  const TimeNs until = setup_.clock->now() + grace;
  while (control_.is_running() && setup_.clock->now() < until) {
    pollfd event{signals_.fd(), POLLIN, 0};
    poll(&event, 1, 10);
    read_signals();
  }
}

}  // namespace sluice
