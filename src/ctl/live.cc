#include "ctl/live.h"

#include <array>
#include <csignal>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/units.h"
#include "ctl/fields.h"
#include "ctl/top_page.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr DurationNs kIntervalMin = 200 * kNsPerMs;
constexpr DurationNs kIntervalMax = 3'600 * kNsPerSecond;
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

/// The other screen, without cursor, keys as they are pressed.
class LiveScreen {
 public:
  explicit LiveScreen(Output& out) : out_(out) {
    has_settings_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    enter();
  }
  ~LiveScreen() { leave(); }
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  void enter() {
    if (has_settings_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    out_.put("\x1b[?1049h\x1b[?25l\x1b[2J");
  }
  void leave() {
    out_.put("\x1b[?25h\x1b[?1049l");
    if (has_settings_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  /// In one write, each line cleared behind its text.
  void draw(const std::string& page) {
    std::string text = "\x1b[H";
    for (const char c : page) text += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    out_.put(text + "\x1b[K\x1b[J");
  }

 private:
  Output& out_;
  termios before_{};
  bool has_settings_ = false;
};

/// Signals as bytes of a descriptor.
class SignalReader {
 public:
  SignalReader() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : kSignals) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, &before_);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~SignalReader() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
    if (fd_ >= 0) close(fd_);
  }
  SignalReader(const SignalReader&) = delete;
  SignalReader& operator=(const SignalReader&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// 0 where none came.
  [[nodiscard]] int next() const {
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

enum class Key : std::uint8_t { none, quit };

Key next_key() {
  std::array<char, 64> keys{};
  const ssize_t got = read(STDIN_FILENO, keys.data(), keys.size());
  if (got <= 0) return Key::quit;
  for (ssize_t i = 0; i < got; ++i) {
    const char key = keys[static_cast<std::size_t>(i)];
    if (key == 'q' || key == 'Q') return Key::quit;
  }
  return Key::none;
}

class TopLoop {
 public:
  TopLoop(Session& session, const Asked& asked, DurationNs interval)
      : session_(session), asked_(asked), interval_(interval), screen_(session.out) {}

  void run() {
    do {
      look();
      draw();
    } while (wait() && session_.out.is_usable());
  }

 private:
  void look() {
    if (!notes_.trouble.empty() && !reconnect()) return;
    auto top = session_.daemon.ask("top", asked_.args);
    auto status = top ? session_.daemon.ask("status", json::object()) : top;
    notes_.trouble = status ? "" : status.error().message;
    if (!status) return;
    top_ = std::move(*top);
    notes_.uptime_seconds = number_in(*status, "uptime_seconds");
  }

  bool reconnect() {
    auto again = Connection::open(asked_.socket);
    if (!again) {
      notes_.trouble = again.error().message;
      return false;
    }
    session_.daemon = std::move(*again);
    return true;
  }

  void draw() { screen_.draw(show_top_page(top_, notes_, paper_of(session_.out.fd()))); }

  /// False where it is over.
  bool wait() {
    const TimeNs until = read_clock(CLOCK_MONOTONIC) + interval_;
    for (TimeNs now = until - interval_; now < until; now = read_clock(CLOCK_MONOTONIC)) {
      std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
      const int ready =
          poll(fds.data(), fds.size(), static_cast<int>((until - now) / kNsPerMs) + 1);
      if (ready <= 0) continue;
      if (fds[0].revents != 0 && next_key() == Key::quit) return false;
      if (const int signal = signals_.next(); signal != 0 && !obey(signal)) return false;
    }
    return true;
  }

  bool obey(int signal) {
    if (signal == SIGTSTP) {
      screen_.leave();
      raise(SIGSTOP);
      screen_.enter();
    }
    draw();
    return signal == SIGTSTP || signal == SIGWINCH;
  }

  Session& session_;
  const Asked& asked_;
  DurationNs interval_;
  SignalReader signals_;
  LiveScreen screen_;
  json top_;
  TopNotes notes_;
};

}  // namespace

Result<DurationNs> top_interval(const json& local) {
  const json& text = member(local, "interval");
  if (!text.is_string()) return kNsPerSecond;
  const auto interval = parse_duration(text.get_ref<const std::string&>());
  if (!interval) return with_context("--interval", interval.error());
  if (*interval >= kIntervalMin && *interval <= kIntervalMax) return *interval;
  return fail(ErrorKind::invalid,
              fmt::format("--interval: is {}: {} to {} would do", print_duration(*interval),
                          print_duration(kIntervalMin), print_duration(kIntervalMax)));
}

int run_live(Session& session, const Asked& asked, DurationNs interval) {
  TopLoop(session, asked, interval).run();
  return 0;
}

}  // namespace sluice
