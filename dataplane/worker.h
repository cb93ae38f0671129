// A worker: one lcore, its queues, its tables, and the journey of every packet that it owns. All
// methods but `create` belong to the worker's thread (in a replay: to the one thread there is).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/burst.h"
#include "dataplane/io/port_io.h"
#include "dataplane/latency_meter.h"
#include "dataplane/overload.h"
#include "dataplane/station_costs.h"
#include "dataplane/window.h"

namespace sluice {

class AnomalyReport;
class BlockFilter;
class BlockTable;
class Bypass;
class Decoder;
class Decider;
class Defragmenter;
class FlowTracker;
class Forwarder;
class HandoffRings;
class Inspector;
class MemoryArena;
struct OuterSources;
class PolicySlot;
class PrefixFilter;
class RateLimiter;
class Replier;
class Reporter;
class RequestSeat;
class SharedMeters;
struct Policy;

/// Per-boot random keys; a replay fixes them.
struct WorkerKeys {
  SipKey flow;   ///< flow ids and the flow table
  SipKey owner;  ///< which worker owns an address pair
  SipKey fragment;
  SipKey source;  ///< source table and shared meters
  SipKey sample;  ///< which flows are sampled, and flow numbers
};

/// Entries of one worker's tables.
struct WorkerSizes {
  std::uint32_t flows = 1U << 16;
  std::uint32_t half_open = 1U << 14;
  std::uint32_t sources = 1U << 14;
  std::uint32_t fragment_datagrams = 1024;
  std::uint32_t fragments_held = 4096;  ///< frames the defragmenter may hold
  std::uint64_t inspection_bytes = 0;   ///< streams and parsers; 0 = nothing is inspected
};

struct WorkerSetup {
  std::uint8_t index = 0;
  std::uint32_t workers = 1;
  std::uint32_t burst = kBurstMax;
  std::vector<PortIo> ports;  ///< by port number; peers point into the same list
  WorkerKeys keys;
  WorkerSizes sizes;
  MemoryArena* arena = nullptr;                      ///< outlives the worker
  WorkerWindow* window = nullptr;                    ///< outlives the worker
  HandoffRings* rings = nullptr;                     ///< null with one worker
  SharedMeters* meters = nullptr;                    ///< null with one worker outside a replay
  const BlockTable* blocks = nullptr;                ///< null: there never is a block
  std::span<std::atomic<std::uint32_t>> block_hits;  ///< by slot of `blocks`
  std::span<RuleCounts> rule_counts;                 ///< by slot; empty: rules are not counted
  PolicySlot* policies = nullptr;                    ///< null in a replay: `use_policy` instead
  const Clock* clock = nullptr;                      ///< null in a replay: packets bring their time
  TimeNs started = 0;
  bool is_replay = false;
  RequestSeat* requests = nullptr;  ///< outlives the worker; null in a replay
  ReleaseMbufs release = nullptr;
  MakeMbuf make;
  RefusalObserver refusals;  ///< only a replay looks
};

/// What `receive` leaves in a packet, from its mbuf; the rest is the decoder's.
void fill_received(Packet& packet, rte_mbuf* mbuf, TimeNs now) noexcept;

class Worker {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(const WorkerSetup& setup);
  ~Worker();

  /// One turn: every port's queue once, the hand-off rings, then bounded housekeeping.
  void poll_once() noexcept;

  /// The same turn with the cost of every station added to `costs`, for benchmarks.
  void poll_measured(StationCosts& costs) noexcept;

  /// The journey of a burst whose mbufs were received elsewhere: stations 2 to 11. `receive` has
  /// set mbuf, bytes, bytes_at_hand, wire_bytes, now, in_port and packet_number of each packet.
  void judge(Burst& burst) noexcept;
  /// At most `rounds` bursts of frames that other workers handed over; true if there were any.
  bool take_handed_over(TimeNs now, std::uint32_t rounds) noexcept;

  /// What is done between bursts at time `now`: fragments that timed out leave, `flow_slots` of the
  /// flow table are looked at for expiry, idle sources are forgotten, counters are published.
  void keep_house(TimeNs now, std::uint32_t flow_slots) noexcept;

  /// Counts a burst that came in by `port` but was not received by `poll_once`.
  void count_received(std::uint8_t port, Burst& burst) noexcept;

  /// Only in a replay: the policy from the next burst on; must outlive its use.
  void use_policy(const Policy& policy) noexcept { policy_ = &policy; }

  /// Stop: fragments are dropped, flow records of live flows emitted as far as the lane takes them,
  /// counters published.
  void finish(TimeNs now) noexcept;

  [[nodiscard]] const WorkerCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::uint64_t active_flows() const noexcept;

 private:
  explicit Worker(const WorkerSetup& setup);
  enum class Origin : std::uint8_t { received, handed_over };
  std::uint32_t receive(std::uint8_t port, TimeNs now) noexcept;
  template <class Probe>
  void poll(Probe& probe) noexcept;
  template <class Probe>
  void run_journey(Burst& burst, Origin origin, Probe& probe) noexcept;
  template <class Probe>
  void run_in_parts(Burst& burst, Probe& probe) noexcept;
  void filter_outer_sources(Burst& burst, Origin origin) noexcept;
  template <class Probe>
  bool take_rounds(TimeNs now, std::uint32_t rounds, Probe& probe) noexcept;
  [[nodiscard]] TimeNs note_sent(TimeNs received, std::uint64_t forwarded_before) noexcept;
  void end_turn(TimeNs now, bool was_busy, bool was_full) noexcept;
  void answer_request(TimeNs now, std::uint32_t slots) noexcept;
  [[nodiscard]] Status make_tables();
  [[nodiscard]] Status make_inspector();
  void make_stations();
  static void emit_record(void* self, const FlowRecord& record) noexcept;
  bool flush_defragmenter(TimeNs now) noexcept;
  void publish(TimeNs now) noexcept;

  WorkerSetup setup_;
  const Policy* policy_ = nullptr;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Defragmenter> defragmenter_;
  std::unique_ptr<OuterSources> outer_;  ///< of the burst at hand
  std::unique_ptr<PrefixFilter> filter_;
  std::unique_ptr<BlockFilter> blocks_;
  std::unique_ptr<Bypass> bypass_;
  std::unique_ptr<FlowTracker> tracker_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<AnomalyReport> anomalies_;
  std::unique_ptr<Inspector> inspector_;  ///< null where no rules may come
  std::unique_ptr<Decider> decider_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Replier> replier_;
  std::unique_ptr<Forwarder> forwarder_;
  WorkerCounters counters_;
  LatencyMeter meter_;
  Overload overload_;
  TimeNs published_ = 0;
  bool has_news_ = true;  ///< a burst was judged since
  TimeNs timings_published_ = 0;
  TimeNs turn_began_ = 0;
  bool turn_was_busy_ = false;
  Burst burst_;
};

}  // namespace sluice
