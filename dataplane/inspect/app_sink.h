// What a parser of an application finds in the in-order bytes of a flow, and whom it tells. Parsers
// are pushed bytes as they come, keep bounded state in a ChunkPool, and never wait or fail: what
// they cannot read is an anomaly, after which the direction is left alone. Worker thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "rules/buffers.h"

namespace sluice {

/// One named buffer of a message.
struct BufferBytes {
  Buffer buffer = Buffer::payload;
  std::span<const std::uint8_t> bytes;
};

/// What was odd about a message; each is an event. Names and meanings are in app_anomaly.cc.
enum class AppAnomaly : std::uint8_t {
  none,
  http_head_too_long,
  http_too_many_headers,
  http_bad_request_line,
  http_bad_response_line,
  http_bad_header,
  http_ambiguous_length,  ///< Content-Length beside chunked, or two that differ
  http_bad_chunk,
  http_bad_content_coding,
  http_odd_coding_name,  ///< undone by some clients, shown as it is by others
  http_decompression_limit,
  http_unanswered_requests,  ///< too many requests in flight
  dns_malformed,
  dns_pointer_loop,
  dns_name_too_long,
  dns_too_many_records,
  tls_bad_record,
  tls_bad_handshake,
  tls_handshake_too_long,
  ssh_banner_too_long,
  smtp_line_too_long,
  ftp_line_too_long,
  quic_bad_initial,
  state_limit,  ///< no memory for the parser's state: the flow goes on unparsed
  count_,
};
[[nodiscard]] std::string_view name_of(AppAnomaly anomaly) noexcept;
/// For the reference of events; empty of `none`.
[[nodiscard]] std::string_view meaning_of(AppAnomaly anomaly) noexcept;
/// Rules see one of several ways to read what came, or not all of it, and no honest sender is the
/// reason: inspect.match_limit decides.
[[nodiscard]] bool hides_bytes(unsigned direction, AppAnomaly anomaly) noexcept;

/// A function per kind of finding; `self` is the receiver. `direction` is kToServer or kToClient.
/// Spans hold until the parser is pushed the next bytes, those of a message's head until
/// `message_ends` of the same direction, those of pieces only during the call. All are set, but for
/// `message_bytes` and `decoded_piece`.
struct AppSink {
  void* self = nullptr;
  /// All buffers of a message that come whole, at once: the head of an HTTP message, a DNS message,
  /// a ClientHello. `message` counts from 0 per direction; request n is answered by response n.
  void (*buffers)(void* self, unsigned direction, std::uint32_t message,
                  std::span<const BufferBytes> buffers) noexcept = nullptr;
  /// The next piece of a buffer that comes in pieces, in order. `is_last` may come with no bytes.
  void (*piece)(void* self, unsigned direction, std::uint32_t message, BufferBytes piece,
                bool is_last) noexcept = nullptr;
  /// The same of a buffer that is told as it was sent, too: what its coding stands for
  /// (http.request_body, of which a server may read either). May be null: nobody wants it.
  void (*decoded_piece)(void* self, unsigned direction, std::uint32_t message, BufferBytes piece,
                        bool is_last) noexcept = nullptr;
  /// The message as it was sent, in front of its buffers, of parsers whose messages come in one
  /// piece (DNS). May be null: nobody wants it.
  void (*message_bytes)(void* self, unsigned direction, std::uint32_t message,
                        std::span<const std::uint8_t> bytes) noexcept = nullptr;
  void (*message_ends)(void* self, unsigned direction, std::uint32_t message) noexcept = nullptr;
  void (*anomaly)(void* self, unsigned direction, AppAnomaly anomaly) noexcept = nullptr;
  /// Nothing in this flow will be readable from here on: it is encrypted.
  void (*encrypted)(void* self) noexcept = nullptr;
};

}  // namespace sluice
