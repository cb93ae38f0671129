#include "dataplane/worker.h"

#include <algorithm>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/bypass.h"
#include "dataplane/decide/decider.h"
#include "dataplane/decide/reporter.h"
#include "dataplane/decode/decoder.h"
#include "dataplane/decode/defrag.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/inspect/anomaly_report.h"
#include "dataplane/inspect/inspector.h"
#include "dataplane/io/forwarder.h"
#include "dataplane/io/handoff.h"
#include "dataplane/io/mbuf_train.h"
#include "dataplane/limit/block_filter.h"
#include "dataplane/limit/outer_sources.h"
#include "dataplane/limit/prefix_filter.h"
#include "dataplane/limit/rate_limiter.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "dataplane/reply/replier.h"
#include "dataplane/unready.h"
#include "dataplane/worker_requests.h"

namespace sluice {
namespace {

// How often counters are published while packets flow, or none do; the first idle turn behind a
// burst publishes at once.
constexpr DurationNs kPublishEvery = 50 * kNsPerUs;
constexpr DurationNs kTimingsEvery = 100 * kNsPerMs;
// Flow slots looked at between bursts: at a million polls per second a table of a million flows is
// swept every few milliseconds when idle, and every 30 ms at full load.
constexpr std::uint32_t kSweepBusy = 4;
constexpr std::uint32_t kSweepIdle = 64;
// Packets that are scanned before the first of them leaves.
constexpr std::size_t kScannedPart = 8;

}  // namespace

void fill_received(Packet& packet, rte_mbuf* mbuf, TimeNs now) noexcept {
  packet.mbuf = mbuf;
  packet.bytes = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  packet.bytes_at_hand = mbuf->data_len;
  packet.wire_bytes = mbuf->pkt_len;
  packet.now = now;
  packet.frames = 1;
  packet.packet_number = 0;
  packet.verdict = {};
}

Worker::Worker(const WorkerSetup& setup)
    : setup_(setup),
      anomalies_(std::make_unique<AnomalyReport>(setup.keys.sample, setup.index, counters_,
                                                 setup.window)) {}
Worker::~Worker() = default;

Result<std::unique_ptr<Worker>> Worker::create(const WorkerSetup& setup) {
  auto worker = std::unique_ptr<Worker>(new Worker(setup));
  if (auto made = worker->make_tables(); !made) return tl::unexpected<Error>(made.error());
  worker->make_stations();
  return worker;
}

// The lane may be full: the record is lost and counted, the worker goes on.
void Worker::emit_record(void* self, const FlowRecord& record) noexcept {
  auto& worker = *static_cast<Worker*>(self);
  WorkerWindow* window = worker.setup_.window;
  if (window != nullptr && !window->flows.try_push(record)) ++worker.counters_.flow_records_lost;
}

Status Worker::make_tables() {
  const WorkerSizes& sizes = setup_.sizes;
  auto defragmenter = Defragmenter::create(
      {.datagrams = sizes.fragment_datagrams, .frames_held_max = sizes.fragments_held},
      setup_.keys.fragment, *setup_.arena);
  if (!defragmenter) return with_context("fragments", std::move(defragmenter.error()));
  defragmenter_ = std::move(*defragmenter);
  auto tracker = FlowTracker::create({.flows = sizes.flows,
                                      .half_open = sizes.half_open,
                                      .started = setup_.started,
                                      .worker = setup_.index},
                                     setup_.keys.flow, *setup_.arena, {&emit_record, this});
  if (!tracker) return with_context("flow table", std::move(tracker.error()));
  tracker_ = std::move(*tracker);
  auto limiter = RateLimiter::create(
      {.sources = sizes.sources, .key = setup_.keys.source, .meters = setup_.meters},
      *setup_.arena);
  if (!limiter) return with_context("source table", std::move(limiter.error()));
  limiter_ = std::move(*limiter);
  return sizes.inspection_bytes != 0 ? make_inspector() : Status{};
}

Status Worker::make_inspector() {
  auto inspector = Inspector::create({.memory_bytes = setup_.sizes.inspection_bytes,
                                      .memory_entries = kRuleMemoryEntries,
                                      .key = setup_.keys.source,
                                      .worker = setup_.index,
                                      .arena = setup_.arena,
                                      .tracker = tracker_.get(),
                                      .meters = setup_.meters,
                                      .window = setup_.window,
                                      .anomalies = anomalies_.get(),
                                      .rule_counts = setup_.rule_counts,
                                      .knows_sides = !setup_.is_replay});
  if (!inspector) return with_context("inspection", std::move(inspector.error()));
  inspector_ = std::move(*inspector);
  const auto ends = [](void* self, Flow& flow) noexcept {
    auto& worker = *static_cast<Worker*>(self);
    if (worker.policy_ == nullptr) return worker.inspector_->forget(flow);
    worker.inspector_->end(flow, worker.policy_->settings);
  };
  tracker_->tell_ends_to({ends, this});
  return {};
}

void Worker::make_stations() {
  decoder_ = std::make_unique<Decoder>(setup_.keys.flow);
  for (std::size_t i = 0; i < setup_.ports.size(); ++i) {
    const PortIo& port = setup_.ports[i];
    decoder_->configure_port(static_cast<std::uint8_t>(i), {.checksums = port.checksums,
                                                            .vlan_in_key = port.vlan_in_key,
                                                            .domain = port.domain,
                                                            .out_port = port.peer});
  }
  outer_ = std::make_unique<OuterSources>();
  filter_ = std::make_unique<PrefixFilter>(setup_.keys.sample);
  blocks_ = std::make_unique<BlockFilter>(setup_.keys.sample, setup_.blocks, setup_.block_hits);
  bypass_ = std::make_unique<Bypass>(counters_);
  decider_ = std::make_unique<Decider>(setup_.ports);
  reporter_ = std::make_unique<Reporter>(setup_.keys.sample, setup_.index, counters_, setup_.window,
                                         anomalies_.get());
  replier_ = std::make_unique<Replier>(setup_.ports, setup_.release, setup_.make, counters_,
                                       setup_.keys.source);
  forwarder_ =
      std::make_unique<Forwarder>(setup_.ports, setup_.release, setup_.refusals, counters_);
}

std::uint64_t Worker::active_flows() const noexcept { return tracker_->counters().active; }

// What is refused at once has nothing to do with later stations and leaves, so that they see fewer
// packets; not where others know packets by their place, or by monitor mode they are to pass.
void Worker::filter_outer_sources(Burst& burst, Origin origin) noexcept {
  const PolicySettings& settings = policy_->settings;
  const std::uint32_t spared = bypass_->pass_pairs(burst, settings);
  const Families listed = PrefixFilter::wanted(*policy_->prefixes);
  outer_->find(burst, listed | blocks_->wanted(), spared,
               listed.v4 ? &policy_->prefixes->v4() : nullptr);
  filter_->filter_outer_sources(burst, *outer_, *policy_->prefixes, settings.drop_sample);
  blocks_->filter_outer_sources(burst, *outer_, *policy_->prefixes, settings.drop_sample);
  if (outer_->refused_at_once() == 0) [[likely]]
    return;
  const bool may_leave =
      origin == Origin::received && settings.mode == Mode::enforce && settings.bypass_count == 0;
  if (!may_leave) return outer_->refuse_in_place(burst);
  forwarder_->release_refused(burst, outer_->denied.at_once, DropReason::denied_prefix);
  forwarder_->release_refused(burst, outer_->blocked.at_once, DropReason::blocked_source);
  outer_->close_ranks(burst);
}

// The journey of a packet, one line a station. A station skips what is already decided.
template <class Probe>
void Worker::run_journey(Burst& burst, Origin origin, Probe& probe) noexcept {
  const PolicySettings& settings = policy_->settings;
  has_news_ = true;
  probe.begin();
  const std::uint32_t received = burst.count;
  filter_outer_sources(burst, origin);
  probe.station(Station::outer_sources, received);
  const std::uint32_t n = burst.count;
  if (n == 0) return;
  decoder_->decode(burst, settings.decode);
  filter_->refuse_sampled(burst, *outer_);
  blocks_->refuse_sampled(burst, *outer_);
  bypass_->pass_decoded(burst, settings);
  tracker_->prefetch_index(burst);
  probe.station(Station::decode, n);
  if (setup_.rings != nullptr) setup_.rings->hand_off(burst, setup_.index, counters_);
  probe.station(Station::hand_off, n);
  defragmenter_->collect(burst, settings.fragments, settings.mode, *decoder_, settings.decode);
  if (setup_.rings != nullptr) setup_.rings->hand_off_datagrams(burst, setup_.index, counters_);
  probe.station(Station::defragment, n);
  bypass_->pass_datagrams(burst, settings);
  tracker_->guess(burst);
  probe.station(Station::look_up_flow, n);
  filter_->filter_sources(burst, *policy_->prefixes, outer_->judged);
  blocks_->filter_decoded(burst, *policy_->prefixes, outer_->judged);
  probe.station(Station::filter_sources, n);
  tracker_->find(burst, settings.flows);
  limiter_->prefetch(burst);
  probe.station(Station::find_flow, n);
  filter_->filter_flows(burst, *policy_->prefixes, policy_->list_epoch);
  probe.station(Station::filter_flows, n);
  tracker_->track(burst, settings, policy_->list_epoch);
  probe.station(Station::track_flow, n);
  limiter_->limit(burst, policy_->limits);
  probe.station(Station::limit_rate, n);
  judge_unready(burst, *policy_, counters_);
  run_in_parts(burst, probe);
  bypass_->count(burst);
  defragmenter_->release_buffers();
}

// Where payloads are scanned, a burst leaves in parts: its first packet waits for few scans.
template <class Probe>
void Worker::run_in_parts(Burst& burst, Probe& probe) noexcept {
  const PolicySettings& settings = policy_->settings;
  if (inspector_ != nullptr) {
    inspector_->use_limits(policy_->limits, policy_->rule_limits);
    inspector_->use_sets(policy_->rule_sets);
    inspector_->begin(burst, settings, policy_->ruleset.get(), policy_->overlay.get());
  }
  const std::size_t most = policy_->ruleset != nullptr ? kScannedPart : kBurstMax;
  for (std::span<Packet> left = burst.all(); !left.empty();) {
    const std::span<Packet> part = left.first(std::min(most, left.size()));
    const auto n = static_cast<std::uint32_t>(part.size());
    left = left.subspan(n);
    if (inspector_ != nullptr) inspector_->inspect(part);
    probe.station(Station::inspect, n);
    decider_->decide(part, settings.mode, *tracker_);
    if (inspector_ != nullptr) {
      replier_->answer(burst, inspector_->rejections(), settings.inspect.reject_rate);
    }
    probe.station(Station::decide, n);
    reporter_->report(part, settings);
    probe.station(Station::report, n);
    forwarder_->forward(part);
    replier_->send();
    probe.station(Station::forward, n);
  }
  if (inspector_ != nullptr) inspector_->forget_refused(burst);
}

void Worker::judge(Burst& burst) noexcept {
  NoProbe probe;
  run_journey(burst, Origin::received, probe);
}

std::uint32_t Worker::receive(std::uint8_t port, TimeNs now) noexcept {
  const PortIo& io = setup_.ports[port];
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const std::uint32_t count =
      io.receive(io, mbufs.data(), static_cast<std::uint16_t>(setup_.burst));
  for (std::uint32_t i = 0; i < count; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void*));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    fill_received(burst_.packets[i], mbufs[i], now);
  }
  burst_.count = count;
  burst_.now = now;
  if (count > 0) count_received(port, burst_);
  return count;
}

void Worker::count_received(std::uint8_t port, Burst& burst) noexcept {
  std::uint64_t bytes = 0;
  for (Packet& packet : burst.all()) {
    packet.in_port = port;
    packet.out_port = setup_.ports[port].peer;
    bytes += packet.wire_bytes;
  }
  counters_.rx_packets += burst.count;
  counters_.rx_bytes += bytes;
  counters_.ports[port].rx_packets += burst.count;
  counters_.ports[port].rx_bytes += bytes;
  ++counters_.bursts;
  if (burst.count == setup_.burst) ++counters_.full_bursts;
}

bool Worker::take_handed_over(TimeNs now, std::uint32_t rounds) noexcept {
  NoProbe probe;
  return take_rounds(now, rounds, probe);
}

template <class Probe>
bool Worker::take_rounds(TimeNs now, std::uint32_t rounds, Probe& probe) noexcept {
  bool any = false;
  for (; rounds > 0 && setup_.rings->take(setup_.index, burst_, now, counters_); --rounds) {
    any = true;
    std::array<TimeNs, kBurstMax> received;
    for (std::uint32_t i = 0; i < burst_.count; ++i) {
      Packet& packet = burst_.packets[i];
      packet.out_port = setup_.ports[packet.in_port].peer;
      received[i] = note_of(packet.mbuf).received;
    }
    run_journey(burst_, Origin::handed_over, probe);
    if (setup_.clock != nullptr) {
      const TimeNs sent = setup_.clock->now();
      for (std::uint32_t i = 0; i < burst_.count; ++i) {
        if (burst_.packets[i].verdict.action != Action::pass) continue;
        meter_.count(sent - received[i], burst_.packets[i].frames);
      }
    }
    while (defragmenter_->has_leaving()) flush_defragmenter(now);
  }
  return any;
}

// Costs a clock read where something was sent. A datagram counts from its last fragment.
TimeNs Worker::note_sent(TimeNs received, std::uint64_t forwarded_before) noexcept {
  const std::uint64_t packets = counters_.forwarded - forwarded_before;
  if (packets == 0) return received;
  const TimeNs sent = setup_.clock->now();
  meter_.count(sent - received, packets);
  return sent;
}

template <class Probe>
void Worker::poll(Probe& probe) noexcept {
  policy_ = setup_.policies->current(setup_.index);
  const TimeNs now = setup_.clock->now();
  if (turn_was_busy_) counters_.busy_ns += now - turn_began_;
  turn_began_ = now;
  TimeNs received = now;
  bool was_busy = false;
  const std::uint64_t full_before = counters_.full_bursts;
  for (std::uint8_t port = 0; port < setup_.ports.size(); ++port) {
    if (!setup_.ports[port].receives || receive(port, now) == 0) continue;
    was_busy = true;
    const std::uint64_t forwarded_before = counters_.forwarded;
    run_journey(burst_, Origin::received, probe);
    received = note_sent(received, forwarded_before);
    while (defragmenter_->has_leaving()) flush_defragmenter(now);
  }
  bool was_full = counters_.full_bursts != full_before;
  if (setup_.rings != nullptr && take_rounds(now, 2 * setup_.workers, probe)) {
    was_busy = true;
    was_full |= burst_.count == kBurstMax;
  }
  end_turn(now, was_busy, was_full);
  setup_.policies->quiesce(setup_.index);
}

void Worker::end_turn(TimeNs now, bool was_busy, bool was_full) noexcept {
  turn_was_busy_ = was_busy;
  ++counters_.polls;
  counters_.busy_polls += was_busy ? 1 : 0;
  if (overload_.see(now, was_busy, was_full, policy_->settings.overload)) [[unlikely]] {
    tracker_->shed_records(overload_.level());
    reporter_->shed_records(overload_.level());
    if (inspector_ != nullptr) inspector_->shed(overload_.level());
  }
  const std::uint32_t flow_slots = was_busy ? kSweepBusy : kSweepIdle;
  if (!was_busy || now - published_ >= kPublishEvery) {
    keep_house(now, flow_slots);
  } else {
    tracker_->expire(now, flow_slots);
  }
  if (setup_.requests != nullptr && setup_.requests->is_asked()) [[unlikely]] {
    answer_request(now, was_busy ? kRequestSlotsBusy : kRequestSlotsIdle);
  }
}

void Worker::answer_request(TimeNs now, std::uint32_t slots) noexcept {
  setup_.requests->answer_some({.flows = tracker_.get(),
                                .sources = limiter_.get(),
                                .limits = &policy_->limits,
                                .worker = setup_.index},
                               now, slots);
}

// The stations of one busy turn in kMeasuredBursts are measured.
void Worker::poll_once() noexcept {
  if (counters_.busy_polls % kMeasuredBursts == 0) [[unlikely]] {
    return poll_measured(meter_.costs());
  }
  NoProbe probe;
  poll(probe);
}

void Worker::poll_measured(StationCosts& costs) noexcept {
  CycleProbe probe{costs};
  poll(probe);
}

// Sets of fragments that timed out or were killed leave as packets whose verdict is set.
bool Worker::flush_defragmenter(TimeNs now) noexcept {
  const PolicySettings& settings = policy_->settings;
  burst_.count = 0;
  burst_.now = now;
  defragmenter_->expire(now, settings.fragments, burst_);
  if (burst_.count == 0) return false;
  decider_->decide(burst_.all(), settings.mode, *tracker_);
  reporter_->report(burst_.all(), settings);
  forwarder_->forward(burst_.all());
  return true;
}

void Worker::keep_house(TimeNs now, std::uint32_t flow_slots) noexcept {
  while (flush_defragmenter(now)) {
  }
  tracker_->expire(now, flow_slots);
  limiter_->expire(now, kSweepIdle);
  // An idle worker that wrote at every turn would leave its readers no gap to read in.
  if (has_news_ || now - published_ >= kPublishEvery) publish(now);
}

void Worker::publish(TimeNs now) noexcept {
  published_ = now;
  has_news_ = false;
  counters_.generation = policy_->settings.generation;
  defragmenter_->add_to(counters_);
  tracker_->add_to(counters_);
  limiter_->add_to(counters_);
  if (inspector_ != nullptr) inspector_->add_to(counters_);
  counters_.shed_level = overload_.level();
  counters_.shed_steps = overload_.steps();
  counters_.records_shed = tracker_->counters().records_shed + reporter_->records_shed();
  if (setup_.window == nullptr) return;
  setup_.window->counters.publish(counters_);
  setup_.window->heartbeat.store(counters_.polls, std::memory_order_relaxed);
  if (now - timings_published_ < kTimingsEvery) return;
  timings_published_ = now;
  setup_.window->timings.publish(meter_.timings());
}

void Worker::finish(TimeNs now) noexcept {
  // Nothing waits behind the last records any more.
  tracker_->shed_records(0);
  reporter_->shed_records(0);
  defragmenter_->abandon_all();
  while (flush_defragmenter(now)) {
  }
  tracker_->flush(now);
  publish(now);
}

}  // namespace sluice
