#include "dataplane/inspect/transaction_report.h"

#include <algorithm>
#include <new>
#include <utility>

#include "dataplane/inspect/inspect_report.h"

namespace sluice {
namespace {

constexpr std::size_t kDnsHeaderBytes = 12;

[[nodiscard]] bool holds(const InspectRecord& record, Buffer buffer, bool is_to_client) noexcept {
  const auto told = std::span(record.excerpts).first(record.excerpt_count);
  return std::any_of(told.begin(), told.end(), [&](const Excerpt& excerpt) {
    return excerpt.buffer == buffer && (excerpt.is_to_client != 0) == is_to_client;
  });
}

void note(InspectRecord& record, const TransactionRow& row, unsigned direction,
          const BufferBytes& told) noexcept {
  const TransactionSide side = direction == 0 ? kOfClient : kOfServer;
  for (const ShownBuffer& shown : row.shown) {
    if (shown.buffer != told.buffer || (shown.sides & side) == 0) continue;
    if (!shown.may_repeat && holds(record, told.buffer, direction != 0)) return;
    if (!add_excerpt(record, told.buffer, told.bytes, shown.bytes_max)) return;
    Excerpt& excerpt = record.excerpts[record.excerpt_count - 1];
    excerpt.is_to_client = direction != 0 ? 1 : 0;
    if (shown.is_whole && excerpt.is_cut != 0) --record.excerpt_count;
    return;
  }
}

/// A record is told as its client sees the flow.
void turn_to_server(InspectRecord& record) noexcept {
  if (record.direction == 0) return;
  std::swap(record.source, record.destination);
  std::swap(record.source_port, record.destination_port);
  record.direction = 0;
}

/// The parts of a conversation have different numbers.
[[nodiscard]] bool has_one_record(TransactionShape shape) noexcept {
  return shape == TransactionShape::exchange || shape == TransactionShape::conversation;
}

}  // namespace

void TransactionReport::obey(const PolicySettings& settings) noexcept {
  services_ = window_ == nullptr ? 0 : settings.transaction_records;
  wanted_buffers_ = shown_buffers(services_);
  generation_ = static_cast<std::uint16_t>(settings.generation);
  is_enforced_ = settings.mode == Mode::enforce;
}

InspectRecord TransactionReport::record_of(const MessagePlace& place) const noexcept {
  InspectRecord record = inspect_record(place.subject);
  turn_to_server(record);
  record.kind = InspectKind::transaction;
  record.message = place.message;
  record.is_stream = record.protocol == 6 ? 1 : 0;
  record.worker = worker_;
  return record;
}

void TransactionReport::take_bytes(const MessagePlace& place,
                                   std::span<const std::uint8_t> bytes) noexcept {
  const Service service = place.subject.service;
  if (!wants(service) || bytes.size() < kDnsHeaderBytes) return;
  if (transaction_row(service).shape != TransactionShape::bytes) return;
  InspectRecord record = record_of(place);
  static_cast<void>(add_excerpt(record, Buffer::payload, bytes, record.bytes.size()));
  tell(record);
}

void TransactionReport::take_buffers(const MessagePlace& place,
                                     std::span<const BufferBytes> buffers) noexcept {
  const Service service = place.subject.service;
  const TransactionRow& row = transaction_row(service);
  if (!wants(service) || row.shown.empty()) return;
  if (row.shape == TransactionShape::message) {
    InspectRecord record = record_of(place);
    for (const BufferBytes& buffer : buffers) note(record, row, place.direction, buffer);
    return tell(record);
  }
  if (row.shape == TransactionShape::exchange && place.direction == 0) flow_ends(place.flow);
  if (row.shape == TransactionShape::answered && is_interim(place, buffers)) return;
  InspectRecord* record = find_or_open(place, row.shape);
  if (record == nullptr) return;
  record->now = place.subject.packet->now;
  record->packet_number = place.subject.packet->packet_number;
  for (const BufferBytes& buffer : buffers) note(*record, row, place.direction, buffer);
}

void TransactionReport::message_ends(const MessagePlace& place) noexcept {
  if (place.flow == nullptr) return;
  FlowTransactions& flow = *place.flow;
  const TransactionShape shape = transaction_row(place.subject.service).shape;
  const bool is_last = (shape == TransactionShape::answered && place.direction == 1) ||
                       (shape == TransactionShape::gathered && place.direction == 0);
  if (!is_last) return;
  if (std::exchange(flow.is_interim, false)) return;
  for (std::size_t i = 0; i < flow.count; ++i) {
    if (flow.open[i]->message != place.message) continue;
    flow.open[i]->now = place.subject.packet->now;
    flow.open[i]->packet_number = place.subject.packet->packet_number;
    return tell_and_close(flow, i);
  }
}

void TransactionReport::flow_ends(FlowTransactions*& flow) noexcept {
  if (flow == nullptr) return;
  while (flow->count != 0) tell_and_close(*flow, 0);
  pool_->give(flow, sizeof *flow);
  flow = nullptr;
}

// RFC 9110 15.2: what comes before the answer. 101 is the last that HTTP/1 says.
bool TransactionReport::is_interim(const MessagePlace& place,
                                   std::span<const BufferBytes> buffers) noexcept {
  if (place.direction == 0 || place.flow == nullptr) return false;
  const auto code = std::find_if(buffers.begin(), buffers.end(), [](const BufferBytes& one) {
    return one.buffer == Buffer::http_stat_code && one.bytes.size() == 3;
  });
  const bool is_1xx = code != buffers.end() && code->bytes[0] == '1';
  place.flow->is_interim = is_1xx && !(code->bytes[1] == '0' && code->bytes[2] == '1');
  return place.flow->is_interim;
}

InspectRecord* TransactionReport::find_or_open(const MessagePlace& place,
                                               TransactionShape shape) noexcept {
  if (place.flow != nullptr) {
    for (std::size_t i = 0; i < place.flow->count; ++i) {
      InspectRecord* record = place.flow->open[i];
      if (has_one_record(shape) || record->message == place.message) return record;
    }
  }
  InspectRecord* record = open(place);
  if (record == nullptr) {
    ++transactions_;
    ++lost_;
  }
  return record;
}

InspectRecord* TransactionReport::open(const MessagePlace& place) noexcept {
  if (place.flow == nullptr) {
    void* chunk = pool_->take(sizeof(FlowTransactions));
    if (chunk == nullptr) return nullptr;
    place.flow = new (chunk) FlowTransactions;
  }
  FlowTransactions& flow = *place.flow;
  if (flow.count == FlowTransactions::kOpenMax) tell_and_close(flow, 0);
  void* chunk = pool_->take(sizeof(InspectRecord));
  if (chunk == nullptr) return nullptr;
  flow.open[flow.count] = new (chunk) InspectRecord(record_of(place));
  return flow.open[flow.count++];
}

void TransactionReport::tell_and_close(FlowTransactions& flow, std::size_t index) noexcept {
  InspectRecord* record = flow.open[index];
  std::copy(flow.open.begin() + index + 1, flow.open.begin() + flow.count,
            flow.open.begin() + index);
  --flow.count;
  tell(*record);
  pool_->give(record, sizeof *record);
}

void TransactionReport::tell(InspectRecord& record) noexcept {
  if (record.excerpt_count == 0 || !wants(record.service)) return;
  record.generation = generation_;
  record.is_enforced = is_enforced_ ? 1 : 0;
  ++transactions_;
  if (!window_->inspections.try_push(record)) ++lost_;
}

}  // namespace sluice
