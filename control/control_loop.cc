#include "control/control_loop.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "config/listen_address.h"
#include "control/protocol.h"

namespace sluice {
namespace {

constexpr std::uint64_t kUsPerTurn = kControlTurnInterval / kNsPerUs;
constexpr DurationNs kRecorderGrace = 400 * kNsPerMs;
constexpr unsigned kMessagesPerTurn = 16;
/// Of one user; the wire process takes 64 of all.
constexpr unsigned kRowListsOfUser = 8;
/// For answers that are on their way to clients when the process is to start anew.
constexpr DurationNs kAnswersGrace = 200 * kNsPerMs;

/// Options that the control process reads at its start and nobody else does.
constexpr std::string_view kOwnOptions[] = {
    "events.eve",           "metrics.listen",         "control.socket",     "control.audit",
    "control.socket_group", "control.operator_group", "control.admin_group"};

EveContext live_context(const MappedWindow& window, const Config& config) {
  EveContext context;
  context.port_names = window.port_names();
  context.mode = config.mode;
  return context;
}

std::string or_default(const std::string& path, const std::string& directory, const char* name) {
  return path.empty() ? directory + "/" + name : path;
}

sd_event* new_loop() {
  sd_event* loop = nullptr;
  static_cast<void>(sd_event_new(&loop));
  return loop;
}

}  // namespace

ControlLoop::ControlLoop(Channel channel, MappedWindow window, const Config& config,
                         const ControlSetup& setup)
    : config_(config),
      setup_(setup),
      window_(std::move(window)),
      clock_(window_.header().clock_offset),
      loop_(new_loop()),
      keeper_(std::move(channel)),
      log_(config.events.eve, live_context(window_, config)),
      followers_(log_, live_context(window_, config)),
      rule_blocks_(followers_, blocks_, clock_,
                   [this](const std::vector<BlockRequest>& asked, const Status& answer) {
                     audit_rule_blocks(asked, answer);
                   }),
      tick_(window_.windows(), rule_blocks_,
            {.started = window_.started(),
             .stats_interval = config.events.stats_interval,
             .header = &window_.header()}),
      view_(window_),
      audit_(or_default(config.control.audit, config.control.state_dir, "audit.json")),
      child_(loop_.get()),
      rules_child_(loop_.get()),
      rules_([this] { return ruleset_in_force(window_.header().keeper); },
             [this](std::uint32_t rule) { return figures_of(rule); }, window_.windows().size()),
      top_rules_(rules_),
      reload_(reload_setup(), keeper_, clock_),
      blocks_({.state_dir = config.control.state_dir,
               .capacity = window_.header().block_capacity,
               .duration_max = config.blocks.duration_max,
               .hits = [this](std::uint32_t slot) { return hits_of(slot); },
               .notes = window_.block_notes(),
               .is_allowed = [this](const IpPrefix& prefix) { return is_allowed(prefix); },
               .clock = clock_},
              keeper_),
      metrics_(window_.windows(), window_.header(), shared_facts_, clock_),
      row_lists_(kRowListsOfUser),
      services_{.clock = &clock_,
                .view = &view_,
                .keeper = &keeper_,
                .reload = &reload_,
                .blocks = &blocks_,
                .rules = &rules_,
                .health = &health_,
                .audit = &audit_,
                .followers = &followers_,
                .row_lists = &row_lists_},
      socket_({.path = or_default(config.control.socket, config.control.run_dir, "control.sock"),
               .group = config.control.socket_group,
               .access = access_rules(config.control, getuid())},
              services_, loop_.get()) {}

ReloadSetup ControlLoop::reload_setup() {
  return {
      .config_path = setup_.config_path,
      .state_dir = config_.control.state_dir,
      .wire_started = window_.started(),
      .pair_names = pair_names_of(window_.port_names()),
      .read = [this](const ConfigChildRequest& request,
                     ConfigReadDone done) { child_.read(request, std::move(done), clock_.now()); },
      .compile =
          [this](const RulesRequest& request, RulesReadDone done) {
            rules_child_.read(request, std::move(done), clock_.now());
          },
      .ruleset_in_force = [this] { return ruleset_in_force(window_.header().keeper); },
      .use_rules = [this](OwnedFd ruleset,
                          OwnedFd texts) { texts_.load(std::move(ruleset), std::move(texts)); },
      .applied = [this](const LiveOptions& live, Mode mode) { apply(live, mode); },
      .reloaded = [this](const ConfigEntry& entry) { start_anew_for(entry); }};
}

std::uint64_t ControlLoop::hits_of(std::uint32_t slot) const {
  std::uint64_t hits = 0;
  for (std::size_t worker = 0; worker < window_.windows().size(); ++worker) {
    hits += window_.block_hits(worker)[slot].load(std::memory_order_relaxed);
  }
  return hits;
}

RuleFigures ControlLoop::figures_of(std::uint32_t rule) const {
  RuleFigures sum;
  for (std::size_t worker = 0; worker < window_.windows().size(); ++worker) {
    const RuleCounts* counts = window_.rule_counts(worker, rule);
    if (counts == nullptr) return {};
    sum.candidates += counts->candidates.load(std::memory_order_relaxed);
    sum.hits += counts->hits.load(std::memory_order_relaxed);
    sum.refused += counts->refused.load(std::memory_order_relaxed);
    sum.excepted += counts->excepted.load(std::memory_order_relaxed);
    sum.cost_cycles += counts->cost_cycles.load(std::memory_order_relaxed);
    sum.cost_looks += counts->cost_looks.load(std::memory_order_relaxed);
  }
  return sum;
}

bool ControlLoop::is_allowed(const IpPrefix& prefix) const {
  return std::ranges::any_of(allow_sources_, [&prefix](const IpPrefix& allowed) {
    return allowed.length <= prefix.length && allowed.covers(prefix.address);
  });
}

/// As if somebody had asked for them over the socket.
void ControlLoop::audit_rule_blocks(const std::vector<BlockRequest>& asked, const Status& answer) {
  nlohmann::json items = nlohmann::json::array();
  for (const BlockRequest& request : asked) {
    items.push_back({{"what", to_string(request.target)},
                     {"for", print_duration(request.duration)},
                     {"reason", request.reason}});
  }
  AuditRecord record;
  record.at = clock_.now();
  record.user = "rule";
  record.role = "rule";
  record.verb = "blocks.add";
  record.args = json_text({{"items", std::move(items)}});
  if (!answer) record.error = answer.error().message;
  audit_.append(record);
}

Status ControlLoop::start() {
  sd_event* loop = loop_.get();
  if (loop == nullptr) return fail(ErrorKind::internal, "control: no event loop");
  int error = 0;
  const auto add = [&error](int result) {
    if (error >= 0) error = result;
  };
  const auto on_stop = [](sd_event_source*, const signalfd_siginfo*, void* self) {
    return call<&ControlLoop::begin_stop>(self);
  };
  add(sd_event_add_signal(loop, nullptr, SIGTERM, on_stop, this));
  add(sd_event_add_signal(loop, nullptr, SIGINT, on_stop, this));
  add(sd_event_add_signal(
      loop, nullptr, SIGHUP,
      [](sd_event_source*, const signalfd_siginfo*, void* self) {
        return call<&ControlLoop::hang_up>(self);
      },
      this));
  add(sd_event_add_io(
      loop, nullptr, keeper_.channel().fd(), EPOLLIN,
      [](sd_event_source*, int, std::uint32_t, void* self) {
        return call<&ControlLoop::receive>(self);
      },
      this));
  // What an event of any source asked of the wire process leaves before the loop sleeps again.
  add(sd_event_add_post(
      loop, nullptr,
      [](sd_event_source*, void* self) { return call<&ControlLoop::send_waiting>(self); }, this));
  add(sd_event_add_time_relative(loop, nullptr, CLOCK_MONOTONIC, kUsPerTurn, 1'000, on_timer,
                                 this));
  if (error < 0) {
    return fail(ErrorKind::internal, fmt::format("control: event loop: {}", std::strerror(-error)));
  }
  if (auto sent = keeper_.channel().try_send({.kind = MessageKind::hello}); !sent) {
    return tl::unexpected<Error>(sent.error());
  }
  ControlFacts& facts = view_.facts();
  facts.version = setup_.version;
  facts.pid = getpid();
  facts.started = clock_.now();
  facts.rules.is_configured = !config_.rules.files.empty();
  reload_.start();
  blocks_.start();
  // Neither keeps the events from being recorded: what is missing is told and shown by health.
  if (auto opened = socket_.open(); !opened) log(LogLevel::error, opened.error().message);
  start_http();
  return {};
}

void ControlLoop::start_http() {
  if (config_.metrics.listen.empty()) return;
  const auto listen = parse_listen_address(config_.metrics.listen);
  SLUICE_CHECK(listen.has_value(), "the configuration was validated");
  auto server = HttpServer::start(*listen, observe_pages(metrics_, shared_facts_, clock_));
  if (server) {
    http_ = std::move(*server);
    return;
  }
  log(LogLevel::error, server.error().message);
  view_.facts().http_error = server.error().message;
}

int ControlLoop::run() {
  int result = 0;
  while (result >= 0 && sd_event_get_state(loop_.get()) != SD_EVENT_FINISHED) result = run_turn();
  socket_.close();
  tick_.finish(clock_.now());
  if (!log_.stop(kRecorderGrace)) {
    log(LogLevel::warning, "control: the event file did not take everything in time");
  }
  return result < 0 ? 1 : 0;
}

/// One source at a time, so that the longest of them is known.
int ControlLoop::run_turn() {
  int ready = sd_event_prepare(loop_.get());
  if (ready == 0) ready = sd_event_wait(loop_.get(), ~std::uint64_t{0});
  if (ready <= 0) return ready;
  const TimeNs began = clock_.now();
  const int result = sd_event_dispatch(loop_.get());
  note_turn(clock_.now() - began);
  return result;
}

void ControlLoop::note_turn(DurationNs took) {
  ControlFacts& facts = view_.facts();
  facts.longest_turn = std::max(facts.longest_turn, took);
  facts.long_turns += took > kLongTurn ? 1 : 0;
}

/// The source is armed again at once: a turn that came late does not move the next one.
int ControlLoop::on_timer(sd_event_source* source, std::uint64_t, void* self) {
  static_cast<ControlLoop*>(self)->turn();
  sd_event_source_set_time_relative(source, kUsPerTurn);
  return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void ControlLoop::turn() {
  const TimeNs now = clock_.now();
  drain();
  child_.turn(now);
  rules_child_.turn(now);
  if (LoadedTexts texts = texts_.take(); texts.events != nullptr) {
    log_.use_rules(texts.events);
    rule_blocks_.use_rules(texts.events);
    followers_.use_rules(std::move(texts.events));
    rules_.use(std::move(texts.catalog));
  }
  reload_.turn(now);
  rule_blocks_.turn();
  blocks_.turn(now);
  top_rules_.turn(now);
  audit_.turn(now);
  socket_.turn(now);
  observe();
}

void ControlLoop::drain() {
  if (!tick_.drain(clock_.now())) return;
  // More than one turn takes: other sources first, then on.
  sd_event_add_defer(
      loop_.get(), nullptr,
      [](sd_event_source*, void* self) { return call<&ControlLoop::drain>(self); }, this);
}

void ControlLoop::send_waiting() {
  const TimeNs now = clock_.now();
  reload_.turn(now);
  keeper_.turn(now);
  arm_work();
  // Whoever was just answered sees what came of it.
  fill_facts();
}

/// What concerns all blocks or all rules is done in pieces, each an event of its own: what others
/// wait for has its turn in between.
void ControlLoop::arm_work() {
  if (is_work_armed_ || (!blocks_.has_work() && !rules_.has_work())) return;
  is_work_armed_ =
      sd_event_add_defer(
          loop_.get(), nullptr,
          [](sd_event_source*, void* self) { return call<&ControlLoop::work>(self); }, this) >= 0;
}

void ControlLoop::work() {
  is_work_armed_ = false;
  // By turns, where both have some.
  is_rules_turn_ = rules_.has_work() && (!is_rules_turn_ || !blocks_.has_work());
  if (is_rules_turn_) return rules_.work();
  blocks_.work(clock_.now());
}

void ControlLoop::receive() {
  for (unsigned i = 0; i < kMessagesPerTurn; ++i) {
    auto message = keeper_.channel().try_receive();
    if (!message) {
      if (message.error().kind == ErrorKind::unavailable) return end();
      log(LogLevel::error, message.error().message);
      continue;
    }
    if (!message->has_value()) return;
    obey(**message);
  }
}

void ControlLoop::obey(const Message& message) {
  switch (message.kind) {
    case MessageKind::ping:
      // What cannot be sent is not missed: the keeper asks again.
      if (!keeper_.channel().try_send(
              {.kind = MessageKind::pong, .generation = message.generation})) {
        end();
      }
      return;
    case MessageKind::stop:
      return end();
    case MessageKind::hello:
    case MessageKind::ack:
    case MessageKind::refused:
    case MessageKind::reply:
    case MessageKind::denied:
      return keeper_.obey(message, clock_.now());
    case MessageKind::publish_policy:
    case MessageKind::pong:
    case MessageKind::request:
      return;  // not for this end
  }
}

void ControlLoop::hang_up() {
  log_.request_reopen();
  audit_.reopen();
  reload_.reload_for_signal();
}

void ControlLoop::apply(const LiveOptions& live, Mode mode) {
  tick_.use_stats_interval(live.stats_interval);
  blocks_.use_duration_max(live.block_duration_max);
  allow_sources_ = live.allow_sources;
  log_.use_mode(mode);
  followers_.use_mode(mode);
}

/// What this process reads at its own start takes no restart of the gateway: the keeper starts
/// another one, which goes on where this one stops.
void ControlLoop::start_anew_for(const ConfigEntry& reloaded) {
  std::string paths;
  for (const OptionChange& change :
       changes_between(option_texts(config_), reloaded.digest.options)) {
    const bool is_own = std::ranges::find(kOwnOptions, change.path) != std::end(kOwnOptions);
    if (is_own) paths += (paths.empty() ? "" : ", ") + change.path;
  }
  if (paths.empty()) return;
  log(LogLevel::notice, fmt::format("control: starts anew for {}", paths));
  end_in(kAnswersGrace);
}

void ControlLoop::observe() {
  const TimeNs now = clock_.now();
  ControlFacts& facts = view_.facts();
  const DurationNs since = turned_at_ == 0 ? kControlTurnInterval : now - turned_at_;
  turned_at_ = now;
  const DurationNs late = since > kControlTurnInterval ? since - kControlTurnInterval : 0;
  facts.turn_late = std::max(facts.turn_late, late);
  fill_facts();
  if (view_.turn(now)) {
    facts.health = health_.evaluate(now, view_.health_inputs(now));
    facts.turn_late = 0;
  }
  shared_facts_.publish(facts);
}

void ControlLoop::begin_stop() {
  if (is_stopping_) return end();
  is_stopping_ = true;
  end_in(kControlStopGrace);
}

void ControlLoop::end_in(DurationNs pause) {
  const auto on_pause_over = [](sd_event_source*, std::uint64_t, void* self) {
    return call<&ControlLoop::end>(self);
  };
  if (sd_event_add_time_relative(loop_.get(), nullptr, CLOCK_MONOTONIC, pause / kNsPerUs, 1'000,
                                 on_pause_over, this) < 0) {
    end();
  }
}

void ControlLoop::fill_facts() {
  ControlFacts& facts = view_.facts();
  facts.turned_at = turned_at_;
  ++facts.turns;
  facts.events = followers_.counts();
  facts.journal_failures = blocks_.failures();
  facts.rule_blocks = rule_blocks_.counted().made;
  facts.rule_blocks_refused = rule_blocks_.counted().refused;
  facts.rule_hits = top_rules_.facts();
  facts.audit_failures = audit_.failures();
  facts.clients = socket_.clients();
  facts.clients_refused = socket_.counts().refused;
  facts.requests = socket_.counts().requests;
  facts.followers = followers_.size();
  facts.followers_lost = followers_.lost();
  describe(reload_, facts);
}

}  // namespace sluice
