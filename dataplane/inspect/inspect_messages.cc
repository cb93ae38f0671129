// The part of the inspector that looks into messages of applications. Each whole buffer that a
// parser tells is scanned in one go, bodies as they come. What a pattern hits is a candidate of its
// message: a rule can ask for several buffers, of which some come later.
#include <algorithm>
#include <cstring>

#include "dataplane/inspect/inspector.h"

namespace sluice {
namespace {

constexpr std::uint32_t kNoSet = 0xffffffff;
/// A body may come in chunks of a byte: what waits is judged when so much has come, and before the
/// packet is decided.
constexpr std::uint32_t kJudgedBytes = 1'024;

void forget_candidates(CandidateList*& list, ChunkPool& pool) noexcept {
  if (list != nullptr) pool.give(list, sizeof(CandidateList));
  list = nullptr;
}

/// Moves the window on; `bytes` are no more than it holds.
void append(BodyScan& body, std::span<const std::uint8_t> bytes) noexcept {
  if (body.size + bytes.size() > 2 * kBodyWindowBytes) {
    const std::uint32_t kept = std::min(body.size, kBodyWindowBytes);
    std::memmove(body.bytes, body.bytes + body.size - kept, kept);
    body.begin += body.size - kept;
    body.size = kept;
  }
  if (!bytes.empty()) std::memcpy(body.bytes + body.size, bytes.data(), bytes.size());
  body.size += static_cast<std::uint32_t>(bytes.size());
}

}  // namespace

AppSink Inspector::app_sink() noexcept {
  return {
      .self = this,
      .buffers =
          [](void* self, unsigned direction, std::uint32_t message,
             std::span<const BufferBytes> buffers) noexcept {
            auto& inspector = *static_cast<Inspector*>(self);
            inspector.take_buffers(direction, buffers);
            inspector.transactions_->take_buffers(inspector.message_place(direction, message),
                                                  buffers);
          },
      .piece =
          [](void* self, unsigned direction, std::uint32_t, BufferBytes piece,
             bool is_last) noexcept {
            static_cast<Inspector*>(self)->take_body(direction, piece, false, is_last);
          },
      .decoded_piece =
          [](void* self, unsigned direction, std::uint32_t, BufferBytes piece,
             bool is_last) noexcept {
            static_cast<Inspector*>(self)->take_body(direction, piece, true, is_last);
          },
      .message_bytes =
          [](void* self, unsigned direction, std::uint32_t message,
             std::span<const std::uint8_t> bytes) noexcept {
            auto& inspector = *static_cast<Inspector*>(self);
            inspector.transactions_->take_bytes(inspector.message_place(direction, message), bytes);
          },
      .message_ends =
          [](void* self, unsigned direction, std::uint32_t message) noexcept {
            auto& inspector = *static_cast<Inspector*>(self);
            inspector.judge_rest(direction);
            inspector.end_told_message((*inspector.messages_)[direction]);
            inspector.transactions_->message_ends(inspector.message_place(direction, message));
          },
      .anomaly =
          [](void* self, unsigned direction, AppAnomaly anomaly) noexcept {
            auto& inspector = *static_cast<Inspector*>(self);
            if (hides_bytes(direction, anomaly)) inspector.note_over_limit();
            if (inspector.setup_.anomalies == nullptr) return;
            inspector.setup_.anomalies->application(inspector.judge_->subject(), anomaly,
                                                    *inspector.settings_);
          },
      .encrypted =
          [](void* self) noexcept {
            auto& inspector = *static_cast<Inspector*>(self);
            inspector.is_encrypted_ = true;
            inspector.transactions_->flow_ends(inspector.flow_->transactions);
          },
  };
}

void Inspector::take_buffers(unsigned direction, std::span<const BufferBytes> buffers) noexcept {
  MessageScan& message = (*messages_)[direction];
  message.head_count = 0;
  for (const BufferBytes& buffer : buffers) {
    if (message.head_count < MessageScan::kBuffersMax) message.head[message.head_count++] = buffer;
    scan_buffer(message, direction, buffer);
  }
  BufferSource source;
  source.payload = window_view(direction);
  source.message = message.buffers();
  judge_message(message, source);
}

void Inspector::scan_buffer(MessageScan& message, unsigned direction,
                            const BufferBytes& buffer) noexcept {
  const std::uint32_t index = ruleset_->rules.map.buffer_group(buffer.buffer, direction);
  if (index == kNoGroup) return;
  const PatternGroup& group = ruleset_->rules.groups[index];
  for (const std::uint32_t rule : group.always) note_candidate(message.candidates, rule);
  if (!group.probes.empty()) ask_sets(message, group, buffer.bytes);
  if (group.database == kNoDatabase || buffer.bytes.empty()) return;
  scanned_bytes_ += buffer.bytes.size();
  note_matches(message.candidates, group,
               scratch_->scan_block(*ruleset_->databases[group.database], buffer.bytes));
}

// Probes are sorted: a set is asked once, whatever the number of its rules.
void Inspector::ask_sets(MessageScan& message, const PatternGroup& group,
                         std::span<const std::uint8_t> bytes) noexcept {
  if (sets_ == nullptr) return;
  std::uint32_t asked = kNoSet;
  bool is_member = false;
  for (const SetProbe& probe : group.probes) {
    if (probe.set != asked) {
      asked = probe.set;
      is_member = sets_->contains(asked, bytes, judge_->subject().packet->now);
    }
    if (is_member) note_candidate(message.candidates, probe.rule);
  }
}

BodyScan* Inspector::body_of(MessageScan& message, Buffer buffer, bool is_decoded) noexcept {
  for (BodyScan& body : message.bodies) {
    if (body.buffer == buffer && body.is_decoded == is_decoded) return &body;
  }
  for (BodyScan& body : message.bodies) {
    if (body.buffer != Buffer::count_) continue;
    body = {};
    body.buffer = buffer;
    body.is_decoded = is_decoded;
    return &body;
  }
  return nullptr;
}

bool Inspector::open_window(BodyScan& body) noexcept {
  if (body.bytes != nullptr) return true;
  body.bytes = static_cast<std::uint8_t*>(pool_->take(2 * kBodyWindowBytes));
  if (body.bytes == nullptr) note_over_limit();
  return body.bytes != nullptr;
}

void Inspector::take_body(unsigned direction, BufferBytes piece, bool is_decoded,
                          bool is_last) noexcept {
  MessageScan& message = (*messages_)[direction];
  const std::uint32_t index = ruleset_->rules.map.buffer_group(piece.buffer, direction);
  if (index == kNoGroup && message.candidates == nullptr) return;
  BodyScan* body = body_of(message, piece.buffer, is_decoded);
  if (body == nullptr) return note_over_limit();
  if (is_carried(*body, direction, piece.bytes)) {
    return take_carried(message, *body, direction, piece.bytes, is_last);
  }
  if (open_window(*body)) take_window(message, *body, direction, piece, is_last);
}

void Inspector::take_window(MessageScan& message, BodyScan& body, unsigned direction,
                            BufferBytes piece, bool is_last) noexcept {
  const std::uint32_t index = ruleset_->rules.map.buffer_group(piece.buffer, direction);
  do {
    const std::size_t size = std::min<std::size_t>(piece.bytes.size(), kBodyWindowBytes);
    const auto bytes = piece.bytes.first(size);
    piece.bytes = piece.bytes.subspan(size);
    append(body, bytes);
    if (index != kNoGroup) scan_body(message, body, ruleset_->rules.groups[index], bytes);
    body.unjudged += static_cast<std::uint32_t>(bytes.size());
    const bool is_complete = is_last && piece.bytes.empty();
    if (is_complete || body.unjudged >= kJudgedBytes) {
      judge_body(message, body, direction, is_complete);
    }
  } while (!piece.bytes.empty());
  if (is_last) end_body(message, body);
}

// Behind a body that is complete a rule is no candidate any more: its twin is judged before.
void Inspector::judge_body(MessageScan& message, BodyScan& body, unsigned direction,
                           bool is_complete) noexcept {
  body.unjudged = 0;
  if (is_complete) judge_rest(direction);
  BufferSource source;
  source.payload = window_view(direction);
  source.message = message.buffers();
  source.streamed = {body.buffer, {body.bytes, body.size}};
  source.streamed_begin = body.begin;
  source.streamed_is_complete = is_complete;
  source.streamed_is_decoded = body.is_decoded;
  judge_message(message, source);
}

void Inspector::judge_rest(unsigned direction) noexcept {
  MessageScan& message = (*messages_)[direction];
  for (BodyScan& body : message.bodies) {
    if (body.unjudged != 0) judge_body(message, body, direction, false);
  }
}

// A mail has several: places in the next count anew.
void Inspector::end_body(MessageScan& message, BodyScan& body) noexcept {
  close_scan(body.scan);
  body.size = 0;
  body.begin = 0;
  if (message.candidates == nullptr) return;
  for (Candidate& candidate : message.candidates->all()) candidate.awaited = {};
}

// A body that begins in a piece of the stream that was scanned for it stays with the stream as long
// as it stands there as it is.
bool Inspector::is_carried(BodyScan& body, unsigned direction,
                           std::span<const std::uint8_t> bytes) noexcept {
  if (flow_ != nullptr && flow_->has(kInspectionTurned)) return false;  // others scanned the stream
  const bool is_first = body.bytes == nullptr && !body.is_carried;
  if (bytes.empty() && !is_first) return body.is_carried;
  const bool is_here =
      carrier_ != nullptr && carrier_->direction == direction &&
      bytes.data() >= carrier_->bytes.data() &&
      bytes.data() + bytes.size() <= carrier_->bytes.data() + carrier_->bytes.size();
  if (is_here && is_first && flow_->application->parser.has_plain_body(direction)) {
    body.is_carried = true;
    body.stream_begin = body.stream_end =
        carrier_->begin + static_cast<std::uint64_t>(bytes.data() - carrier_->bytes.data());
  }
  if (is_here || !body.is_carried) return body.is_carried;
  body.is_carried = false;
  body.begin = body.stream_end - body.stream_begin;
  return false;
}

void Inspector::take_carried(MessageScan& message, BodyScan& body, unsigned direction,
                             std::span<const std::uint8_t> bytes, bool is_last) noexcept {
  body.stream_end += bytes.size();
  const std::uint32_t index = ruleset_->rules.map.buffer_group(body.buffer, direction);
  if (index != kNoGroup) {
    for (const std::uint32_t rule : ruleset_->rules.groups[index].always) {
      note_candidate(message.candidates, rule);
    }
  }
  for (const PatternEntry& entry : std::span(carried_).first(carrier_ ? carried_count_ : 0)) {
    const CompiledRule& rule = ruleset_->rules.rules[entry.rule];
    if (rule.parts[entry.part].buffer == body.buffer) {
      note_candidate(message.candidates, entry.rule);
    }
  }
  if (message.candidates == nullptr) return;
  const BufferView window = carried_view(body, direction);
  BufferSource source;
  source.payload = window_view(direction);
  source.message = message.buffers();
  source.streamed = {body.buffer, window.bytes};
  source.streamed_begin = window.begin;
  source.streamed_is_complete = is_last;
  judge_message(message, source);
}

/// What of the body is in the window of its stream; places count from where the body begins.
BufferView Inspector::carried_view(const BodyScan& body, unsigned direction) const noexcept {
  BufferView stream = window_view(direction);
  if (carrier_ != nullptr) {
    stream.bytes = carrier_->window;
    stream.begin = carrier_->begin + carrier_->bytes.size() - carrier_->window.size();
  }
  const std::uint64_t stream_end = stream.begin + stream.bytes.size();
  const std::uint64_t begin = std::max(stream.begin, body.stream_begin);
  const std::uint64_t end = std::min(stream_end, body.stream_end);
  if (begin >= end) return {{}, body.stream_end - body.stream_begin, false};
  return {stream.bytes.subspan(begin - stream.begin, end - begin), begin - body.stream_begin,
          false};
}

void Inspector::scan_body(MessageScan& message, BodyScan& body, const PatternGroup& group,
                          std::span<const std::uint8_t> bytes) noexcept {
  for (const std::uint32_t rule : group.always) note_candidate(message.candidates, rule);
  if (group.database == kNoDatabase || bytes.empty()) return;
  const ScanDatabase& database = *ruleset_->databases[group.database];
  scanned_bytes_ += bytes.size();
  if (group.mode == ScanMode::block) {
    note_matches(message.candidates, group, scratch_->scan_block(database, bytes));
    return;
  }
  if (!open_scan(body.scan, database)) return;
  note_matches(message.candidates, group, body.scan.stream.scan(database, bytes, *scratch_));
}

// The next part of a body makes a rule a candidate again, and may still show what it asks for.
void Inspector::judge_message(MessageScan& message, const BufferSource& source) noexcept {
  if (message.candidates == nullptr) return;
  const std::size_t hits = judge_->hits().size();
  judge_->begin_piece(*scratch_);
  message.candidates->keep_if([&](Candidate& candidate) {
    if (message.has_held(candidate.rule)) return false;
    const ConfirmOutcome outcome = judge_->judge(candidate, source, true);
    if (outcome == ConfirmOutcome::yes) message.note_held(candidate.rule);
    return outcome == ConfirmOutcome::not_yet;
  });
  judge_->end_piece();
  if (judge_->hits().size() != hits) report_.keep_excerpts(message.buffers());
  if (message.candidates->is_empty()) forget_candidates(message.candidates, *pool_);
}

// A handshake is one thing, though a client that was asked to greets twice.
void Inspector::end_told_message(MessageScan& message) noexcept {
  const std::uint32_t held = message.held_count;
  end_message(message);
  if (judge_->subject().service == Service::tls) message.held_count = held;
}

void Inspector::end_message(MessageScan& message) noexcept {
  forget_candidates(message.candidates, *pool_);
  message.head_count = 0;
  message.held_count = 0;
  for (BodyScan& body : message.bodies) {
    if (body.buffer == Buffer::count_) continue;
    close_scan(body.scan);
    if (body.bytes != nullptr) pool_->give(body.bytes, 2 * kBodyWindowBytes);
    body = {};
  }
}

MessagePlace Inspector::message_place(unsigned direction, std::uint32_t message) noexcept {
  FlowTransactions*& list = flow_ != nullptr ? flow_->transactions : datagram_transactions_;
  return {judge_->subject(), list, direction, message};
}

BufferView Inspector::window_view(unsigned direction) const noexcept {
  if (flow_ == nullptr || flow_->tcp_slot == kNoSlot) return {datagram_, 0, true};
  const StreamReassembly::Window window =
      streams_->window(flow_->tcp_slot, flow_->turned(direction));
  return {window.bytes, window.begin, false};
}

}  // namespace sluice
