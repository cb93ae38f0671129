// The transfer codings of MIME (RFC 2045, 6), undone as the bytes come. What does not belong to a
// coding is passed over in base64 and kept in quoted-printable, as readers of mail do. Worker
// thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

enum class MailCoding : std::uint8_t { none, base64, quoted_printable };

/// Decoded bytes before they are told.
struct DecodedText {
  std::array<std::uint8_t, 1024> bytes;
  std::size_t size = 0;

  [[nodiscard]] bool has_room() const noexcept { return size + 4 <= bytes.size(); }
  void add(std::uint8_t byte) noexcept { bytes[size++] = byte; }
};

class MailDecoder {
 public:
  void begin(MailCoding coding) noexcept { *this = MailDecoder(coding); }
  [[nodiscard]] MailCoding coding() const noexcept { return coding_; }

  /// Takes bytes off the front of `bytes` until there are none, or no room in `out`.
  void decode(ByteSpan& bytes, DecodedText& out) noexcept;
  /// What was left of a coding that has ended; up to three bytes.
  void finish(DecodedText& out) noexcept;

  MailDecoder() = default;

 private:
  explicit MailDecoder(MailCoding coding) noexcept : coding_(coding) {}
  void decode_base64(std::uint8_t byte, DecodedText& out) noexcept;
  void decode_quoted(std::uint8_t byte, DecodedText& out) noexcept;

  MailCoding coding_ = MailCoding::none;
  std::uint8_t bits_ = 0;   ///< of base64, not told yet
  std::uint8_t held_ = 0;   ///< of quoted-printable: bytes behind and with "="
  std::uint8_t digit_ = 0;  ///< the first of two
  std::uint32_t value_ = 0;
};

}  // namespace sluice
