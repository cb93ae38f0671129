#include "dataplane/inspect/quic_parser.h"

#include <algorithm>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/tls_buffers.h"

namespace sluice {
namespace {

/// Initial packets of one datagram that are opened; a client has no reason for more than one, and a
/// datagram no room for many more.
constexpr unsigned kInitialsMax = 64;

enum FrameType : std::uint8_t {
  kPadding = 0,
  kPing = 1,
  kAckFrame = 2,
  kAckFrameWithCounts = 3,
  kCrypto = 6,
  kConnectionClose = 0x1c,
};

void skip_padding(TlsReader& reader) noexcept {
  const ByteSpan left = reader.left();
  std::size_t count = 0;
  while (count < left.size() && left[count] == kPadding) ++count;
  (void)reader.bytes(count);
}

void skip_numbers(TlsReader& reader, std::uint64_t count) noexcept {
  for (std::uint64_t i = 0; i < count && !reader.is_bad(); ++i) (void)quic_number(reader);
}

/// RFC 9000 19.3: largest, delay, how many ranges, the first one; then pairs.
void skip_ack(TlsReader& reader, bool has_counts) noexcept {
  skip_numbers(reader, 2);
  const std::uint64_t ranges = quic_number(reader);
  skip_numbers(reader, 1 + 2 * ranges + (has_counts ? 3 : 0));
}

}  // namespace

void QuicParser::datagram(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  if (direction != kToServer) return take_answer(bytes, sink);
  unsigned initials = 0;
  while (has_long_header(bytes) && initials < kInitialsMax) {
    const auto packet = read_quic_packet(bytes);
    if (!packet) return;
    bytes = bytes.subspan(packet->bytes.size());
    if (!packet->is_initial) continue;
    // Only the first packet of a datagram can begin a connection (RFC 9000 12.2).
    const ByteSpan frames = open(*packet, initials++ == 0, sink);
    if (is_done_) continue;
    if (frames.empty() || !read_frames(frames, sink)) tell(AppAnomaly::quic_bad_initial, sink);
  }
  if (initials == kInitialsMax && has_long_header(bytes)) tell(AppAnomaly::quic_bad_initial, sink);
}

/// What the client says alone encrypts nothing: the server has to take it for QUIC too.
void QuicParser::take_answer(ByteSpan bytes, const AppSink& sink) noexcept {
  if (message_ == 0 || is_encrypted_ || !read_quic_packet(bytes)) return;
  is_encrypted_ = true;
  sink.encrypted(sink.self);
}

void QuicParser::release() noexcept {
  crypto_.release(*pool_);
  is_done_ = true;
}

/// What the keys at hand do not open begins another connection, or is nothing.
ByteSpan QuicParser::open(const QuicPacket& packet, bool may_begin, const AppSink& sink) noexcept {
  const QuicSealed sealed{packet.bytes, packet.number_at};
  QuicCipher& cipher = workspace_->quic();
  ByteSpan frames;
  if (has_keys_) frames = cipher.open(keys_, sealed, next_number_);
  if (!frames.empty()) next_number_ = std::max(next_number_, cipher.number() + 1);
  if (!frames.empty() || !may_begin) return frames;
  const QuicKeys keys = client_initial_keys(packet.version, packet.connection_id);
  frames = cipher.open(keys, sealed, 0);
  if (frames.empty()) return frames;
  // One connection at a time is read: of the one before, the rest is not.
  if (has_keys_ && !is_done_) tell(AppAnomaly::quic_bad_initial, sink);
  next_number_ = cipher.number() + 1;
  keys_ = keys;
  has_keys_ = true;
  is_done_ = false;
  crypto_.release(*pool_);
  return frames;
}

/// False where a frame cannot be read, or has no place in an Initial packet.
bool QuicParser::read_frames(ByteSpan frames, const AppSink& sink) noexcept {
  TlsReader reader(frames);
  while (!reader.is_empty() && !is_done_) {
    const std::uint64_t type = quic_number(reader);
    if (type == kPadding) {
      skip_padding(reader);
    } else if (type == kAckFrame || type == kAckFrameWithCounts) {
      skip_ack(reader, type == kAckFrameWithCounts);
    } else if (type == kCrypto) {
      const std::uint64_t offset = quic_number(reader);
      const ByteSpan bytes = reader.bytes(quic_number(reader));
      if (!reader.is_bad()) take_crypto(offset, bytes, sink);
    } else if (type == kConnectionClose) {
      return true;
    } else if (type != kPing) {
      return false;
    }
  }
  if (!is_done_) take_front(sink);
  return !reader.is_bad();
}

void QuicParser::take_crypto(std::uint64_t offset, ByteSpan bytes, const AppSink& sink) noexcept {
  switch (crypto_.add(*pool_, offset, bytes)) {
    case QuicCrypto::Added::yes:
      return;
    case QuicCrypto::Added::too_long:
      return give_up(AppAnomaly::tls_handshake_too_long, sink);
    case QuicCrypto::Added::too_many_pieces:
      return give_up(AppAnomaly::quic_bad_initial, sink);
    case QuicCrypto::Added::no_memory:
      return give_up(AppAnomaly::state_limit, sink);
  }
}

void QuicParser::take_front(const AppSink& sink) noexcept {
  constexpr std::uint8_t kClientHello = 1;
  TlsReader reader(crypto_.front());
  const std::uint8_t type = reader.u8();
  const std::uint32_t length = reader.number(3);
  if (reader.is_bad()) return;
  if (type != kClientHello) return give_up(AppAnomaly::tls_bad_handshake, sink);
  if (length > kQuicCryptoBytesMax) return give_up(AppAnomaly::tls_handshake_too_long, sink);
  const ByteSpan body = reader.bytes(length);
  if (!reader.is_bad()) tell_hello(body, sink);
}

void QuicParser::tell_hello(ByteSpan body, const AppSink& sink) noexcept {
  const auto hello = read_client_hello(body);
  if (!hello) return give_up(AppAnomaly::tls_bad_handshake, sink);
  if (hello->is_odd) tell(AppAnomaly::tls_bad_handshake, sink);
  offers_ech_ = hello->has_ech;
  workspace_->begin();
  add_client_hello(*workspace_, *hello, JaTransport::quic);
  sink.buffers(sink.self, kToServer, message_, workspace_->rows());
  sink.message_ends(sink.self, kToServer, message_);
  ++message_;
  release();
}

void QuicParser::give_up(AppAnomaly anomaly, const AppSink& sink) noexcept {
  tell(anomaly, sink);
  release();
}

void QuicParser::tell(AppAnomaly anomaly, const AppSink& sink) noexcept {
  const std::uint32_t bit = 1U << static_cast<unsigned>(anomaly);
  if ((told_ & bit) != 0 && anomaly != AppAnomaly::quic_bad_initial) return;
  told_ |= bit;
  sink.anomaly(sink.self, kToServer, anomaly);
}

}  // namespace sluice
