// The part of the inspector that finds out which application a flow is of and feeds its parser. The
// first bytes of either direction tell; what the other side said before is pushed first. Datagrams
// tell each for itself.
#include <algorithm>
#include <new>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/http_blank.h"
#include "dataplane/inspect/inspector.h"

namespace sluice {
namespace {

/// What stands before a request is none of it.
[[nodiscard]] bool is_blank(ByteSpan bytes) noexcept {
  return std::ranges::all_of(bytes, is_before_request);
}

[[nodiscard]] bool is_written_off(const FlowInspection& flow) noexcept {
  return flow.detect_from[0] == kUndetectable && flow.detect_from[1] == kUndetectable;
}

}  // namespace

// --- datagrams ----------------------------------------------------------------------------------

void Inspector::inspect_datagram(Packet& packet, FlowInspection* inspection,
                                 std::span<const std::uint8_t> payload) noexcept {
  constexpr std::uint32_t kOfDatagrams = bit_of(Service::dns) | bit_of(Service::quic);
  if ((known_services_ & kOfDatagrams) == 0 || payload.empty()) return;
  const unsigned direction = direction_of(packet);
  const bool is_quic = inspection != nullptr && inspection->service == Service::quic;
  const Service service =
      is_quic ? Service::quic : detect_datagram(direction, payload, server_port_of(packet));
  if (service == Service::unknown) return;
  judge_->use_service(service);
  if (!wants_parser(service)) return;
  datagram_ = payload;
  if (service == Service::quic) return read_quic(packet, inspection, payload);
  messages_ = &datagram_messages_;
  read_dns_message(direction, 0, payload, workspace_->dns, app_sink());
  for (MessageScan& message : datagram_messages_) end_message(message);
  transactions_->flow_ends(datagram_transactions_);
}

// A ClientHello may need several datagrams, so that its flow is remembered.
void Inspector::read_quic(Packet& packet, FlowInspection* inspection,
                          std::span<const std::uint8_t> payload) noexcept {
  if (packet.flow == nullptr) return;
  flow_ = inspection != nullptr ? inspection : open(packet);
  if (flow_ == nullptr) return;
  is_encrypted_ = false;
  if (flow_->application != nullptr || open_application(Service::quic)) {
    begin_messages();
    flow_->application->parser.datagram(direction_of(packet), payload, app_sink());
    end_messages();
    if (is_encrypted_ && settings_->inspect.encrypted == EncryptedPolicy::bypass) {
      flow_->set(kInspectionEnded);
    }
  }
  flow_ = nullptr;
}

// --- streams ------------------------------------------------------------------------------------

void Inspector::feed_application(const StreamPiece& piece) noexcept {
  if (flow_->service != Service::any && hears_server(piece)) [[unlikely]] {
    if (contradicts(piece)) push_all(piece, 0);
    return;
  }
  if (flow_->application != nullptr) [[likely]]
    return push(piece.direction, piece.bytes);
  if (flow_->service != Service::any || !detect_application(piece)) return;
  push_all(piece, flow_->detect_from[piece.direction]);
  // Its own first bytes told.
  if (piece.direction == kToClient) flow_->detect_from[kToClient] = kUndetectable;
}

/// What both sides have said, of this one from byte `first` on.
void Inspector::push_all(const StreamPiece& piece, std::uint64_t first) noexcept {
  const unsigned other = piece.direction ^ 1U;
  const StreamReassembly::Window said = streams_->window(flow_->tcp_slot, other);
  if (said.begin != 0) note_over_limit();
  if (said.begin == 0 && !said.bytes.empty()) push(other, said.bytes);
  push(piece.direction, piece.window.last(piece.begin + piece.bytes.size() - first));
}

/// The client's first bytes told the application, and the server has not shown yet that it agrees.
bool Inspector::hears_server(const StreamPiece& piece) const noexcept {
  return piece.direction == kToClient && flow_->detect_from[kToClient] != kUndetectable;
}

/// A client may pretend to speak another protocol than its server, which passes over what it does
/// not know: the server's first bytes tell better. True: another application goes on, with a
/// parser. Else the piece was pushed to the one at hand.
bool Inspector::contradicts(const StreamPiece& piece) noexcept {
  std::uint32_t& from = flow_->detect_from[kToClient];
  const std::uint64_t end = piece.begin + piece.bytes.size();
  Detection found{Service::unknown, Likeness::no};
  if (end == piece.window.size()) {
    found = detect_stream(kToClient, piece.window, flow_->server_port);
  }
  if (found.likeness != Likeness::need_more) from = kUndetectable;
  if (found.likeness != Likeness::yes || found.service == flow_->service) {
    if (flow_->application != nullptr) push(piece.direction, piece.bytes);
    return false;
  }
  close_application(*flow_);
  transactions_->flow_ends(flow_->transactions);
  return open_application(found.service);
}

/// True: the application is known from now on, and has a parser.
bool Inspector::detect_application(const StreamPiece& piece) noexcept {
  std::uint32_t& from = flow_->detect_from[piece.direction];
  if (from == kUndetectable) return false;
  const std::uint64_t end = piece.begin + piece.bytes.size();
  Detection found{Service::unknown, Likeness::no};
  if (end - from <= piece.window.size() && end < kUndetectable) {
    const ByteSpan bytes = piece.window.last(end - from);
    found = detect(piece.direction, bytes);
    if (found.likeness == Likeness::need_more && is_blank(bytes)) {
      from = static_cast<std::uint32_t>(end);
    }
  }
  if (found.likeness == Likeness::yes) return open_application(found.service);
  if (found.likeness == Likeness::no) {
    from = kUndetectable;
    judge_->use_service(Service::unknown);
  }
  if (is_written_off(*flow_)) flow_->service = Service::unknown;
  return false;
}

// Of a connection that was met midway nobody knows who asked for it: its first packet may be the
// server's. HTTP tells.
Detection Inspector::detect(unsigned direction, std::span<const std::uint8_t> bytes) noexcept {
  Detection found = detect_stream(direction, bytes, flow_->server_port);
  const Flow* const flow = judge_->subject().flow;
  if (found.likeness == Likeness::yes || flow == nullptr || !flow->has(kMidstream)) return found;
  const Likeness turned =
      direction == kToServer ? looks_like_http_response(bytes) : looks_like_http_request(bytes);
  if (turned == Likeness::yes) {
    flow_->set(kInspectionTurned);
    return {Service::http, Likeness::yes};
  }
  if (turned == Likeness::need_more) found.likeness = Likeness::need_more;
  return found;
}

// Where rules leave an encrypted flow alone, its parser says from where on.
bool Inspector::wants_parser(Service service) const noexcept {
  if ((wanted_services_ & bit_of(service)) != 0) return AppParser::exists_for(service);
  const bool encrypts = service == Service::tls || service == Service::ssh;
  return encrypts && !only_tells_ && settings_->inspect.encrypted == EncryptedPolicy::bypass;
}

bool Inspector::open_application(Service service) noexcept {
  flow_->service = service;
  judge_->use_service(service);
  if (!wants_parser(service)) return false;
  // A datagram proves nothing of its sender: half of the memory is not for what it claims to be.
  const bool is_scarce =
      service == Service::quic && pool_->counters().bytes_in_use > pool_->capacity() / 2;
  void* chunk = is_scarce ? nullptr : pool_->take(sizeof(FlowApplication));
  if (chunk == nullptr) {
    note_over_limit();
    return false;
  }
  flow_->application = new (chunk) FlowApplication(service, *workspace_);
  return true;
}

void Inspector::close_application(FlowInspection& inspection) noexcept {
  if (inspection.application == nullptr) return;
  for (MessageScan& message : inspection.application->messages) end_message(message);
  inspection.application->parser.release();
  pool_->give(inspection.application, sizeof(FlowApplication));
  inspection.application = nullptr;
  inspection.clear(kInspectionTurned);
}

void Inspector::push(unsigned direction, std::span<const std::uint8_t> bytes) noexcept {
  begin_messages();
  flow_->application->parser.push(flow_->turned(direction), bytes, app_sink());
  end_messages();
}

void Inspector::begin_messages() noexcept {
  messages_ = &flow_->application->messages;
  judge_->use_turned(flow_->has(kInspectionTurned));
}

/// Spans that a parser does not keep are gone when it returns.
void Inspector::end_messages() noexcept {
  for (const unsigned direction : {kToServer, kToClient}) judge_rest(direction);
  judge_->use_turned(false);
  if (flow_->application->parser.keeps_buffers()) [[likely]]
    return;
  for (MessageScan& message : *messages_) message.head_count = 0;
}

void Inspector::skip_gap(unsigned direction, std::uint64_t bytes) noexcept {
  if (flow_->application == nullptr) {
    if (flow_->service == Service::any) flow_->service = Service::unknown;
    return;
  }
  begin_messages();
  flow_->application->parser.gap(flow_->turned(direction), bytes, app_sink());
  end_messages();
}

// What has not shown its application by its end has none.
void Inspector::end_stream(unsigned direction) noexcept {
  if (flow_->service == Service::any) {
    flow_->detect_from[direction] = kUndetectable;
    judge_->use_service(Service::unknown);
    if (is_written_off(*flow_)) flow_->service = Service::unknown;
  }
  StreamScan& scan = flow_->scans[direction];
  if (scan.candidates != nullptr) {
    BufferSource source;
    source.payload = window_view(direction);
    source.payload.is_complete = true;
    judge_waiting(scan, source);
  }
  if (flow_->application == nullptr) return;
  begin_messages();
  flow_->application->parser.end(flow_->turned(direction), app_sink());
  end_messages();
}

}  // namespace sluice
