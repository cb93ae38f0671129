// The control process as the keeper sees it: started from the same program, watched, and started
// again with growing pauses when it ends or stops answering. Whatever happens to it, no packet
// waits. Keeper thread; nothing blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/channel.h"
#include "dataplane/window_memory.h"

namespace sluice {

/// How long to wait before the next start: 100 ms, doubled with every failure up to 5 s, forgotten
/// after a life of ten seconds.
class RestartPause {
 public:
  /// A process that lived for `lifetime` has ended: the pause before its successor.
  [[nodiscard]] DurationNs after(DurationNs lifetime) noexcept;

 private:
  unsigned failures_ = 0;
};

class ControlChild {
 public:
  /// `program` is run as `program control --config CONFIG`, with the channel and the window's two
  /// segments at their agreed descriptors. Nothing is started before the first `tend`.
  ControlChild(std::string program, std::string config_path, WindowFds window) noexcept;
  ~ControlChild();  ///< kills what still runs
  ControlChild(const ControlChild&) = delete;
  ControlChild& operator=(const ControlChild&) = delete;

  /// Starts the process if its time has come, asks it for a sign of life once a second and kills it
  /// after five without an answer.
  void tend(TimeNs now, std::uint64_t generation);
  /// Call on SIGCHLD: notices its end.
  void reap(TimeNs now);
  /// Any message from the process is a sign of life.
  void heard(TimeNs now) noexcept { last_heard_ = now; }
  /// The process said something that no honest one says, or hung up: it sees its end of the channel
  /// close, and is killed after five seconds if that does not end it.
  void hang_up(TimeNs now);
  /// No successor any more; the process is told to stop.
  void stop();
  void kill_now() noexcept;
  /// Sends the signal to a process that has answered since its start; one that has not yet does not
  /// know what to do with it, and does anew whatever it would ask for.
  void pass_on(int signal) noexcept;

  [[nodiscard]] bool is_running() const noexcept { return pid_ > 0; }
  [[nodiscard]] Channel* channel() noexcept { return channel_ ? &*channel_ : nullptr; }
  [[nodiscard]] std::uint64_t starts() const noexcept { return starts_; }

 private:
  [[nodiscard]] Status start(TimeNs now, std::uint64_t generation);
  void schedule(TimeNs now);

  std::string program_;
  std::string config_path_;
  WindowFds window_;
  pid_t pid_ = 0;
  std::optional<Channel> channel_;
  RestartPause pause_;
  TimeNs started_ = 0;
  TimeNs next_start_ = 0;
  TimeNs last_heard_ = 0;
  TimeNs last_ping_ = 0;
  std::uint64_t starts_ = 0;
  bool is_stopping_ = false;
};

}  // namespace sluice
