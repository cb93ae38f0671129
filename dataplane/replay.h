// A capture through the same stations: the door by which the control side replays. One thread
// drives all workers in file order; time is the packets' own and never goes back; at every multiple
// of 100 ms the burst is cut and the observer's `tick` runs. No EAL, no root, no hugepages.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/verdict.h"
#include "config/config.h"
#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/policy_parts.h"
#include "dataplane/requests.h"
#include "dataplane/window.h"

namespace sluice {

inline constexpr DurationNs kReplayTick = 100 * kNsPerMs;

/// One frame of a capture; `bytes` outlives the run. Ethernet.
struct ReplayFrame {
  TimeNs timestamp = 0;
  std::uint32_t wire_bytes = 0;
  std::span<const std::uint8_t> bytes;
};

/// Makes scarce what a capture alone cannot exhaust; only tests ask for it.
struct ReplayFaults {
  std::uint32_t transmit_most = 0;    ///< frames that the port takes per call; 0 = all
  std::uint32_t handoff_ring = 0;     ///< slots; 0 = enough for every burst
  std::uint32_t frame_bytes_max = 0;  ///< 0 = any frame fits the peer
};

struct ReplaySetup {
  std::uint32_t workers = 1;
  std::uint32_t repeat = 1;
  /// Sizes of the tables come from its memory and flow options; ports are not looked at, but for
  /// the checksum mode and the domain of the first pair, where there is one.
  Config config;
  PolicyParts parts;
  std::vector<BlockEntry> blocks;  ///< in force from the first frame on
  /// Null: no rules. Made for as many workers.
  std::shared_ptr<const LiveRuleset> ruleset;
  ReplayFaults faults;
};

/// Sums over all workers and passes.
struct ReplayTotals {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  WorkerCounters counters;         ///< summed
  double seconds = 0;              ///< thread CPU time inside the stations and ticks
  std::uint64_t cycles = 0;        ///< the same in ticks of the time-stamp counter
  bool trusted_checksums = false;  ///< `auto` found too many wrong sums
};

/// What the control side does while a replay runs. Frames are named by their place from 1.
class ReplayObserver {
 public:
  virtual ~ReplayObserver() = default;
  virtual void tick(TimeNs now) = 0;
  /// Between ticks, when a lane fills: take what is in the lanes, decide nothing.
  virtual void drain() = 0;
  /// `bytes` as they left: differs from the capture where a checksum was fixed. Valid in the call.
  virtual void forwarded(std::uint32_t packet_number, std::span<const std::uint8_t> bytes) = 0;
  virtual void refused(std::uint32_t packet_number, DropReason reason) = 0;
  /// A frame that sluice made itself, for a packet of that time. Valid in the call.
  virtual void generated(TimeNs /*when*/, std::span<const std::uint8_t> /*bytes*/) {}
};

class Replay {
 public:
  /// Makes the workers. Looks at the first of `frames` where checksums are `automatic`.
  [[nodiscard]] static Result<std::unique_ptr<Replay>> create(const ReplaySetup& setup,
                                                              std::span<const ReplayFrame> frames);
  virtual ~Replay() = default;

  /// Runs `frames` (those given to `create`), then time past all timeouts, so that nothing is held
  /// and every flow has ended.
  /// `observer.forwarded`, `.refused` and `.generated` are called for the first pass only. Once per
  /// object.
  [[nodiscard]] virtual ReplayTotals run(std::span<const ReplayFrame> frames,
                                         ReplayObserver& observer) = 0;
  [[nodiscard]] virtual std::span<WorkerWindow* const> windows() noexcept = 0;
};

}  // namespace sluice
