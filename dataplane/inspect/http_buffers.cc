#include "dataplane/inspect/http_buffers.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "dataplane/inspect/http_uri.h"

namespace sluice {
namespace {

/// Writes bytes one behind the other into room that has HttpRoom::kSlack bytes more.
class Writer {
 public:
  Writer(std::uint8_t* out, const std::uint8_t* source_end) noexcept
      : out_(out), at_(out), source_end_(source_end) {}

  void copy(ByteSpan bytes) noexcept {
    if (bytes.empty()) return;
    if (bytes.size() > 64 || source_end_ - bytes.data() < 64) {
      std::memcpy(at_, bytes.data(), bytes.size());
    } else {  // whole blocks, as short copies are most
      std::memcpy(at_, bytes.data(), 32);
      if (bytes.size() > 32) std::memcpy(at_ + 32, bytes.data() + 32, 32);
    }
    at_ += bytes.size();
  }
  void copy(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  /// A value over several lines as one: each line end with the blanks around it is one blank.
  void copy_unfolded(ByteSpan value) noexcept {
    const std::uint8_t* start = at_;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t line_end = find_byte(value, at, '\n');
      ByteSpan line = value.subspan(at, line_end - at);
      if (line_end < value.size() && !line.empty() && line.back() == '\r') {
        line = line.first(line.size() - 1);
      }
      line = trimmed(line);
      if (!line.empty() && at_ != start) *at_++ = ' ';
      for (const std::uint8_t byte : line) *at_++ = byte;
      at = line_end + 1;
    }
  }
  [[nodiscard]] ByteSpan written() const noexcept { return {out_, at_}; }

 private:
  std::uint8_t* out_;
  std::uint8_t* at_;
  const std::uint8_t* source_end_;
};

void copy_value(Writer& writer, const HttpHead& head, const HttpHeader& first) noexcept {
  for (const HttpHeader* header = &first; header != nullptr; header = head.next_of(*header)) {
    if (header != &first) writer.copy(std::string_view(", "));
    if (header->is_folded) {
      writer.copy_unfolded(head.value_of(*header));
    } else {
      writer.copy(head.value_of(*header));
    }
  }
}

/// Joining adds at most two bytes for each header, an empty line two more.
std::size_t room_for(const HttpHead& head) noexcept {
  return head.bytes().size() + 3 * head.headers().size() + 4;
}

Writer writer_to(std::uint8_t* out, const HttpHead& head) noexcept {
  return {out, head.bytes().data() + head.bytes().size()};
}

}  // namespace

std::uint8_t* HttpBuffers::take(std::size_t bytes) noexcept {
  std::uint8_t* room = room_.take(pool_, bytes);
  is_short_of_room_ |= room == nullptr;
  return room;
}

void HttpBuffers::add(Buffer buffer, ByteSpan bytes) noexcept {
  if (bytes.empty() || !limits_.wants(buffer)) return;
  SLUICE_CHECK(count_ < all_.size(), "a head has no more buffers than the table");
  all_[count_++] = {buffer, bytes};
}

void HttpBuffers::add_request(const HttpHead& head) noexcept {
  add(Buffer::http_method, head.word(0));
  add_uri(head.word(1));
  add(Buffer::http_uri_raw, head.word(1));
  add(Buffer::http_request_line, head.first_line());
  add(Buffer::http_protocol, head.word(2));
  add_host(head);
  add_value(head, Buffer::http_host_raw, HttpField::host);
  add_value(head, Buffer::http_user_agent, HttpField::user_agent);
  add_value(head, Buffer::http_referer, HttpField::referer);
  add_value(head, Buffer::http_accept, HttpField::accept);
  add_value(head, Buffer::http_accept_language, HttpField::accept_language);
  add_value(head, Buffer::http_accept_encoding, HttpField::accept_encoding);
  add_of_both(head, HttpField::cookie);
}

void HttpBuffers::add_response(const HttpHead& head) noexcept {
  add(Buffer::http_protocol, head.word(0));
  add(Buffer::http_stat_code, head.word(1));
  add(Buffer::http_stat_msg, head.word(2));
  add(Buffer::http_response_line, head.first_line());
  add_value(head, Buffer::http_server, HttpField::server);
  add_value(head, Buffer::http_location, HttpField::location);
  add_of_both(head, HttpField::set_cookie);
}

void HttpBuffers::add_of_both(const HttpHead& head, HttpField cookies) noexcept {
  add_value(head, Buffer::http_cookie, cookies);
  add_value(head, Buffer::http_content_type, HttpField::content_type);
  add_value(head, Buffer::http_content_length, HttpField::content_length);
  add_value(head, Buffer::http_connection, HttpField::connection);
  if (limits_.wants(Buffer::http_header)) {
    const bool is_as_sent = head.is_plain() && head.find(cookies) == nullptr;
    add(Buffer::http_header, is_as_sent ? head.lines_of_headers() : normalised(head, cookies, {}));
  }
  add(Buffer::http_header_raw, head.header_lines());
  if (limits_.wants(Buffer::http_header_names)) add_names(head);
  if (limits_.wants(Buffer::http_start)) add_start(head);
}

void HttpBuffers::add_uri(ByteSpan target) noexcept {
  if (!limits_.wants(Buffer::http_uri) || target.empty()) return;
  if (is_normal_uri(target)) return add(Buffer::http_uri, target);
  std::uint8_t* room = take(target.size());
  if (room == nullptr) return;
  const std::size_t bytes = normalise_uri(target, room);
  room_.shrink(room, bytes);
  add(Buffer::http_uri, {room, bytes});
}

void HttpBuffers::add_host(const HttpHead& head) noexcept {
  if (!limits_.wants(Buffer::http_host)) return;
  const ByteSpan authority = authority_of(head.word(1));
  const ByteSpan host =
      without_port(authority.empty() ? value_of(head, HttpField::host) : authority);
  bool has_capitals = false;
  for (const std::uint8_t byte : host) has_capitals |= byte >= 'A' && byte <= 'Z';
  if (!has_capitals) return add(Buffer::http_host, host);
  std::uint8_t* room = take(host.size());
  if (room == nullptr) return;
  std::ranges::transform(host, room, lower);
  add(Buffer::http_host, {room, host.size()});
}

ByteSpan HttpBuffers::value_of(const HttpHead& head, HttpField field) noexcept {
  const HttpHeader* header = head.find(field);
  if (header == nullptr) return {};
  if (!header->is_folded && header->next_of_name == kNoHeader) return head.value_of(*header);
  std::uint8_t* room = take(room_for(head));
  if (room == nullptr) return {};
  Writer writer = writer_to(room, head);
  copy_value(writer, head, *header);
  room_.shrink(room, writer.written().size());
  return writer.written();
}

void HttpBuffers::add_value(const HttpHead& head, Buffer buffer, HttpField field) noexcept {
  if (head.find(field) != nullptr && limits_.wants(buffer)) add(buffer, value_of(head, field));
}

void HttpBuffers::add_names(const HttpHead& head) noexcept {
  if (head.headers().empty()) return;
  std::uint8_t* room = take(room_for(head));
  if (room == nullptr) return;
  Writer writer = writer_to(room, head);
  writer.copy(std::string_view("\r\n"));
  for (const HttpHeader& header : head.headers()) {
    if (header.is_repeated) continue;
    writer.copy(head.name_of(header));
    writer.copy(std::string_view("\r\n"));
  }
  writer.copy(std::string_view("\r\n"));
  room_.shrink(room, writer.written().size());
  add(Buffer::http_header_names, writer.written());
}

void HttpBuffers::add_start(const HttpHead& head) noexcept {
  if (head.is_plain() && head.has_empty_line() &&
      head.bytes().size() - head.lines_of_headers().size() == head.first_line().size() + 4) {
    return add(Buffer::http_start, head.bytes());
  }
  add(Buffer::http_start, normalised(head, HttpField::other, head.first_line()));
}

/// Headers one a line; lines that are so already are copied together. Of a head with its first
/// line the empty line is written too.
ByteSpan HttpBuffers::normalised(const HttpHead& head, HttpField left_out,
                                 ByteSpan first_line) noexcept {
  std::uint8_t* room = take(room_for(head));
  if (room == nullptr) return {};
  Writer writer = writer_to(room, head);
  writer.copy(first_line);
  if (!first_line.empty()) writer.copy(std::string_view("\r\n"));
  std::size_t run_at = 0;
  std::size_t run_end = 0;
  for (const HttpHeader& header : head.headers()) {
    const bool is_left_out = left_out != HttpField::other && header.field == left_out;
    const bool is_as_sent = header.is_plain && header.next_of_name == kNoHeader;
    if (is_left_out || header.is_repeated) continue;
    if (is_as_sent && header.name_at == run_end) {
      run_end = header.line_end;
      continue;
    }
    writer.copy(head.bytes().subspan(run_at, run_end - run_at));
    run_at = header.name_at;
    run_end = is_as_sent ? header.line_end : run_at;
    if (is_as_sent) continue;
    writer.copy(head.name_of(header));
    writer.copy(std::string_view(": "));
    copy_value(writer, head, header);
    writer.copy(std::string_view("\r\n"));
  }
  writer.copy(head.bytes().subspan(run_at, run_end - run_at));
  if (!first_line.empty()) writer.copy(std::string_view("\r\n"));
  room_.shrink(room, writer.written().size());
  return writer.written();
}

}  // namespace sluice
