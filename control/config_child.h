// Configurations are read, judged and built in a short-lived child with resource limits: the hidden
// role `sluiced digest-config`, the program itself started anew. The child reads and writes all
// that is large (lists, the history's files) and answers with two sealed memfds: a digest, which is
// small, and the lists as they are published, which the control thread passes on without a look. It
// starts one child and waits for it without blocking.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/result.h"
#include "config/check.h"
#include "control/config_digest.h"
#include "dataplane/sealed_memory.h"

struct sd_event;
struct sd_event_source;

namespace sluice {

/// Where the child finds its two answers to fill.
inline constexpr int kDigestFd = 3;
inline constexpr int kListsFd = 4;
inline constexpr DurationNs kConfigChildDeadline = 40 * kNsPerSecond;
/// Behind its deadline the child has ended itself; one that has not is no longer waited for.
inline constexpr DurationNs kConfigChildPatience = kConfigChildDeadline + 5 * kNsPerSecond;

/// Exactly one of `config_path` and `restore` is given.
struct ConfigChildRequest {
  std::string config_path;  ///< judge and build this file
  std::string restore;      ///< or take the parts of an older configuration from this one
  std::string compare;      ///< parts in force: what differs from their lists; "" = nothing
  std::string stage;        ///< write STAGE.yaml and STAGE.parts for the history; "" = nothing
  bool publishes = false;   ///< fill in the lists, unless their digest is the next one
  std::string known_lists;  ///< of the lists in force; "" = not known
};

struct ConfigRead {
  ConfigDigest digest;
  /// `encode_lists`, sealed; not open where they were not asked for, are the known ones, or the
  /// digest has errors.
  OwnedFd lists;
};

using ConfigReadDone = std::function<void(Result<ConfigRead>)>;
/// Starts a read; the answer comes once, never from within the call.
using ConfigReader = std::function<void(const ConfigChildRequest&, ConfigReadDone)>;
/// The one judge of files: check_for_start in the program.
using ConfigJudge = std::function<CheckedConfig(const std::string& path)>;

/// The arguments behind "sluiced digest-config", and nothing that a client said.
[[nodiscard]] std::vector<std::string> arguments_of(const ConfigChildRequest& request);

/// The child: its deadline, processor time, memory, core and parent's death. It sees to its end by
/// itself: the control process may send no signals (control_seccomp.h).
void limit_config_child() noexcept;
/// The child: does what is asked and fills the two memfds. Exit code 0, also for a file with
/// errors: they are the answer.
[[nodiscard]] int run_config_child(const ConfigChildRequest& request, const ConfigJudge& judge,
                                   int digest_fd, int lists_fd);

/// The same in this process: for tests.
[[nodiscard]] Result<ConfigRead> read_config_here(const ConfigChildRequest& request,
                                                  const ConfigJudge& judge);

/// True where the file that this program was started from is another one, or gone.
[[nodiscard]] bool is_program_replaced();

/// One child at a time; it is killed by the kernel when this process ends.
class ConfigChild {
 public:
  /// With a loop, the end of the child wakes it; without one, `turn` looks.
  explicit ConfigChild(sd_event* loop = nullptr) noexcept : loop_(loop) {}
  ~ConfigChild();
  ConfigChild(const ConfigChild&) = delete;
  ConfigChild& operator=(const ConfigChild&) = delete;

  /// Starts `program` (its first argument, then `arguments_of`), by default ourselves.
  void read(const ConfigChildRequest& request, ConfigReadDone done, TimeNs now);
  /// Looks after the child: collects its answer, gives it up behind its deadline.
  void turn(TimeNs now);
  [[nodiscard]] bool is_busy() const noexcept { return done_ != nullptr; }
  void use_program(std::vector<std::string> program) { program_ = std::move(program); }

 private:
  [[nodiscard]] Status start(const ConfigChildRequest& request, TimeNs now);
  [[nodiscard]] Result<pid_t> spawn(const ConfigChildRequest& request) const;
  void watch();
  void collect(int wait_status);
  void end(Result<ConfigRead> result);

  sd_event* loop_;
  sd_event_source* source_ = nullptr;
  std::vector<std::string> program_{"/proc/self/exe", "digest-config"};
  OwnedFd digest_;
  OwnedFd lists_;
  OwnedFd pidfd_;
  pid_t pid_ = 0;
  TimeNs deadline_ = 0;
  Error start_error_;
  ConfigReadDone done_;
};

}  // namespace sluice
