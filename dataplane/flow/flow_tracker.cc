#include "dataplane/flow/flow_tracker.h"

#include <algorithm>
#include <bit>

#include "dataplane/window.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTcp = 6;

// A lone fragment has no ports: in monitor mode it passes by.
[[nodiscard]] bool is_trackable(const Packet& packet) noexcept {
  constexpr std::uint16_t kKinds = kIsIp | kIsFragment;
  return packet.is_undecided() && (packet.flags & kKinds) == kIsIp;
}

[[nodiscard]] unsigned direction_of(const Packet& packet, const Flow& flow) noexcept {
  return static_cast<unsigned>(packet.has(kSourceIsLow) != flow.has(kInitiatorIsLow));
}

// Without a branch: directions alternate too much to be predicted.
void mark_direction(Packet& packet, const Flow& flow) noexcept {
  const unsigned is_initiator = direction_of(packet, flow) ^ 1U;
  const unsigned others = packet.flags & ~unsigned{kInitiator};
  packet.flags = static_cast<std::uint16_t>(others | is_initiator * kInitiator);
}

[[nodiscard]] IdleClass idle_class_of(const Flow& flow) noexcept {
  switch (flow.tcp_state) {
    case TcpState::syn_sent:
    case TcpState::syn_received:
      return IdleClass::tcp_opening;
    case TcpState::established:
      return IdleClass::tcp_established;
    case TcpState::midstream:
      return flow.has(kTwoWay) ? IdleClass::tcp_established : IdleClass::tcp_opening;
    case TcpState::fin_wait:
    case TcpState::responder_fin:
    case TcpState::closing:
      return IdleClass::tcp_closing;
    case TcpState::closed:
    case TcpState::reset:
      return IdleClass::tcp_closed;
    case TcpState::none:
    case TcpState::count_:
      break;
  }
  return flow.idle_class == IdleClass::udp_one_way && flow.has(kTwoWay) ? IdleClass::udp
                                                                        : flow.idle_class;
}

}  // namespace

Result<std::unique_ptr<FlowTracker>> FlowTracker::create(const FlowSizes& sizes, const SipKey& key,
                                                         MemoryArena& arena, RecordSink sink) {
  auto tracker = std::unique_ptr<FlowTracker>(new FlowTracker);
  auto table = FlowTable::create(sizes.flows, key, arena);
  if (!table) return tl::unexpected<Error>(table.error());
  auto half_open = HalfOpenTable::create(sizes.half_open, arena);
  if (!half_open) return tl::unexpected<Error>(half_open.error());
  tracker->table_ = *table;
  tracker->half_open_ = *half_open;
  tracker->key_ = key;
  tracker->sink_ = sink;
  tracker->started_ = sizes.started;
  tracker->worker_ = sizes.worker;
  tracker->obey(FlowConfig{});
  return tracker;
}

void FlowTracker::obey(const FlowConfig& config) noexcept {
  config_ = config;
  const auto set = [this](IdleClass idle_class, DurationNs timeout) {
    idle_timeouts_[static_cast<std::size_t>(idle_class)] = timeout;
  };
  set(IdleClass::other, config.other);
  set(IdleClass::tcp_opening, config.tcp_opening);
  set(IdleClass::tcp_established, config.tcp_established);
  set(IdleClass::tcp_closing, config.tcp_closing);
  set(IdleClass::tcp_closed, config.tcp_closed);
  set(IdleClass::udp_one_way, config.udp_one_way);
  set(IdleClass::udp, config.udp);
  set(IdleClass::icmp, config.icmp);
  set(IdleClass::refused, config.refused);
  interim_interval_ =
      config.record_interval == 0 ? 0 : std::max<CoarseTime>(coarse(config.record_interval), 1);
}

// A look-up takes three passes over the burst, so that its misses in the cache overlap with each
// other and with the stations that run in between: ask for the index lines, match tags and ask for
// the flows' lines, compare ids.
void FlowTracker::prefetch_index(const Burst& burst) const noexcept {
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    if (is_trackable(burst.packets[i])) table_.prefetch(burst.packets[i].hash);
  }
}

void FlowTracker::guess(Burst& burst) noexcept {
  guessed_ = 0;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    packet.flow = nullptr;
    packet.since_previous = 0;
    if (!is_trackable(packet)) continue;
    guessed_ |= 1U << i;
    guesses_[i] = table_.guess(packet.hash);
  }
}

void FlowTracker::find(Burst& burst, const FlowConfig& config) noexcept {
  obey(config);
  for (std::uint32_t left = guessed_; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    Packet& packet = burst.packets[i];
    if (!packet.is_undecided()) continue;
    Flow* flow = guesses_[i] == kNoSlot ? nullptr : &table_.at(guesses_[i]).hot;
    if (flow == nullptr || flow->id != packet.id) flow = table_.find(packet.hash, packet.id);
    if (flow != nullptr && packet.now < end_of_idle(*flow)) [[likely]] {
      packet.flow = flow;
      mark_direction(packet, *flow);
    } else if (packet.protocol == kTcp) {
      half_open_.prefetch(packet.hash);
    }
  }
}

void FlowTracker::track(Burst& burst, const PolicySettings& settings,
                        std::uint16_t /*list_epoch*/) noexcept {
  generation_ = static_cast<std::uint16_t>(settings.generation);
  emits_records_ = settings.flow_records;
  burst_ = &burst;
  if (started_ == 0 && burst.count > 0) [[unlikely]] {
    started_ = burst.packets[0].now;
  }
  for (Packet& packet : burst.all()) {
    if (is_trackable(packet)) track_packet(packet);
  }
  burst_ = nullptr;
}

inline void FlowTracker::track_packet(Packet& packet) noexcept {
  // An earlier packet of the burst may have made the flow, or have put another in its place.
  if (packet.flow == nullptr || packet.flow->id != packet.id) packet.flow = find_again(packet);
  if (packet.has(kIcmpError)) [[unlikely]]
    return track_icmp_error(packet, packet.flow);
  if (packet.flow == nullptr) return open(packet);
  track_known(packet, *packet.flow);
}

Flow* FlowTracker::find_again(Packet& packet) noexcept {
  Flow* flow = table_.find(packet.hash, packet.id);
  if (flow == nullptr) return nullptr;
  if (packet.now >= end_of_idle(*flow)) {
    for (Packet& other : burst_->all()) {
      if (other.flow == flow) other.flow = nullptr;
    }
    end_expired(*flow);
    return nullptr;
  }
  mark_direction(packet, *flow);
  return flow;
}

inline void FlowTracker::track_known(Packet& packet, Flow& flow) noexcept {
  const FlowWarm& warm = warm_of(flow);
  const CoarseTime now = coarse(packet.now);
  if (is_due(warm.interim_due, now) && interim_interval_ != 0) [[unlikely]]
    emit_interim(flow, now);
  if (flow.has(kRefused)) [[unlikely]]
    return track_refused(packet, flow);
  flow.policy_epoch = generation_;
  const auto direction = static_cast<unsigned>(!packet.has(kInitiator));
  if (flow.tcp_state != TcpState::none &&
      !advance_plainly(flow, warm_of(flow), segment_of(packet, direction))) [[unlikely]] {
    return track_tcp(packet, flow, direction);
  }
  account(packet, flow, direction);
}

void FlowTracker::track_tcp(Packet& packet, Flow& flow, unsigned direction) noexcept {
  if ((packet.tcp_flags & kSyn) != 0) [[unlikely]]
    return track_syn(packet, flow, direction);
  const TcpState before = flow.tcp_state;
  if (!advance(flow, warm_of(flow), segment_of(packet, direction))) [[unlikely]] {
    FlowWarm& warm = warm_of(flow);
    warm.bytes[direction] += packet.wire_bytes;
    warm.packets[direction] += packet.frames;
    return note_out_of_state(packet, &flow);
  }
  if (flow.tcp_state != before) [[unlikely]]
    note_tcp_state(flow, list_of(flow.flags, before));
  account(packet, flow, direction);
}

// What does not prove to belong to the flow must not keep it alive, so `last_seen` stays; then
// since_previous must stay 0, because the limiter credits each span of time once.
void FlowTracker::note_out_of_state(Packet& packet, Flow* flow) noexcept {
  ++counters_.out_of_state;
  packet.verdict.is_out_of_state = true;
  if (config_.out_of_state == ExceptionPolicy::pass) return;
  packet.drop(DropReason::tcp_out_of_state);
  if (config_.out_of_state != ExceptionPolicy::drop_flow || flow == nullptr) return;
  packet.verdict.refuses_flow = true;
  refuse(*flow, DropReason::tcp_out_of_state, 0);
}

// Its flags are told with the flow's, whether it came in the burst that refused the flow or later.
void FlowTracker::track_refused(Packet& packet, Flow& flow) noexcept {
  FlowWarm& warm = warm_of(flow);
  packet.drop(DropReason::flow_refused);
  packet.verdict.rule_id = warm.refused_rule;
  if (packet.protocol == kTcp) warm.tcp_flags[packet.has(kInitiator) ? 0 : 1] |= packet.tcp_flags;
  flow.last_seen = std::max(flow.last_seen, packet.now);
}

// An error belongs to the flow that it quotes, but neither counts to it nor keeps it alive. One
// that quotes a sequence number never sent was made up by someone who does not see the flow.
void FlowTracker::track_icmp_error(Packet& packet, const Flow* flow) noexcept {
  if (flow == nullptr) {
    // It may be about a flow of before the start: it passes, but limits hold for it.
    if (!packet.has(kMustPass)) note_out_of_state(packet, nullptr);
    packet.clear(kMustPass);
    return;
  }
  if (flow->has(kRefused)) {
    packet.drop(DropReason::flow_refused);
    packet.verdict.rule_id = warm_of(*flow).refused_rule;
    return;
  }
  if (flow->tcp_state == TcpState::none) return;
  const unsigned quoted_direction = packet.has(kInitiator) ? kToClient : kToServer;
  if (!is_plausible_quote(*flow, warm_of(*flow), packet.tcp_sequence, quoted_direction)) {
    note_out_of_state(packet, nullptr);
  }
}

void FlowTracker::account(Packet& packet, Flow& flow, unsigned direction) noexcept {
  FlowWarm& warm = warm_of(flow);
  if (packet.now > flow.last_seen) {
    packet.since_previous = packet.now - flow.last_seen;
    flow.last_seen = packet.now;
  }
  warm.bytes[direction] += packet.wire_bytes;
  warm.packets[direction] += packet.frames;
  if (!flow.has(kTwoWay)) [[unlikely]]
    note_both_ways(flow);
}

void FlowTracker::note_both_ways(Flow& flow) noexcept {
  const auto& packets = warm_of(flow).packets;
  const bool is_one_way = packets[kToServer] == 0 || packets[kToClient] == 0;
  if (is_one_way || flow.tcp_state == TcpState::syn_received) return;
  FlowList* before = list_of(flow);
  flow.set(kTwoWay);
  flow.idle_class = idle_class_of(flow);
  relist(flow, before);
}

void FlowTracker::note_tcp_state(Flow& flow, FlowList* before) noexcept {
  flow.idle_class = idle_class_of(flow);
  relist(flow, before);
}

void FlowTracker::add_to(WorkerCounters& counters) const noexcept {
  const auto capacity = [&counters](CapacityEvent event) -> std::uint64_t& {
    return counters.capacity[static_cast<std::size_t>(event)];
  };
  counters.flows_created = counters_.created;
  counters.flows_ended = counters_.ended;
  counters.flows_active = counters_.active;
  counters.half_open_active = half_open_.counters().active;
  counters.out_of_state = counters_.out_of_state;
  counters.midstream = counters_.midstream;
  capacity(CapacityEvent::flow_table_full) = counters_.table_full;
  capacity(CapacityEvent::flow_evicted) = counters_.evicted_closed + counters_.evicted_one_way;
  capacity(CapacityEvent::half_open_full) = half_open_.counters().evicted;
}

}  // namespace sluice
