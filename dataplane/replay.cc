#include "dataplane/replay.h"

#include <algorithm>
#include <ctime>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/decode/decoder.h"
#include "dataplane/io/handoff.h"
#include "dataplane/io/mbuf_train.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/memory_arena.h"
#include "dataplane/memory_plan.h"
#include "dataplane/policy.h"
#include "dataplane/replay_mbufs.h"
#include "dataplane/reply/reply_frame.h"
#include "dataplane/shared_meters.h"
#include "dataplane/worker.h"

namespace sluice {
namespace {

// Fixed, so that the same capture gives the same events on every host. (Digits of pi: nothing up
// the sleeve.)
constexpr WorkerKeys kReplayKeys{
    .flow = {0x243f6a8885a308d3, 0x13198a2e03707344},
    .owner = {0xa4093822299f31d0, 0x082efa98ec4e6c89},
    .fragment = {0x452821e638d01377, 0xbe5466cf34e90c6c},
    .source = {0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917},
    .sample = {0x9216d5d98979fb1b, 0xd1310ba698dfb5ac},
};
constexpr SipKey kReplayBlockKey{0xd1310ba698dfb5ac, 0x2ffd72dbd01adfb7};
constexpr SipKey kReplayListKey{0x2ffd72dbd01adfb7, 0xb8e1afed6a267e96};

// A gap in the capture is run through in ticks only as long as something may still happen that
// depends on them; behind that, time jumps.
constexpr std::uint64_t kTicksOfAGap = 64;
// contract.md: sums are trusted where more than a tenth of the first 1,000 packets are wrong.
constexpr std::size_t kChecksumProbe = 1000;
constexpr std::uint32_t kHandoffSlots = 1024;
constexpr std::uint32_t kAllRounds = ~0U;
constexpr std::uint64_t kReplayBudgetBytes = 512ULL << 20;
// Lanes are drained long before they are full: in a replay no event is lost.
constexpr std::uint64_t kLaneHighWater = 1024;
constexpr std::uint64_t kInspectHighWater = 256;
constexpr std::uint32_t kSweepChunk = 1024;
constexpr std::uint32_t kSweepPerTick = 8 * kSweepChunk;

/// From the earliest to the latest frame; captures need not be in order.
[[nodiscard]] DurationNs duration_of(std::span<const ReplayFrame> frames) {
  const auto earlier = [](const ReplayFrame& a, const ReplayFrame& b) {
    return a.timestamp < b.timestamp;
  };
  const auto [first, last] = std::minmax_element(frames.begin(), frames.end(), earlier);
  return frames.empty() ? 0 : last->timestamp - first->timestamp;
}

class ReplayRun final : public Replay {
 public:
  explicit ReplayRun(const ReplaySetup& setup) : setup_(setup) {}
  [[nodiscard]] Status prepare(std::span<const ReplayFrame> frames);

  ReplayTotals run(std::span<const ReplayFrame> frames, ReplayObserver& observer) override;
  std::span<WorkerWindow* const> windows() noexcept override { return window_pointers_; }

 private:
  [[nodiscard]] WorkerSetup worker_setup(std::uint8_t index);
  [[nodiscard]] Status make_workers();
  [[nodiscard]] Status make_blocks();
  [[nodiscard]] bool has_mostly_wrong_checksums(std::span<const ReplayFrame> frames);
  void run_pass(std::span<const ReplayFrame> frames, DurationNs shift);
  void advance_to(TimeNs when);
  void keep_house(TimeNs when, std::uint32_t flow_slots);
  void take_all_handed_over();
  void drain_full_lanes();
  void add_frame(const ReplayFrame& frame, std::uint32_t number);
  void cut();
  void run_past_timeouts();
  [[nodiscard]] ReplayTotals sum_up() const;

  static std::uint16_t transmit(const PortIo& port, rte_mbuf** mbufs, std::uint16_t count) noexcept;
  static void release(rte_mbuf** mbufs, std::uint32_t count) noexcept;
  static rte_mbuf* make(void* self, const rte_mbuf& like) noexcept;
  static void refused(void* self, rte_mbuf* mbuf, DropReason reason) noexcept;

  ReplaySetup setup_;
  PortPairConfig pair_;
  WorkerSizes sizes_;
  MemoryArena arena_;
  std::unique_ptr<const Policy> policy_;
  std::unique_ptr<HandoffRings> rings_;
  std::unique_ptr<SharedMeters> meters_;
  std::unique_ptr<BlockTable> blocks_;
  std::vector<std::unique_ptr<WorkerWindow>> windows_;
  std::vector<WorkerWindow*> window_pointers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ReplayMbufs mbufs_;
  Burst burst_;
  ReplayObserver* observer_ = nullptr;
  bool observes_ = false;  // first pass
  bool trusts_checksums_ = false;
  TimeNs now_ = 0;
  TimeNs next_tick_ = 0;
  std::uint32_t receiver_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;

  // release() has no context: a replay is one thread, and this is its pool.
  static thread_local ReplayMbufs* pool_;
};

thread_local ReplayMbufs* ReplayRun::pool_ = nullptr;

void ReplayRun::release(rte_mbuf** mbufs, std::uint32_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) pool_->release(mbufs[i]);
}

rte_mbuf* ReplayRun::make(void* self, const rte_mbuf&) noexcept {
  return static_cast<ReplayRun*>(self)->mbufs_.make(kReplyBytesMax);
}

void ReplayRun::refused(void* self, rte_mbuf* mbuf, DropReason reason) noexcept {
  auto& run = *static_cast<ReplayRun*>(self);
  if (run.observes_) run.observer_->refused(note_of(mbuf).packet_number, reason);
}

std::uint16_t ReplayRun::transmit(const PortIo& port, rte_mbuf** mbufs,
                                  std::uint16_t count) noexcept {
  auto& run = *static_cast<ReplayRun*>(port.context);
  const std::uint32_t most = run.setup_.faults.transmit_most;
  if (most != 0) count = static_cast<std::uint16_t>(std::min<std::uint32_t>(count, most));
  for (std::uint16_t i = 0; i < count; ++i) {
    if (run.observes_) {
      const std::span<const std::uint8_t> bytes(rte_pktmbuf_mtod(mbufs[i], const std::uint8_t*),
                                                mbufs[i]->data_len);
      const MbufNote& note = note_of(mbufs[i]);
      if (note.packet_number != 0) {
        run.observer_->forwarded(note.packet_number, bytes);
      } else {
        run.observer_->generated(note.received, bytes);
      }
    }
    run.mbufs_.release(mbufs[i]);
  }
  return count;
}

Status ReplayRun::prepare(std::span<const ReplayFrame> frames) {
  auto policy = build_policy(setup_.parts, nullptr, kReplayListKey, {}, setup_.ruleset);
  if (!policy) return tl::unexpected<Error>(policy.error());
  policy_ = std::move(*policy);
  if (!setup_.config.pairs.empty()) pair_ = setup_.config.pairs.front();
  const std::uint64_t budget = setup_.config.memory.budget_bytes;
  sizes_ = size_tables(setup_.config, setup_.workers, budget != 0 ? budget : kReplayBudgetBytes);
  trusts_checksums_ =
      pair_.checksums == ChecksumMode::automatic && has_mostly_wrong_checksums(frames);
  if (auto made = make_blocks(); !made) return made;
  return make_workers();
}

Status ReplayRun::make_blocks() {
  if (setup_.blocks.empty()) return {};
  const auto capacity = static_cast<std::uint32_t>(setup_.blocks.size());
  auto blocks = BlockTable::create(capacity, kReplayBlockKey, arena_);
  if (!blocks) return tl::unexpected<Error>(blocks.error());
  blocks_ = std::move(*blocks);
  for (const BlockEntry& entry : setup_.blocks) {
    const BlockKey key = block_key(entry);
    if (blocks_->find(key) == BlockTable::kNone) blocks_->insert(key, entry.id, entry.until);
  }
  return {};
}

WorkerSetup ReplayRun::worker_setup(std::uint8_t index) {
  WorkerSetup setup;
  setup.index = index;
  setup.workers = setup_.workers;
  PortIo port;
  port.context = this;
  port.transmit = &transmit;
  port.vlan_in_key = pair_.vlan_in_key;
  port.domain = pair_.domain;
  port.checksums = trusts_checksums_ ? ChecksumMode::trust : pair_.checksums;
  if (setup_.faults.frame_bytes_max != 0) port.frame_bytes_max = setup_.faults.frame_bytes_max;
  setup.ports = {port, port};
  setup.ports[0].peer = 1;
  setup.keys = kReplayKeys;
  setup.sizes = sizes_;
  setup.arena = &arena_;
  setup.window = window_pointers_[index];
  setup.rings = rings_.get();
  setup.meters = meters_.get();
  setup.blocks = blocks_.get();
  setup.is_replay = true;
  setup.release = &release;
  setup.make = {this, &make};
  setup.refusals = {this, &refused};
  return setup;
}

bool ReplayRun::has_mostly_wrong_checksums(std::span<const ReplayFrame> frames) {
  Decoder decoder(kReplayKeys.flow);
  decoder.configure_port(
      0, {.checksums = ChecksumMode::automatic, .vlan_in_key = false, .domain = 0, .out_port = 1});
  std::size_t probed = 0;
  std::size_t wrong = 0;
  Burst burst;
  DecodeConfig decode;
  for (const ReplayFrame& frame : frames.first(std::min(frames.size(), kChecksumProbe))) {
    burst.count = 0;
    rte_mbuf* mbuf = mbufs_.wrap(frame.bytes, false);
    Packet& packet = burst.packets[burst.count++];
    fill_received(packet, mbuf, frame.timestamp);
    packet.wire_bytes = frame.wire_bytes;
    packet.in_port = 0;
    decoder.decode(burst, decode);
    ++probed;
    wrong += packet.verdict.reason == DropReason::bad_l4_checksum ||
             packet.verdict.reason == DropReason::bad_ip_checksum;
    mbufs_.release(mbuf);
  }
  return wrong * 10 > probed;
}

Status ReplayRun::make_workers() {
  if (setup_.workers > 1) {
    const std::uint32_t slots =
        setup_.faults.handoff_ring != 0 ? setup_.faults.handoff_ring : kHandoffSlots;
    auto rings = HandoffRings::create(setup_.workers, slots, kReplayKeys.owner, arena_);
    if (!rings) return tl::unexpected<Error>(rings.error());
    rings_ = std::move(*rings);
    auto meters = SharedMeters::create({.meters = sizes_.sources * setup_.workers,
                                        .workers = setup_.workers,
                                        .mode = MeterMode::exact},
                                       arena_);
    if (!meters) return tl::unexpected<Error>(meters.error());
    meters_ = std::move(*meters);
  }
  for (std::uint32_t i = 0; i < setup_.workers; ++i) {
    windows_.push_back(std::make_unique<WorkerWindow>());
    window_pointers_.push_back(windows_.back().get());
  }
  for (std::uint32_t i = 0; i < setup_.workers; ++i) {
    auto worker = Worker::create(worker_setup(static_cast<std::uint8_t>(i)));
    if (!worker) return tl::unexpected<Error>(worker.error());
    (*worker)->use_policy(*policy_);
    workers_.push_back(std::move(*worker));
  }
  return {};
}

// A burst of one worker may be as long as the capture allows. Several workers take one frame at a
// time, so that shared limits see the frames in file order however many workers there are.
void ReplayRun::add_frame(const ReplayFrame& frame, std::uint32_t number) {
  rte_mbuf* mbuf = mbufs_.wrap(frame.bytes, pair_.checksums == ChecksumMode::fix);
  note_of(mbuf).packet_number = number;
  Packet& packet = burst_.packets[burst_.count++];
  fill_received(packet, mbuf, now_);
  packet.wire_bytes = frame.wire_bytes;
  packet.packet_number = number;
  ++frames_;
  bytes_ += frame.wire_bytes;
  // A ring that is to run full has to see more than one frame at a time.
  const bool one_by_one = workers_.size() > 1 && setup_.faults.handoff_ring == 0;
  if (burst_.count == kBurstMax || one_by_one) cut();
}

void ReplayRun::cut() {
  if (burst_.count == 0) return;
  burst_.now = now_;
  Worker& receiver = *workers_[receiver_];
  receiver.count_received(0, burst_);
  receiver.judge(burst_);
  burst_.count = 0;
  if (workers_.size() > 1) {
    receiver_ = (receiver_ + 1) % static_cast<std::uint32_t>(workers_.size());
    take_all_handed_over();
  }
  drain_full_lanes();
}

// A datagram may be handed over a second time, when what is in it is known.
void ReplayRun::take_all_handed_over() {
  bool any = true;
  while (any) {
    any = false;
    for (auto& worker : workers_) any |= worker->take_handed_over(now_, kAllRounds);
  }
}

void ReplayRun::drain_full_lanes() {
  for (const WorkerWindow* window : window_pointers_) {
    if (window->flows.depth() > kLaneHighWater || window->drops.depth() > kLaneHighWater ||
        window->inspections.depth() > kInspectHighWater) {
      observer_->drain();
      return;
    }
  }
}

void ReplayRun::keep_house(TimeNs when, std::uint32_t flow_slots) {
  for (auto& worker : workers_) {
    for (std::uint32_t swept = 0; swept < flow_slots; swept += kSweepChunk) {
      worker->keep_house(when, kSweepChunk);
      drain_full_lanes();
    }
  }
}

void ReplayRun::advance_to(TimeNs when) {
  if (next_tick_ == 0) next_tick_ = (when / kReplayTick + 1) * kReplayTick;
  std::uint64_t ticks = 0;
  if (when >= next_tick_) cut();
  while (when >= next_tick_) {
    if (++ticks > kTicksOfAGap) next_tick_ = when / kReplayTick * kReplayTick;
    now_ = next_tick_;
    keep_house(now_, kSweepPerTick);
    observer_->tick(now_);
    next_tick_ += kReplayTick;
  }
  now_ = std::max(now_, when);
}

void ReplayRun::run_pass(std::span<const ReplayFrame> frames, DurationNs shift) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    advance_to(std::max(now_, frames[i].timestamp + shift));
    add_frame(frames[i], static_cast<std::uint32_t>(i + 1));
  }
  cut();
}

// Behind the last packet the clock runs on until nothing is held and no flow is alive.
void ReplayRun::run_past_timeouts() {
  const FlowConfig& flows = policy_->settings.flows;
  const DurationNs longest =
      std::max({flows.tcp_opening, flows.tcp_established, flows.tcp_closing, flows.tcp_closed,
                flows.udp_one_way, flows.udp, flows.icmp, flows.other, flows.refused,
                policy_->settings.fragments.timeout});
  // Fragments first, so that what never became whole is refused at its own time.
  now_ += policy_->settings.fragments.timeout + kReplayTick;
  keep_house(now_, kSweepPerTick);
  now_ += longest + kNsPerSecond;
  const auto is_alive = [](const auto& worker) { return worker->active_flows() > 0; };
  do {
    keep_house(now_, kSweepPerTick);
  } while (std::any_of(workers_.begin(), workers_.end(), is_alive));
  for (auto& worker : workers_) worker->finish(now_);
  observer_->tick(now_);
}

ReplayTotals ReplayRun::sum_up() const {
  ReplayTotals totals;
  totals.packets = frames_;
  totals.bytes = bytes_;
  totals.trusted_checksums = trusts_checksums_;
  for (const auto& worker : workers_) totals.counters += worker->counters();
  return totals;
}

ReplayTotals ReplayRun::run(std::span<const ReplayFrame> frames, ReplayObserver& observer) {
  observer_ = &observer;
  pool_ = &mbufs_;
  const TimeNs cpu_started = read_clock(CLOCK_THREAD_CPUTIME_ID);
  const TimeNs started = read_clock(CLOCK_MONOTONIC);
  const std::uint64_t ticks_started = rte_rdtsc();
  const DurationNs stride = duration_of(frames) + kNsPerSecond;
  for (std::uint32_t pass = 0; pass < setup_.repeat; ++pass) {
    observes_ = pass == 0;
    run_pass(frames, pass * stride);
  }
  if (!frames.empty()) run_past_timeouts();
  ReplayTotals totals = sum_up();
  const auto ticks = static_cast<double>(rte_rdtsc() - ticks_started);
  const auto passed = static_cast<double>(read_clock(CLOCK_MONOTONIC) - started);
  const auto worked = static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu_started);
  totals.seconds = worked / 1e9;
  // The time-stamp counter runs on while others have the CPU.
  if (passed > 0) totals.cycles = static_cast<std::uint64_t>(worked * (ticks / passed));
  return totals;
}

}  // namespace

Result<std::unique_ptr<Replay>> Replay::create(const ReplaySetup& setup,
                                               std::span<const ReplayFrame> frames) {
  auto run = std::make_unique<ReplayRun>(setup);
  if (auto prepared = run->prepare(frames); !prepared) {
    return tl::unexpected<Error>(prepared.error());
  }
  return run;
}

}  // namespace sluice
