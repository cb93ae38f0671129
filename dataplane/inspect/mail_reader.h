// The text of a mail (RFC 5322, 2045, 2046) as files: every part that is no container of others is
// told as file.data, decoded, one behind the other, each with an end of its own. What stands before
// the first part of a container and behind its last is told as a part too. Bounded: headers that
// matter, depth of containers, bytes of each part. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/mail_decode.h"

namespace sluice {

/// Containers within each other; one deeper is an anomaly, and told as it was sent.
inline constexpr std::size_t kMailDepthMax = 4;
/// RFC 2046 allows 70; a container with a longer one is an anomaly, and told as it was sent.
inline constexpr std::size_t kMailBoundaryBytesMax = 100;
/// Of a container that gives several: readers take either.
inline constexpr std::size_t kMailBoundariesMax = 2;
/// Of a header, with the lines that continue it. A line that is longer and has no colon so far is
/// text; a container whose boundary stands behind is an anomaly, and told as it was sent.
inline constexpr std::size_t kMailHeaderBytesMax = 1024;

/// Whom a part is told.
struct MailTurn {
  const AppSink& sink;
  std::uint32_t message = 0;
};

class MailReader {
 public:
  explicit MailReader(std::uint32_t part_bytes_max) noexcept : part_bytes_max_(part_bytes_max) {}

  /// The next bytes of the text, without what SMTP adds to it.
  void push(ByteSpan bytes, const MailTurn& turn) noexcept;
  /// Bytes are missing here.
  void lose() noexcept;
  /// The text has ended.
  void end(const MailTurn& turn) noexcept;

 private:
  enum class Place : std::uint8_t { header_start, in_header, body_start, in_body };
  struct Boundary {
    std::array<std::uint8_t, kMailBoundaryBytesMax> bytes;
    std::uint8_t size = 0;  ///< 0 = none, or ended

    [[nodiscard]] bool begins(ByteSpan line) const noexcept;
  };
  using Container = std::array<Boundary, kMailBoundariesMax>;

  void read(ByteSpan bytes, const MailTurn& turn) noexcept;
  [[nodiscard]] ByteSpan line() const noexcept { return {line_.data(), line_bytes_}; }
  void append(ByteSpan bytes) noexcept;
  [[nodiscard]] std::size_t read_header(ByteSpan bytes, const MailTurn& turn) noexcept;
  [[nodiscard]] bool is_text() const noexcept;
  void end_header_line(const MailTurn& turn) noexcept;
  void begin_body_with_line(const MailTurn& turn) noexcept;
  void take_header(const MailTurn& turn) noexcept;
  void take_type(ByteSpan value, const MailTurn& turn) noexcept;
  void push_boundaries(ByteSpan type, const MailTurn& turn) noexcept;
  [[nodiscard]] bool push_boundary(ByteSpan found) noexcept;
  void settle_coding_of_mail() noexcept;
  void begin_headers() noexcept;
  void begin_body() noexcept;
  [[nodiscard]] std::size_t read_line_start(ByteSpan bytes, const MailTurn& turn) noexcept;
  [[nodiscard]] std::size_t read_body(ByteSpan bytes, const MailTurn& turn) noexcept;
  [[nodiscard]] bool take_boundary(bool is_whole_line, const MailTurn& turn) noexcept;
  void leave_containers(std::size_t within, Boundary* ended) noexcept;
  void tell(ByteSpan bytes, const MailTurn& turn) noexcept;
  void tell_decoded(const MailTurn& turn) noexcept;
  void tell_piece(ByteSpan bytes, const MailTurn& turn) noexcept;
  void end_part(const MailTurn& turn) noexcept;

  DecodedText decoded_;
  MailDecoder decoder_;
  std::uint32_t part_bytes_max_;
  std::uint32_t told_bytes_ = 0;  ///< of the part
  Place place_ = Place::header_start;
  MailCoding coding_ = MailCoding::none;  ///< of the headers at hand, as are the next two
  /// Of the mail in a mail whose headers begin: RFC 2046 (5.2.1) forbids it, and readers differ.
  MailCoding coding_of_mail_ = MailCoding::none;
  bool is_container_ = false;
  bool is_mail_ = false;
  std::uint8_t depth_ = 0;
  std::uint16_t line_bytes_ = 0;
  bool may_be_body_ = false;    ///< the headers: their boundary is none to some readers
  bool may_be_text_ = false;    ///< the line of headers: it continues no other, and is whole
  bool is_empty_line_ = false;  ///< the same: as far as it has come
  std::array<std::uint8_t, kMailHeaderBytesMax> line_;  ///< a header, or what may be a boundary
  std::array<Container, kMailDepthMax> containers_;
};
static_assert(sizeof(MailReader) <= 3072);

}  // namespace sluice
