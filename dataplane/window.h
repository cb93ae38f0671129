// The memory that workers and the control process share: per worker, exact counters and lossy event
// lanes. Part of the door: no DPDK here. Ownership: a worker writes its own `WorkerWindow`; the
// control process can only read it, but for the lanes' tails, which have pages of their own (see
// window_memory.h). Nothing in those is trusted: any value there loses events, never memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/clock.h"
#include "base/siphash.h"
#include "base/verdict.h"
#include "config/worker_count.h"
#include "dataplane/events.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::uint32_t kWindowVersion = 6;

/// What is shared with other rights has pages of its own.
inline constexpr std::size_t kWindowPage = 4096;

struct PortCounters {
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t tx_bytes = 0;
};

/// Exact in every snapshot: rx_packets == forwarded + sum(dropped) + held over all workers, and for
/// one worker with `handed_out` added on the right and `handed_in` on the left.
struct WorkerCounters {
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t forwarded_bytes = 0;
  std::uint64_t generated = 0;   ///< frames of its own that were sent
  std::uint64_t held = 0;        ///< gauge: fragments waiting in this worker
  std::uint64_t handed_out = 0;  ///< frames put on another worker's ring
  std::uint64_t handed_in = 0;   ///< frames taken from rings
  std::array<std::uint64_t, kDropReasonCount> dropped{};
  std::array<std::uint64_t, kDropReasonCount> would_drop{};
  std::array<std::uint64_t, kCapacityEventCount> capacity{};
  std::array<PortCounters, kPortsMax> ports{};
  std::uint64_t flows_created = 0;
  std::uint64_t flows_ended = 0;
  std::uint64_t flows_active = 0;      ///< gauge
  std::uint64_t half_open_active = 0;  ///< gauge
  std::uint64_t out_of_state = 0;      ///< TCP packets that fit no state, whatever became of them
  std::uint64_t midstream = 0;         ///< flows picked up without their handshake
  std::uint64_t flow_records_lost = 0;
  std::uint64_t drop_records_lost = 0;
  std::uint64_t polls = 0;
  std::uint64_t busy_polls = 0;  ///< polls that received something
  std::uint64_t bursts = 0;      ///< receives that returned something
  std::uint64_t full_bursts = 0;
  std::uint64_t generation = 0;  ///< of the policy in use
  std::uint64_t bypassed = 0;    ///< packets forwarded uninspected; also in `forwarded`
  std::uint64_t bypassed_bytes = 0;
  std::uint64_t busy_ns = 0;            ///< time spent in turns that received something
  std::uint64_t shed_level = 0;         ///< gauge: steps of shedding in force
  std::uint64_t shed_steps = 0;         ///< times that a step was taken, up
  std::uint64_t flows_shed = 0;         ///< left alone by rules while work was shed, by overload.h
  std::uint64_t records_shed = 0;       ///< flow and drop records not made, by overload.h
  std::uint64_t alerts = 0;             ///< rules that held and were reported
  std::uint64_t alerts_lost = 0;        ///< of them, those that found the lane full
  std::uint64_t rule_candidates = 0;    ///< rules looked at because a pattern hit
  std::uint64_t inspected_bytes = 0;    ///< payload given to the pattern engine
  std::uint64_t inspected_flows = 0;    ///< gauge: flows with state of inspection
  std::uint64_t inspection_memory = 0;  ///< gauge: bytes of the pool in use
  std::uint64_t stream_gap_bytes = 0;   ///< bytes of streams that nobody saw
  std::uint64_t uninspected = 0;        ///< packets that passed before there was a ruleset
  std::uint64_t transactions = 0;       ///< messages of applications that were reported
  std::uint64_t transactions_lost = 0;  ///< of them, those without room in the lane or in memory
  std::uint64_t anomalies = 0;          ///< found; CapacityEvent::anomaly_limit were left out
  std::uint64_t anomalies_lost = 0;     ///< of them, those that found the lane full
  std::uint64_t rule_hits = 0;          ///< rules that held, whatever became of it
  std::uint64_t rules_shadowed = 0;     ///< of them, those that were at stage shadow
  std::uint64_t rules_excepted = 0;     ///< rules that an exception took back, none of them a hit
  std::uint64_t window_exhausted = 0;   ///< evaluations that needed a byte that is kept no longer
};
static_assert(std::is_trivially_copyable_v<WorkerCounters> && sizeof(WorkerCounters) % 8 == 0);

/// Records of lane 1 that did not come through.
[[nodiscard]] inline std::uint64_t inspect_records_lost(const WorkerCounters& counters) noexcept {
  return counters.alerts_lost + counters.transactions_lost + counters.anomalies_lost;
}

/// Every member is a 64-bit count: sums are taken word by word.
inline WorkerCounters& operator+=(WorkerCounters& sum, const WorkerCounters& other) noexcept {
  std::array<std::uint64_t, sizeof(WorkerCounters) / 8> words;
  std::array<std::uint64_t, sizeof(WorkerCounters) / 8> added;
  std::memcpy(words.data(), &sum, sizeof sum);
  std::memcpy(added.data(), &other, sizeof other);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] += added[i];
  std::memcpy(static_cast<void*>(&sum), words.data(), sizeof sum);
  return sum;
}

/// One writer, any reader. A read gives a state that the writer published as a whole.
template <class T>
class SeqLocked {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0);

 public:
  void publish(const T& value) noexcept {
    const std::uint64_t sequence = sequence_.load(std::memory_order_relaxed);
    sequence_.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    std::array<std::uint64_t, kWords> words;
    std::memcpy(words.data(), &value, sizeof value);
    for (std::size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_relaxed);
    sequence_.store(sequence + 2, std::memory_order_release);
  }

  /// Gives up after `tries` when the writer is always inside (a writer that died there).
  [[nodiscard]] bool try_read(T& into, unsigned tries = 10'000) const noexcept {
    std::array<std::uint64_t, kWords> words;
    while (tries-- > 0) {
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      if ((before & 1) != 0) continue;
      for (std::size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (sequence_.load(std::memory_order_relaxed) != before) continue;
      std::memcpy(static_cast<void*>(&into), words.data(), sizeof into);
      return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kWords = sizeof(T) / 8;
  alignas(64) std::atomic<std::uint64_t> sequence_{0};
  std::array<std::atomic<std::uint64_t>, kWords> words_{};
};

/// Bounded ring of one producer (a worker) and one consumer (the control process). Full means the
/// record is lost and counted by the caller; the producer never waits. The consumer writes the page
/// of the tail and nothing else.
template <class Record, std::uint32_t Slots>
class Lane {
  static_assert((Slots & (Slots - 1)) == 0 && std::is_trivially_copyable_v<Record>);

 public:
  [[nodiscard]] bool try_push(const Record& record) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - seen_tail_ >= Slots) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (head - seen_tail_ >= Slots) return false;
    }
    slots_[head & (Slots - 1)] = record;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  /// Hands at most `most` records to `take(const Record&)`, oldest first; returns how many.
  template <class Take>
  std::uint32_t drain(std::uint32_t most, Take&& take) {
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    if (head - tail > Slots) tail = head;  // the producer restarted
    std::uint32_t taken = 0;
    for (; tail != head && taken < most; ++tail, ++taken) take(slots_[tail & (Slots - 1)]);
    tail_.store(tail, std::memory_order_release);
    return taken;
  }

  [[nodiscard]] std::uint64_t depth() const noexcept {
    return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed);
  }

  /// Where the tail's page begins within the lane.
  [[nodiscard]] static constexpr std::size_t tail_offset() noexcept {
    return offsetof(Lane, tail_);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t seen_tail_ = 0;
  alignas(kWindowPage) std::atomic<std::uint64_t> tail_{0};
  alignas(kWindowPage) std::array<Record, Slots> slots_;
};

using FlowLane = Lane<FlowRecord, 8192>;
using DropLane = Lane<DropRecord, 4096>;
using InspectLane = Lane<InspectRecord, 1024>;

inline constexpr std::size_t kStationsMax = 16;

/// Bucket i counts packets whose time from receive to transmit is below latency_bound_ns(i).
inline constexpr std::size_t kLatencyBuckets = 80;
/// Four bounds to every doubling, from 256 ns up; the last bucket has no bound. Unit: ns.
[[nodiscard]] constexpr std::uint64_t latency_bound_ns(std::size_t bucket) noexcept {
  const std::uint64_t octave = 256ULL << (bucket / 4);
  return octave + octave / 4 * (bucket % 4 + 1);
}

/// Published every 100 ms: what would cost too much to copy with the counters.
struct WorkerTimings {
  std::array<std::uint64_t, kLatencyBuckets> latency{};
  std::uint64_t latency_ns = 0;  ///< sum
  /// Of the bursts that were measured, one in kMeasuredBursts; by place in the journey.
  std::array<std::uint64_t, kStationsMax> station_cycles{};
  std::array<std::uint64_t, kStationsMax> station_packets{};
};
inline constexpr std::uint32_t kMeasuredBursts = 1024;

struct alignas(kWindowPage) WorkerWindow {
  std::atomic<std::uint64_t> heartbeat{0};  ///< moves with every poll that had time to look
  SeqLocked<WorkerCounters> counters;
  SeqLocked<WorkerTimings> timings;
  FlowLane flows;
  DropLane drops;
  InspectLane inspections;
};

/// What one worker counts of one rule; nobody else writes it. Relaxed: members are not of one
/// moment.
struct alignas(64) RuleCounts {
  std::atomic<std::uint64_t> candidates{0};   ///< times that it was looked at
  std::atomic<std::uint64_t> hits{0};         ///< times that it held
  std::atomic<std::uint64_t> refused{0};      ///< packets refused for it, or in mode monitor not
  std::atomic<std::uint64_t> excepted{0};     ///< times that an exception took it back
  std::atomic<std::uint64_t> cost_cycles{0};  ///< of the looks that were measured,
  std::atomic<std::uint64_t> cost_looks{0};   ///< which are one in kLooksPerMeasure
};
inline constexpr std::uint32_t kLooksPerMeasure = 61;  // a prime: no pattern of traffic has it

/// For the one writer of a count.
inline void add_to(std::atomic<std::uint64_t>& count, std::uint64_t more) noexcept {
  count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

/// Where rules are counted: the rules of two rulesets have one each, and slot 0 is for those that
/// found none.
inline constexpr std::uint32_t kRuleSlotsMax = 1U << 19;
inline constexpr std::uint32_t kNoRuleSlot = 0;

/// What the keeper writes about itself and the process.
struct KeeperState {
  std::atomic<std::uint64_t> heartbeat{0};       ///< turns
  std::atomic<std::uint64_t> control_starts{0};  ///< of the control process
  std::atomic<std::uint64_t> generation{0};      ///< in force, obeyed by every worker
  std::atomic<std::uint64_t> policies_refused{0};
  std::atomic<std::uint64_t> blocks_active{0};
  std::atomic<std::uint64_t> blocks_expired{0};
  std::atomic<std::uint64_t> rules{0};  ///< of the ruleset in force
  /// Its digest, the lower half first; 0 while there is none. Written before `generation`.
  std::array<std::atomic<std::uint64_t>, 2> ruleset{};
};

/// The digest of the ruleset that workers obey; all 0 where they have none.
[[nodiscard]] inline Hash128 ruleset_in_force(const KeeperState& keeper) noexcept {
  return {keeper.ruleset[0].load(std::memory_order_relaxed),
          keeper.ruleset[1].load(std::memory_order_relaxed)};
}

/// Packet buffers of one port pair.
struct PoolState {
  std::atomic<std::uint64_t> mbufs{0};
  std::atomic<std::uint64_t> free{0};
  std::atomic<std::uint64_t> free_low{0};  ///< least ever seen
};

/// What the keeper writes about a port once a second; counts are from the start.
struct PortState {
  std::atomic<std::uint64_t> lost_before_receive{0};  ///< no buffer, ring full, frame cut
  std::atomic<std::uint64_t> lost_after_transmit{0};  ///< taken for sending, refused below
  std::atomic<std::uint64_t> has_carrier{1};
};

/// The head of the shared segment. `workers` windows follow it, and behind them for every worker
/// `block_capacity` 32-bit counts: how often it refused for the block in that slot. Where there may
/// be rules, the slot of every rule of the ruleset in force follows, and for every worker
/// `rule_slots` RuleCounts; of these only what is in use has memory.
struct alignas(kWindowPage) WindowHeader {
  std::uint32_t version = kWindowVersion;
  std::uint32_t workers = 0;
  std::uint64_t worker_window_bytes = sizeof(WorkerWindow);
  std::uint64_t started = 0;        ///< TimeNs
  std::uint64_t clock_offset = 0;   ///< SteadyClock(clock_offset) tells the wire's time
  std::uint64_t flow_capacity = 0;  ///< of one worker, as are the next two
  std::uint64_t half_open_capacity = 0;
  std::uint64_t source_capacity = 0;
  std::uint32_t block_capacity = 0;
  std::uint32_t rule_slots = 0;  ///< 0, or kRuleSlotsMax
  std::uint32_t stations = 0;
  std::array<std::array<char, 16>, kStationsMax> station_names{};
  KeeperState keeper;
  std::array<PoolState, kPortsMax / 2> pools;
  std::uint32_t ports = 0;
  std::array<std::array<char, 32>, kPortsMax> port_names{};
  std::array<PortState, kPortsMax> port_states{};
};

/// Bytes of a segment up to the rules: its head, the workers' windows, the hits of their blocks.
[[nodiscard]] constexpr std::size_t window_bytes(std::size_t workers,
                                                 std::size_t block_capacity) noexcept {
  return sizeof(WindowHeader) +
         workers * (sizeof(WorkerWindow) + block_capacity * sizeof(std::atomic<std::uint32_t>));
}
/// Where the hits of one worker's blocks begin.
[[nodiscard]] constexpr std::size_t block_hits_offset(std::size_t workers, std::size_t worker,
                                                      std::size_t block_capacity) noexcept {
  return window_bytes(workers, 0) + worker * block_capacity * sizeof(std::atomic<std::uint32_t>);
}

/// Where the slots of rules begin: 32-bit numbers, by the rule's place in the ruleset in force.
[[nodiscard]] constexpr std::size_t rule_directory_offset(std::size_t workers,
                                                          std::size_t block_capacity) noexcept {
  return (window_bytes(workers, block_capacity) + kWindowPage - 1) / kWindowPage * kWindowPage;
}
/// Where the counts of one worker's rules begin.
[[nodiscard]] constexpr std::size_t rule_counts_offset(std::size_t workers, std::size_t worker,
                                                       std::size_t block_capacity,
                                                       std::size_t rule_slots) noexcept {
  return rule_directory_offset(workers, block_capacity) +
         rule_slots * (sizeof(std::atomic<std::uint32_t>) + worker * sizeof(RuleCounts));
}
/// Bytes of the whole segment.
[[nodiscard]] constexpr std::size_t segment_bytes(std::size_t workers, std::size_t block_capacity,
                                                  std::size_t rule_slots) noexcept {
  return rule_slots == 0 ? window_bytes(workers, block_capacity)
                         : rule_counts_offset(workers, workers, block_capacity, rule_slots);
}

/// Of every lane, where in its worker's window the tail has its page. A lane that is missing here
/// could not be drained: the control process may not write to it.
inline constexpr std::array kTailOffsets = {
    offsetof(WorkerWindow, flows) + FlowLane::tail_offset(),
    offsetof(WorkerWindow, drops) + DropLane::tail_offset(),
    offsetof(WorkerWindow, inspections) + InspectLane::tail_offset(),
};
static_assert(offsetof(WorkerWindow, drops) == offsetof(WorkerWindow, flows) + sizeof(FlowLane) &&
                  offsetof(WorkerWindow, inspections) ==
                      offsetof(WorkerWindow, drops) + sizeof(DropLane) &&
                  sizeof(WorkerWindow) == offsetof(WorkerWindow, inspections) + sizeof(InspectLane),
              "every lane has its row in kTailOffsets");
/// Where the tails' pages have their place in a segment, worker by worker.
[[nodiscard]] constexpr std::size_t tail_page_offset(std::size_t page) noexcept {
  return sizeof(WindowHeader) + page / kTailOffsets.size() * sizeof(WorkerWindow) +
         kTailOffsets[page % kTailOffsets.size()];
}

/// What the control process notes of a block beside the hits of its slot, so that its successor
/// counts on. Nobody else writes or reads it. A note is complete when its id is set.
struct BlockNote {
  std::atomic<std::uint64_t> id{0};  ///< 0 = none
  std::atomic<std::uint64_t> created{0};
  std::atomic<std::uint64_t> hits{0};  ///< of the block, when it was looked at last
  std::atomic<std::uint64_t> base{0};  ///< the slot's count less `hits`, modulo 2^32; never moves
};
/// In the segment that the control process writes a note for every slot stands behind the tails.
[[nodiscard]] constexpr std::size_t block_notes_offset(std::size_t workers) noexcept {
  return workers * kTailOffsets.size() * kWindowPage;
}
[[nodiscard]] constexpr std::size_t tails_bytes(std::size_t workers,
                                                std::size_t block_capacity) noexcept {
  return block_notes_offset(workers) + block_capacity * sizeof(BlockNote);
}

}  // namespace sluice
