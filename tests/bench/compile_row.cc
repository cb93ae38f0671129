#include "tests/bench/compile_row.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "control/rules_child.h"
#include "control/ruleset_build.h"
#include "dataplane/inspect/live_ruleset.h"
#include "rules/ruleset_codec.h"
#include "tests/bench/rule_text.h"
#include "tests/support/scratch_dir.h"

namespace sluice::bench {
namespace {

constexpr std::uint32_t kRules = 5'000;
constexpr double kColdGoal = 10;
constexpr double kWarmGoal = 0.3;

/// From the request to a ruleset that workers can be given, in processor seconds.
[[nodiscard]] double seconds_into_force(const RulesRequest& request, bool expects_cached) {
  const auto began = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  auto read = read_rules_here(request);
  SLUICE_CHECK(read && read->answer.errors == 0 && read->answer.rules == kRules,
               "rules made here are right");
  SLUICE_CHECK(read->answer.is_cached == expects_cached, "the cache keeps what was compiled");
  const auto view = SealedView::map(read->ruleset.fd(), kRulesetBytesMax);
  SLUICE_CHECK(view.has_value(), "the child has sealed it");
  auto parts = decode_ruleset(view->bytes());
  SLUICE_CHECK(parts.has_value(), "what was written is read");
  const auto live = make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr);
  SLUICE_CHECK(live.has_value(), "databases of this host are read on this host");
  return static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID) - began) / 1e9;
}

}  // namespace

Row compile_row(const Options& options) {
  const test::ScratchDir dir;
  RulesConfig config;
  config.files = {dir.write("rules.yaml", expression_pack(kRules))};
  const std::string path = dir.write(
      "sluice.yaml", fmt::format("pairs:\n  - name: edge\n    outside: {{device: \"ring:a\"}}\n"
                                 "    inside: {{device: \"ring:b\"}}\nrules: {{files: [\"{}\"]}}\n",
                                 config.files.front()));
  const auto digest = rules_digest(config);
  SLUICE_CHECK(digest.has_value(), "there are no variables");
  const RulesRequest request{path, dir.file("rulesets"), text_of(*digest)};
  const double cold = seconds_into_force(request, false);
  double warm = 1e18;
  for (int i = options.quick ? 3 : 9; i > 0; --i) {
    warm = std::min(warm, seconds_into_force(request, true));
  }
  Row row{"P13", 0, 0, kColdGoal, cold <= kColdGoal && warm <= kWarmGoal};
  fmt::print(
      "\nP13: {} expressions into force: from the file {:.2f} s, from the cache {:.3f} s of "
      "processor time, goal {:.0f} and {:.1f}: {}\n",
      kRules, cold, warm, kColdGoal, kWarmGoal, *row.met ? "met" : "not met");
  return row;
}

}  // namespace sluice::bench
