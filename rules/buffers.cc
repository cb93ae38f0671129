#include "rules/buffers.h"

namespace sluice {
namespace {

using enum Buffer;

constexpr std::array<BufferRow, kBufferCount> kBuffers{{
    {payload, "payload", Service::any, BufferSide::both, true,
     "bytes above layer 4, of the packet and of the TCP stream in order"},
    {packet, "packet", Service::any, BufferSide::both, false, "the IP packet with its headers"},
    {http_method, "http.method", Service::http, BufferSide::request, false,
     "method of an HTTP request"},
    {http_uri, "http.uri", Service::http, BufferSide::request, false,
     "request target, percent-decoded once and with its path normalised"},
    {http_uri_raw, "http.uri.raw", Service::http, BufferSide::request, false,
     "request target as it was sent"},
    {http_request_line, "http.request_line", Service::http, BufferSide::request, false,
     "first line of an HTTP request without its line end"},
    {http_protocol, "http.protocol", Service::http, BufferSide::both, false,
     "HTTP version as written, such as HTTP/1.1"},
    {http_host, "http.host", Service::http, BufferSide::request, false,
     "host of the request in lower case, without its port"},
    {http_host_raw, "http.host.raw", Service::http, BufferSide::request, false,
     "value of the Host header as it was sent"},
    {http_user_agent, "http.user_agent", Service::http, BufferSide::request, false,
     "value of the User-Agent header"},
    {http_referer, "http.referer", Service::http, BufferSide::request, false,
     "value of the Referer header"},
    {http_cookie, "http.cookie", Service::http, BufferSide::both, false,
     "values of Cookie headers, or of Set-Cookie headers in a response"},
    {http_content_type, "http.content_type", Service::http, BufferSide::both, false,
     "value of the Content-Type header"},
    {http_content_length, "http.content_length", Service::http, BufferSide::both, false,
     "value of the Content-Length header"},
    {http_accept, "http.accept", Service::http, BufferSide::request, false,
     "value of the Accept header"},
    {http_accept_language, "http.accept_language", Service::http, BufferSide::request, false,
     "value of the Accept-Language header"},
    {http_accept_encoding, "http.accept_encoding", Service::http, BufferSide::request, false,
     "value of the Accept-Encoding header"},
    {http_connection, "http.connection", Service::http, BufferSide::both, false,
     "value of the Connection header"},
    {http_header, "http.header", Service::http, BufferSide::both, false,
     "all headers but cookies, one a line, with values trimmed and folds joined"},
    {http_header_raw, "http.header.raw", Service::http, BufferSide::both, false,
     "all headers as they were sent"},
    {http_header_names, "http.header_names", Service::http, BufferSide::both, false,
     "names of all headers, each between line ends, with an empty line behind the last"},
    {http_start, "http.start", Service::http, BufferSide::both, false,
     "first line and all headers, cookies too"},
    {http_request_body, "http.request_body", Service::http, BufferSide::request, true,
     "body of a request with its transfer coding undone; of a compressed one also what it "
     "decodes to"},
    {http_stat_code, "http.stat_code", Service::http, BufferSide::response, false,
     "status code of a response"},
    {http_stat_msg, "http.stat_msg", Service::http, BufferSide::response, false,
     "reason phrase of a response"},
    {http_response_line, "http.response_line", Service::http, BufferSide::response, false,
     "first line of a response without its line end"},
    {http_server, "http.server", Service::http, BufferSide::response, false,
     "value of the Server header"},
    {http_location, "http.location", Service::http, BufferSide::response, false,
     "value of the Location header"},
    {http_response_body, "http.response_body", Service::http, BufferSide::response, true,
     "body of a response with its transfer and content codings undone"},
    {file_data, "file.data", Service::any, BufferSide::both, true,
     "content of a file: a body of HTTP with its codings undone, or a part of a mail, decoded"},
    {dns_query, "dns.query", Service::dns, BufferSide::request, false,
     "a name that is asked for, with dots between its labels"},
    {dns_answer, "dns.answer", Service::dns, BufferSide::response, false,
     "a name in the answer section"},
    {dns_header, "dns.header", Service::dns, BufferSide::both, false,
     "the twelve bytes that a DNS message begins with"},
    {tls_sni, "tls.sni", Service::tls, BufferSide::request, false, "server name in a ClientHello"},
    {tls_version, "tls.version", Service::tls, BufferSide::both, false,
     "protocol version that was agreed or offered, as text such as 1.2"},
    {tls_alpn, "tls.alpn", Service::tls, BufferSide::both, false,
     "application protocols offered, one a line"},
    {tls_cert_subject, "tls.cert_subject", Service::tls, BufferSide::response, false,
     "subject of the server's certificate"},
    {tls_cert_issuer, "tls.cert_issuer", Service::tls, BufferSide::response, false,
     "issuer of the server's certificate"},
    {tls_cert_serial, "tls.cert_serial", Service::tls, BufferSide::response, false,
     "serial number of the server's certificate, bytes in hexadecimal between colons"},
    {tls_cert_fingerprint, "tls.cert_fingerprint", Service::tls, BufferSide::response, false,
     "SHA-1 of the server's certificate, bytes in hexadecimal between colons"},
    {tls_certs, "tls.certs", Service::tls, BufferSide::response, false,
     "a certificate of the server's chain in DER"},
    {ja3_hash, "ja3.hash", Service::tls, BufferSide::request, false,
     "MD5 of the JA3 string in hexadecimal"},
    {ja3_string, "ja3.string", Service::tls, BufferSide::request, false,
     "JA3 string of a ClientHello"},
    {ja3s_hash, "ja3s.hash", Service::tls, BufferSide::response, false,
     "MD5 of the JA3S string in hexadecimal"},
    {ja3s_string, "ja3s.string", Service::tls, BufferSide::response, false,
     "JA3S string of a ServerHello"},
    {ja4_hash, "ja4.hash", Service::tls, BufferSide::request, false,
     "JA4 fingerprint of a ClientHello"},
    {smtp_helo, "smtp.helo", Service::smtp, BufferSide::request, false,
     "name given with HELO or EHLO"},
    {smtp_mail_from, "smtp.mail_from", Service::smtp, BufferSide::request, false,
     "address given with MAIL FROM"},
    {smtp_rcpt_to, "smtp.rcpt_to", Service::smtp, BufferSide::request, false,
     "address given with RCPT TO"},
    {ftp_command, "ftp.command", Service::ftp, BufferSide::request, false, "command line of FTP"},
    {ftp_verb, "ftp.verb", Service::ftp, BufferSide::request, false,
     "first word of a command line of FTP"},
    {ftp_argument, "ftp.argument", Service::ftp, BufferSide::request, false,
     "what stands behind the first word of a command line of FTP"},
    {ftp_reply, "ftp.reply", Service::ftp, BufferSide::response, false, "reply line of FTP"},
    {ssh_protocol, "ssh.protocol", Service::ssh, BufferSide::both, false,
     "protocol version of an SSH banner"},
    {ssh_software, "ssh.software", Service::ssh, BufferSide::both, false,
     "software of an SSH banner"},
    {ssh_hassh, "ssh.hassh", Service::ssh, BufferSide::request, false,
     "MD5 of the HASSH string in hexadecimal"},
    {ssh_hassh_string, "ssh.hassh_string", Service::ssh, BufferSide::request, false,
     "algorithms that a client of SSH offers: key exchange, encryption, integrity, compression"},
    {ssh_hassh_server, "ssh.hassh_server", Service::ssh, BufferSide::response, false,
     "MD5 of the HASSH string of the server in hexadecimal"},
    {ssh_hassh_server_string, "ssh.hassh_server_string", Service::ssh, BufferSide::response, false,
     "algorithms that a server of SSH offers, in the same order"},
    {quic_sni, "quic.sni", Service::quic, BufferSide::request, false,
     "server name in the ClientHello of a QUIC Initial"},
    {icmp_header, "icmp.header", Service::any, BufferSide::both, false, "ICMP or ICMPv6 header"},
    {tcp_header, "tcp.header", Service::any, BufferSide::both, false, "TCP header with options"},
    {udp_header, "udp.header", Service::any, BufferSide::both, false, "UDP header"},
    {ip_header, "ip.header", Service::any, BufferSide::both, false,
     "IPv4 header with options, or IPv6 header"},
}};

consteval bool rows_stand_at_their_value() {
  for (std::size_t i = 0; i < kBuffers.size(); ++i) {
    if (static_cast<std::size_t>(kBuffers[i].buffer) != i || kBuffers[i].name.empty()) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_value(), "row i must describe the buffer with value i");

}  // namespace

const std::array<BufferRow, kBufferCount>& buffer_table() noexcept { return kBuffers; }

const BufferRow& row_of(Buffer buffer) noexcept {
  return kBuffers[static_cast<std::size_t>(buffer)];
}

std::string_view name_of(Buffer buffer) noexcept { return row_of(buffer).name; }

std::optional<Buffer> buffer_named(std::string_view name) noexcept {
  for (const BufferRow& row : kBuffers) {
    if (row.name == name) return row.buffer;
  }
  return std::nullopt;
}

}  // namespace sluice
