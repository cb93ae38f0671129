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
};

constexpr std::array<Row, static_cast<std::size_t>(count_)> kRows{{
    {none, "none"},
    {http_head_too_long, "http_head_too_long"},
    {http_too_many_headers, "http_too_many_headers"},
    {http_bad_request_line, "http_bad_request_line"},
    {http_bad_response_line, "http_bad_response_line"},
    {http_bad_header, "http_bad_header"},
    {http_ambiguous_length, "http_ambiguous_length"},
    {http_bad_chunk, "http_bad_chunk"},
    {http_bad_content_coding, "http_bad_content_coding"},
    {http_odd_coding_name, "http_odd_coding_name"},
    {http_decompression_limit, "http_decompression_limit"},
    {http_unanswered_requests, "http_unanswered_requests"},
    {dns_malformed, "dns_malformed"},
    {dns_pointer_loop, "dns_pointer_loop"},
    {dns_name_too_long, "dns_name_too_long"},
    {dns_too_many_records, "dns_too_many_records"},
    {tls_bad_record, "tls_bad_record"},
    {tls_bad_handshake, "tls_bad_handshake"},
    {tls_handshake_too_long, "tls_handshake_too_long"},
    {ssh_banner_too_long, "ssh_banner_too_long"},
    {smtp_line_too_long, "smtp_line_too_long"},
    {ftp_line_too_long, "ftp_line_too_long"},
    {quic_bad_initial, "quic_bad_initial"},
    {state_limit, "state_limit"},
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
