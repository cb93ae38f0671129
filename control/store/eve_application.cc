#include "control/store/eve_application.h"

#include <array>
#include <charconv>
#include <string_view>

#include "control/store/eve_dns.h"
#include "control/store/redact.h"

namespace sluice {
namespace {

using Excerpts = RecordExcerpts;

struct MemberRow {
  Buffer buffer;
  std::string_view key;
};

void member(JsonWriter& json, const Excerpts& excerpts, const MemberRow& row) noexcept {
  const ExcerptView* found = excerpts.find(row.buffer);
  if (found != nullptr) json.text(row.key, found->bytes);
}

void members(JsonWriter& json, const Excerpts& excerpts, std::span<const MemberRow> rows) noexcept {
  for (const MemberRow& row : rows) member(json, excerpts, row);
}

/// A number that was written in digits; text of anything else is left out.
void number_member(JsonWriter& json, const Excerpts& excerpts, const MemberRow& row) noexcept {
  const ExcerptView* found = excerpts.find(row.buffer);
  if (found == nullptr) return;
  const char* end = found->bytes.data() + found->bytes.size();
  std::uint64_t value = 0;
  const auto read = std::from_chars(found->bytes.data(), end, value);
  if (read.ec == std::errc() && read.ptr == end) json.number(row.key, value);
}

/// Every excerpt of the buffer.
void list_member(JsonWriter& json, const Excerpts& excerpts, const MemberRow& row) noexcept {
  if (excerpts.find(row.buffer) == nullptr) return;
  json.open_array(row.key);
  for (const ExcerptView& one : excerpts.all()) {
    if (one.buffer == row.buffer) json.text_element(one.bytes);
  }
  json.close_array();
}

// --- http ---------------------------------------------------------------------------------------

constexpr MemberRow kHttp[] = {
    {Buffer::http_user_agent, "http_user_agent"},
    {Buffer::http_content_type, "http_content_type"},
    {Buffer::http_method, "http_method"},
    {Buffer::http_protocol, "protocol"},
};

void url_member(JsonWriter& json, const Excerpts& excerpts, const MemberRow& row) noexcept {
  const ExcerptView* found = excerpts.find(row.buffer);
  if (found == nullptr) return;
  std::array<char, 2 * kExcerptBytesMax> room;
  json.text(row.key, redact_url(found->bytes, room));
}

void http_members(JsonWriter& json, const Excerpts& excerpts) noexcept {
  member(json, excerpts, {Buffer::http_host, "hostname"});
  url_member(json, excerpts, {Buffer::http_uri_raw, "url"});
  url_member(json, excerpts, {Buffer::http_referer, "http_refer"});
  members(json, excerpts, kHttp);
  number_member(json, excerpts, {Buffer::http_stat_code, "status"});
  url_member(json, excerpts, {Buffer::http_location, "redirect"});
  number_member(json, excerpts, {Buffer::http_content_length, "length"});
}

// --- tls and quic -------------------------------------------------------------------------------

constexpr MemberRow kTls[] = {
    {Buffer::tls_cert_subject, "subject"},
    {Buffer::tls_cert_issuer, "issuerdn"},
    {Buffer::tls_cert_serial, "serial"},
    {Buffer::tls_cert_fingerprint, "fingerprint"},
    {Buffer::tls_sni, "sni"},
};

/// One a line.
void lines_member(JsonWriter& json, const ExcerptView* lines, std::string_view key) noexcept {
  if (lines == nullptr) return;
  json.open_array(key);
  std::string_view left = lines->bytes;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    if (end != 0) json.text_element(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  json.close_array();
}

void hash_and_string(JsonWriter& json, const Excerpts& excerpts, std::string_view key, Buffer hash,
                     Buffer string) noexcept {
  if (excerpts.find(hash) == nullptr) return;
  json.open_object(key);
  member(json, excerpts, {hash, "hash"});
  member(json, excerpts, {string, "string"});
  json.close_object();
}

/// What the server chose, else what the client offered.
void tls_version(JsonWriter& json, const Excerpts& excerpts) noexcept {
  const ExcerptView* version = excerpts.find(Buffer::tls_version, true);
  if (version == nullptr) version = excerpts.find(Buffer::tls_version, false);
  if (version == nullptr) return;
  std::array<char, 16> text{'T', 'L', 'S', ' '};
  const std::size_t bytes = std::min(version->bytes.size(), text.size() - 4);
  version->bytes.copy(text.data() + 4, bytes);
  json.text("version", {text.data(), 4 + bytes});
}

void tls_members(JsonWriter& json, const Excerpts& excerpts) noexcept {
  members(json, excerpts, kTls);
  tls_version(json, excerpts);
  hash_and_string(json, excerpts, "ja3", Buffer::ja3_hash, Buffer::ja3_string);
  hash_and_string(json, excerpts, "ja3s", Buffer::ja3s_hash, Buffer::ja3s_string);
  member(json, excerpts, {Buffer::ja4_hash, "ja4"});
  lines_member(json, excerpts.find(Buffer::tls_alpn, false), "client_alpns");
  lines_member(json, excerpts.find(Buffer::tls_alpn, true), "server_alpns");
}

void quic_members(JsonWriter& json, const Excerpts& excerpts) noexcept {
  member(json, excerpts, {Buffer::quic_sni, "sni"});
  hash_and_string(json, excerpts, "ja3", Buffer::ja3_hash, Buffer::ja3_string);
  member(json, excerpts, {Buffer::ja4_hash, "ja4"});
}

// --- ssh, smtp, ftp -----------------------------------------------------------------------------

void ssh_side(JsonWriter& json, const Excerpts& excerpts, bool is_to_client) noexcept {
  const Buffer hash = is_to_client ? Buffer::ssh_hassh_server : Buffer::ssh_hassh;
  const Buffer string = is_to_client ? Buffer::ssh_hassh_server_string : Buffer::ssh_hassh_string;
  const ExcerptView* protocol = excerpts.find(Buffer::ssh_protocol, is_to_client);
  const ExcerptView* software = excerpts.find(Buffer::ssh_software, is_to_client);
  if (protocol == nullptr && software == nullptr && excerpts.find(hash) == nullptr) return;
  json.open_object(is_to_client ? "server" : "client");
  if (protocol != nullptr) json.text("proto_version", protocol->bytes);
  if (software != nullptr) json.text("software_version", software->bytes);
  hash_and_string(json, excerpts, "hassh", hash, string);
  json.close_object();
}

void smtp_members(JsonWriter& json, const Excerpts& excerpts) noexcept {
  member(json, excerpts, {Buffer::smtp_helo, "helo"});
  member(json, excerpts, {Buffer::smtp_mail_from, "mail_from"});
  list_member(json, excerpts, {Buffer::smtp_rcpt_to, "rcpt_to"});
}

bool is_ftp_secret(std::string_view command) noexcept {
  const auto is = [command](std::string_view word) {
    return command.size() == word.size() &&
           std::equal(command.begin(), command.end(), word.begin(),
                      [](char one, char other) { return (one & ~0x20) == other; });
  };
  return is("PASS") || is("ACCT");
}

void ftp_command(JsonWriter& json, const Excerpts& excerpts) noexcept {
  const ExcerptView* line = excerpts.find(Buffer::ftp_command);
  if (line == nullptr) return;
  const std::size_t blank = std::min(line->bytes.find(' '), line->bytes.size());
  const std::string_view command = line->bytes.substr(0, blank);
  json.text("command", command);
  if (blank + 1 >= line->bytes.size()) return;
  json.text("command_data",
            is_ftp_secret(command) ? std::string_view("***") : line->bytes.substr(blank + 1));
}

/// "230 Logged in", or a line between the first and the last of a reply.
bool has_code(std::string_view reply) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return reply.size() >= 3 && is_digit(reply[0]) && is_digit(reply[1]) && is_digit(reply[2]) &&
         (reply.size() == 3 || reply[3] == ' ' || reply[3] == '-');
}

void ftp_replies(JsonWriter& json, const Excerpts& excerpts) noexcept {
  json.open_array("completion_code");
  for (const ExcerptView& one : excerpts.all()) {
    const bool is_last = one.bytes.size() == 3 || (one.bytes.size() > 3 && one.bytes[3] == ' ');
    if (one.buffer == Buffer::ftp_reply && has_code(one.bytes) && is_last) {
      json.text_element(one.bytes.substr(0, 3));
    }
  }
  json.close_array();
  json.open_array("reply");
  for (const ExcerptView& one : excerpts.all()) {
    if (one.buffer != Buffer::ftp_reply) continue;
    const bool is_coded = has_code(one.bytes) && one.bytes.size() > 4;
    json.text_element(is_coded ? one.bytes.substr(4) : one.bytes);
  }
  json.close_array();
}

void ftp_members(JsonWriter& json, const Excerpts& excerpts) noexcept {
  ftp_command(json, excerpts);
  const bool is_answered = excerpts.find(Buffer::ftp_reply) != nullptr;
  if (is_answered) ftp_replies(json, excerpts);
  json.word("reply_received", is_answered ? "yes" : "no");
}

bool has_buffer_of(const Excerpts& excerpts) noexcept {
  const auto all = excerpts.all();
  return std::any_of(all.begin(), all.end(),
                     [](const ExcerptView& one) { return one.buffer != Buffer::payload; });
}

void members_of(JsonWriter& json, Service service, const Excerpts& excerpts) noexcept {
  switch (service) {
    case Service::http:
      return http_members(json, excerpts);
    case Service::tls:
      return tls_members(json, excerpts);
    case Service::quic:
      return quic_members(json, excerpts);
    case Service::smtp:
      return smtp_members(json, excerpts);
    case Service::ftp:
      return ftp_members(json, excerpts);
    case Service::ssh:
      ssh_side(json, excerpts, false);
      return ssh_side(json, excerpts, true);
    default:
      return;
  }
}

bool has_object(Service service) noexcept {
  switch (service) {
    case Service::http:
    case Service::tls:
    case Service::quic:
    case Service::smtp:
    case Service::ftp:
    case Service::ssh:
      return true;
    default:
      return false;
  }
}

}  // namespace

void application_object(JsonWriter& json, const InspectRecord& record,
                        const RecordExcerpts& excerpts) noexcept {
  if (record.service == Service::dns) {
    const ExcerptView* message = excerpts.find(Buffer::payload);
    if (record.kind == InspectKind::transaction && message != nullptr) {
      dns_object(json, message->bytes, record.message);
    }
    return;
  }
  if (!has_object(record.service) || !has_buffer_of(excerpts)) return;
  json.open_object(name_of(record.service));
  members_of(json, record.service, excerpts);
  json.close_object();
}

}  // namespace sluice
