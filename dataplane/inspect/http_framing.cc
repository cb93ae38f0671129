#include "dataplane/inspect/http_framing.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace sluice {
namespace {

/// With one for the zeros in front, which some clients send and servers skip.
constexpr std::uint8_t kSizeDigitsMax = 16;

/// Also what separates lines and pages, which some take for blanks.
constexpr bool is_space(std::uint8_t byte) noexcept {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/// What may stand around an element, with the ends of folded lines.
constexpr bool is_around(std::uint8_t byte) noexcept {
  return is_blank(byte) || byte == '\r' || byte == '\n';
}

/// Without control characters at its ends, which some take for blanks and others for its own.
ByteSpan without_controls(ByteSpan element) noexcept {
  while (!element.empty() && element.front() <= ' ') element = element.subspan(1);
  while (!element.empty() && element.back() <= ' ') element = element.first(element.size() - 1);
  return element;
}

/// What may be of a longer name: "xgzip" and "gzip-2" are not gzip to anyone.
constexpr bool is_of_name(std::uint8_t byte) noexcept {
  const std::uint8_t letter = lower(byte);
  return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/// As a name of its own.
bool contains(ByteSpan bytes, std::string_view lower_case) noexcept {
  const auto is_same = [](std::uint8_t byte, char expected) noexcept {
    return lower(byte) == static_cast<std::uint8_t>(expected);
  };
  bool is_behind_name = false;
  while (true) {
    const auto found = std::ranges::search(bytes, lower_case, is_same);
    if (found.empty()) return false;
    const auto at = static_cast<std::size_t>(found.begin() - bytes.begin());
    if (at > 0) is_behind_name = is_of_name(bytes[at - 1]);
    const ByteSpan behind = bytes.subspan(at + lower_case.size());
    if (!is_behind_name && (behind.empty() || !is_of_name(behind.front()))) return true;
    is_behind_name = true;
    bytes = behind;
  }
}

bool equals(ByteSpan bytes, std::string_view lower_case) noexcept {
  if (bytes.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (lower(bytes[i]) != static_cast<std::uint8_t>(lower_case[i])) return false;
  }
  return true;
}

/// Calls `take` with each element of the comma-separated values of a header and its repetitions.
template <class Take>
void for_each_element(const HttpHead& head, const HttpHeader* header, Take take) noexcept {
  for (; header != nullptr; header = head.next_of(*header)) {
    ByteSpan value = head.value_of(*header);
    while (true) {
      const std::size_t comma = find_byte(value, 0, ',');
      ByteSpan element = value.first(comma);
      while (!element.empty() && is_around(element.front())) element = element.subspan(1);
      while (!element.empty() && is_around(element.back())) {
        element = element.first(element.size() - 1);
      }
      if (!without_controls(element).empty()) take(element);
      if (comma == value.size()) break;
      value = value.subspan(comma + 1);
    }
  }
}

std::optional<std::uint64_t> number_in(ByteSpan text) noexcept {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 18) return std::nullopt;
  for (const std::uint8_t byte : text) {
    if (byte < '0' || byte > '9') return std::nullopt;
    value = value * 10 + (byte - '0');
  }
  return value;
}

/// The first length that is a number.
std::optional<std::uint64_t> length_in(HttpHead& head) noexcept {
  std::optional<std::uint64_t> length;
  for_each_element(head, head.find(HttpField::content_length), [&](ByteSpan element) noexcept {
    const std::optional<std::uint64_t> number = number_in(without_controls(element));
    if (!number || (length && *number != *length)) head.note(AppAnomaly::http_ambiguous_length);
    if (!length) length = number;
  });
  return length;
}

bool is_chunked(HttpHead& head, bool is_lenient) noexcept {
  bool is_chunked = false;
  bool is_other = false;
  for_each_element(head, head.find(HttpField::transfer_encoding), [&](ByteSpan element) noexcept {
    const bool is_exact = equals(element, "chunked");
    const bool is_like = !is_exact && (is_lenient ? contains(element, "chunked")
                                                  : equals(without_controls(element), "chunked"));
    is_other |= is_chunked || !is_exact;
    is_chunked |= is_exact || is_like;
    if (is_like) head.note(AppAnomaly::http_odd_coding_name);
  });
  if (is_other) head.note(AppAnomaly::http_ambiguous_length);
  return is_chunked;
}

HttpCoding coding_within(ByteSpan word) noexcept {
  if (contains(word, "gzip") || contains(word, "x-gzip")) return HttpCoding::gzip;
  return contains(word, "deflate") ? HttpCoding::deflate : HttpCoding::none;
}

HttpCoding coding_named(HttpHead& head, ByteSpan word, bool is_lenient) noexcept {
  if (equals(word, "gzip") || equals(word, "x-gzip")) return HttpCoding::gzip;
  if (equals(word, "deflate")) return HttpCoding::deflate;
  if (!is_lenient) return HttpCoding::none;
  const HttpCoding coding = coding_within(word);
  if (coding != HttpCoding::none) head.note(AppAnomaly::http_odd_coding_name);
  return coding;
}

void append(HttpCodings& codings, HttpCoding coding) noexcept {
  if (coding == HttpCoding::none) return;
  if (codings.count == HttpCodings::kMax) {
    std::shift_left(codings.list.begin(), codings.list.end(), 1);
    --codings.count;
  }
  codings.list[codings.count++] = coding;
}

HttpCodings codings_of(HttpHead& head, bool is_lenient) noexcept {
  HttpCodings codings;
  std::size_t words = 0;
  for_each_element(head, head.find(HttpField::content_encoding), [&](ByteSpan element) noexcept {
    const bool has_controls = without_controls(element).size() != element.size();
    const std::uint8_t before = codings.count;
    while (!element.empty()) {
      const auto end = std::ranges::find_if(element, is_space);
      const ByteSpan word = element.first(static_cast<std::size_t>(end - element.begin()));
      element = element.subspan(word.size());
      if (!element.empty()) element = element.subspan(1);
      if (word.empty() || equals(word, "identity")) continue;
      ++words;
      append(codings, coding_named(head, word, is_lenient));
    }
    if (has_controls && codings.count > before) head.note(AppAnomaly::http_odd_coding_name);
  });
  if (words > 1) head.note(AppAnomaly::http_bad_content_coding);
  return codings;
}

HttpBody body_of(HttpHead& head, HttpFraming without_length, bool is_lenient) noexcept {
  HttpBody body;
  const std::optional<std::uint64_t> length = length_in(head);
  if (is_chunked(head, is_lenient)) {
    if (length) head.note(AppAnomaly::http_ambiguous_length);
    body.framing = HttpFraming::chunked;
  } else if (length) {
    body.framing = *length > 0 ? HttpFraming::length : HttpFraming::no_body;
    body.length = *length;
  } else {
    body.framing = without_length;
  }
  if (body.framing != HttpFraming::no_body) body.codings = codings_of(head, is_lenient);
  return body;
}

}  // namespace

HttpRequestKind kind_of(ByteSpan method) noexcept {
  if (equals(method, "head")) return HttpRequestKind::head;
  return equals(method, "connect") ? HttpRequestKind::connect : HttpRequestKind::other;
}

std::uint32_t status_of(const HttpHead& head) noexcept {
  return static_cast<std::uint32_t>(number_in(head.word(1)).value_or(0));
}

HttpBody body_of_request(HttpHead& head) noexcept {
  return body_of(head, HttpFraming::no_body, false);
}

HttpBody body_of_response(HttpHead& head, HttpRequestKind request, std::uint32_t status) noexcept {
  const bool has_none = request == HttpRequestKind::head || status / 100 == 1 || status == 204 ||
                        status == 304 || (request == HttpRequestKind::connect && status / 100 == 2);
  return has_none ? HttpBody{} : body_of(head, HttpFraming::until_close, true);
}

HttpChunks::Piece HttpChunks::next(ByteSpan bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (step_ == Step::data) {
      const std::size_t count = std::min<std::uint64_t>(left_, bytes.size() - at);
      left_ -= count;
      if (left_ == 0) step_ = Step::data_end;
      return {at + count, bytes.subspan(at, count), State::more};
    }
    const std::uint8_t byte = bytes[at++];
    State state = State::more;
    if (step_ == Step::data_end) {
      state = take_line_end_byte(byte);
    } else if (step_ == Step::trailer) {
      state = take_trailer_byte(byte);
    } else {
      state = take_size_byte(byte);
    }
    is_odd_ |= state == State::bad;
    if (state != State::more) return {at, {}, state};
  }
  return {at, {}, State::more};
}

bool HttpChunks::skip(std::uint64_t bytes) noexcept {
  if (step_ != Step::data || bytes >= left_) return false;
  left_ -= bytes;
  return true;
}

void HttpChunks::end_size_line() noexcept {
  step_ = left_ > 0 ? Step::data : Step::trailer;
  digits_ = 0;
  line_bytes_ = 0;
  is_line_empty_ = true;
}

HttpChunks::State HttpChunks::take_size_byte(std::uint8_t byte) noexcept {
  if (++line_bytes_ > kHttpChunkLineBytesMax) return State::bad;
  if (digits_ == 0 && is_space(byte)) {
    is_odd_ = true;
    return State::more;
  }
  if (byte == '\n') {
    end_size_line();
    return State::more;
  }
  if (step_ == Step::extension) return State::more;
  const std::uint8_t letter = lower(byte);
  const bool is_digit = byte >= '0' && byte <= '9';
  if (is_digit || (letter >= 'a' && letter <= 'f')) {
    const unsigned digit = is_digit ? byte - unsigned{'0'} : letter - unsigned{'a'} + 10;
    left_ = left_ << 4 | digit;
    digits_ = left_ == 0 ? 1 : static_cast<std::uint8_t>(digits_ + 1);
    return digits_ > kSizeDigitsMax ? State::bad : State::more;
  }
  // "0x5" is five to some and none to others.
  if (digits_ == 0 || (left_ == 0 && letter == 'x')) return State::bad;
  is_odd_ |= byte != ';' && byte != '\r' && !is_blank(byte);
  step_ = Step::extension;
  return State::more;
}

HttpChunks::State HttpChunks::take_line_end_byte(std::uint8_t byte) noexcept {
  if (byte == '\n') {
    step_ = Step::size;
    line_bytes_ = 0;
    return State::more;
  }
  is_odd_ |= byte != '\r' || line_bytes_ > 0;
  return ++line_bytes_ > kHttpChunkLineBytesMax ? State::bad : State::more;
}

HttpChunks::State HttpChunks::take_trailer_byte(std::uint8_t byte) noexcept {
  if (byte == '\n') {
    if (is_line_empty_) return State::ended;
    is_line_empty_ = true;
  } else if (byte != '\r') {
    is_line_empty_ = false;
  }
  return ++line_bytes_ > kHttpTrailerBytesMax ? State::bad : State::more;
}

}  // namespace sluice
