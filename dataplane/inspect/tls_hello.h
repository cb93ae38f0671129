// ClientHello and ServerHello taken apart (RFC 8446 4.1, RFC 5246 7.4.1): spans into the message.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/inspect/tls_reader.h"

namespace sluice {

/// Values that clients strew in to keep servers tolerant (RFC 8701).
[[nodiscard]] constexpr bool is_grease(std::uint16_t value) noexcept {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/// Names of hosts in a hello that are told; an honest client sends one.
inline constexpr std::size_t kTlsServerNamesMax = 4;

struct TlsClientHello {
  std::uint16_t legacy_version = 0;
  ByteSpan ciphers;     ///< two bytes each
  ByteSpan extensions;  ///< type, length, content; well-formed to the end
  std::array<ByteSpan, kTlsServerNamesMax> server_names;
  std::size_t server_name_count = 0;
  ByteSpan protocols;  ///< of ALPN, each behind a byte that is its length
  ByteSpan versions;   ///< supported_versions, two bytes each
  ByteSpan groups;     ///< two bytes each
  ByteSpan point_formats;
  ByteSpan signature_algorithms;  ///< two bytes each
  bool has_server_name = false;   ///< the extension is there, whatever is in it
  bool has_alpn = false;          ///< the same
  bool has_ech = false;
  /// An extension comes twice, its content is not as it should be, or bytes stand behind.
  bool is_odd = false;
};

struct TlsServerHello {
  std::uint16_t legacy_version = 0;
  std::uint16_t version = 0;  ///< that was agreed
  std::uint16_t cipher = 0;
  ByteSpan extensions;
  bool is_retry = false;  ///< asks for another ClientHello
  bool is_odd = false;
};

/// `body` is the message behind its type and length. None where it ends early.
[[nodiscard]] std::optional<TlsClientHello> read_client_hello(ByteSpan body) noexcept;
[[nodiscard]] std::optional<TlsServerHello> read_server_hello(ByteSpan body) noexcept;

/// The highest version that the client offers and that there is, else what it writes first.
[[nodiscard]] std::uint16_t offered_version(const TlsClientHello& hello) noexcept;
/// "1.2"; empty for what is no version.
[[nodiscard]] std::string_view version_text(std::uint16_t version) noexcept;

}  // namespace sluice
