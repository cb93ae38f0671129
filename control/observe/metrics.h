// The metrics of the table, read from the window and the control thread's facts when they are asked
// for. Any thread may ask; workers and the control thread are not held up.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "base/clock.h"
#include "control/observe/control_facts.h"
#include "control/observe/http_server.h"
#include "control/observe/wire_reader.h"

namespace sluice {

class Metrics final : public prometheus::Collectable {
 public:
  /// Windows, header, facts and clock outlive the object.
  Metrics(const std::vector<WorkerWindow*>& windows, const WindowHeader& header,
          const SharedFacts& facts, const Clock& clock);

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;
  /// In the text format that Prometheus scrapes, and counted as a scrape.
  [[nodiscard]] std::string scrape();

 private:
  const SharedFacts& facts_;
  const Clock& clock_;
  mutable std::mutex mutex_;  ///< guards what follows
  mutable WireReader reader_;
  std::uint64_t scrapes_ = 0;
  DurationNs last_took_ = 0;
};

/// /metrics, /healthz (503 while unhealthy) and /readyz (503 until packets are forwarded under a
/// policy). What they stand on outlives the server that shows them.
[[nodiscard]] std::vector<HttpPage> observe_pages(Metrics& metrics, const SharedFacts& facts,
                                                  const Clock& clock);

}  // namespace sluice
