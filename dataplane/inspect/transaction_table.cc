#include "dataplane/inspect/transaction_table.h"

#include <algorithm>
#include <array>

#include "dataplane/events.h"

namespace sluice {
namespace {

using enum Buffer;

constexpr ShownBuffer kHttp[] = {
    {http_method, kOfClient, 24},       {http_uri_raw, kOfClient, 440},
    {http_host, kOfClient, 128},        {http_protocol, kOfClient, 16},
    {http_user_agent, kOfClient, 224},  {http_referer, kOfClient, 224},
    {http_stat_code, kOfServer, 8},     {http_content_length, kOfServer, 20},
    {http_content_type, kOfServer, 64}, {http_location, kOfServer, 192},
};
constexpr ShownBuffer kTls[] = {
    {tls_sni, kOfClient, 255},
    {tls_version, kOfBoth, 8},
    {tls_alpn, kOfBoth, 48},
    {ja3_hash, kOfClient, 32},
    {ja3_string, kOfClient, 288},
    {ja4_hash, kOfClient, 40},
    {ja3s_hash, kOfServer, 32},
    {ja3s_string, kOfServer, 64},
    {tls_cert_subject, kOfServer, 176},
    {tls_cert_issuer, kOfServer, 176},
    {tls_cert_serial, kOfServer, 62},
    {tls_cert_fingerprint, kOfServer, 59},
};
constexpr ShownBuffer kQuic[] = {{quic_sni, kOfClient, 255},
                                 {ja3_hash, kOfClient, 32},
                                 {ja3_string, kOfClient, 512},
                                 {ja4_hash, kOfClient, 40}};
constexpr ShownBuffer kSsh[] = {
    {ssh_protocol, kOfBoth, 32},       {ssh_software, kOfBoth, 255},
    {ssh_hassh, kOfClient, 32},        {ssh_hassh_string, kOfClient, 700, false, true},
    {ssh_hassh_server, kOfServer, 32}, {ssh_hassh_server_string, kOfServer, 700, false, true},
};
constexpr ShownBuffer kSmtp[] = {{smtp_helo, kOfClient, 255},
                                 {smtp_mail_from, kOfClient, 255},
                                 {smtp_rcpt_to, kOfClient, 255, true}};
constexpr ShownBuffer kFtp[] = {{ftp_command, kOfClient, 512}, {ftp_reply, kOfServer, 160, true}};

using enum TransactionShape;

constexpr std::array<TransactionRow, kServiceCount> rows() {
  std::array<TransactionRow, kServiceCount> rows{};
  const auto row = [&rows](Service service, const TransactionRow& told) {
    rows[static_cast<std::size_t>(service)] = told;
  };
  row(Service::http, {answered, kHttp});
  row(Service::dns, {bytes, {}});
  row(Service::tls, {conversation, kTls});
  row(Service::quic, {message, kQuic});
  row(Service::ssh, {conversation, kSsh});
  row(Service::smtp, {gathered, kSmtp});
  row(Service::ftp, {exchange, kFtp});
  return rows;
}
constexpr std::array<TransactionRow, kServiceCount> kRows = rows();

/// A buffer that may repeat takes what is left, as do those that are told whole, but for one.
consteval bool every_row_fits_a_record() {
  for (const TransactionRow& row : kRows) {
    std::size_t count = 0;
    std::size_t size = 0;
    std::size_t largest_whole = 0;
    for (const ShownBuffer& shown : row.shown) {
      const std::size_t times = shown.sides == kOfBoth ? 2 : 1;
      count += times;
      if (shown.is_whole) {
        largest_whole = std::max<std::size_t>(largest_whole, shown.bytes_max);
      } else {
        size += times * shown.bytes_max;
      }
    }
    if (size + largest_whole > kExcerptBytesMax || count > kExcerptsMax) return false;
  }
  return true;
}
static_assert(every_row_fits_a_record(), "what an event shows has room in a record");

}  // namespace

const TransactionRow& transaction_row(Service service) noexcept {
  return kRows[static_cast<std::size_t>(service)];
}

std::uint64_t shown_buffers(std::uint32_t services) noexcept {
  std::uint64_t buffers = 0;
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if ((services >> i & 1) == 0) continue;
    for (const ShownBuffer& shown : kRows[i].shown) {
      buffers |= std::uint64_t{1} << static_cast<unsigned>(shown.buffer);
    }
  }
  return buffers;
}

}  // namespace sluice
