#include "control/judge_in_time.h"

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{10};

[[nodiscard]] bool is_in_time(const std::future<Status>& judged, const JudgePatience& patience,
                              const std::function<JudgeEffort()>& effort) {
  while (judged.wait_for(kBetweenLooks) != std::future_status::ready) {
    if (is_spent(patience, effort())) return false;
  }
  return true;
}

}  // namespace

void note_judgement(const Status& judged, CheckedConfig& checked) {
  if (judged) return;
  FindingWriter findings(checked.source, checked.findings);
  findings.error_at("rules.variables", judged.error().message, judged.error().hint);
}

bool judge_in_time(CheckedConfig& checked, RulesJudge judge, const JudgePatience& patience,
                   const std::function<JudgeEffort()>& effort) {
  // Without lists and sets, which are large: rules are judged by the configuration alone.
  const auto rules = std::make_shared<CheckedConfig>();
  rules->config = checked.config;
  rules->source = checked.source;
  std::packaged_task<Status()> task([rules, judge = std::move(judge)] { return judge(*rules); });
  auto judged = task.get_future();
  std::thread(std::move(task)).detach();
  const bool can_pass = checked.config.rules.until_ready == ReadyPolicy::pass;
  if (can_pass && !is_in_time(judged, patience, effort)) return false;
  note_judgement(judged.get(), *rules);
  for (Finding& finding : rules->findings.sorted()) checked.findings.add(std::move(finding));
  return true;
}

}  // namespace sluice
