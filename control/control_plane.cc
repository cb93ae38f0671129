#include "control/control_plane.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include <fmt/format.h>

#include "base/log.h"
#include "base/result.h"
#include "config/load.h"
#include "control/control_tick.h"
#include "control/mapped_window.h"
#include "control/privileges.h"
#include "control/store/eve_log.h"

namespace sluice {
namespace {

constexpr std::uint64_t kUsPerTurn = kControlTurnInterval / kNsPerUs;
constexpr DurationNs kRecorderGrace = 400 * kNsPerMs;
constexpr unsigned kMessagesPerTurn = 16;
constexpr std::size_t kConfigBytesMax = 4U << 20;

struct EventUnref {
  void operator()(sd_event* event) const noexcept { sd_event_unref(event); }
};
using EventLoop = std::unique_ptr<sd_event, EventUnref>;

EveContext live_context(const MappedWindow& window, const Config& config) {
  EveContext context;
  context.port_names = window.port_names();
  context.mode = config.mode;
  return context;
}

/// The control thread's state and what the loop calls on it. Sources are floating: the loop owns
/// them and goes first.
class ControlLoop {
 public:
  ControlLoop(Channel channel, MappedWindow window, const Config& config)
      : channel_(std::move(channel)),
        window_(std::move(window)),
        log_(config.events.eve, live_context(window_, config)),
        tick_(window_.windows(), log_,
              {.started = window_.started(),
               .stats_interval = config.events.stats_interval,
               .header = &window_.header()}) {}

  [[nodiscard]] Status start();
  [[nodiscard]] int run();

 private:
  using Handler = void (ControlLoop::*)();
  template <Handler handler>
  static int call(void* self) noexcept {
    (static_cast<ControlLoop*>(self)->*handler)();
    return 0;
  }

  void turn();
  void receive();
  void obey(const Message& message);
  void reopen() { log_.request_reopen(); }
  void begin_stop();
  void end() { sd_event_exit(loop_.get(), 0); }
  void send(Message message);

  static int on_timer(sd_event_source* source, std::uint64_t, void* self);
  static int on_stop_timer(sd_event_source*, std::uint64_t, void* self) {
    return call<&ControlLoop::end>(self);
  }
  static int on_more(sd_event_source*, void* self) { return call<&ControlLoop::turn>(self); }
  static int on_channel(sd_event_source*, int, std::uint32_t, void* self) {
    return call<&ControlLoop::receive>(self);
  }
  static int on_stop(sd_event_source*, const signalfd_siginfo*, void* self) {
    return call<&ControlLoop::begin_stop>(self);
  }
  static int on_hangup(sd_event_source*, const signalfd_siginfo*, void* self) {
    return call<&ControlLoop::reopen>(self);
  }

  SteadyClock clock_;
  Channel channel_;
  MappedWindow window_;
  EveLog log_;
  ControlTick tick_;
  std::uint64_t generation_ = 0;
  bool is_stopping_ = false;
  EventLoop loop_;
};

Status ControlLoop::start() {
  sd_event* loop = nullptr;
  int error = sd_event_new(&loop);
  loop_.reset(loop);
  const auto add = [&error](int result) {
    if (error >= 0) error = result;
  };
  if (error >= 0) {
    add(sd_event_add_signal(loop, nullptr, SIGTERM, on_stop, this));
    add(sd_event_add_signal(loop, nullptr, SIGINT, on_stop, this));
    add(sd_event_add_signal(loop, nullptr, SIGHUP, on_hangup, this));
    add(sd_event_add_io(loop, nullptr, channel_.fd(), EPOLLIN, on_channel, this));
    add(sd_event_add_time_relative(loop, nullptr, CLOCK_MONOTONIC, kUsPerTurn, 1'000, on_timer,
                                   this));
  }
  if (error < 0) {
    return fail(ErrorKind::internal, fmt::format("control: event loop: {}", std::strerror(-error)));
  }
  send({.kind = MessageKind::hello});
  return {};
}

int ControlLoop::run() {
  const int result = sd_event_loop(loop_.get());
  tick_.finish(clock_.now());
  if (!log_.stop(kRecorderGrace)) {
    log(LogLevel::warning, "control: the event file did not take everything in time");
  }
  return result < 0 ? 1 : 0;
}

/// The source is armed again at once: a turn that came late does not move the next one.
int ControlLoop::on_timer(sd_event_source* source, std::uint64_t, void* self) {
  static_cast<ControlLoop*>(self)->turn();
  sd_event_source_set_time_relative(source, kUsPerTurn);
  return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void ControlLoop::turn() {
  if (!tick_.drain(clock_.now())) return;
  // More than one turn takes: other sources first, then on.
  sd_event_add_defer(loop_.get(), nullptr, on_more, this);
}

void ControlLoop::receive() {
  for (unsigned i = 0; i < kMessagesPerTurn; ++i) {
    auto message = channel_.try_receive();
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
    case MessageKind::hello:
    case MessageKind::ack:
      generation_ = message.generation;
      return;
    case MessageKind::ping:
      return send({.kind = MessageKind::pong, .generation = message.generation});
    case MessageKind::refused:
      return log(LogLevel::error, fmt::format("control: generation {} was refused: {}",
                                              message.generation, message.text));
    case MessageKind::stop:
      return end();
    case MessageKind::publish_policy:
    case MessageKind::pong:
      return;  // not for this end
  }
}

void ControlLoop::begin_stop() {
  if (is_stopping_) return end();
  is_stopping_ = true;
  if (sd_event_add_time_relative(loop_.get(), nullptr, CLOCK_MONOTONIC,
                                 kControlStopGrace / kNsPerUs, 1'000, on_stop_timer, this) < 0) {
    end();
  }
}

/// What cannot be sent is not missed: the keeper asks again.
void ControlLoop::send(Message message) {
  if (auto sent = channel_.try_send(message); !sent) end();
}

void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int report(const Error& error) {
  log(LogLevel::error, error.message);
  if (!error.hint.empty()) log(LogLevel::error, "  hint: " + error.hint);
  return 1;
}

/// The keeper read the same file before it started us; a file that grew beyond all reason since is
/// refused by the loader.
Result<std::string> read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kConfigBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

int run_control(const ControlSetup& setup, const Config& config) {
  block_signals();
  auto window = MappedWindow::map(setup.window_fd);
  if (!window) return report(window.error());
  auto channel = Channel::adopt(setup.channel_fd);
  if (!channel) return report(channel.error());
  ControlLoop loop(std::move(*channel), std::move(*window), config);
  if (auto started = loop.start(); !started) return report(started.error());
  return loop.run();
}

int run_control(const ControlSetup& setup) {
  umask(027);
  auto text = read_config(setup.config_path);
  if (!text) return report(text.error());
  const LoadedConfig loaded = load_config(setup.config_path, std::move(*text));
  if (loaded.findings.has_errors()) {
    log(LogLevel::error, loaded.findings.render());
    return 2;
  }
  const Config& config = loaded.config;
  const PrivilegeDrop drop{config.control.user, config.events.eve};
  if (auto dropped = drop_privileges(drop); !dropped) return report(dropped.error());
  // Changing the user clears the setting, so it comes last; a parent that is already gone shows as
  // a channel that is hung up.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  return run_control(setup, config);
}

}  // namespace sluice
