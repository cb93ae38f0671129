// The part of the TLS parser that reads handshake messages, which lie in records as they please:
// several in one, one in several.
#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/tls_buffers.h"
#include "dataplane/inspect/tls_parser.h"

namespace sluice {
namespace {

constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kServerHello = 2;
constexpr std::uint8_t kCertificate = 11;
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kFirstRoom = 2048;
constexpr std::uint8_t kHellosMax = 2;  ///< the second one behind a retry
constexpr std::uint16_t kVersion13 = 0x0304;

std::uint32_t length_of(const std::array<std::uint8_t, kHeaderBytes>& header) noexcept {
  return static_cast<std::uint32_t>(header[1] << 16 | header[2] << 8 | header[3]);
}

}  // namespace

std::size_t TlsParser::read_message(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  if (side.skipped_left > 0) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), side.skipped_left);
    side.skipped_left -= static_cast<std::uint32_t>(count);
    return count;
  }
  if (side.message_header_bytes == kHeaderBytes) return read_message_body(turn, bytes);
  const std::size_t count = std::min(bytes.size(), kHeaderBytes - side.message_header_bytes);
  std::copy_n(bytes.begin(), count, side.message_header.begin() + side.message_header_bytes);
  side.message_header_bytes = static_cast<std::uint8_t>(side.message_header_bytes + count);
  if (side.message_header_bytes == kHeaderBytes) open_message(turn);
  return count;
}

void TlsParser::open_message(const Turn& turn) noexcept {
  Side& side = turn.side;
  const std::uint8_t type = side.message_header[0];
  const std::uint32_t length = length_of(side.message_header);
  if (turn.direction == kToClient && type != kCertificate) tell_server_hello(turn);
  bool is_read = wants_message(turn, type);
  if (is_read && length > kTlsMessageBytesMax) {
    tell(turn, AppAnomaly::tls_handshake_too_long);
    is_read = false;
  }
  if (is_read && length > 0) return;
  side.message_header_bytes = 0;
  side.skipped_left = length;
  if (is_read) tell_disorder(turn);
}

/// Hellos of the side that sends them, twice at most, and the server's certificates once.
bool TlsParser::wants_message(const Turn& turn, std::uint8_t type) noexcept {
  Side& side = turn.side;
  const bool is_certificate = turn.direction == kToClient && type == kCertificate;
  if (is_certificate && !has_certificates_) return has_certificates_ = true;
  const bool is_hello = type == (turn.direction == kToServer ? kClientHello : kServerHello);
  if (is_hello && side.hellos < kHellosMax) {
    ++side.hellos;
    side.is_sealed = false;
    return true;
  }
  if (is_hello || is_certificate) tell_disorder(turn);
  return false;
}

std::size_t TlsParser::read_message_body(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const std::size_t length = length_of(side.message_header);
  const std::size_t count = std::min(bytes.size(), length - side.gathered_bytes);
  if (count == length) {
    side.message_header_bytes = 0;
    take_message(turn, bytes.first(length));
    return count;
  }
  if (!append(side, bytes.first(count))) {
    tell(turn, AppAnomaly::state_limit);
    leave(turn);
    return bytes.size();
  }
  if (side.gathered_bytes == length) {
    side.message_header_bytes = 0;
    take_message(turn, {side.gathered, length});
    give_gathered(side);
  }
  return count;
}

bool TlsParser::append(Side& side, ByteSpan bytes) noexcept {
  const std::size_t needed = side.gathered_bytes + bytes.size();
  if (needed > side.gathered_room) {
    const std::size_t room = std::max(kFirstRoom, std::bit_ceil(needed));
    auto* chunk = static_cast<std::uint8_t*>(pool_->take(room));
    if (chunk == nullptr) return false;
    if (side.gathered != nullptr) {
      std::memcpy(chunk, side.gathered, side.gathered_bytes);
      pool_->give(side.gathered, side.gathered_room);
    }
    side.gathered = chunk;
    side.gathered_room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(side.gathered + side.gathered_bytes, bytes.data(), bytes.size());
  side.gathered_bytes = static_cast<std::uint32_t>(needed);
  return true;
}

void TlsParser::take_message(const Turn& turn, ByteSpan body) noexcept {
  switch (turn.side.message_header[0]) {
    case kClientHello:
      return take_client_hello(turn, body);
    case kServerHello:
      return take_server_hello(turn, body);
    default:
      return take_certificates(turn, body);
  }
}

void TlsParser::take_client_hello(const Turn& turn, ByteSpan body) noexcept {
  const auto hello = read_client_hello(body);
  if (!hello || hello->is_odd) tell_disorder(turn);
  if (!hello) return;
  offers_ech_ = hello->has_ech;
  workspace_->begin();
  add_client_hello(*workspace_, *hello, JaTransport::tcp);
  tell_rows(turn);
}

void TlsParser::take_server_hello(const Turn& turn, ByteSpan body) noexcept {
  const auto hello = read_server_hello(body);
  if (!hello || hello->is_odd) tell_disorder(turn);
  if (!hello) return;
  const bool is_last = hello->version >= kVersion13 && !hello->is_retry;
  if (!hello->is_retry && !is_last && keep_server_hello(body)) return;
  workspace_->begin();
  add_server_hello(*workspace_, *hello);
  tell_rows(turn);
  if (is_last) return tell_encrypted(turn.sink);
  if (!hello->is_retry) return;
  is_retried_ = true;
  sides_[kToServer].is_sealed = false;
}

void TlsParser::take_certificates(const Turn& turn, ByteSpan body) noexcept {
  workspace_->begin();
  const auto hello = read_server_hello({server_hello_, server_hello_bytes_});
  if (hello) add_server_hello(*workspace_, *hello);
  if (!add_certificates(*workspace_, body)) tell_disorder(turn);
  tell_rows(turn);
  give_server_hello();
}

/// False where the pool has no room: then it is told alone.
bool TlsParser::keep_server_hello(ByteSpan body) noexcept {
  give_server_hello();
  auto* chunk = static_cast<std::uint8_t*>(pool_->take(body.size()));
  if (chunk == nullptr) return false;
  std::memcpy(chunk, body.data(), body.size());
  server_hello_ = chunk;
  server_hello_bytes_ = static_cast<std::uint32_t>(body.size());
  return true;
}

/// The one that waits, when no certificates come behind it.
void TlsParser::tell_server_hello(const Turn& turn) noexcept {
  if (server_hello_ == nullptr) return;
  const auto hello = read_server_hello({server_hello_, server_hello_bytes_});
  workspace_->begin();
  if (hello) add_server_hello(*workspace_, *hello);
  tell_rows(turn);
  give_server_hello();
}

void TlsParser::tell_rows(const Turn& turn) noexcept {
  const AppSink& sink = turn.sink;
  sink.buffers(sink.self, turn.direction, turn.side.message, workspace_->rows());
  sink.message_ends(sink.self, turn.direction, turn.side.message);
  ++turn.side.message;
}

void TlsParser::give_gathered(Side& side) noexcept {
  if (side.gathered != nullptr) pool_->give(side.gathered, side.gathered_room);
  side.gathered = nullptr;
  side.gathered_bytes = 0;
  side.gathered_room = 0;
}

void TlsParser::give_server_hello() noexcept {
  if (server_hello_ != nullptr) pool_->give(server_hello_, server_hello_bytes_);
  server_hello_ = nullptr;
  server_hello_bytes_ = 0;
}

void TlsParser::tell(const Turn& turn, AppAnomaly anomaly) noexcept {
  turn.sink.anomaly(turn.sink.self, turn.direction, anomaly);
}

/// Once a direction: a message that cannot be read, or that nobody sends twice.
void TlsParser::tell_disorder(const Turn& turn) noexcept {
  if (turn.side.has_told_disorder) return;
  turn.side.has_told_disorder = true;
  tell(turn, AppAnomaly::tls_bad_handshake);
}

}  // namespace sluice
