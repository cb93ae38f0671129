// Station 7: only the excess over a limit is refused. Two limits today, each of packets and of bits
// per second (token_bucket.h): per flow and per source. Owning worker only.
//
// What counts. Bits are those of the layer-2 frame without FCS; a datagram that was put together
// counts the frames and bytes of its fragments. A packet is refused if any bucket lacks tokens, and
// then no bucket is charged: the flow's are asked first (flow_rate_exceeded), then the source's
// (source_rate_exceeded).
//
// Who is charged. The flow limit holds for both directions together. The source limit holds for the
// packet's own source where that is the flow's initiator or where there is no flow: what a server
// sends in answer to its clients is theirs to limit, not the server's, while a flood of answers
// that nobody asked for makes flows whose initiator is the sender. An ICMP error is charged to the
// source of the error, never to the flow that it quotes.
//
// Exempt: kMustPass, and control protocols where the configuration exempts them. An allow prefix
// lifts lists and blocks, not limits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/burst.h"
#include "dataplane/limit/compiled_limits.h"
#include "dataplane/limit/source_table.h"
#include "dataplane/memory_arena.h"

namespace sluice {

class SharedMeters;
struct WorkerCounters;

struct LimiterSetup {
  std::uint32_t sources = 1U << 14;
  SipKey key;                      ///< equal in all workers
  SharedMeters* meters = nullptr;  ///< null: this worker alone sees all traffic
};

struct LimiterCounters {
  std::uint64_t source_table_full = 0;  ///< sources that lost their place before they were idle
  std::uint64_t meter_table_full = 0;
};

class RateLimiter {
 public:
  /// The arena and the meters outlive the limiter.
  [[nodiscard]] static Result<std::unique_ptr<RateLimiter>> create(const LimiterSetup& setup,
                                                                   MemoryArena& arena);

  /// After `FlowTracker::find`: asks for the lines of the sources that flows remember.
  void prefetch(const Burst& burst) const noexcept;

  /// After `FlowTracker::track`. Every packet that has a flow credits its buckets with
  /// `since_previous`, decided or not; packets still undecided are judged and charged. Keeps the
  /// source's place in `Flow::source_slot`.
  void limit(Burst& burst, const CompiledLimits& limits) noexcept;

  /// Looks at the next `slots` sources: forgets those long silent, returns what they hold in
  /// advance.
  void expire(TimeNs now, std::uint32_t slots) noexcept;

  [[nodiscard]] const LimiterCounters& counters() const noexcept { return counters_; }
  /// Sets the members of `counters` that concern limits; may be called again and again.
  void add_to(WorkerCounters& counters) const noexcept;
  [[nodiscard]] const SourceTable& sources() const noexcept { return sources_; }
  /// What `entry` may still send at `now`, scaled tokens; 0 of what has no limit. Changes nothing.
  [[nodiscard]] TokenPair left_of(const SourceEntry& entry, TimeNs now) const noexcept;

 private:
  /// Of a burst: whose source is charged.
  struct Sources {
    std::uint32_t wanted = 0;                     ///< bit per packet
    std::uint32_t unknown = 0;                    ///< those without a slot kept in their flow
    std::array<std::uint64_t, kBurstMax> hashes;  ///< of the unknown ones
  };

  RateLimiter() = default;
  void look_ahead(const Burst& burst, const CompiledLimits& limits,
                  Sources& sources) const noexcept;
  [[nodiscard]] SourceEntry& entry_of(const Packet& packet, const CompiledLimits& limits,
                                      const std::uint64_t* known_hash) noexcept;
  template <bool kCountsBits>
  void judge(Burst& burst, const CompiledLimits& limits, const Sources& sources) noexcept;
  template <bool kCountsBits>
  [[nodiscard]] bool take(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept;
  [[nodiscard]] bool take_leased(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept;
  [[nodiscard]] bool lease_more(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept;
  void find_meter(SourceEntry& entry, TimeNs now) noexcept;
  void return_lease(SourceEntry& entry, TimeNs now) noexcept;

  SourceTable sources_;
  SharedMeters* meters_ = nullptr;
  SipKey key_;
  RatePair source_limit_;   ///< of the policy last obeyed
  std::uint32_t hand_ = 0;  ///< next slot to be swept
  LimiterCounters counters_;
};

}  // namespace sluice
