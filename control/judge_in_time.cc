#include "control/judge_in_time.h"

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace sluice {

void note_judgement(const Status& judged, CheckedConfig& checked) {
  if (judged) return;
  FindingWriter findings(checked.source, checked.findings);
  findings.error_at("rules.variables", judged.error().message, judged.error().hint);
}

bool judge_in_time(CheckedConfig& checked, RulesJudge judge, DurationNs patience) {
  // Without lists and sets, which are large: rules are judged by the configuration alone.
  const auto rules = std::make_shared<CheckedConfig>();
  rules->config = checked.config;
  rules->source = checked.source;
  std::packaged_task<Status()> task([rules, judge = std::move(judge)] { return judge(*rules); });
  auto judged = task.get_future();
  std::thread(std::move(task)).detach();
  const bool can_pass = checked.config.rules.until_ready == ReadyPolicy::pass;
  if (can_pass &&
      judged.wait_for(std::chrono::nanoseconds(patience)) != std::future_status::ready) {
    return false;
  }
  note_judgement(judged.get(), *rules);
  for (Finding& finding : rules->findings.sorted()) checked.findings.add(std::move(finding));
  return true;
}

}  // namespace sluice
