#include "tests/bench/limit_accuracy.h"

#include <array>
#include <memory>

#include "base/check.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "dataplane/shared_meters.h"
#include "dataplane/worker.h"
#include "tests/support/packet_builder.h"

namespace sluice::bench {
namespace {

constexpr std::uint64_t kPacketRate = 20'000;
constexpr std::uint64_t kBitRate = kPacketRate * kFrameBytes * 8;
constexpr unsigned kSeconds = 10;
constexpr unsigned kQuickSeconds = 2;
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr std::uint32_t kFlows = 64;
constexpr unsigned kSkew = 10;

class SimulatedClock final : public Clock {
 public:
  [[nodiscard]] TimeNs now() const noexcept override { return now_; }
  TimeNs now_ = kStart;
};

// One source, many flows, so that the source limit alone decides.
Corpus one_source() {
  Corpus corpus;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    const auto frame = test::PacketBuilder()
                           .eth()
                           .ipv4("10.0.0.1", "172.16.0.1")
                           .udp(static_cast<std::uint16_t>(1024 + i), 53)
                           .payload(22)
                           .build();
    Frame padded{};
    std::copy(frame.begin(), frame.end(), padded.bytes);
    corpus.frames.push_back(padded);
  }
  return corpus;
}

std::unique_ptr<const Policy> limit_policy(bool bits) {
  PolicyParts parts;
  RateConfig& rate =
      bits ? parts.settings.limits.source.bits : parts.settings.limits.source.packets;
  rate.rate = bits ? kBitRate : kPacketRate;
  rate.burst = bits ? kBitRate / 8 / 100 : kPacketRate / 100;
  auto policy = build_policy(parts, nullptr, {1, 2});
  SLUICE_CHECK(policy.has_value(), "a policy with one limit");
  return std::move(*policy);
}

/// One or two workers over the same source, driven by one thread in simulated time.
class Gateway {
 public:
  Gateway(const NullPorts& ports, unsigned workers, bool bits)
      : corpus_(one_source()), slot_(limit_policy(bits), workers) {
    if (workers > 1) {
      auto meters = SharedMeters::create(
          {.meters = 1024, .workers = workers, .mode = MeterMode::leased}, arena_);
      SLUICE_CHECK(meters.has_value(), "the meters fit");
      meters_ = std::move(*meters);
    }
    for (unsigned i = 0; i < workers; ++i) add_worker(ports, workers, i);
  }
  ~Gateway() {
    for (unsigned i = 0; i < workers_.size(); ++i) slot_.leave(i);
  }

  struct Offer {
    double per_second = 0;
    unsigned seconds = 0;
  };
  /// Packets that passed.
  std::uint64_t run(const Offer& offer) {
    const double duration = static_cast<double>(offer.seconds) * 1e9;
    const double gap_ns = 1e9 / offer.per_second;
    double now = 0;
    for (unsigned turn = 0; now < duration; ++turn) {
      clock_.now_ = kStart + static_cast<TimeNs>(now);
      const bool second = workers_.size() > 1 && turn % (kSkew + 1) == kSkew;
      workers_[second ? 1 : 0]->poll_once();
      now += gap_ns * kBurstMax;
      for (auto& window : windows_) window->flows.drain(~0U, [](const FlowRecord&) {});
      for (auto& window : windows_) window->drops.drain(~0U, [](const DropRecord&) {});
    }
    std::uint64_t forwarded = 0;
    for (const auto& worker : workers_) forwarded += worker->counters().forwarded;
    return forwarded;
  }

 private:
  void add_worker(const NullPorts& ports, unsigned workers, unsigned index) {
    windows_.push_back(std::make_unique<WorkerWindow>());
    WorkerSetup setup;
    setup.index = static_cast<std::uint8_t>(index);
    setup.workers = workers;
    setup.ports = ports.over(corpus_);
    setup.arena = &arena_;
    setup.window = windows_.back().get();
    setup.meters = meters_.get();
    setup.policies = &slot_;
    setup.clock = &clock_;
    setup.started = kStart;
    setup.release = &NullPorts::release;
    auto worker = Worker::create(setup);
    SLUICE_CHECK(worker.has_value(), "the worker's tables fit");
    slot_.enter(index);
    workers_.push_back(std::move(*worker));
  }

  Corpus corpus_;
  MemoryArena arena_;
  SimulatedClock clock_;
  PolicySlot slot_;
  std::unique_ptr<SharedMeters> meters_;
  std::vector<std::unique_ptr<WorkerWindow>> windows_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

std::vector<LimitAccuracy> measure_limits(const NullPorts& ports, bool quick) {
  const unsigned seconds = quick ? kQuickSeconds : kSeconds;
  std::vector<LimitAccuracy> rows;
  for (const bool bits : {false, true}) {
    for (const unsigned workers : {1U, 2U}) {
      for (const unsigned overload : {1U, 10U, 100U}) {
        Gateway gateway(ports, workers, bits);
        const auto passed = static_cast<double>(
            gateway.run({static_cast<double>(kPacketRate) * overload, seconds}));
        const double burst = static_cast<double>(kPacketRate) / 100;  // allowed once, at the start
        rows.push_back({.limit = bits ? "bits" : "packets",
                        .workers = workers,
                        .overload = overload,
                        .configured = static_cast<double>(kPacketRate),
                        .passed = (passed - (overload > 1 ? burst : 0)) / seconds});
      }
    }
  }
  return rows;
}

}  // namespace sluice::bench
