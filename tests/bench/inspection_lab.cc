#include "tests/bench/inspection_lab.h"

#include <array>
#include <utility>

#include <rte_cycles.h>

#include "base/check.h"
#include "dataplane/policy.h"

namespace sluice::bench {
namespace {

constexpr std::uint32_t kFlows = 1U << 17;
constexpr std::uint64_t kInspectionBytes = std::uint64_t{128} << 20;
constexpr int kSlicePolls = 64;  // lanes hold what so many bursts can tell

[[nodiscard]] double cpu_seconds() noexcept {
  return static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID)) / 1e9;
}

/// How long others have had the processor since it was made.
class Away {
 public:
  [[nodiscard]] double seconds() const noexcept {
    const double passed = static_cast<double>(rte_rdtsc() - began_) / hz_;
    return passed - (cpu_seconds() - cpu_began_);
  }

 private:
  double hz_ = static_cast<double>(rte_get_tsc_hz());
  double cpu_began_ = cpu_seconds();
  std::uint64_t began_ = rte_rdtsc();
};
constexpr double kAwayMax = 10e-6;

}  // namespace

InspectionLab::InspectionLab(const LabSetup& setup)
    : port_(setup.checksums_good), arena_({.hugepages = setup.hugepages}) {
  PolicyParts parts;
  parts.settings = setup.settings;
  parts.settings.has_rules = setup.ruleset != nullptr;
  parts.settings.overload.shed = false;  // every burst is full here
  auto policy =
      build_policy(parts, nullptr, {11, 12}, {.hugepages = setup.hugepages}, setup.ruleset);
  SLUICE_CHECK(policy.has_value(), "there are no lists");
  slot_ = std::make_unique<PolicySlot>(std::move(*policy), 1);
  window_ = std::make_unique<WorkerWindow>();
  ports_ = port_.ports();
  WorkerSetup worker;
  worker.ports = ports_;
  worker.keys = {
      .flow = {1, 2}, .owner = {3, 4}, .fragment = {5, 6}, .source = {7, 8}, .sample = {9, 10}};
  worker.sizes.flows = kFlows;
  worker.sizes.half_open = 1U << 16;
  worker.sizes.sources = 1U << 15;
  worker.sizes.inspection_bytes = kInspectionBytes;
  worker.arena = &arena_;
  worker.window = window_.get();
  worker.policies = slot_.get();
  worker.clock = &clock_;
  worker.started = clock_.now();
  worker.release = &CapturePort::release;
  auto made = Worker::create(worker);
  SLUICE_CHECK(made.has_value(), "the worker's tables fit");
  worker_ = std::move(*made);
  slot_->enter(0);
}

InspectionLab::~InspectionLab() { slot_->leave(0); }

void InspectionLab::drain() {
  window_->flows.drain(~0U, [](const FlowRecord&) {});
  window_->drops.drain(~0U, [](const DropRecord&) {});
  window_->inspections.drain(~0U, [this](const InspectRecord& record) {
    if (record.kind == InspectKind::alert) ++alerts_[record.rule_id];
  });
}

template <class Poll>
double InspectionLab::timed(std::span<const CaptureFrame> frames, Poll&& poll) {
  port_.use(frames);
  double total = 0;
  while (!port_.is_over()) {
    const double began = cpu_seconds();
    for (int i = 0; i < kSlicePolls; ++i) poll();
    total += cpu_seconds() - began;
    drain();
  }
  return total;
}

double InspectionLab::run(std::span<const CaptureFrame> frames) {
  alerts_.clear();
  const double seconds = timed(frames, [this] { worker_->poll_once(); });
  forget_all();
  return seconds;
}

double InspectionLab::run_bare(std::span<const CaptureFrame> frames) {
  return timed(frames, [this] {
    std::array<rte_mbuf*, kBurstMax> mbufs;
    const std::uint16_t count = ports_[0].receive(ports_[0], mbufs.data(), kBurstMax);
    static_cast<void>(ports_[1].transmit(ports_[1], mbufs.data(), count));
  });
}

void InspectionLab::run_measured(std::span<const CaptureFrame> frames, StationCosts& costs) {
  static_cast<void>(timed(frames, [&] { worker_->poll_measured(costs); }));
  forget_all();
}

std::vector<std::uint32_t> InspectionLab::run_paced(std::span<const CaptureFrame> frames,
                                                    std::uint64_t interval) {
  std::vector<std::uint32_t> times;
  times.reserve(frames.size());
  port_.pace(interval, &times);
  port_.use(frames);
  while (!port_.is_over()) {
    const std::size_t measured = times.size();
    const Away away;
    for (int i = 0; i < kSlicePolls; ++i) worker_->poll_once();
    if (away.seconds() < kAwayMax) continue;
    times.resize(measured);
    port_.pace(interval, &times);
  }
  port_.pace(0, nullptr);
  drain();
  forget_all();
  return times;
}

// Longer than any timeout there is.
void InspectionLab::forget_all() {
  clock_.skip(3 * 3600 * kNsPerSecond);
  while (worker_->active_flows() > 0) {
    worker_->keep_house(clock_.now(), 4'096);
    drain();
  }
  worker_->poll_once();
  drain();
}

}  // namespace sluice::bench
