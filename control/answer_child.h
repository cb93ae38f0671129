// A short-lived child that answers in sealed memory files: the program itself started anew in a
// hidden role, with its answers as descriptors from kAnswerFd on, and waited for without blocking.
// It sees to its end by itself (`limit_child`): the control process may send no signals
// (control_seccomp.h). Control thread, and the children themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/sealed_memory.h"

struct sd_event;
struct sd_event_source;

namespace sluice {

/// The first of the descriptors that a child finds to fill.
inline constexpr int kAnswerFd = 3;

struct ChildKind {
  const char* role;     ///< argument that the program is started with
  const char* subject;  ///< "configuration", in messages
  std::size_t answers;  ///< memory files
  DurationNs deadline;  ///< behind it the child has ended itself
  std::uint64_t cpu_seconds;
  std::uint64_t memory_bytes;
  bool is_background = false;  ///< gives way to whoever wakes up on its processor
};
inline constexpr std::size_t kChildAnswersMax = 3;
/// A child that has not ended itself this long behind its deadline is no longer waited for.
inline constexpr DurationNs kChildPatience = 5 * kNsPerSecond;

/// The child: its deadline, processor time, memory, core and parent's death.
void limit_child(const ChildKind& kind) noexcept;

/// Answers without a child: for work that is done in this process, in tests.
[[nodiscard]] Result<std::vector<OwnedFd>> make_answers(const ChildKind& kind);

/// One child at a time; it is killed by the kernel when this process ends.
class AnswerChild {
 public:
  /// Memory files in the order of their descriptors; what the child did not fill is empty.
  using Done = std::function<void(Result<std::vector<OwnedFd>>)>;

  /// With a loop, the end of the child wakes it; without one, `turn` looks.
  AnswerChild(const ChildKind& kind, sd_event* loop) noexcept;
  ~AnswerChild();
  AnswerChild(const AnswerChild&) = delete;
  AnswerChild& operator=(const AnswerChild&) = delete;

  /// Starts the program with `arguments` behind its role. `done` is called once, never from within
  /// this call.
  void start(const std::vector<std::string>& arguments, Done done, TimeNs now);
  /// Looks after the child: collects its answers, gives it up a while behind its deadline.
  void turn(TimeNs now);
  [[nodiscard]] bool is_busy() const noexcept { return done_ != nullptr; }
  /// In place of ourselves and the role.
  void use_program(std::vector<std::string> program) { program_ = std::move(program); }

 private:
  [[nodiscard]] Status try_start(const std::vector<std::string>& arguments, TimeNs now);
  [[nodiscard]] Result<pid_t> spawn(const std::vector<std::string>& arguments) const;
  [[nodiscard]] tl::unexpected<Error> late() const;
  void watch();
  void collect(int wait_status);
  void end(Result<std::vector<OwnedFd>> result);

  ChildKind kind_;
  sd_event* loop_;
  sd_event_source* source_ = nullptr;
  std::vector<std::string> program_;
  std::vector<OwnedFd> answers_;
  OwnedFd pidfd_;
  pid_t pid_ = 0;
  TimeNs deadline_ = 0;
  Error start_error_;
  Done done_;
};

}  // namespace sluice
