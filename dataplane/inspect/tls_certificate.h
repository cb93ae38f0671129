// What rules ask of a certificate (RFC 5280 4.1), as text: names as "C=US, O=Example,
// CN=a.example", numbers as bytes in hexadecimal between colons. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// A name's text goes no further, and that of a serial number neither.
inline constexpr std::size_t kCertificateTextMax = 4096;

struct TlsCertificate {
  ByteSpan serial;   ///< big-endian, as it stands there
  ByteSpan issuer;   ///< content of the sequence that a name is
  ByteSpan subject;  ///< the same
};

/// None where `der` is no certificate as far as its subject.
[[nodiscard]] std::optional<TlsCertificate> read_certificate(ByteSpan der) noexcept;

/// Write to the front of `out` and return what was written, cut where there is no room.
[[nodiscard]] ByteSpan write_name(ByteSpan name, std::span<std::uint8_t> out) noexcept;
[[nodiscard]] ByteSpan write_serial(ByteSpan serial, std::span<std::uint8_t> out) noexcept;
/// SHA-1 of the whole certificate.
[[nodiscard]] ByteSpan write_fingerprint(ByteSpan der, std::span<std::uint8_t> out) noexcept;

}  // namespace sluice
