// Every metric there is, in one table: exposition, HELP, the reference page and tests are read from
// it. A row turns one look at the gateway into samples; any thread that holds the inputs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <prometheus/metric_family.h>

#include "base/clock.h"
#include "control/observe/control_facts.h"
#include "control/observe/wire_reader.h"

namespace sluice {

struct MetricInputs {
  const WireReading& wire;
  const ControlFacts& facts;
  TimeNs now = 0;
  std::uint64_t scrapes = 0;  ///< before this one
  DurationNs last_scrape_took = 0;
};

/// The samples of one metric.
class Samples {
 public:
  using Label = std::pair<const char*, std::string_view>;

  explicit Samples(prometheus::MetricFamily& family) noexcept : family_(family) {}
  void add(double value, std::initializer_list<Label> labels = {});
  void add(std::uint64_t value, std::initializer_list<Label> labels = {}) {
    add(static_cast<double>(value), labels);
  }
  void add(bool value, std::initializer_list<Label> labels = {}) { add(value ? 1.0 : 0.0, labels); }
  void histogram(const WorkerTimings& timings);

 private:
  prometheus::MetricFamily& family_;
};

struct MetricRow {
  std::string_view name;
  prometheus::MetricType type;
  std::string_view labels;  ///< names, with a comma between; empty = one sample
  std::string_view help;    ///< without a full stop; the unit is in the name
  void (*fill)(const MetricInputs&, Samples&);
};

[[nodiscard]] std::span<const MetricRow> metric_table() noexcept;

/// docs/reference/metrics.md.
[[nodiscard]] std::string render_metric_reference();

}  // namespace sluice
