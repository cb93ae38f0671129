#include "control/observe/metrics.h"

#include <sstream>
#include <utility>

#include <prometheus/text_serializer.h>
#include <nlohmann/json.hpp>

#include "control/observe/metric_table.h"

namespace sluice {
namespace {

// A control thread that has not turned for so long says nothing about health any more.
constexpr DurationNs kFactsHold = 5 * kNsPerSecond;

HttpAnswer json_answer(int status, const nlohmann::json& body) {
  return {status, "application/json", body.dump() + "\n"};
}

bool is_stale(const ControlFacts& facts, TimeNs now) noexcept {
  return now > facts.turned_at + kFactsHold;
}

HttpAnswer health_page(const ControlFacts& facts, TimeNs now) {
  const HealthReport& report = facts.health;
  if (is_stale(facts, now)) {
    return json_answer(503, {{"state", "unhealthy"},
                             {"score", 0},
                             {"reasons", {{"control loop", "the control thread does not turn"}}}});
  }
  nlohmann::json reasons = nlohmann::json::object();
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    const PartHealth& part = report.parts[i];
    if (part.state == HealthState::healthy) continue;
    reasons[std::string(name_of(static_cast<HealthPart>(i)))] = part.reason;
  }
  return json_answer(
      report.state == HealthState::unhealthy ? 503 : 200,
      {{"state", name_of(report.state)}, {"score", report.score}, {"reasons", reasons}});
}

HttpAnswer ready_page(const ControlFacts& facts, TimeNs now) {
  const bool is_ready = facts.health.is_ready && !is_stale(facts, now);
  return json_answer(is_ready ? 200 : 503, {{"ready", is_ready}, {"generation", facts.generation}});
}

}  // namespace

Metrics::Metrics(const std::vector<WorkerWindow*>& windows, const WindowHeader& header,
                 const SharedFacts& facts, const Clock& clock)
    : facts_(facts), clock_(clock), reader_(windows, header) {}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  const ControlFacts facts = facts_.copy();
  const std::lock_guard lock(mutex_);
  const MetricInputs inputs{reader_.read(), facts, clock_.now(), scrapes_, last_took_};
  std::vector<prometheus::MetricFamily> families;
  families.reserve(metric_table().size());
  for (const MetricRow& row : metric_table()) {
    auto& family = families.emplace_back();
    family.name = row.name;
    family.help = row.help;
    family.type = row.type;
    Samples samples(family);
    row.fill(inputs, samples);
  }
  return families;
}

std::string Metrics::scrape() {
  const TimeNs began = clock_.now();
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, Collect());
  const TimeNs ended = clock_.now();
  const std::lock_guard lock(mutex_);
  ++scrapes_;
  last_took_ = ended - began;
  return std::move(text).str();
}

std::vector<HttpPage> observe_pages(Metrics& metrics, const SharedFacts& facts,
                                    const Clock& clock) {
  return {
      {"/metrics",
       [&metrics] {
         return HttpAnswer{200, "text/plain; version=0.0.4; charset=utf-8", metrics.scrape()};
       }},
      {"/healthz", [&facts, &clock] { return health_page(facts.copy(), clock.now()); }},
      {"/readyz", [&facts, &clock] { return ready_page(facts.copy(), clock.now()); }},
  };
}

}  // namespace sluice
