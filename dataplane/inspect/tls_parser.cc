#include "dataplane/inspect/tls_parser.h"

#include <algorithm>

#include "dataplane/flow/tcp_state.h"

namespace sluice {
namespace {

constexpr std::uint8_t kChangeCipherSpec = 20;
constexpr std::uint8_t kAlert = 21;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kApplicationData = 23;
constexpr std::uint8_t kHeartbeat = 24;

/// What a record can hold and what encrypting may add to it (RFC 5246 6.2.3).
constexpr std::size_t kRecordBytesMax = 16'384 + 2048;
constexpr std::size_t kHeaderBytes = 5;

/// The ClientHello as of SSL 2: two bytes of length with the highest bit set, then the message.
bool is_old_hello(const std::array<std::uint8_t, kHeaderBytes>& header) noexcept {
  return (header[0] & 0x80) != 0 && header[2] == 1 && header[3] == 3;
}

}  // namespace

void TlsParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const Turn turn{side, sink, direction};
  side.has_bytes |= !bytes.empty();
  while (!bytes.empty() && !side.has_left) {
    const std::size_t count =
        side.record_left == 0 ? read_record_header(turn, bytes) : read_record(turn, bytes);
    bytes = bytes.subspan(count);
  }
  unread_bytes_ = bytes.size();
}

void TlsParser::gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  if (side.has_left) return;
  const bool is_read = side.record_type == kHandshake && is_readable(side);
  const bool is_within = bytes <= side.record_left && side.record_type != kChangeCipherSpec;
  if (!is_within || (is_read && bytes > side.skipped_left)) {
    return leave({side, sink, direction});
  }
  side.record_left = static_cast<std::uint16_t>(side.record_left - bytes);
  if (is_read) side.skipped_left -= static_cast<std::uint32_t>(bytes);
}

void TlsParser::end(unsigned direction, const AppSink& sink) noexcept {
  if (!sides_[direction].has_left) leave({sides_[direction], sink, direction});
}

void TlsParser::release() noexcept {
  for (Side& side : sides_) {
    give_gathered(side);
    side.has_left = true;
  }
  give_server_hello();
}

std::size_t TlsParser::read_record_header(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const std::size_t count = std::min(bytes.size(), kHeaderBytes - side.record_header_bytes);
  std::copy_n(bytes.begin(), count, side.record_header.begin() + side.record_header_bytes);
  side.record_header_bytes = static_cast<std::uint8_t>(side.record_header_bytes + count);
  if (side.record_header_bytes == kHeaderBytes) open_record(turn);
  return count;
}

/// Servers take any minor version of the first record, and records with nothing in them.
void TlsParser::open_record(const Turn& turn) noexcept {
  Side& side = turn.side;
  const auto& header = side.record_header;
  const bool is_first = side.record_type == 0;
  side.record_header_bytes = 0;
  std::size_t length = static_cast<std::size_t>(header[3] << 8 | header[4]);
  std::uint8_t type = header[0];
  if (is_first && turn.direction == kToServer && is_old_hello(header)) {
    const std::size_t behind = static_cast<std::size_t>((header[0] & 0x7f) << 8 | header[1]);
    length = behind > 3 ? behind - 3 : 0;
    type = kAlert;  // one that is passed over
    side.hellos = 1;
  } else if (type < kChangeCipherSpec || type > kHeartbeat || header[1] != 3 ||
             length > kRecordBytesMax) {
    tell(turn, AppAnomaly::tls_bad_record);
    return leave(turn);
  }
  side.record_type = type;
  side.record_left = static_cast<std::uint16_t>(length);
  if (type == kApplicationData) note_application_data(turn);
}

std::size_t TlsParser::read_record(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const std::size_t count = std::min<std::size_t>(bytes.size(), side.record_left);
  if (side.record_type == kHandshake && is_readable(side)) {
    const std::size_t read = read_message(turn, bytes.first(count));
    side.record_left = static_cast<std::uint16_t>(side.record_left - read);
    return read;
  }
  side.record_left = static_cast<std::uint16_t>(side.record_left - count);
  if (side.record_type == kChangeCipherSpec && side.record_left == 0) note_change_of_cipher(turn);
  return count;
}

/// A ChangeCipherSpec in front of the hello is one that receivers may pass over: it hides nothing.
bool TlsParser::is_readable(const Side& side) noexcept {
  return !side.is_sealed || (side.hellos == 0 && !side.has_data);
}

/// Behind a retry it means nothing (RFC 8446 D.4), and within a message it cannot be meant.
void TlsParser::note_change_of_cipher(const Turn& turn) noexcept {
  if (!is_retried_ && turn.side.message_header_bytes == 0) seal(turn);
}

void TlsParser::seal(const Turn& turn) noexcept {
  turn.side.is_sealed = true;
  turn.side.message_header_bytes = 0;
  turn.side.skipped_left = 0;
  give_gathered(turn.side);
  if (turn.direction == kToClient) tell_server_hello(turn);
  if (sides_[kToServer].is_sealed && sides_[kToClient].is_sealed) tell_encrypted(turn.sink);
}

/// A server sends no data before the client has spoken: else the client's packets come another way.
/// What a client says alone encrypts nothing. Behind a retry early data comes to nothing.
void TlsParser::note_application_data(const Turn& turn) noexcept {
  if (is_retried_) return;
  const bool is_alone = !sides_[1 - turn.direction].has_bytes;
  turn.side.has_data = true;
  seal(turn);
  if (is_alone && turn.direction == kToClient && !is_encrypted_) tell_encrypted(turn.sink);
}

void TlsParser::tell_encrypted(const AppSink& sink) noexcept {
  if (is_encrypted_) return;
  is_encrypted_ = true;
  release();
  sink.encrypted(sink.self);
}

void TlsParser::leave(const Turn& turn) noexcept {
  if (turn.direction == kToClient) tell_server_hello(turn);
  give_gathered(turn.side);
  turn.side.has_left = true;
}

}  // namespace sluice
