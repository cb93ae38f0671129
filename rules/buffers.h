// The buffers that terms of a rule look into, one row each. The table is the only one: the YAML
// key, the importer's keyword, the service and direction of a buffer are read from it. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/service.h"

namespace sluice {

enum class Buffer : std::uint8_t {
  payload,  ///< bytes above layer 4: of the packet and, for TCP, of the stream in order
  packet,   ///< the whole IP packet with its headers
  http_method,
  http_uri,
  http_uri_raw,
  http_request_line,
  http_protocol,
  http_host,
  http_host_raw,
  http_user_agent,
  http_referer,
  http_cookie,
  http_content_type,
  http_content_length,
  http_accept,
  http_accept_language,
  http_accept_encoding,
  http_connection,
  http_header,
  http_header_raw,
  http_header_names,
  http_start,
  http_request_body,
  http_stat_code,
  http_stat_msg,
  http_response_line,
  http_server,
  http_location,
  http_response_body,
  file_data,
  dns_query,
  dns_answer,
  dns_header,
  tls_sni,
  tls_version,
  tls_alpn,
  tls_cert_subject,
  tls_cert_issuer,
  tls_cert_serial,
  tls_cert_fingerprint,
  tls_certs,
  ja3_hash,
  ja3_string,
  ja3s_hash,
  ja3s_string,
  ja4_hash,
  smtp_helo,
  smtp_mail_from,
  smtp_rcpt_to,
  ftp_command,
  ftp_verb,
  ftp_argument,
  ftp_reply,
  ssh_protocol,
  ssh_software,
  ssh_hassh,
  ssh_hassh_string,
  ssh_hassh_server,
  ssh_hassh_server_string,
  quic_sni,
  icmp_header,
  tcp_header,
  udp_header,
  ip_header,
  count_,
};
inline constexpr std::size_t kBufferCount = static_cast<std::size_t>(Buffer::count_);

enum class BufferSide : std::uint8_t { request, response, both };

struct BufferRow {
  Buffer buffer;
  std::string_view name;     ///< key in a rule file and in events: "http.uri"
  Service service;           ///< whose parser fills it; any: no parser
  BufferSide side;           ///< which direction of the flow fills it
  bool is_streamed;          ///< comes in pieces: a body, a stream
  std::string_view meaning;  ///< one sentence for the reference page
};

/// Row i describes the buffer with value i.
[[nodiscard]] const std::array<BufferRow, kBufferCount>& buffer_table() noexcept;
[[nodiscard]] const BufferRow& row_of(Buffer buffer) noexcept;
[[nodiscard]] std::string_view name_of(Buffer buffer) noexcept;
/// The buffer of that name; none where there is none.
[[nodiscard]] std::optional<Buffer> buffer_named(std::string_view name) noexcept;

}  // namespace sluice
