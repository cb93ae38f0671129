// How flows end: by their timeout, by making room, by refusal, at the stop; and what is told of
// them meanwhile.
#include <algorithm>

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/overload.h"

namespace sluice {
namespace {

constexpr std::uint32_t kSweepAhead = 8;  // slots prefetched in front of the sweep
constexpr unsigned kEvictionTries = 8;    // flows passed over because the burst needs them

[[nodiscard]] bool is_over(TcpState state) noexcept {
  return state == TcpState::closed || state == TcpState::reset;
}

}  // namespace

FlowList* FlowTracker::list_of(unsigned flags, TcpState state) noexcept {
  if ((flags & kRefused) != 0) return nullptr;
  if (is_over(state)) return &over_;
  return (flags & kTwoWay) != 0 ? nullptr : &evictable_;
}

void FlowTracker::relist(Flow& flow, FlowList* before) noexcept {
  FlowList* after = list_of(flow);
  if (after == before) return;
  const std::uint32_t slot = table_.slot_of(flow);
  if (before != nullptr) before->remove(table_, slot);
  if (after != nullptr) after->append(table_, slot);
}

Flow* FlowTracker::take_slot(const Packet& packet) noexcept {
  Flow* flow = table_.insert(packet.hash, packet.id);
  if (flow != nullptr) [[likely]]
    return flow;
  const bool has_room = evict_from(over_, FlowEnd::closed, packet.now) ||
                        evict_from(evictable_, FlowEnd::evicted, packet.now);
  return has_room ? table_.insert(packet.hash, packet.id) : nullptr;
}

// Under a flood of new flows every packet evicts: what the next eviction will touch is fetched now.
void FlowTracker::prefetch_victims(const FlowList& list) noexcept {
  if (list.head() == kNoSlot) return;
  const FlowPair& next = table_.at(list.head());
  table_.prefetch(table_hash(key_, next.hot.id));
  __builtin_prefetch(&table_.cold_of(next.hot));
  if (next.warm.list_next != kNoSlot) table_.prefetch_slot(next.warm.list_next);
}

bool FlowTracker::is_in_burst(const Flow& flow) const noexcept {
  return std::any_of(burst_->packets.begin(), burst_->packets.begin() + burst_->count,
                     [&flow](const Packet& packet) { return packet.flow == &flow; });
}

bool FlowTracker::evict_from(FlowList& list, FlowEnd end, TimeNs now) noexcept {
  std::uint32_t slot = list.head();
  for (unsigned tries = 0; tries < kEvictionTries && slot != kNoSlot; ++tries) {
    FlowPair& pair = table_.at(slot);
    slot = pair.warm.list_next;
    if (is_in_burst(pair.hot)) continue;
    if (now >= end_of_idle(pair.hot)) {
      end_expired(pair.hot);
    } else {
      ++(end == FlowEnd::closed ? counters_.evicted_closed : counters_.evicted_one_way);
      end_flow(pair.hot, end, now);
    }
    prefetch_victims(list);
    return true;
  }
  return false;
}

void FlowTracker::refuse(Flow& flow, DropReason reason, std::uint32_t rule_id) noexcept {
  if (flow.has(kRefused)) return;
  FlowList* before = list_of(flow);
  flow.set(kRefused);
  flow.refused_reason = reason;
  flow.idle_class = IdleClass::refused;
  warm_of(flow).refused_rule = rule_id;
  relist(flow, before);
}

void FlowTracker::end_expired(Flow& flow) noexcept {
  const FlowEnd end = flow.has(kRefused)        ? FlowEnd::refused
                      : is_over(flow.tcp_state) ? FlowEnd::closed
                                                : FlowEnd::timeout;
  end_flow(flow, end, end_of_idle(flow));
}

void FlowTracker::end_flow(Flow& flow, FlowEnd end, TimeNs when) noexcept {
  const CoarseTime now = coarse(when);
  const FlowPair& pair = table_.at(table_.slot_of(flow));
  if (interim_interval_ != 0 && is_due(pair.warm.interim_due, now)) emit_interim(flow, now);
  emit(pair, end);
  if (FlowList* list = list_of(flow); list != nullptr) list->remove(table_, table_.slot_of(flow));
  if (flow.stream_slot != kNoSlot) end_hook_.ends(end_hook_.self, flow);
  table_.erase(flow);
  ++counters_.ended;
  --counters_.active;
}

void FlowTracker::emit_interim(Flow& flow, CoarseTime now) noexcept {
  FlowPair& pair = table_.at(table_.slot_of(flow));
  FlowCold& cold = table_.cold_of(flow);
  pair.warm.interim_due = next_due(pair.warm.interim_due, now, interim_interval_);
  if (!has_untold(pair, cold)) return;
  if (shed_level_ >= kShedInterimRecords && emits_records_) {
    ++counters_.records_shed;
    return;
  }
  emit(pair, FlowEnd::none);
  note_told(pair, cold);
}

void FlowTracker::emit(const FlowPair& pair, FlowEnd end) noexcept {
  if (sink_.emit == nullptr || !emits_records_) return;
  if (shed_level_ >= kShedFlowRecords) {
    ++counters_.records_shed;
    return;
  }
  const FlowCold& cold = table_.cold_of(pair.hot);
  const bool goes_on = end == FlowEnd::none;
  FlowRecord record = goes_on ? interim_record(pair, cold) : flow_record(pair, cold);
  record.end = end;
  record.is_interim = goes_on ? 1 : 0;
  record.worker = worker_;
  sink_.emit(sink_.context, record);
}

void FlowTracker::sweep_slot(std::uint32_t slot, TimeNs now) noexcept {
  if (table_.is_free(slot)) return;
  FlowPair& pair = table_.at(slot);
  if (now >= end_of_idle(pair.hot)) return end_expired(pair.hot);
  const CoarseTime when = coarse(now);
  if (interim_interval_ != 0 && is_due(pair.warm.interim_due, when)) emit_interim(pair.hot, when);
}

void FlowTracker::expire(TimeNs now, std::uint32_t budget) noexcept {
  const std::uint32_t slots = table_.used_slots();
  for (std::uint32_t left = std::min(budget, slots); left > 0; --left) {
    if (hand_ >= slots) hand_ = 0;
    if (hand_ + kSweepAhead < slots) table_.prefetch_slot(hand_ + kSweepAhead);
    sweep_slot(hand_++, now);
  }
  half_open_.sweep(now, config_.tcp_opening, budget);
}

void FlowTracker::flush(TimeNs now) noexcept {
  for (std::uint32_t slot = 0; slot < table_.used_slots(); ++slot) {
    sweep_slot(slot, now);
    if (!table_.is_free(slot)) end_flow(table_.at(slot).hot, FlowEnd::shutdown, now);
  }
}

}  // namespace sluice
