#include "dataplane/inspect/http_framing.h"

#include <optional>
#include <string_view>

namespace sluice {
namespace {

/// With one for the zeros in front, which some clients send and servers skip.
constexpr std::uint8_t kSizeDigitsMax = 16;

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
      while (!element.empty() && element.front() <= ' ') element = element.subspan(1);
      while (!element.empty() && element.back() <= ' ') element = element.first(element.size() - 1);
      if (!element.empty()) take(element);
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
    const std::optional<std::uint64_t> number = number_in(element);
    if (!number || (length && *number != *length)) head.note(AppAnomaly::http_ambiguous_length);
    if (!length) length = number;
  });
  return length;
}

bool is_chunked(HttpHead& head) noexcept {
  bool is_chunked = false;
  bool is_other = false;
  for_each_element(head, head.find(HttpField::transfer_encoding), [&](ByteSpan element) noexcept {
    is_other |= is_chunked || !equals(element, "chunked");
    is_chunked |= equals(element, "chunked");
  });
  if (is_other) head.note(AppAnomaly::http_ambiguous_length);
  return is_chunked;
}

HttpCoding coding_of(HttpHead& head) noexcept {
  HttpCoding coding = HttpCoding::none;
  std::size_t codings = 0;
  for_each_element(head, head.find(HttpField::content_encoding), [&](ByteSpan element) noexcept {
    if (equals(element, "identity")) return;
    ++codings;
    if (equals(element, "gzip") || equals(element, "x-gzip")) coding = HttpCoding::gzip;
    if (equals(element, "deflate")) coding = HttpCoding::deflate;
  });
  if (codings <= 1) return coding;
  head.note(AppAnomaly::http_bad_content_coding);
  return HttpCoding::none;
}

HttpBody body_of(HttpHead& head, HttpFraming without_length) noexcept {
  HttpBody body;
  const std::optional<std::uint64_t> length = length_in(head);
  if (is_chunked(head)) {
    if (length) head.note(AppAnomaly::http_ambiguous_length);
    body.framing = HttpFraming::chunked;
  } else if (length) {
    body.framing = *length > 0 ? HttpFraming::length : HttpFraming::no_body;
    body.length = *length;
  } else {
    body.framing = without_length;
  }
  if (body.framing != HttpFraming::no_body) body.coding = coding_of(head);
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

HttpBody body_of_request(HttpHead& head) noexcept { return body_of(head, HttpFraming::no_body); }

HttpBody body_of_response(HttpHead& head, HttpRequestKind request, std::uint32_t status) noexcept {
  const bool has_none = request == HttpRequestKind::head || status / 100 == 1 || status == 204 ||
                        status == 304 || (request == HttpRequestKind::connect && status / 100 == 2);
  return has_none ? HttpBody{} : body_of(head, HttpFraming::until_close);
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
  if (byte == '\n') {
    if (digits_ == 0) return State::bad;
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
  const bool ends_size = byte == ';' || byte == '\r' || is_blank(byte);
  if (!ends_size || digits_ == 0) return State::bad;
  step_ = Step::extension;
  return State::more;
}

HttpChunks::State HttpChunks::take_line_end_byte(std::uint8_t byte) noexcept {
  if (byte == '\n') {
    step_ = Step::size;
    line_bytes_ = 0;
    return State::more;
  }
  return byte == '\r' && line_bytes_++ == 0 ? State::more : State::bad;
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
