// Configurations are read, judged and built in a short-lived child with resource limits: the hidden
// role `sluiced digest-config`, the program itself started anew. The child reads and writes all
// that is large (lists, the history's files) and answers with two sealed memfds: a digest, which is
// small, and the lists as they are published, which the control thread passes on without a look. It
// starts one child and waits for it without blocking.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/check.h"
#include "control/answer_child.h"
#include "control/config_digest.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

/// Where the child finds its two answers to fill.
inline constexpr int kDigestFd = kAnswerFd;
inline constexpr int kListsFd = kAnswerFd + 1;
inline constexpr DurationNs kConfigChildDeadline = 40 * kNsPerSecond;
inline constexpr DurationNs kConfigChildPatience = kConfigChildDeadline + kChildPatience;
inline constexpr ChildKind kConfigChild{.role = "digest-config",
                                        .subject = "configuration",
                                        .answers = 2,
                                        .deadline = kConfigChildDeadline,
                                        .cpu_seconds = 30,
                                        .memory_bytes = std::uint64_t{4} << 30};

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

/// The child: does what is asked and fills the two memfds. Exit code 0, also for a file with
/// errors: they are the answer.
[[nodiscard]] int run_config_child(const ConfigChildRequest& request, const ConfigJudge& judge,
                                   int digest_fd, int lists_fd);

/// The same in this process: for tests.
[[nodiscard]] Result<ConfigRead> read_config_here(const ConfigChildRequest& request,
                                                  const ConfigJudge& judge);

/// True where the file that this program was started from is another one, or gone.
[[nodiscard]] bool is_program_replaced();

/// One at a time.
class ConfigChild {
 public:
  explicit ConfigChild(sd_event* loop = nullptr) noexcept : child_(kConfigChild, loop) {}

  void read(const ConfigChildRequest& request, ConfigReadDone done, TimeNs now);
  void turn(TimeNs now) { child_.turn(now); }
  [[nodiscard]] bool is_busy() const noexcept { return child_.is_busy(); }
  void use_program(std::vector<std::string> program) { child_.use_program(std::move(program)); }

 private:
  AnswerChild child_;
};

}  // namespace sluice
