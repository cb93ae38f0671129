// Station 6: which flow a packet belongs to, what TCP makes of it, and what is counted. Owns the
// flow table and the half-open table of one worker. Everything but `create` is called from that
// worker's thread.
//
// What becomes of a packet and what a record says depend on packets and their times only, never on
// when a sweep came by: an entry past its timeout is absent at look-up, and an interim record
// covers what passed before a point in time that the flow's first packet fixed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "base/verdict.h"
#include "dataplane/burst.h"
#include "dataplane/flow/flow_list.h"
#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/flow/half_open.h"
#include "dataplane/flow/tcp_state.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy_parts.h"

namespace sluice {

struct WorkerCounters;

/// Told of every flow whose stream_slot is set, before its slot is another flow's.
struct FlowEndHook {
  void (*ends)(void* self, Flow& flow) noexcept = nullptr;
  void* self = nullptr;
};

struct FlowSizes {
  std::uint32_t flows = 1U << 16;
  std::uint32_t half_open = 1U << 14;
  TimeNs started = 0;       ///< start of midstream_grace; 0 = the time of the first packet
  std::uint8_t worker = 0;  ///< as told in records
};

struct FlowCounters {
  std::uint64_t created = 0;
  std::uint64_t ended = 0;
  std::uint64_t active = 0;          ///< gauge
  std::uint64_t out_of_state = 0;    ///< packets, whatever became of them
  std::uint64_t midstream = 0;       ///< flows picked up without a handshake
  std::uint64_t table_full = 0;      ///< packets that found no slot for a flow
  std::uint64_t evicted_closed = 0;  ///< flows that were over and made room before their timeout
  std::uint64_t evicted_one_way = 0;
  std::uint64_t records_shed = 0;
};

class FlowTracker {
 public:
  /// `key` is the one under which packets' ids and hashes were made. The arena outlives the
  /// tracker.
  [[nodiscard]] static Result<std::unique_ptr<FlowTracker>> create(const FlowSizes& sizes,
                                                                   const SipKey& key,
                                                                   MemoryArena& arena,
                                                                   RecordSink sink);

  void tell_ends_to(FlowEndHook hook) noexcept { end_hook_ = hook; }

  /// The three steps of a look-up, each once per burst and in this order; what runs in between
  /// hides the wait for memory. First, as soon as packets have their hash:
  void prefetch_index(const Burst& burst) const noexcept;
  /// Second, when no packet joins or leaves the burst any more. Packets decided by then have no
  /// flow.
  void guess(Burst& burst) noexcept;
  /// Third. Sets `flow` of every packet: its live flow, or null (also where it is decided, a lone
  /// fragment or not IP). Sets kInitiator where there is a flow. Changes no flow.
  void find(Burst& burst, const FlowConfig& config) noexcept;

  /// After `find`, for packets still undecided: makes flows, judges, counts; sets `flow`,
  /// kInitiator, kNewFlow and since_previous. Token levels of a new flow are 0. A packet of a
  /// refused flow is dropped with flow_refused and the rule that refused it.
  void track(Burst& burst, const PolicySettings& settings, std::uint16_t list_epoch) noexcept;

  /// Looks at the next `budget` slots: ends what has timed out, emits interim records.
  void expire(TimeNs now, std::uint32_t budget) noexcept;

  /// From now on every packet of the flow, in both directions, is refused. The tombstone stays for
  /// `refused` after its last packet and no new flow evicts it. The first refusal counts.
  void refuse(Flow& flow, DropReason reason, std::uint32_t rule_id) noexcept;

  /// From now on what overload.h sheds at this level is not recorded, but counted.
  void shed_records(std::uint32_t level) noexcept { shed_level_ = level; }

  /// Not past its timeout. A flow that is stands in the table until a sweep or a packet finds it.
  [[nodiscard]] bool is_live(const Flow& flow, TimeNs now) const noexcept {
    return now < end_of_idle(flow);
  }

  /// Stop: every flow ends, by its timeout where that has passed.
  void flush(TimeNs now) noexcept;

  [[nodiscard]] const FlowCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const HalfOpenCounters& half_open() const noexcept { return half_open_.counters(); }
  /// Sets the members of `counters` that concern flows; may be called again and again.
  void add_to(WorkerCounters& counters) const noexcept;
  [[nodiscard]] FlowTable& table() noexcept { return table_; }

 private:
  FlowTracker() = default;

  // flow_tracker.cc: one packet of a known flow
  void obey(const FlowConfig& config) noexcept;
  [[nodiscard]] TimeNs end_of_idle(const Flow& flow) const noexcept {
    return flow.last_seen + idle_timeouts_[static_cast<std::size_t>(flow.idle_class)];
  }
  void track_packet(Packet& packet) noexcept;
  [[nodiscard]] Flow* find_again(Packet& packet) noexcept;
  void track_known(Packet& packet, Flow& flow) noexcept;
  void track_tcp(Packet& packet, Flow& flow, unsigned direction) noexcept;
  void track_refused(Packet& packet, Flow& flow) noexcept;
  void track_icmp_error(Packet& packet, const Flow* flow) noexcept;
  void account(Packet& packet, Flow& flow, unsigned direction) noexcept;
  void note_both_ways(Flow& flow) noexcept;
  void note_tcp_state(Flow& flow, FlowList* before) noexcept;
  void note_out_of_state(Packet& packet, Flow* flow) noexcept;

  // flow_opening.cc: flows that are not there yet
  void open(Packet& packet) noexcept;
  void open_tcp(Packet& packet) noexcept;
  void open_by_ack(Packet& packet) noexcept;
  void open_by_syn_ack(Packet& packet, HalfOpen& syn) noexcept;
  void open_midstream(Packet& packet) noexcept;
  void note_stray_answer(Packet& packet, Flow* flow) noexcept;
  void refuse_half_open(Packet& packet) noexcept;
  void track_syn(Packet& packet, Flow& flow, unsigned direction) noexcept;
  void part_burst_from(const Flow& flow, const Packet& answer) noexcept;
  [[nodiscard]] HalfOpen* answered_by(const Packet& packet) noexcept;
  [[nodiscard]] HalfOpen* continued_by(const Packet& packet) noexcept;
  [[nodiscard]] Flow* make_flow(Packet& packet, const HalfOpen* syn, bool by_initiator) noexcept;
  void fill_hot(const Packet& packet, bool by_initiator, Flow& flow) noexcept;
  void fill_warm(TimeNs first_seen, const HalfOpen* syn, Flow& flow) noexcept;

  // flow_ending.cc
  [[nodiscard]] Flow* take_slot(const Packet& packet) noexcept;
  [[nodiscard]] bool evict_from(FlowList& list, FlowEnd end, TimeNs now) noexcept;
  [[nodiscard]] bool is_in_burst(const Flow& flow) const noexcept;
  void end_flow(Flow& flow, FlowEnd end, TimeNs when) noexcept;
  void end_expired(Flow& flow) noexcept;
  void sweep_slot(std::uint32_t slot, TimeNs now) noexcept;
  void emit_interim(Flow& flow, CoarseTime now) noexcept;
  void emit(const FlowPair& pair, FlowEnd end) noexcept;
  void prefetch_victims(const FlowList& list) noexcept;
  [[nodiscard]] FlowList* list_of(const Flow& flow) noexcept {
    return list_of(flow.flags, flow.tcp_state);
  }
  [[nodiscard]] FlowList* list_of(unsigned flags, TcpState state) noexcept;
  void relist(Flow& flow, FlowList* before) noexcept;

  FlowTable table_;
  HalfOpenTable half_open_;
  FlowList evictable_;  ///< flows whose two sides have not both proven themselves, oldest first
  FlowList over_;       ///< closed and reset ones, oldest first
  std::array<DurationNs, static_cast<std::size_t>(IdleClass::count_)> idle_timeouts_{};

  // Of the burst and policy at hand.
  Burst* burst_ = nullptr;  ///< within `track` only
  FlowConfig config_;
  CoarseTime interim_interval_ = 0;  ///< 0 = no interim records
  std::uint16_t generation_ = 0;
  bool emits_records_ = true;
  std::uint32_t shed_level_ = 0;

  std::array<std::uint32_t, kBurstMax> guesses_;  ///< of the burst at hand
  std::uint32_t guessed_ = 0;                     ///< a bit for every packet with a guess

  SipKey key_;
  RecordSink sink_;
  FlowEndHook end_hook_;
  TimeNs started_ = 0;
  std::uint8_t worker_ = 0;
  std::uint32_t hand_ = 0;  ///< next slot to be swept
  FlowCounters counters_;
};

/// To be called for every packet that is refused and has a flow, so that its record can say so.
inline void note_refused_packet(Flow& flow, std::uint16_t frames) noexcept {
  warm_of(flow).dropped_packets += frames;
}

}  // namespace sluice
