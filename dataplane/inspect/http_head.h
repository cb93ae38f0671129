// The head of an HTTP/1 message as an index of places: words of the first line and the headers,
// nothing copied. Lines end as servers take them, with LF and one CR before it; what a strict
// reader would refuse is read on and noted. Of responses a lone CR ends a line too, and names of
// headers are known with junk in and behind them, as browsers do. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/http_detect.h"
#include "dataplane/inspect/http_limits.h"
#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// Headers that have a buffer of their own or decide where a body ends.
enum class HttpField : std::uint8_t {
  other,
  host,
  user_agent,
  referer,
  cookie,
  set_cookie,
  content_type,
  content_length,
  accept,
  accept_language,
  accept_encoding,
  connection,
  server,
  location,
  transfer_encoding,
  content_encoding,
  count_,
};
/// Which of them `name` is, in any case of letters.
[[nodiscard]] HttpField field_named(ByteSpan name) noexcept;

inline constexpr std::uint8_t kNoHeader = 0xff;

/// Places are relative to the head's first byte.
struct HttpHeader {
  std::uint16_t name_at;
  std::uint16_t name_bytes;
  std::uint16_t value_at;  ///< trimmed
  std::uint16_t value_bytes;
  std::uint16_t line_end;  ///< behind the line end
  HttpField field;
  std::uint8_t next_of_name;  ///< the next header with the same name, or kNoHeader
  bool is_plain;              ///< already "Name: value" CR LF
  bool is_folded;             ///< the value goes over several lines
  bool is_repeated;           ///< not the first of its name
};

class HttpLineMap;

class HttpHead {
 public:
  /// Reads `bytes`, a head up to and with its empty line, or as much as there is of it.
  void read(ByteSpan bytes, bool is_request) noexcept;
  /// The same bytes stand elsewhere now.
  void move_to(const std::uint8_t* bytes) noexcept { bytes_ = {bytes, bytes_.size()}; }

  [[nodiscard]] ByteSpan bytes() const noexcept { return bytes_; }
  [[nodiscard]] ByteSpan first_line() const noexcept { return bytes_.first(line_bytes_); }
  /// Method, target and version, or version, status code and reason phrase.
  [[nodiscard]] ByteSpan word(std::size_t index) const noexcept {
    return bytes_.subspan(words_[index].at, words_[index].bytes);
  }
  /// All header lines, and with them the empty line.
  [[nodiscard]] ByteSpan header_lines() const noexcept { return bytes_.subspan(headers_at_); }
  /// All header lines without the empty line.
  [[nodiscard]] ByteSpan lines_of_headers() const noexcept {
    return bytes_.subspan(headers_at_, headers_end_ - headers_at_);
  }
  [[nodiscard]] std::span<const HttpHeader> headers() const noexcept {
    return {headers_.data(), count_};
  }
  [[nodiscard]] ByteSpan name_of(const HttpHeader& header) const noexcept {
    return bytes_.subspan(header.name_at, header.name_bytes);
  }
  [[nodiscard]] ByteSpan value_of(const HttpHeader& header) const noexcept {
    return bytes_.subspan(header.value_at, header.value_bytes);
  }
  /// The first header of that name, or null.
  [[nodiscard]] const HttpHeader* find(HttpField field) const noexcept {
    const std::uint8_t index = first_of_[static_cast<std::size_t>(field)];
    return index == kNoHeader ? nullptr : &headers_[index];
  }
  [[nodiscard]] const HttpHeader* next_of(const HttpHeader& header) const noexcept {
    return header.next_of_name == kNoHeader ? nullptr : &headers_[header.next_of_name];
  }
  /// Every line is as the normalised buffers have it.
  [[nodiscard]] bool is_plain() const noexcept { return is_plain_; }
  /// Ends with its empty line.
  [[nodiscard]] bool has_empty_line() const noexcept { return headers_end_ < bytes_.size(); }
  [[nodiscard]] bool has(AppAnomaly anomaly) const noexcept {
    return (anomalies_ >> static_cast<unsigned>(anomaly) & 1) != 0;
  }
  void note(AppAnomaly anomaly) noexcept { anomalies_ |= 1U << static_cast<unsigned>(anomaly); }
  [[nodiscard]] std::uint32_t anomalies() const noexcept { return anomalies_; }

 private:
  struct Word {
    std::uint16_t at;
    std::uint16_t bytes;
  };
  struct Line {
    std::uint32_t at;
    std::uint32_t colon;  ///< `end` where there is none
    std::uint32_t end;    ///< without the line end
    std::uint32_t next;
  };

  [[nodiscard, gnu::always_inline]] Line line_at(const HttpLineMap& map, std::size_t at) noexcept;
  void read_request_line() noexcept;
  void read_response_line() noexcept;
  [[nodiscard]] bool take_odd_line(const Line& line) noexcept;
  [[gnu::always_inline]] void add_header(const Line& line) noexcept;
  void fold_into_last(const Line& line) noexcept;
  [[nodiscard]] bool says_how_a_body_is_coded(const Line& line) const noexcept;
  void join_to_last_name(const Line& line) noexcept;
  [[nodiscard]] HttpField field_of(ByteSpan name) const noexcept;
  [[gnu::always_inline]] void link(std::uint8_t index) noexcept;
  void link_to_the_last(std::uint8_t index) noexcept;
  [[nodiscard]] std::uint8_t last_of_name(std::uint8_t index) const noexcept;
  [[nodiscard]] Word word_between(std::size_t at, std::size_t end) const noexcept;

  /// Headers that say where the body ends are kept beyond kHttpHeadersMax.
  static constexpr std::size_t kRoom = kHttpHeadersMax + 16;

  ByteSpan bytes_;
  std::uint32_t line_bytes_;
  std::uint32_t headers_at_;
  std::uint32_t headers_end_;
  std::uint32_t anomalies_;
  std::uint64_t names_seen_;
  std::size_t count_;
  bool is_plain_;
  bool is_request_;
  bool is_last_dropped_;
  std::array<Word, 3> words_;
  std::array<std::uint8_t, static_cast<std::size_t>(HttpField::count_)> first_of_;
  std::array<HttpHeader, kRoom> headers_;
};

/// What may end a head besides an empty line.
enum class HttpHeadEnd : std::uint8_t {
  of_request,
  of_simple_request,  ///< its line without a version; only while the first line has not ended
  of_response,        ///< a line of one blank that no other line end follows
};
/// Bytes of the head at the start of `bytes`, or 0 where its end is not among them. The first
/// `searched` bytes are known not to hold the end.
[[nodiscard]] std::size_t head_bytes(ByteSpan bytes, std::size_t searched,
                                     HttpHeadEnd end) noexcept;

/// As a whole head does, and the line of a request without a version does not.
[[nodiscard]] bool ends_with_empty_line(ByteSpan head) noexcept;

/// Whether a line begins as a header does: a name and its colon.
[[nodiscard]] Likeness header_likeness(ByteSpan bytes) noexcept;

/// What stands before the status line of a response.
struct HttpPrelude {
  enum class Before : std::uint8_t { response, body, unknown };
  Before before = Before::unknown;  ///< what follows; unknown: it needs more bytes to tell
  std::size_t bytes = 0;            ///< to be passed over
};
/// Blanks and one line of junk are passed over, as browsers do; what has no status line behind that
/// is a body without a head.
[[nodiscard]] HttpPrelude prelude_of(ByteSpan bytes) noexcept;

}  // namespace sluice
