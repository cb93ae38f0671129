// Keywords that name a buffer for the terms behind them, tests of a buffer's size, and the old
// ones of TLS that name a buffer and its content at once.
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_replies.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

constexpr std::uint64_t kLargest4 = 0xf;
constexpr std::uint64_t kLargest16 = 0xffff;
constexpr std::uint64_t kLargest32 = 0xffff'ffff;

Status select_buffer(RuleDraft& draft, const Option&, const Keyword& keyword) {
  if (!keyword.note.empty()) {
    draft.downgrades.push_back({std::string(keyword.name), std::string(keyword.note)});
  }
  return draft.select(keyword.buffer);
}

Status read_completion_code(RuleDraft& draft, const Option&, const Keyword&) {
  return select_reply_code(draft);
}

Status select_payload(RuleDraft& draft, const Option&, const Keyword&) {
  return draft.select_payload();
}

Status read_bsize(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto range = read_range(option.value, keyword.max);
  if (!range) return tl::unexpected(range.error());
  return draft.add_selected_size(*range);
}

Status read_dsize(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto range = read_range(option.value, keyword.max);
  if (!range) return tl::unexpected(range.error());
  draft.add_size(Buffer::payload, *range);
  return {};
}

Status read_urilen(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto words = split_list(option.value, ',');
  const auto range = read_range(words.empty() ? "" : words.front(), keyword.max);
  if (!range) return tl::unexpected(range.error());
  const std::string_view form = words.size() > 1 ? words[1] : "norm";
  if (words.size() > 2 || (form != "norm" && form != "raw")) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is neither norm nor raw", escape_control(form)));
  }
  draft.add_size(form == "raw" ? Buffer::http_uri_raw : Buffer::http_uri, *range);
  return {};
}

/// Of the header of DNS the bits of `mask` in the byte at `offset` are in a range.
Status test_dns_header(RuleDraft& draft, const NumberRange& range, std::int64_t offset,
                       std::uint64_t mask) {
  ByteTestTerm test;
  test.read = {.bytes = 1, .offset = offset, .mask = mask};
  const auto add = [&](Comparison comparison, std::uint64_t value) {
    test.comparison = comparison;
    test.operand = static_cast<std::int64_t>(value);
    return draft.add_to(Buffer::dns_header, test);
  };
  if (range.low == range.high) {
    return add(range.is_negated ? Comparison::not_equal : Comparison::equal, range.low);
  }
  if (range.is_negated) return fail(ErrorKind::invalid, "behind '!' one number belongs there");
  if (auto added = add(Comparison::greater_or_equal, range.low); !added) return added;
  return add(Comparison::less_or_equal, range.high);
}

Status read_dns_opcode(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto range = read_range(option.value, keyword.max);
  if (!range) return tl::unexpected(range.error());
  return test_dns_header(draft, *range, 2, 0x78);
}

/// Only an answer has one.
Status read_dns_rcode(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto range = read_range(option.value, keyword.max);
  if (!range) return tl::unexpected(range.error());
  constexpr NumberRange kIsResponse{1, 1, false};
  if (auto added = test_dns_header(draft, kIsResponse, 2, 0x80); !added) return added;
  return test_dns_header(draft, *range, 3, 0x0f);
}

/// "tls.subject:!"CN=x"" has the content in its value.
Status read_buffer_content(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  std::string_view value = option.value;
  ContentTerm content;
  content.is_negated = cut_negation(value);
  content.bytes = read_text(value);
  if (content.bytes.empty()) return fail(ErrorKind::invalid, "a content belongs there");
  return draft.add_to(keyword.buffer, std::move(content));
}

Status read_fingerprint(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  std::string_view value = option.value;
  ContentTerm content;
  content.is_negated = cut_negation(value);
  content.bytes = read_text(value);
  content.starts_with = true;
  content.ends_with = true;
  constexpr std::size_t kDigestBytes = 20;
  if (content.bytes.size() != kDigestBytes * 3 - 1) {
    return fail(ErrorKind::invalid, "20 bytes in hexadecimal between colons belong there");
  }
  return draft.add_to(keyword.buffer, std::move(content));
}

/// With a value it tests the version at once, without one it names the buffer.
Status read_tls_version(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  if (option.value.empty()) return draft.select(keyword.buffer);
  const std::string version = read_text(option.value);
  if (version != "1.0" && version != "1.1" && version != "1.2" && version != "1.3") {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is no version: 1.0 to 1.3 are", escape_control(version)));
  }
  ContentTerm content;
  content.bytes = version;
  content.starts_with = true;
  content.ends_with = true;
  return draft.add_to(keyword.buffer, std::move(content));
}

constexpr auto kNoValue = SuricataValue::none;
constexpr auto kRequired = SuricataValue::required;
constexpr std::string_view kBothVersions = "it sees headers of IPv4 and of IPv6";
constexpr std::string_view kBothIcmp = "it sees headers of ICMP and of ICMPv6";

constexpr Keyword sticky(std::string_view name, Buffer buffer,
                         std::string_view note = {}) noexcept {
  return {name, kNoValue, &select_buffer, buffer, HeaderField::ttl, 0, note};
}
constexpr Keyword size_test(std::string_view name, ReadSuricataKeyword read,
                            std::uint64_t max) noexcept {
  return {name, kRequired, read, Buffer::payload, HeaderField::ttl, max};
}

constexpr std::array kKeywords{
    size_test("bsize", &read_bsize, kLargest32),
    size_test("dsize", &read_dsize, kLargest16),
    size_test("urilen", &read_urilen, kLargest16),
    size_test("dns.opcode", &read_dns_opcode, kLargest4),
    size_test("dns.rcode", &read_dns_rcode, kLargest4),
    Keyword{"pkt_data", kNoValue, &select_payload},

    sticky("http.method", Buffer::http_method),
    sticky("http.uri", Buffer::http_uri),
    sticky("http.uri.raw", Buffer::http_uri_raw),
    sticky("http.request_line", Buffer::http_request_line),
    sticky("http_request_line", Buffer::http_request_line),
    sticky("http.protocol", Buffer::http_protocol),
    sticky("http_protocol", Buffer::http_protocol),
    sticky("http.host", Buffer::http_host),
    sticky("http.host.raw", Buffer::http_host_raw),
    sticky("http.user_agent", Buffer::http_user_agent),
    sticky("http.referer", Buffer::http_referer),
    sticky("http_referer", Buffer::http_referer),
    sticky("http.cookie", Buffer::http_cookie),
    sticky("http.content_type", Buffer::http_content_type),
    sticky("http_content_type", Buffer::http_content_type),
    sticky("http.content_len", Buffer::http_content_length),
    sticky("http_content_len", Buffer::http_content_length),
    sticky("http.accept", Buffer::http_accept),
    sticky("http_accept", Buffer::http_accept),
    sticky("http.accept_lang", Buffer::http_accept_language),
    sticky("http_accept_lang", Buffer::http_accept_language),
    sticky("http.accept_enc", Buffer::http_accept_encoding),
    sticky("http_accept_enc", Buffer::http_accept_encoding),
    sticky("http.connection", Buffer::http_connection),
    sticky("http_connection", Buffer::http_connection),
    sticky("http.header", Buffer::http_header),
    sticky("http.header.raw", Buffer::http_header_raw),
    sticky("http.header_names", Buffer::http_header_names),
    sticky("http_header_names", Buffer::http_header_names),
    sticky("http.start", Buffer::http_start),
    sticky("http_start", Buffer::http_start),
    sticky("http.request_body", Buffer::http_request_body),
    sticky("http.stat_code", Buffer::http_stat_code),
    sticky("http.stat_msg", Buffer::http_stat_msg),
    sticky("http.response_line", Buffer::http_response_line),
    sticky("http_response_line", Buffer::http_response_line),
    sticky("http.server", Buffer::http_server),
    sticky("http.location", Buffer::http_location),
    sticky("http.response_body", Buffer::http_response_body),
    sticky("file.data", Buffer::file_data),
    sticky("file_data", Buffer::file_data),

    sticky("dns.query", Buffer::dns_query),
    sticky("dns_query", Buffer::dns_query),
    sticky("dns.queries.rrname", Buffer::dns_query, "it sees the names of requests only"),
    sticky("dns.query.name", Buffer::dns_query, "it sees the names of requests only"),
    sticky("dns.answers.rrname", Buffer::dns_answer),
    sticky("dns.answer.name", Buffer::dns_answer),

    sticky("tls.sni", Buffer::tls_sni),
    sticky("tls_sni", Buffer::tls_sni),
    sticky("tls.alpn", Buffer::tls_alpn),
    sticky("tls.cert_subject", Buffer::tls_cert_subject),
    sticky("tls_cert_subject", Buffer::tls_cert_subject),
    sticky("tls.cert_issuer", Buffer::tls_cert_issuer),
    sticky("tls_cert_issuer", Buffer::tls_cert_issuer),
    sticky("tls.cert_serial", Buffer::tls_cert_serial),
    sticky("tls_cert_serial", Buffer::tls_cert_serial),
    sticky("tls.cert_fingerprint", Buffer::tls_cert_fingerprint),
    sticky("tls_cert_fingerprint", Buffer::tls_cert_fingerprint),
    sticky("tls.certs", Buffer::tls_certs),
    Keyword{"tls.version", SuricataValue::optional, &read_tls_version, Buffer::tls_version},
    Keyword{"tls.subject", kRequired, &read_buffer_content, Buffer::tls_cert_subject},
    Keyword{"tls.issuerdn", kRequired, &read_buffer_content, Buffer::tls_cert_issuer},
    Keyword{"tls.fingerprint", kRequired, &read_fingerprint, Buffer::tls_cert_fingerprint},
    sticky("ja3.hash", Buffer::ja3_hash),
    sticky("ja3_hash", Buffer::ja3_hash),
    sticky("ja3.string", Buffer::ja3_string),
    sticky("ja3_string", Buffer::ja3_string),
    sticky("ja3s.hash", Buffer::ja3s_hash),
    sticky("ja3s_hash", Buffer::ja3s_hash),
    sticky("ja3s.string", Buffer::ja3s_string),
    sticky("ja3s_string", Buffer::ja3s_string),
    sticky("ja4.hash", Buffer::ja4_hash),
    sticky("ja4_hash", Buffer::ja4_hash),
    sticky("quic.sni", Buffer::quic_sni),

    sticky("smtp.helo", Buffer::smtp_helo),
    sticky("smtp.mail_from", Buffer::smtp_mail_from),
    sticky("smtp.rcpt_to", Buffer::smtp_rcpt_to),
    sticky("ssh.proto", Buffer::ssh_protocol),
    sticky("ssh_proto", Buffer::ssh_protocol),
    sticky("ssh.software", Buffer::ssh_software),
    sticky("ssh_software", Buffer::ssh_software),
    sticky("ssh.hassh", Buffer::ssh_hassh),
    sticky("ssh.hassh.string", Buffer::ssh_hassh_string),
    sticky("ssh.hassh.server", Buffer::ssh_hassh_server),
    sticky("ssh.hassh.server.string", Buffer::ssh_hassh_server_string),
    sticky("ftp.command", Buffer::ftp_verb),
    sticky("ftp.command_data", Buffer::ftp_argument),
    sticky("ftp.reply", Buffer::ftp_reply),
    Keyword{"ftp.completion_code", kNoValue, &read_completion_code, Buffer::ftp_reply},

    sticky("tcp.hdr", Buffer::tcp_header),
    sticky("udp.hdr", Buffer::udp_header),
    sticky("ipv4.hdr", Buffer::ip_header, kBothVersions),
    sticky("ipv6.hdr", Buffer::ip_header, kBothVersions),
    sticky("icmpv4.hdr", Buffer::icmp_header, kBothIcmp),
    sticky("icmpv6.hdr", Buffer::icmp_header, kBothIcmp),
};

}  // namespace

std::span<const SuricataKeyword> suricata_buffer_keywords() noexcept { return kKeywords; }

}  // namespace sluice
