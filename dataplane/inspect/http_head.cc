#include "dataplane/inspect/http_head.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/inspect/http_blank.h"
#include "dataplane/inspect/http_line_map.h"

namespace sluice {
namespace {

bool same_name(ByteSpan a, ByteSpan b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Two names that are the same have the same bit.
std::uint64_t name_bit(ByteSpan name) noexcept {
  if (name.empty()) return 1;
  return std::uint64_t{1} << ((name.size() * 11U + lower(name.front()) * 5U + lower(name.back())) &
                              63U);
}

constexpr std::uint8_t kMayBeThere = kNoHeader - 1;

bool says_where_a_body_ends(HttpField field) noexcept {
  return field == HttpField::content_length || field == HttpField::transfer_encoding ||
         field == HttpField::content_encoding;
}

bool is_token(std::uint8_t byte) noexcept {
  return byte > ' ' && byte < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(byte)) ==
             std::string_view::npos;
}

/// What may begin a line that goes on with the one before it, in a response.
bool is_blank_or_nul(std::uint8_t byte) noexcept { return is_blank(byte) || byte == 0; }

bool starts_version(ByteSpan word) noexcept {
  return word.size() >= 5 && std::memcmp(word.data(), "HTTP/", 5) == 0;
}

bool has_no_colon(const HttpHeader& header) noexcept {
  return header.name_bytes == 0 && header.value_at == header.name_at;
}

std::size_t blanks_end(ByteSpan line, std::size_t at) noexcept {
  while (at < line.size() && is_blank(line[at])) ++at;
  return at;
}

/// Where the method of a request ends.
std::size_t method_end_of(ByteSpan line) noexcept {
  const auto end = std::ranges::find_if(line, is_loose_blank);
  return static_cast<std::size_t>(end - line.begin());
}

std::size_t loose_blanks_end(ByteSpan line, std::size_t at) noexcept {
  while (at < line.size() && is_loose_blank(line[at])) ++at;
  return at;
}

/// "GET /path" and nothing else: HTTP before 1.0, without headers.
bool is_simple_request(ByteSpan line) noexcept {
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  constexpr std::size_t kVersionBytes = 8;  // HTTP/1.1
  line = trimmed(line);
  while (!line.empty() && is_loose_blank(line.back())) line = line.first(line.size() - 1);
  const std::size_t target = loose_blanks_end(line, method_end_of(line));
  if (line.size() > target + kVersionBytes) {
    const ByteSpan version = line.last(kVersionBytes);
    const std::uint8_t before = line[line.size() - kVersionBytes - 1];
    // The most common way to have three words.
    if (is_blank(before) || (is_loose_blank(before) && starts_version(version))) return false;
  }
  return target < line.size() && find_blank(line, target) == line.size();
}

}  // namespace

std::size_t head_bytes(ByteSpan bytes, std::size_t searched, HttpHeadEnd kind) noexcept {
  std::size_t at = searched > 3 ? searched - 3 : 0;
  for (; at < bytes.size(); at += 32) {
    std::uint32_t places = ScanBlock(bytes, at).places_of('\n');
    for (; places != 0; places &= places - 1) {
      const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(places));
      if (kind == HttpHeadEnd::of_simple_request) {
        if (is_simple_request(bytes.first(end))) return end + 1;
        kind = HttpHeadEnd::of_request;
      }
      if (end + 1 >= bytes.size() || bytes[end + 1] > ' ') continue;
      if (bytes[end + 1] == '\n') return end + 2;
      if (end + 2 >= bytes.size() || bytes[end + 2] != '\n') continue;
      if (bytes[end + 1] == '\r') return end + 3;
      const bool is_blank_line = kind == HttpHeadEnd::of_response && is_blank(bytes[end + 1]);
      if (is_blank_line && end + 3 < bytes.size() && bytes[end + 3] != '\n') return end + 3;
    }
  }
  return 0;
}

bool ends_with_empty_line(ByteSpan head) noexcept {
  const std::size_t size = head.size();
  if (size < 2 || head[size - 1] != '\n') return false;
  return head[size - 2] == '\n' || (size > 2 && head[size - 2] == '\r' && head[size - 3] == '\n');
}

Likeness header_likeness(ByteSpan bytes) noexcept {
  const auto end = std::ranges::find_if_not(bytes, is_token);
  if (end == bytes.end()) return Likeness::need_more;
  return *end == ':' && end != bytes.begin() ? Likeness::yes : Likeness::no;
}

HttpPrelude prelude_of(ByteSpan bytes) noexcept {
  using enum HttpPrelude::Before;
  constexpr std::size_t kBytesMax = 64;
  constexpr std::string_view kVersion = "http/";
  const auto from = [&](std::size_t at) noexcept {
    std::size_t same = 0;
    while (same < kVersion.size() && at + same < bytes.size() &&
           lower(bytes[at + same]) == static_cast<std::uint8_t>(kVersion[same])) {
      ++same;
    }
    if (same == kVersion.size()) return HttpPrelude{response, at};
    return HttpPrelude{at + same == bytes.size() ? unknown : body, 0};
  };
  const auto is_space = [](std::uint8_t byte) noexcept {
    return byte == 0 || byte == ' ' || (byte >= '\t' && byte <= '\r');
  };
  std::size_t at = 0;
  while (at < bytes.size() && at < kBytesMax && is_space(bytes[at])) ++at;
  const HttpPrelude found = from(at);
  if (found.before != body) return found;
  const ByteSpan within = bytes.first(std::min(bytes.size(), kBytesMax));
  const std::size_t line_end = find_byte(within, at, '\n');
  if (line_end < within.size()) return from(line_end + 1);
  return {within.size() < kBytesMax ? unknown : body, 0};
}

inline HttpHead::Line HttpHead::line_at(const HttpLineMap& map, std::size_t at) noexcept {
  const std::size_t end = map.line_end(at);
  const bool has_end = end < bytes_.size();
  const bool has_cr = end > at && bytes_[end - 1] == '\r';
  Line line;
  line.at = static_cast<std::uint32_t>(at);
  line.end = static_cast<std::uint32_t>(has_cr ? end - 1 : end);
  line.next = static_cast<std::uint32_t>(has_end ? end + 1 : end);
  line.colon = std::min(static_cast<std::uint32_t>(map.colon(at)), line.end);
  if (!has_cr) {
    is_plain_ = false;
    if (has_end) note(AppAnomaly::http_bad_header);
  }
  return line;
}

HttpHead::Word HttpHead::word_between(std::size_t at, std::size_t end) const noexcept {
  return {static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(end - at)};
}

// The version is the last word: spaces before it are of the target, as some servers take them.
void HttpHead::read_request_line() noexcept {
  const ByteSpan line = first_line();
  const std::size_t method_end = method_end_of(line);
  const std::size_t target_at = loose_blanks_end(line, method_end);
  std::size_t end = line.size();
  while (end > target_at && is_loose_blank(line[end - 1])) --end;
  std::size_t version_at = end;
  while (version_at > target_at && !is_loose_blank(line[version_at - 1])) --version_at;
  std::size_t target_end = version_at;
  if (version_at == target_at || !starts_version(line.subspan(version_at, end - version_at))) {
    target_end = find_blank(line, target_at);
    version_at = std::min(blanks_end(line, target_end), end);
    note(AppAnomaly::http_bad_request_line);
  }
  while (target_end > target_at && is_loose_blank(line[target_end - 1])) --target_end;
  words_ = {word_between(0, method_end), word_between(target_at, target_end),
            word_between(version_at, std::max(version_at, end))};
  bool is_odd = target_at == target_end || target_at != method_end + 1 || end != line.size() ||
                find_blank(line.first(target_end), target_at) != target_end;
  is_odd |= method_end < line.size() && !is_blank(line[method_end]);
  is_odd |= version_at > target_end && !is_blank(line[version_at - 1]);
  for (const std::uint8_t byte : line.first(method_end)) is_odd |= !is_token(byte);
  if (is_odd) note(AppAnomaly::http_bad_request_line);
}

void HttpHead::read_response_line() noexcept {
  const ByteSpan line = first_line();
  const std::size_t version_end = find_blank(line, 0);
  const std::size_t code_at = blanks_end(line, version_end);
  const std::size_t code_end = find_blank(line, code_at);
  const std::size_t reason_at = blanks_end(line, code_end);
  std::size_t end = line.size();
  while (end > reason_at && is_blank(line[end - 1])) --end;
  words_ = {word_between(0, version_end), word_between(code_at, code_end),
            word_between(reason_at, std::max(reason_at, end))};
  bool is_odd = !starts_version(line.first(version_end)) || code_end - code_at != 3;
  for (const std::uint8_t byte : line.subspan(code_at, code_end - code_at)) {
    is_odd |= byte < '0' || byte > '9';
  }
  if (is_odd) note(AppAnomaly::http_bad_response_line);
}

inline void HttpHead::link(std::uint8_t index) noexcept {
  HttpHeader& header = headers_[index];
  std::uint8_t before = kNoHeader;
  if (header.field != HttpField::other) {
    std::uint8_t& first = first_of_[static_cast<std::size_t>(header.field)];
    before = first;
    if (before == kNoHeader) first = index;
  } else {
    const std::uint64_t bit = name_bit(name_of(header));
    if ((names_seen_ & bit) != 0) before = kMayBeThere;
    names_seen_ |= bit;
  }
  if (before != kNoHeader) link_to_the_last(index);
}

/// In a response zeros within a name are overlooked.
HttpField HttpHead::field_of(ByteSpan name) const noexcept {
  const HttpField field = field_named(name);
  constexpr std::size_t kLettersMax = 32;
  if (field != HttpField::other || is_request_ || !has(AppAnomaly::http_bad_header)) return field;
  std::array<std::uint8_t, kLettersMax> letters;
  std::size_t count = 0;
  for (const std::uint8_t byte : name) {
    if (byte == 0) continue;
    if (count == kLettersMax) return field;
    letters[count++] = byte;
  }
  return field_named(ByteSpan(letters).first(count));
}

inline void HttpHead::add_header(const Line& line) noexcept {
  std::uint32_t name_end = line.colon;
  std::uint32_t value_at = line.colon == line.end ? line.at : line.colon + 1;
  if (line.colon == line.end) name_end = line.at;  // no colon: all is value, as libhtp has it
  while (name_end > line.at && bytes_[name_end - 1] <= ' ' &&
         (!is_request_ || is_blank(bytes_[name_end - 1]))) {
    --name_end;
  }
  if (name_end != line.colon || name_end == line.at) note(AppAnomaly::http_bad_header);
  std::uint32_t value_end = line.end;
  while (value_at < value_end && is_blank(bytes_[value_at])) ++value_at;
  while (value_end > value_at && is_blank(bytes_[value_end - 1])) --value_end;

  const HttpField field = field_of(bytes_.subspan(line.at, name_end - line.at));
  if (count_ >= kHttpHeadersMax) note(AppAnomaly::http_too_many_headers);
  is_last_dropped_ =
      count_ >= kHttpHeadersMax && (count_ == kRoom || !says_where_a_body_ends(field));
  if (is_last_dropped_) {
    is_plain_ = false;
    return;
  }
  HttpHeader& header = headers_[count_];
  header.name_at = static_cast<std::uint16_t>(line.at);
  header.name_bytes = static_cast<std::uint16_t>(name_end - line.at);
  header.value_at = static_cast<std::uint16_t>(value_at);
  header.value_bytes = static_cast<std::uint16_t>(value_end - value_at);
  header.line_end = static_cast<std::uint16_t>(line.next);
  header.field = field;
  header.next_of_name = kNoHeader;
  header.is_plain = value_at == name_end + 2 && bytes_[value_at - 1] == ' ' &&
                    value_end == line.end && line.next == line.end + 2;
  header.is_folded = false;
  header.is_repeated = false;
  link(static_cast<std::uint8_t>(count_++));
  is_plain_ &= header.is_plain;
}

void HttpHead::read(ByteSpan bytes, bool is_request) noexcept {
  bytes_ = bytes;
  anomalies_ = 0;
  names_seen_ = 0;
  count_ = 0;
  is_plain_ = true;
  is_request_ = is_request;
  is_last_dropped_ = false;
  first_of_.fill(kNoHeader);
  HttpLineMap map(bytes);
  if (!is_request) map.end_lines_at_lone_crs(bytes);
  if (map.has_nul()) note(AppAnomaly::http_bad_header);
  Line line = line_at(map, 0);
  line_bytes_ = line.end;
  headers_at_ = line.next;
  if (is_request) {
    read_request_line();
  } else {
    read_response_line();
  }
  headers_end_ = headers_at_;
  while (headers_end_ < bytes_.size()) {
    line = line_at(map, headers_end_);
    if (line.end == line.at && line.next == bytes_.size()) break;
    if (bytes_[line.at] > ' ') {
      add_header(line);
    } else if (!take_odd_line(line)) {
      break;
    }
    headers_end_ = line.next;
  }
}

/// A line that begins with no letter; false where it ends the head.
bool HttpHead::take_odd_line(const Line& line) noexcept {
  const std::uint8_t first = bytes_[line.at];
  if (is_request_ ? !is_blank(first) : !is_blank_or_nul(first)) {
    add_header(line);
    return true;
  }
  if (is_request_) {
    fold_into_last(line);
    return true;
  }
  if (is_blank(first) && line.end == line.at + 1 && line.next == bytes_.size()) return false;
  Line header = line;
  while (header.at < header.end && is_blank_or_nul(bytes_[header.at])) ++header.at;
  const bool has_colon = header.colon < header.end;
  const bool is_first = count_ == 0 && !is_last_dropped_;
  if (has_colon && (is_first || says_how_a_body_is_coded(header))) {
    note(AppAnomaly::http_bad_header);
    is_plain_ = false;
    add_header(header);
  } else if (has_colon && !is_last_dropped_ && has_no_colon(headers_[count_ - 1])) {
    join_to_last_name(line);
  } else {
    fold_into_last(line);
  }
  return true;
}

/// Whether it is coded so shows the body itself.
bool HttpHead::says_how_a_body_is_coded(const Line& line) const noexcept {
  std::uint32_t name_end = line.colon;
  while (name_end > line.at && bytes_[name_end - 1] <= ' ') --name_end;
  const HttpField field = field_of(bytes_.subspan(line.at, name_end - line.at));
  return field == HttpField::transfer_encoding || field == HttpField::content_encoding;
}

/// The line before had no colon: with this one it is a header.
void HttpHead::join_to_last_name(const Line& line) noexcept {
  note(AppAnomaly::http_bad_header);
  is_plain_ = false;
  const auto last = static_cast<std::uint8_t>(count_ - 1);
  for (HttpHeader& header : std::span(headers_).first(last)) {
    if (header.next_of_name == last) header.next_of_name = kNoHeader;
  }
  --count_;
  add_header({headers_[last].name_at, line.colon, line.end, line.next});
}

void HttpHead::fold_into_last(const Line& line) noexcept {
  note(AppAnomaly::http_bad_header);
  is_plain_ = false;
  if (count_ == 0 || is_last_dropped_) return;
  HttpHeader& header = headers_[count_ - 1];
  std::uint32_t value_end = line.end;
  while (value_end > header.value_at && is_blank(bytes_[value_end - 1])) --value_end;
  header.value_bytes = static_cast<std::uint16_t>(value_end - header.value_at);
  header.line_end = static_cast<std::uint16_t>(line.next);
  header.is_plain = false;
  header.is_folded = true;
}

void HttpHead::link_to_the_last(std::uint8_t index) noexcept {
  const std::uint8_t before = last_of_name(index);
  if (before == kNoHeader) return;
  headers_[before].next_of_name = index;
  headers_[index].is_repeated = true;
  is_plain_ = false;
}

std::uint8_t HttpHead::last_of_name(std::uint8_t index) const noexcept {
  for (std::uint8_t i = index; i-- > 0;) {
    if (headers_[i].next_of_name == kNoHeader &&
        same_name(name_of(headers_[i]), name_of(headers_[index]))) {
      return i;
    }
  }
  return kNoHeader;
}

}  // namespace sluice
