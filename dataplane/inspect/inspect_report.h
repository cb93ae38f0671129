// What station 8 hands to the control side: alerts, complete in themselves but for the text of the
// rule. A full lane loses the record and counts it. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/rule_judge.h"
#include "dataplane/policy_parts.h"
#include "dataplane/window.h"

namespace sluice {

/// What a flow carried up to a packet, [to_server, to_client].
struct FlowTotals {
  TimeNs started = 0;
  std::array<std::uint64_t, 2> bytes{};
  std::array<std::uint64_t, 2> packets{};
};

/// Where something was found.
struct InspectScene {
  const RuleSubject& subject;
  FlowTotals flow;
  std::span<const std::uint8_t> payload;
};

class InspectReport {
 public:
  /// `window` null: nothing is reported.
  InspectReport(std::uint8_t worker, WorkerWindow* window) noexcept
      : worker_(worker), window_(window) {}

  /// A rule held.
  void alert(const InspectScene& scene, const CompiledRule& rule, const RuleHit& hit,
             bool is_refused, const PolicySettings& settings) noexcept;

  /// A packet begins.
  void begin() noexcept { kept_.excerpt_count = 0; }
  /// What alerts about this packet show of a message, whose buffers may be gone by then.
  void keep_excerpts(std::span<const BufferBytes> message) noexcept;

  [[nodiscard]] std::uint64_t alerts() const noexcept { return alerts_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  std::uint8_t worker_;
  WorkerWindow* window_;
  InspectRecord kept_{};  ///< its excerpts only
  std::uint64_t alerts_ = 0;
  std::uint64_t lost_ = 0;
};

/// Who sent what to whom, as every record of station 8 tells it.
[[nodiscard]] InspectRecord inspect_record(const RuleSubject& subject) noexcept;

/// Appends the beginning of a buffer, as much as there is room for; false where there is no place.
bool add_excerpt(InspectRecord& record, Buffer buffer, std::span<const std::uint8_t> bytes,
                 std::size_t bytes_max) noexcept;

}  // namespace sluice
