// From a flow's memory to the record that leaves the worker: packing, interim deltas, numbers.
// Called by the flow tracker at the end of a flow and at intervals; worker only.
#pragma once

#include <cstdint>

#include "base/siphash.h"
#include "dataplane/events.h"
#include "dataplane/flow/flow.h"

namespace sluice {

/// Where records go. `emit` may lose the record, and counts it itself.
struct RecordSink {
  void (*emit)(void* context, const FlowRecord& record) noexcept = nullptr;
  void* context = nullptr;
};

/// Time for interim records: tenths of a second, in 32 bits that wrap after 13 years. A replay cuts
/// its bursts at the same points, so that no interim record divides a burst.
using CoarseTime = std::uint32_t;
inline constexpr DurationNs kCoarseUnit = 100 * kNsPerMs;
[[nodiscard]] constexpr CoarseTime coarse(TimeNs time) noexcept {
  return static_cast<CoarseTime>(time / kCoarseUnit);
}
[[nodiscard]] constexpr bool is_due(CoarseTime due, CoarseTime now) noexcept {
  return static_cast<std::int32_t>(now - due) >= 0;
}
/// The first point behind `now` of the grid that starts at `due` and has `interval` between points.
/// That grid depends on the flow's first packet only, so that it does not matter who looks when.
[[nodiscard]] constexpr CoarseTime next_due(CoarseTime due, CoarseTime now,
                                            CoarseTime interval) noexcept {
  return due + ((now - due) / interval + 1) * interval;
}

/// Keyed by `key`, and different for flows of one key that began at different times.
[[nodiscard]] std::uint32_t number_salt_of(const SipKey& key, const FlowId& id,
                                           TimeNs first_seen) noexcept;

/// From 1 to 2^53 - 1. Only for a flow that lives in a flow table.
[[nodiscard]] std::uint64_t flow_number_of(const Flow& flow) noexcept;

/// Something of `pair` was not told by an interim record yet.
[[nodiscard]] bool has_untold(const FlowPair& pair, const FlowCold& cold) noexcept;

/// What no interim record told yet.
[[nodiscard]] FlowRecord interim_record(const FlowPair& pair, const FlowCold& cold) noexcept;

/// The flow in whole, whatever interim records told of it. Packets go beyond 32 bits where interim
/// records were told on the way.
[[nodiscard]] FlowRecord flow_record(const FlowPair& pair, const FlowCold& cold) noexcept;

/// Marks as told what `interim_record` says now.
void note_told(const FlowPair& pair, FlowCold& cold) noexcept;

}  // namespace sluice
