// Records of what no honest host sends: headers that the decoder refuses, TCP streams that cannot
// be put in order in one way only, messages that their parser cannot read. Of each kind the first
// of every second are told, of what follows the fewer the more there are, chosen by a keyed hash;
// the rest is counted. One per worker; worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "base/siphash.h"
#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/rule_conditions.h"
#include "dataplane/policy_parts.h"
#include "dataplane/window.h"

namespace sluice {

class AnomalyReport {
 public:
  /// Anomalies of one kind that are told of every second, whatever comes.
  static constexpr std::uint32_t kToldPerSecond = 32;

  /// `window` may be null: counters only.
  AnomalyReport(const SipKey& key, std::uint8_t worker, WorkerCounters& counters,
                WorkerWindow* window) noexcept
      : key_(key), worker_(worker), counters_(counters), window_(window) {}

  /// A packet was refused, or let through, where `reason` stands for an anomaly.
  void packet(const Packet& packet, DropReason reason, const PolicySettings& settings) noexcept;
  void stream(const RuleSubject& subject, StreamAnomaly anomaly,
              const PolicySettings& settings) noexcept;
  void application(const RuleSubject& subject, AppAnomaly anomaly,
                   const PolicySettings& settings) noexcept;

 private:
  static constexpr std::size_t kKinds = 64;  ///< of each layer
  struct Second {
    std::uint64_t second = 0;
    std::uint32_t count = 0;
  };
  struct Kind {
    AnomalyLayer layer;
    std::uint8_t anomaly;
  };
  void tell(const RuleSubject& subject, Kind kind, const PolicySettings& settings) noexcept;
  [[nodiscard]] bool is_chosen(Kind kind, TimeNs now) noexcept;

  SipKey key_;
  std::uint8_t worker_;
  WorkerCounters& counters_;
  WorkerWindow* window_;
  std::array<Second, 3 * kKinds> seconds_{};
};

}  // namespace sluice
