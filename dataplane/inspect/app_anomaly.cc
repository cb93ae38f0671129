#include <array>
#include <cstddef>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/app_sink.h"

namespace sluice {
namespace {

using enum AppAnomaly;

struct Row {
  AppAnomaly anomaly;
  std::string_view name;
  std::string_view meaning;
};

constexpr std::array<Row, static_cast<std::size_t>(count_)> kRows{{
    {none, "none", ""},
    {http_head_too_long, "http_head_too_long",
     "a head above 63 KiB: its direction is not read further"},
    {http_too_many_headers, "http_too_many_headers",
     "more headers than are told; the others are in `http.header` only"},
    {http_bad_request_line, "http_bad_request_line", "no request line where one was due"},
    {http_bad_response_line, "http_bad_response_line", "no status line where one was due"},
    {http_bad_header, "http_bad_header", "a line among headers that is none"},
    {http_ambiguous_length, "http_ambiguous_length",
     "several lengths, a length beside chunks, or a transfer coding that is not known"},
    {http_bad_chunk, "http_bad_chunk", "a chunk whose size or end is not as it has to be"},
    {http_bad_content_coding, "http_bad_content_coding",
     "a body that is not in the coding that its head names, or in several"},
    {http_odd_coding_name, "http_odd_coding_name",
     "the name of a coding that only resembles one: some clients undo it, others do not"},
    {http_decompression_limit, "http_decompression_limit",
     "a body that grows to more than 100 times what was sent, or is work for nothing; what comes "
     "then is not told"},
    {http_unanswered_requests, "http_unanswered_requests",
     "too many requests without a response: responses are not told apart any more"},
    {dns_malformed, "dns_malformed", "a message that does not fit its own counts and lengths"},
    {dns_pointer_loop, "dns_pointer_loop", "a name whose pointers lead in a circle"},
    {dns_name_too_long, "dns_name_too_long", "a name above 255 bytes"},
    {dns_too_many_records, "dns_too_many_records", "more questions or answers than are told"},
    {tls_bad_record, "tls_bad_record", "a record of no known kind or length"},
    {tls_bad_handshake, "tls_bad_handshake", "a handshake message that contradicts itself"},
    {tls_handshake_too_long, "tls_handshake_too_long",
     "a handshake message above 64 KiB (only a ClientHello obeys)"},
    {ssh_banner_too_long, "ssh_banner_too_long",
     "a banner above 255 bytes, or none within 1,024 lines"},
    {smtp_line_too_long, "smtp_line_too_long", "a line above 4,096 bytes"},
    {ftp_line_too_long, "ftp_line_too_long", "a line above 4,096 bytes"},
    {quic_bad_initial, "quic_bad_initial",
     "Initial packets that differ where they should not, or more than are read"},
    {state_limit, "state_limit", "no memory to read the messages of the flow: it goes on without"},
}};

consteval bool rows_stand_at_their_value() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].anomaly) != i || kRows[i].name.empty()) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_value(), "row i must name the anomaly with value i");

}  // namespace

std::string_view name_of(AppAnomaly anomaly) noexcept {
  return kRows[static_cast<std::size_t>(anomaly)].name;
}

std::string_view meaning_of(AppAnomaly anomaly) noexcept {
  return kRows[static_cast<std::size_t>(anomaly)].meaning;
}

bool hides_bytes(unsigned direction, AppAnomaly anomaly) noexcept {
  switch (anomaly) {
    case http_odd_coding_name:
    case quic_bad_initial:
    case state_limit:
      return true;
    case tls_handshake_too_long:  // chains of certificates are, a hello is not
      return direction == kToServer;
    default:
      return false;
  }
}

}  // namespace sluice
