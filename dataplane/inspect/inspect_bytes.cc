// The part of the inspector that scans: payloads of packets in one go, streams as their bytes come
// in order. A pattern that is found makes its rules candidates; a candidate of a packet is decided
// at once, one of a stream may wait for bytes to come.
#include <algorithm>
#include <new>

#include <rte_mbuf.h>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/inspector.h"
#include "dataplane/overload.h"

namespace sluice {
namespace {

[[nodiscard]] void* take_chunk(void* self, std::size_t bytes) noexcept {
  return static_cast<ChunkPool*>(self)->take(bytes);
}
void give_chunk(void* self, void* chunk) noexcept { static_cast<ChunkPool*>(self)->give(chunk); }

[[nodiscard]] StreamMemory memory_of(ChunkPool& pool) noexcept {
  return {&pool, &take_chunk, &give_chunk};
}

/// Its application is known, or will not be, and has no parser.
[[nodiscard]] bool tells_nothing(const FlowInspection& flow) noexcept {
  return flow.service != Service::any && flow.application == nullptr;
}

[[nodiscard]] std::span<const PatternEntry> entries_of(const PatternGroup& group,
                                                       std::uint32_t pattern) noexcept {
  if (std::size_t{pattern} + 1 >= group.first_entry.size()) return {};
  const std::uint32_t first = group.first_entry[pattern];
  return {group.entries.data() + first, group.first_entry[pattern + 1] - first};
}

}  // namespace

// --- packets ------------------------------------------------------------------------------------

// A payload of several segments is put in one piece; what the capture lacks stays unseen.
std::span<const std::uint8_t> Inspector::payload_of(const Packet& packet) noexcept {
  if (packet.payload_offset == 0 || packet.payload_bytes == 0) return {};
  const std::size_t at_hand = packet.bytes_at_hand > packet.payload_offset
                                  ? packet.bytes_at_hand - packet.payload_offset
                                  : 0;
  if (at_hand >= packet.payload_bytes) {
    return {packet.bytes + packet.payload_offset, packet.payload_bytes};
  }
  const bool is_in_segments = packet.frames == 1 && packet.mbuf->nb_segs > 1;
  const std::size_t held = is_in_segments ? packet.mbuf->pkt_len : packet.bytes_at_hand;
  if (!is_in_segments || held <= packet.payload_offset) {
    return {packet.bytes + packet.payload_offset, at_hand};
  }
  const auto bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(packet.payload_bytes, held - packet.payload_offset));
  const void* read = rte_pktmbuf_read(packet.mbuf, packet.payload_offset, bytes, linear_.data());
  if (read == nullptr) return {packet.bytes + packet.payload_offset, at_hand};
  return {static_cast<const std::uint8_t*>(read), bytes};
}

void Inspector::scan_packet(Packet& packet, std::span<const std::uint8_t> payload) noexcept {
  const std::uint32_t index = ruleset_->rules.map.packet_group(
      rule_protocol_of(packet), direction_of(packet), server_port_of(packet));
  if (index == kNoGroup) return;
  const PatternGroup& group = ruleset_->rules.groups[index];
  BufferSource source;
  source.payload = {payload, 0, true};
  for (const std::uint32_t rule : group.always) {
    Candidate candidate{.rule = rule};
    judge_->judge(candidate, source, false);
  }
  if (group.database == kNoDatabase || payload.empty()) return;
  const ScanMatches matches = scratch_->scan_block(*ruleset_->databases[group.database], payload);
  scanned_bytes_ += payload.size();
  if (matches.too_many || matches.has_failed) [[unlikely]]
    note_over_limit();
  for (const PatternMatch& match : matches.found) {
    for (const PatternEntry& entry : entries_of(group, match.pattern)) {
      Candidate candidate{.rule = entry.rule};
      judge_->judge(candidate, source, false);
    }
  }
}

// Junk must not blind: what found no room is decided by inspect.match_limit.
void Inspector::note_over_limit() noexcept {
  ++over_limit_;
  is_over_limit_ = true;
}

// --- streams ------------------------------------------------------------------------------------

std::uint32_t Inspector::open_stream(const Packet& packet, const StreamSegment& segment) noexcept {
  const unsigned own = segment.direction;
  StreamOpening opening;
  const bool is_shaken = packet.flow->tcp_state != TcpState::midstream && packet.has(kNewFlow);
  const std::uint32_t syn = (segment.flags & kSyn) != 0 ? 1 : 0;
  opening.next_sequence[own] = segment.sequence + syn;
  opening.next_sequence[own ^ 1] = segment.acknowledgement;
  opening.is_known = {is_shaken, is_shaken};
  for (unsigned direction = 0; direction < 2; ++direction) {
    opening.window_bytes[direction] =
        static_cast<std::uint16_t>(std::min(settings_->inspect.window, kWindowBytesMax));
  }
  opening.has_timestamps = segment.has_timestamp;
  return streams_->open(opening);
}

void Inspector::inspect_segment(Packet& packet, FlowInspection& inspection,
                                std::span<const std::uint8_t> payload) noexcept {
  segment_ = stream_segment_of(packet, direction_of(packet));
  segment_.payload = payload;
  if (!setup_.knows_sides) segment_.side = 0;
  if (inspection.tcp_slot == kNoSlot) {
    if ((segment_.flags & kRst) != 0) return;
    inspection.tcp_slot = open_stream(packet, segment_);
    if (inspection.tcp_slot == kNoSlot) {
      return obey(packet, settings_->inspect.no_memory, DropReason::inspection_limit);
    }
  }
  flow_ = &inspection;
  is_encrypted_ = false;
  const StreamSink sink{
      .self = this,
      .bytes =
          [](void* self, const StreamPiece& piece) noexcept {
            return static_cast<Inspector*>(self)->take_piece(piece);
          },
      .gap =
          [](void* self, unsigned direction, std::uint64_t bytes) noexcept {
            static_cast<Inspector*>(self)->take_gap(direction, bytes);
          },
      .restarted =
          [](void* self, unsigned direction) noexcept {
            static_cast<Inspector*>(self)->restart_stream(direction);
          },
      .ended =
          [](void* self, unsigned direction) noexcept {
            static_cast<Inspector*>(self)->end_stream(direction);
          },
  };
  const Judgement judgement =
      streams_->take_segment(inspection.tcp_slot, segment_, stream_mode(), sink);
  flow_ = nullptr;
  obey_judgement(packet, judgement);
  leave_deep(inspection, segment_.direction);
}

// What nobody refuses reaches its receiver whatever it contradicts.
Mode Inspector::stream_mode() const noexcept {
  return only_tells_ ? Mode::monitor : settings_->mode;
}

std::uint64_t Inspector::depth() const noexcept {
  const std::uint64_t depth = settings_->inspect.stream_depth;
  if (shed_level_ < kShedDepth) [[likely]]
    return depth;
  return depth == 0 ? kShedDepthBytes : std::min(depth, kShedDepthBytes);
}

// Neither what is encrypted nor what lies beyond the depth in both directions is looked at. Without
// rules, neither is a flow of which no message will be told.
void Inspector::leave_deep(FlowInspection& inspection, unsigned direction) noexcept {
  if (is_encrypted_ && settings_->inspect.encrypted == EncryptedPolicy::bypass) {
    return leave_flow(inspection, kInspectionEnded);
  }
  if (only_tells_ && (is_encrypted_ || tells_nothing(inspection))) {
    return leave_flow(inspection, kInspectionPassed);
  }
  const std::uint64_t most = depth();
  const auto& directions = streams_->stream(inspection.tcp_slot).directions;
  if (most == 0 || directions[direction].scanned_bytes < most) [[likely]]
    return;
  const std::uint64_t ordinary = settings_->inspect.stream_depth;
  const bool is_shed = ordinary == 0 || directions[direction].scanned_bytes < ordinary;
  if (is_shed) {
    ++shed_flows_;
    return leave_flow(inspection, kInspectionShed);
  }
  if (directions[direction ^ 1U].scanned_bytes >= most) {
    return leave_flow(inspection, kInspectionEnded);
  }
  if (!directions[direction].has(kStreamIgnored)) streams_->ignore(inspection.tcp_slot, direction);
}

void Inspector::obey_judgement(Packet& packet, const Judgement& judgement) noexcept {
  const InspectConfig& config = settings_->inspect;
  switch (judgement.finding) {
    case SegmentFinding::conflicting_retransmission:
      return obey(packet, ExceptionPolicy::drop_packet, DropReason::conflicting_retransmission);
    case SegmentFinding::unverifiable_retransmission:
      return obey(packet, config.unverifiable, DropReason::unverifiable_retransmission);
    case SegmentFinding::reorder_limit:
      return obey(packet, config.reorder_full, DropReason::reorder_limit);
    case SegmentFinding::old_timestamp:
      return obey(packet, ExceptionPolicy::drop_packet, DropReason::old_timestamp);
    case SegmentFinding::none:
    case SegmentFinding::count_:
      break;
  }
}

void Inspector::take_gap(unsigned direction, std::uint64_t bytes) noexcept {
  if (setup_.anomalies != nullptr) {
    setup_.anomalies->stream(judge_->subject(), StreamAnomaly::gap, *settings_);
  }
  close_scan(flow_->scans[direction]);
  skip_gap(direction, bytes);
}

// What was told of the direction had no beginning: what its application is shows now.
void Inspector::restart_stream(unsigned direction) noexcept {
  close_scan(flow_->scans[direction]);
  close_application(*flow_);
  transactions_->flow_ends(flow_->transactions);
  flow_->service = Service::any;
  judge_->use_service(Service::any);
  flow_->detect_from = {};
  if (streams_->stream(flow_->tcp_slot).directions[direction ^ 1U].scanned_bytes != 0) {
    flow_->detect_from[direction ^ 1U] = kUndetectable;
  }
}

// In enforce mode nothing behind a refused byte is looked at.
bool Inspector::take_piece(const StreamPiece& piece) noexcept {
  StreamScan& scan = flow_->scans[piece.direction];
  const std::uint64_t most = depth();
  if (most != 0 && piece.begin >= most) {
    close_scan(scan);
    return true;
  }
  if (flow_->application != nullptr && flow_->service == Service::tls) {
    take_handshake(scan, piece);
  } else {
    // What is found is judged behind the application: rules on payloads may ask what the flow
    // carries.
    const bool is_scanned = scan.group != kNoGroup && scan_piece(scan, piece);
    feed_application(piece);
    carrier_ = nullptr;
    if (is_scanned) judge_piece(scan, piece);
  }
  return settings_->mode == Mode::monitor || !must_refuse();
}

// What is encrypted is not looked at from its first byte on, where its parser says so.
void Inspector::take_handshake(StreamScan& scan, const StreamPiece& piece) noexcept {
  feed_application(piece);
  const bool is_cut = is_encrypted_ && flow_->application != nullptr &&
                      settings_->inspect.encrypted == EncryptedPolicy::bypass;
  const std::size_t hidden = is_cut ? flow_->application->parser.unread_bytes() : 0;
  const StreamPiece clear{piece.direction, piece.begin,
                          piece.bytes.first(piece.bytes.size() - hidden),
                          piece.window.first(piece.window.size() - hidden)};
  if (clear.bytes.empty() || scan.group == kNoGroup) return;
  if (scan_piece(scan, clear)) judge_piece(scan, clear);
  carrier_ = nullptr;
}

bool Inspector::scan_piece(StreamScan& scan, const StreamPiece& piece) noexcept {
  const PatternGroup& group = ruleset_->rules.groups[scan.group];
  if (group.database == kNoDatabase) return true;
  const ScanDatabase& database = *ruleset_->databases[group.database];
  if (!open_scan(scan, database)) return false;
  carried_count_ = 0;
  if (group.carries_bodies) carrier_ = &piece;
  note_stream_matches(scan, group, scan.stream.scan(database, piece.bytes, *scratch_));
  scanned_bytes_ += piece.bytes.size();
  return true;
}

void Inspector::judge_piece(StreamScan& scan, const StreamPiece& piece) noexcept {
  const PatternGroup& group = ruleset_->rules.groups[scan.group];
  const std::uint64_t end = piece.begin + piece.bytes.size();
  BufferSource source;
  source.payload = {piece.window, end - piece.window.size(), false};
  for (const std::uint32_t rule : group.always) {
    Candidate candidate{.rule = rule};
    judge_->judge(candidate, source, true);
  }
  judge_waiting(scan, source);
}

// What is for bodies waits for the application to say which of these bytes are of one.
void Inspector::note_stream_matches(StreamScan& scan, const PatternGroup& group,
                                    const ScanMatches& matches) noexcept {
  if (!group.carries_bodies) return note_matches(scan.candidates, group, matches);
  if (matches.too_many || matches.has_failed) [[unlikely]]
    note_over_limit();
  for (const PatternMatch& match : matches.found) {
    for (const PatternEntry& entry : entries_of(group, match.pattern)) {
      if (ruleset_->rules.rules[entry.rule].parts[entry.part].buffer == Buffer::payload) {
        note_candidate(scan.candidates, entry.rule);
      } else if (carried_count_ < carried_.size()) {
        carried_[carried_count_++] = entry;
      } else {
        note_over_limit();
      }
    }
  }
}

void Inspector::note_matches(CandidateList*& candidates, const PatternGroup& group,
                             const ScanMatches& matches) noexcept {
  if (matches.too_many || matches.has_failed) [[unlikely]]
    note_over_limit();
  for (const PatternMatch& match : matches.found) {
    for (const PatternEntry& entry : entries_of(group, match.pattern)) {
      note_candidate(candidates, entry.rule);
    }
  }
}

void Inspector::note_candidate(CandidateList*& candidates, std::uint32_t rule) noexcept {
  if (candidates == nullptr) {
    void* chunk = pool_->take(sizeof(CandidateList));
    if (chunk == nullptr) return note_over_limit();
    candidates = new (chunk) CandidateList;
  }
  if (candidates->find_or_add(rule) == nullptr) note_over_limit();
}

bool Inspector::open_scan(StreamScan& scan, const ScanDatabase& database) noexcept {
  if (scan.stream.is_open() || scan.stream.open(database, memory_of(*pool_))) return true;
  note_over_limit();
  return false;
}

void Inspector::judge_waiting(StreamScan& scan, const BufferSource& source) noexcept {
  if (scan.candidates == nullptr) return;
  judge_->begin_piece(*scratch_);
  scan.candidates->keep_if([&](Candidate& candidate) {
    return judge_->judge(candidate, source, true) == ConfirmOutcome::not_yet;
  });
  judge_->end_piece();
  if (!scan.candidates->is_empty()) return;
  pool_->give(scan.candidates, sizeof(CandidateList));
  scan.candidates = nullptr;
}

void Inspector::close_scan(StreamScan& scan) noexcept {
  if (scan.stream.is_open()) scan.stream.close(memory_of(*pool_));
  if (scan.candidates != nullptr) pool_->give(scan.candidates, sizeof(CandidateList));
  scan.candidates = nullptr;
}

}  // namespace sluice
