#include "dataplane/inspect/http_head.h"

#include <algorithm>
#include <cstring>
#include <string_view>

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

bool starts_version(ByteSpan word) noexcept {
  return word.size() >= 5 && std::memcmp(word.data(), "HTTP/", 5) == 0;
}

std::size_t blanks_end(ByteSpan line, std::size_t at) noexcept {
  while (at < line.size() && is_blank(line[at])) ++at;
  return at;
}

/// "GET /path" and nothing else: HTTP before 1.0, without headers.
bool is_simple_request(ByteSpan line) noexcept {
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  constexpr std::size_t kVersionBytes = 8;  // HTTP/1.1
  line = trimmed(line);
  const std::size_t target = blanks_end(line, find_blank(line, 0));
  if (line.size() > target + kVersionBytes && is_blank(line[line.size() - kVersionBytes - 1])) {
    return false;  // the most common way to have three words
  }
  return target < line.size() && find_blank(line, target) == line.size();
}

}  // namespace

std::size_t head_bytes(ByteSpan bytes, std::size_t searched, bool may_be_simple) noexcept {
  std::size_t at = searched > 2 ? searched - 2 : 0;
  for (; at < bytes.size(); at += 32) {
    std::uint32_t places = ScanBlock(bytes, at).places_of('\n');
    for (; places != 0; places &= places - 1) {
      const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(places));
      if (may_be_simple && is_simple_request(bytes.first(end))) return end + 1;
      may_be_simple = false;
      if (end + 1 < bytes.size() && bytes[end + 1] == '\n') return end + 2;
      if (end + 2 < bytes.size() && bytes[end + 1] == '\r' && bytes[end + 2] == '\n') {
        return end + 3;
      }
    }
  }
  return 0;
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
  const std::size_t method_end = find_blank(line, 0);
  const std::size_t target_at = blanks_end(line, method_end);
  std::size_t end = line.size();
  while (end > target_at && is_blank(line[end - 1])) --end;
  std::size_t version_at = end;
  while (version_at > target_at && !is_blank(line[version_at - 1])) --version_at;
  std::size_t target_end = version_at;
  if (version_at == target_at || !starts_version(line.subspan(version_at, end - version_at))) {
    target_end = find_blank(line, target_at);
    version_at = std::min(blanks_end(line, target_end), end);
    note(AppAnomaly::http_bad_request_line);
  }
  while (target_end > target_at && is_blank(line[target_end - 1])) --target_end;
  words_ = {word_between(0, method_end), word_between(target_at, target_end),
            word_between(version_at, std::max(version_at, end))};
  bool is_odd = target_at == target_end || target_at != method_end + 1 || end != line.size() ||
                find_blank(line.first(target_end), target_at) != target_end;
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

inline void HttpHead::add_header(const Line& line) noexcept {
  std::uint32_t name_end = line.colon;
  std::uint32_t value_at = line.colon == line.end ? line.at : line.colon + 1;
  if (line.colon == line.end) name_end = line.at;  // no colon: all is value, as libhtp has it
  while (name_end > line.at && is_blank(bytes_[name_end - 1])) --name_end;
  if (name_end != line.colon || name_end == line.at) note(AppAnomaly::http_bad_header);
  std::uint32_t value_end = line.end;
  while (value_at < value_end && is_blank(bytes_[value_at])) ++value_at;
  while (value_end > value_at && is_blank(bytes_[value_end - 1])) --value_end;

  const HttpField field = field_named(bytes_.subspan(line.at, name_end - line.at));
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
  is_last_dropped_ = false;
  first_of_.fill(kNoHeader);
  const HttpLineMap map(bytes);
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
    if (is_blank(bytes_[line.at])) {
      fold_into_last(line);
    } else {
      add_header(line);
    }
    headers_end_ = line.next;
  }
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
