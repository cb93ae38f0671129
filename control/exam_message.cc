#include "control/exam_message.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kLabelMax = 63;

[[nodiscard]] std::string big_endian16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

[[nodiscard]] std::string with_length16(const std::string& bytes) {
  return big_endian16(bytes.size()) + bytes;
}

// --- HTTP ---------------------------------------------------------------------------------------

/// Lines without their ends; an empty line ends the head.
[[nodiscard]] std::vector<std::string> head_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

[[nodiscard]] bool is_named(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) ==
                  std::tolower(static_cast<unsigned char>(b));
         });
}

[[nodiscard]] bool has_field(const std::vector<std::string>& lines, std::string_view name) {
  return std::ranges::any_of(lines, [name](const auto& line) { return is_named(line, name); });
}

[[nodiscard]] std::string head_and_body(std::vector<std::string> lines, const std::string& body) {
  const bool has_length =
      has_field(lines, "Content-Length") || has_field(lines, "Transfer-Encoding");
  if (!body.empty() && !has_length) lines.push_back(fmt::format("Content-Length: {}", body.size()));
  std::string text;
  for (const std::string& line : lines) text += line + "\r\n";
  return text + "\r\n" + body;
}

[[nodiscard]] std::string http_request(const RuleTest& test) {
  std::vector<std::string> lines = head_lines(test.text);
  if (lines.empty()) lines.emplace_back("GET /");
  if (lines.front().find(" HTTP/") == std::string::npos) lines.front() += " HTTP/1.1";
  if (!has_field(lines, "Host")) lines.insert(lines.begin() + 1, "Host: www.example.com");
  return head_and_body(std::move(lines), test.body);
}

[[nodiscard]] std::string http_response(const RuleTest& test) {
  std::vector<std::string> lines = head_lines(test.text);
  if (lines.empty() || !lines.front().starts_with("HTTP/")) {
    lines.insert(lines.begin(), "HTTP/1.1 200 OK");
  }
  return head_and_body(std::move(lines), test.body);
}

// --- DNS ----------------------------------------------------------------------------------------

[[nodiscard]] std::string dns_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t end = std::min({name.find('.'), name.size(), kLabelMax});
    if (end != 0) out += static_cast<char>(end) + std::string(name.substr(0, end));
    name.remove_prefix(end < name.size() && name[end] == '.' ? end + 1 : end);
  }
  return out + '\0';
}

/// RFC 1035: one question for an address, recursion desired.
[[nodiscard]] std::string dns_query(const RuleTest& test, bool over_tcp) {
  using namespace std::string_literals;
  const std::string message = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s +
                              dns_name(test.text) + "\x00\x01\x00\x01"s;
  return over_tcp ? with_length16(message) : message;
}

// --- TLS ----------------------------------------------------------------------------------------

[[nodiscard]] std::string extension(std::size_t type, const std::string& bytes) {
  return big_endian16(type) + with_length16(bytes);
}

/// RFC 8446 4.1.2: a ClientHello of TLS 1.3 in one record.
[[nodiscard]] std::string client_hello(const RuleTest& test) {
  using namespace std::string_literals;
  constexpr std::size_t kServerName = 0, kGroups = 10, kSignatures = 13, kVersions = 43;
  const std::string names = with_length16('\0' + with_length16(test.text));
  const std::string extensions = extension(kServerName, names) +
                                 extension(kGroups, "\x00\x02\x00\x1d"s) +
                                 extension(kSignatures, "\x00\x04\x04\x03\x08\x04"s) +
                                 extension(kVersions, "\x04\x03\x04\x03\x03"s);
  const std::string ciphers = "\x13\x01\x13\x02\xc0\x2f"s;
  std::string hello = "\x03\x03"s;
  for (char i = 0; i < 32; ++i) hello += i;
  hello += '\0' + with_length16(ciphers) + "\x01\x00"s + with_length16(extensions);
  const std::string handshake = "\x01\x00"s + with_length16(hello);
  return "\x16\x03\x01"s + with_length16(handshake);
}

}  // namespace

std::string exam_message(const RuleTest& test, bool over_tcp) {
  switch (test.kind) {
    case RuleTest::Kind::payload:
      return test.text;
    case RuleTest::Kind::http_request:
      return http_request(test);
    case RuleTest::Kind::http_response:
      return http_response(test);
    case RuleTest::Kind::dns_query:
      return dns_query(test, over_tcp);
    case RuleTest::Kind::tls_sni:
      return client_hello(test);
  }
  return {};
}

std::string exam_request() { return "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"; }

bool is_sent_by_server(const RuleTest& test) noexcept {
  return test.kind == RuleTest::Kind::http_response ||
         (test.kind == RuleTest::Kind::payload && test.to_client);
}

}  // namespace sluice
