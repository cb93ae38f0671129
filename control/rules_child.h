// Rules are compiled in a short-lived child with resource limits: the hidden role
// `sluiced compile-rules`, the program itself started anew. It takes the ruleset from the cache or
// compiles it from the rule files that a configuration names, and answers with three sealed memfds:
// what there is to tell, the ruleset as it is published, which the control thread passes on without
// a look, and its texts. The control thread starts one child and waits for it without blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/answer_child.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

inline constexpr DurationNs kRulesChildDeadline = 330 * kNsPerSecond;
inline constexpr ChildKind kRulesChild{.role = "compile-rules",
                                       .subject = "rules",
                                       .answers = 3,
                                       .deadline = kRulesChildDeadline,
                                       .cpu_seconds = 300,
                                       .memory_bytes = std::uint64_t{4} << 30,
                                       .is_background = true};

struct RulesRequest {
  std::string config_path;  ///< says which files, where the cache does not have the ruleset
  std::string cache;        ///< directory
  std::string digest;       ///< of the ruleset that is wanted, and no other
};

struct RulesAnswer {
  std::uint32_t errors = 0;
  std::uint32_t warnings = 0;
  std::string findings;  ///< cut at kFindingsTextMax
  std::uint64_t rules = 0;
  bool is_cached = false;
};

struct RulesRead {
  RulesAnswer answer;
  /// `encode_ruleset` and `encode_rule_texts`, sealed; of the rules that have no errors. Not open
  /// where there is no such ruleset.
  OwnedFd ruleset;
  OwnedFd texts;
};

using RulesReadDone = std::function<void(Result<RulesRead>)>;
/// Starts the work; the answer comes once, never from within the call.
using RulesReader = std::function<void(const RulesRequest&, RulesReadDone)>;

[[nodiscard]] std::vector<std::byte> encode_rules_answer(const RulesAnswer& answer);
/// Errors: invalid, for a wrong length or any value out of its range.
[[nodiscard]] Result<RulesAnswer> decode_rules_answer(std::span<const std::byte> bytes);

/// The child: does what is asked and fills the descriptors from kAnswerFd on. Exit code 0, also
/// for rules with errors.
[[nodiscard]] int run_rules_child(const RulesRequest& request, std::span<const int> answer_fds);

/// The same in this process: for tests.
[[nodiscard]] Result<RulesRead> read_rules_here(const RulesRequest& request);

/// One at a time.
class RulesChild {
 public:
  explicit RulesChild(sd_event* loop = nullptr) noexcept : child_(kRulesChild, loop) {}

  void read(const RulesRequest& request, RulesReadDone done, TimeNs now);
  void turn(TimeNs now) { child_.turn(now); }

 private:
  AnswerChild child_;
};

}  // namespace sluice
