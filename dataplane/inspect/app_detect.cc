#include "dataplane/inspect/app_detect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/dns_detect.h"
#include "dataplane/inspect/line_words.h"
#include "dataplane/inspect/quic_detect.h"
#include "dataplane/inspect/tls_detect.h"

namespace sluice {
namespace {

using enum Likeness;

constexpr std::size_t kBytesMax = 1024;

[[nodiscard]] Likeness begins_with(ByteSpan bytes, std::string_view word) noexcept {
  const std::size_t count = std::min(bytes.size(), word.size());
  if (std::memcmp(bytes.data(), word.data(), count) != 0) return no;
  return count == word.size() ? yes : need_more;
}

[[nodiscard]] Likeness unless_full(ByteSpan bytes) noexcept {
  return bytes.size() < kBytesMax ? need_more : no;
}

[[nodiscard]] bool is_printable(std::uint8_t byte) noexcept {
  return (byte >= ' ' && byte < 0x7f) || byte == '\r' || byte == '\n' || byte == '\t';
}

/// The first that is sure; else more bytes are asked for where one is not.
[[nodiscard]] Detection best_of(std::span<const Detection> all) noexcept {
  bool may_tell = false;
  for (const Detection& found : all) {
    if (found.likeness == yes) return found;
    may_tell |= found.likeness == need_more;
  }
  return may_tell ? Detection{} : Detection{Service::unknown, no};
}

/// A server may send lines of text before its banner; elsewhere than on its port the client's
/// banner tells.
[[nodiscard]] Likeness looks_like_ssh(unsigned direction, ByteSpan bytes,
                                      std::uint16_t port) noexcept {
  constexpr std::uint16_t kPort = 22;
  constexpr std::string_view kBannerBehindLine = "\nSSH-";
  const Likeness likeness = begins_with(bytes, "SSH-");
  if (likeness != no || direction == kToServer || port != kPort) return likeness;
  if (!std::ranges::search(bytes, kBannerBehindLine).empty()) return yes;
  return is_printable(bytes.front()) ? unless_full(bytes) : no;
}

[[nodiscard]] Likeness looks_like_http2(unsigned direction, ByteSpan bytes) noexcept {
  return direction == kToServer ? begins_with(bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") : no;
}

/// Behind the length of a NetBIOS session message: SMB 1, 2 and 3, and 3 encrypted. Or the request
/// for a session, whose names are of a fixed length (RFC 1002 4.3.2).
[[nodiscard]] Likeness looks_like_smb(ByteSpan bytes) noexcept {
  using namespace std::string_view_literals;
  constexpr std::size_t kLengthBytes = 4;
  if (bytes.front() == 0x81) return begins_with(bytes, "\x81\x00\x00\x44\x20"sv);
  if (bytes.front() != 0) return no;
  if (bytes.size() <= kLengthBytes) return need_more;
  const std::uint8_t version = bytes[kLengthBytes];
  if (version < 0xfd) return no;
  return begins_with(bytes.subspan(kLengthBytes + 1), "SMB");
}

/// The service whose greeting a server of text commands sends, or none.
[[nodiscard]] Service service_of_port(std::uint16_t port) noexcept {
  switch (port) {
    case 25:
    case 587:
    case 2525:
      return Service::smtp;
    case 21:
    case 2121:
      return Service::ftp;
    default:
      return Service::unknown;
  }
}

[[nodiscard]] bool has_letters(ByteSpan text, std::string_view word) noexcept {
  for (; text.size() >= word.size(); text = text.subspan(1)) {
    if (starts_with_letters(text, word)) return true;
  }
  return false;
}

/// "220 mail.example ESMTP": both services greet alike, and most say which they are.
[[nodiscard]] Detection detect_greeting(ByteSpan bytes, std::uint16_t port) noexcept {
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 3); ++i) {
    if (bytes[i] < '0' || bytes[i] > '9') return {Service::unknown, no};
  }
  const std::size_t end = find_byte(bytes, 0, '\n');
  if (end == bytes.size() && bytes.size() < kBytesMax) return {};
  const ByteSpan line = bytes.first(end);
  const Service by_port = service_of_port(port);
  if (begins_with(line, "220") == yes) {
    if (has_letters(line, "smtp")) return {Service::smtp, yes};
    if (has_letters(line, "ftp")) return {Service::ftp, yes};
  }
  if (by_port != Service::unknown && line.size() > 3) return {by_port, yes};
  return {Service::unknown, no};
}

/// Whether the line that the bytes begin with has that command, and what may stand behind it.
[[nodiscard]] Likeness begins_with_command(ByteSpan bytes, std::string_view command) noexcept {
  const std::string_view word = command.substr(0, std::min(bytes.size(), command.size()));
  if (!starts_with_letters(bytes, word)) return no;
  return word.size() == command.size() ? yes : need_more;
}

/// USER of FTP has a name behind it; that of IRC has more, and POP has one too.
[[nodiscard]] Likeness is_ftp_login(ByteSpan bytes, std::uint16_t port) noexcept {
  constexpr std::uint16_t kPop = 110;
  const Likeness likeness = begins_with_command(bytes, "user ");
  if (likeness != yes) return likeness;
  const std::size_t end = find_byte(bytes, 0, '\n');
  if (end == bytes.size() && bytes.size() < kBytesMax) return need_more;
  constexpr std::string_view kRealName = " :";
  const bool is_irc = !std::ranges::search(bytes.first(end), kRealName).empty();
  return port == kPop || is_irc ? no : yes;
}

/// The first command of a client that has not waited for the greeting, or whose server's greeting
/// does not say what it is.
[[nodiscard]] Detection detect_command(ByteSpan bytes, std::uint16_t port) noexcept {
  const std::array<Detection, 6> all{{
      {Service::smtp, begins_with_command(bytes, "ehlo ")},
      {Service::smtp, begins_with_command(bytes, "helo ")},
      {Service::smtp, begins_with_command(bytes, "lhlo ")},
      {Service::ftp, begins_with_command(bytes, "auth tls")},
      {Service::ftp, begins_with_command(bytes, "auth ssl")},
      {Service::ftp, is_ftp_login(bytes, port)},
  }};
  return best_of(all);
}

}  // namespace

Detection detect_stream(unsigned direction, ByteSpan first_bytes,
                        std::uint16_t server_port) noexcept {
  if (first_bytes.empty()) return {};
  const bool is_asked = direction == kToServer;
  const std::array<Detection, 7> all{{
      {Service::tls, looks_like_tls(first_bytes)},
      {Service::http2, looks_like_http2(direction, first_bytes)},
      {Service::http,
       is_asked ? looks_like_http_request(first_bytes) : looks_like_http_response(first_bytes)},
      {Service::ssh, looks_like_ssh(direction, first_bytes, server_port)},
      {Service::smb, looks_like_smb(first_bytes)},
      {Service::dns, looks_like_dns_stream(first_bytes, server_port)},
      is_asked ? detect_command(first_bytes, server_port)
               : detect_greeting(first_bytes, server_port),
  }};
  const Detection best = best_of(all);
  // A request line under way: its first word decides nothing yet.
  const bool is_text =
      best.service == Service::ssh || best.service == Service::smtp || best.service == Service::ftp;
  if (best.likeness == yes && is_text && all[2].likeness == need_more) return {};
  return best;
}

Service detect_datagram(unsigned, ByteSpan datagram, std::uint16_t server_port) noexcept {
  if (looks_like_dns(datagram, server_port)) return Service::dns;
  return looks_like_quic(datagram) == yes ? Service::quic : Service::unknown;
}

}  // namespace sluice
