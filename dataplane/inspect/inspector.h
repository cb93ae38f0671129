// Station 8: what rules say of packets, of the bytes of TCP connections in order, and of the
// messages of applications. Bytes in order are scanned once; a rule that a pattern hits is decided
// by the judge; the packet that completes what a rule describes is the one that is refused, and
// with it the rest of its flow. One per worker; everything but `create` is that worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/burst.h"
#include "dataplane/inspect/anomaly_report.h"
#include "dataplane/inspect/app_detect.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/flow_application.h"
#include "dataplane/inspect/flow_inspection.h"
#include "dataplane/inspect/inspect_report.h"
#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/inspect/pattern_scan.h"
#include "dataplane/inspect/rule_judge.h"
#include "dataplane/inspect/rule_overlay.h"
#include "dataplane/inspect/stream_reassembly.h"
#include "dataplane/inspect/transaction_report.h"
#include "dataplane/limit/rule_limiter.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy_parts.h"
#include "dataplane/reply/rejections.h"

namespace sluice {

class FlowTracker;
class SharedMeters;
struct WorkerCounters;
struct WorkerWindow;

struct InspectorSetup {
  std::size_t memory_bytes = 0;      ///< of the chunk pool
  std::uint32_t memory_entries = 0;  ///< of RuleMemory
  SipKey key;
  std::uint8_t worker = 0;
  MemoryArena* arena = nullptr;        ///< outlives the inspector
  FlowTracker* tracker = nullptr;      ///< the same
  SharedMeters* meters = nullptr;      ///< the same; null: this worker alone sees all traffic
  WorkerWindow* window = nullptr;      ///< null: nothing is reported
  AnomalyReport* anomalies = nullptr;  ///< outlives the inspector; null: none are told
  std::span<RuleCounts> rule_counts;   ///< by slot; empty: rules are not counted
  bool knows_sides = true;             ///< in_port tells from which side of the wire a packet came
};

class Inspector {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Inspector>> create(const InspectorSetup& setup);
  ~Inspector();

  /// What the packets of the next burst are judged by. `ruleset` null: there is none, and messages
  /// are read where events of them are wanted; `overlay` is of this ruleset, or null.
  void begin(Burst& burst, const PolicySettings& settings, const LiveRuleset* ruleset,
             const RuleOverlay* overlay = nullptr) noexcept;
  /// Judges those of the burst's next packets that are not decided yet.
  void inspect(std::span<Packet> packets) noexcept;

  /// From now on what overload.h sheds at this level is not looked at, but counted.
  void shed(std::uint32_t level) noexcept { shed_level_ = level; }

  /// Before `begin`, the limits of its ruleset: both stay the caller's.
  void use_limits(const CompiledLimits& limits, std::span<const RuleLimit> rule_limits) noexcept {
    limits_ = &limits;
    rule_limits_ = rule_limits;
  }

  /// The same of its sets.
  void use_sets(const RuleSets& sets) noexcept { sets_ = &sets; }

  /// What rules rejected of the packets that were inspected last.
  [[nodiscard]] const Rejections& rejections() const noexcept { return rejections_; }

  /// When the burst is decided: flows that are refused need no inspection any more.
  void forget_refused(const Burst& burst) noexcept;

  /// The flow ends, or its slot goes to another one.
  void forget(Flow& flow) noexcept;
  /// The same, and what it left unfinished is judged where `settings`, those in force, are what
  /// `begin` was last called with.
  void end(Flow& flow, const PolicySettings& settings) noexcept;

  /// Sets the members of `counters` that concern inspection.
  void add_to(WorkerCounters& counters) const noexcept;

 private:
  explicit Inspector(const InspectorSetup& setup) noexcept;

  // inspector.cc: packets and their flows
  void obey_settings() noexcept;
  void forget_unruled(Burst& burst) noexcept;
  void inspect_packet(Packet& packet) noexcept;
  [[nodiscard]] std::array<std::uint64_t, 2> stream_bytes_of(
      const FlowInspection& inspection) const noexcept;
  [[nodiscard]] bool is_shed(const Packet& packet, FlowInspection& inspection) noexcept;
  [[nodiscard]] bool sheds(const Packet& packet) noexcept;
  void leave_flow(FlowInspection& inspection, InspectionFlag why) noexcept;
  void inspect_tcp(Packet& packet, FlowInspection* inspection,
                   std::span<const std::uint8_t> payload) noexcept;
  void obey_match_limit(Packet& packet) noexcept;
  void follow_quoted_flow(Packet& packet) noexcept;
  void follow_refusal(Packet& packet, const FlowInspection& inspection) noexcept;
  [[nodiscard]] FlowInspection* inspection_of(Packet& packet) noexcept;
  [[nodiscard]] FlowInspection* open(Packet& packet) noexcept;
  void forget_ended(Packet& packet, FlowInspection& inspection) noexcept;
  void close(FlowInspection* inspection) noexcept;
  void restart(FlowInspection& inspection) noexcept;

  // inspect_actions.cc: what becomes of a packet
  void settle(Packet& packet, FlowInspection* inspection,
              std::span<const std::uint8_t> payload) noexcept;
  void refuse(Packet& packet, const FlowInspection* inspection, const CompiledRule& rule,
              const RuleHit& hit) noexcept;
  void note_rejected(Packet& packet, const FlowInspection* inspection) noexcept;
  [[nodiscard]] bool is_in_excess(const CompiledRule& rule, const RuleHit& hit,
                                  const Packet& packet) noexcept;
  void note_forwarded(const Packet& packet, const FlowInspection& inspection) noexcept;
  [[nodiscard]] FlowTotals totals_at(const Packet& packet) const noexcept;
  [[nodiscard]] bool must_refuse() const noexcept;
  void obey(Packet& packet, ExceptionPolicy policy, DropReason reason) noexcept;

  // inspect_bytes.cc: scanning
  [[nodiscard]] std::span<const std::uint8_t> payload_of(const Packet& packet) noexcept;
  void scan_packet(Packet& packet, std::span<const std::uint8_t> payload) noexcept;
  void note_over_limit() noexcept;
  void inspect_segment(Packet& packet, FlowInspection& inspection,
                       std::span<const std::uint8_t> payload) noexcept;
  [[nodiscard]] std::uint32_t open_stream(const Packet& packet,
                                          const StreamSegment& segment) noexcept;
  [[nodiscard]] bool take_piece(const StreamPiece& piece) noexcept;
  void take_handshake(StreamScan& scan, const StreamPiece& piece) noexcept;
  void take_gap(unsigned direction, std::uint64_t bytes) noexcept;
  void restart_stream(unsigned direction) noexcept;
  [[nodiscard]] bool scan_piece(StreamScan& scan, const StreamPiece& piece) noexcept;
  void judge_piece(StreamScan& scan, const StreamPiece& piece) noexcept;
  void note_stream_matches(StreamScan& scan, const PatternGroup& group,
                           const ScanMatches& matches) noexcept;
  void judge_waiting(StreamScan& scan, const BufferSource& source) noexcept;
  void note_matches(CandidateList*& candidates, const PatternGroup& group,
                    const ScanMatches& matches) noexcept;
  void note_candidate(CandidateList*& candidates, std::uint32_t rule) noexcept;
  [[nodiscard]] bool open_scan(StreamScan& scan, const ScanDatabase& database) noexcept;
  void close_scan(StreamScan& scan) noexcept;
  [[nodiscard]] Mode stream_mode() const noexcept;
  [[nodiscard]] std::uint64_t depth() const noexcept;
  void leave_deep(FlowInspection& inspection, unsigned direction) noexcept;
  void obey_judgement(Packet& packet, const Judgement& judgement) noexcept;

  // inspect_flow_end.cc: what a flow left unfinished
  void end_direction(Flow& flow, FlowInspection& inspection, unsigned direction) noexcept;

  // inspect_applications.cc: which application it is, and its parser
  void inspect_datagram(Packet& packet, FlowInspection* inspection,
                        std::span<const std::uint8_t> payload) noexcept;
  void read_quic(Packet& packet, FlowInspection* inspection,
                 std::span<const std::uint8_t> payload) noexcept;
  void feed_application(const StreamPiece& piece) noexcept;
  [[nodiscard]] bool detect_application(const StreamPiece& piece) noexcept;
  [[nodiscard]] Detection detect(unsigned direction, std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] bool hears_server(const StreamPiece& piece) const noexcept;
  [[nodiscard]] bool contradicts(const StreamPiece& piece) noexcept;
  void push_all(const StreamPiece& piece, std::uint64_t first) noexcept;
  [[nodiscard]] bool wants_parser(Service service) const noexcept;
  [[nodiscard]] bool open_application(Service service) noexcept;
  void close_application(FlowInspection& inspection) noexcept;
  void push(unsigned direction, std::span<const std::uint8_t> bytes) noexcept;
  void skip_gap(unsigned direction, std::uint64_t bytes) noexcept;
  void end_stream(unsigned direction) noexcept;
  void begin_messages() noexcept;
  void end_messages() noexcept;

  // inspect_messages.cc: their messages
  [[nodiscard]] AppSink app_sink() noexcept;
  void take_buffers(unsigned direction, std::span<const BufferBytes> buffers) noexcept;
  void scan_buffer(MessageScan& message, unsigned direction, const BufferBytes& buffer) noexcept;
  void ask_sets(MessageScan& message, const PatternGroup& group,
                std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] BodyScan* body_of(MessageScan& message, Buffer buffer, bool is_decoded) noexcept;
  void take_body(unsigned direction, BufferBytes piece, bool is_decoded, bool is_last) noexcept;
  [[nodiscard]] bool open_window(BodyScan& body) noexcept;
  void take_window(MessageScan& message, BodyScan& body, unsigned direction, BufferBytes piece,
                   bool is_last) noexcept;
  void judge_body(MessageScan& message, BodyScan& body, unsigned direction,
                  bool is_complete) noexcept;
  /// What bodies of this direction were told since they were judged.
  void judge_rest(unsigned direction) noexcept;
  void end_body(MessageScan& message, BodyScan& body) noexcept;
  [[nodiscard]] bool is_carried(BodyScan& body, unsigned direction,
                                std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] BufferView carried_view(const BodyScan& body, unsigned direction) const noexcept;
  void take_carried(MessageScan& message, BodyScan& body, unsigned direction,
                    std::span<const std::uint8_t> bytes, bool is_last) noexcept;
  void scan_body(MessageScan& message, BodyScan& body, const PatternGroup& group,
                 std::span<const std::uint8_t> bytes) noexcept;
  void judge_message(MessageScan& message, const BufferSource& source) noexcept;
  void end_message(MessageScan& message) noexcept;
  void end_told_message(MessageScan& message) noexcept;
  [[nodiscard]] MessagePlace message_place(unsigned direction, std::uint32_t message) noexcept;
  [[nodiscard]] BufferView window_view(unsigned direction) const noexcept;

  InspectorSetup setup_;
  std::unique_ptr<ChunkPool> pool_;
  std::unique_ptr<StreamReassembly> streams_;
  std::unique_ptr<RuleJudge> judge_;
  std::unique_ptr<RuleLimiter> limiter_;
  InspectReport report_;
  std::unique_ptr<AppWorkspace> workspace_;
  FlowMessages datagram_messages_;  ///< of a datagram whose flow is not remembered
  std::unique_ptr<TransactionReport> transactions_;
  FlowTransactions* datagram_transactions_ = nullptr;
  std::vector<std::uint8_t> linear_;  ///< a payload of several mbuf segments in one piece

  std::shared_ptr<const LiveRuleset> no_rules_;  ///< a ruleset of none: events need one to stand on
  std::uint64_t wanted_buffers_ = 0;             ///< bit i: rules or events ask for Buffer i
  std::uint32_t wanted_services_ = 0;            ///< bit i: and so for messages of Service i
  std::uint32_t known_services_ = 0;  ///< bit i: and for these it matters whether a flow is one
  std::uint32_t epoch_ = 0;  ///< of the ruleset, and the generation of the settings, last obeyed
  std::uint64_t generation_ = 0;

  std::uint64_t scanned_bytes_ = 0;
  std::uint64_t over_limit_ = 0;
  std::uint64_t shed_flows_ = 0;
  std::uint32_t shed_level_ = 0;

  // Of the burst and packet at hand.
  const CompiledLimits* limits_ = nullptr;
  std::span<const RuleLimit> rule_limits_;
  const RuleSets* sets_ = nullptr;
  std::uint64_t charged_ = 0;  ///< bit per limit: was asked for this packet,
  std::uint64_t excess_ = 0;   ///< and refused it
  Rejections rejections_;
  const PolicySettings* settings_ = nullptr;
  const Burst* burst_ = nullptr;
  const LiveRuleset* ruleset_ = nullptr;
  const RuleOverlay* overlay_ = nullptr;
  bool only_tells_ = false;  ///< there are no rules: nothing is refused here
  ScanScratch* scratch_ = nullptr;
  FlowInspection* flow_ = nullptr;
  FlowMessages* messages_ = nullptr;  ///< of the parser that is pushed
  std::span<const std::uint8_t> datagram_;
  bool is_encrypted_ = false;             ///< a parser said so of the flow at hand
  StreamSegment segment_;                 ///< of a packet of TCP whose flow is inspected
  const StreamPiece* carrier_ = nullptr;  ///< the piece at hand, scanned for what bodies hold, too
  std::array<PatternEntry, 64> carried_;  ///< what was found for bodies in it
  std::uint32_t carried_count_ = 0;
  bool is_over_limit_ = false;
};

}  // namespace sluice
