// Fingerprints of who speaks TLS: JA3 and JA3S (Salesforce's description: numbers in decimal, as
// sent) and JA4 (FoxIO's: sorted, hashed in parts). GREASE counts for none. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/inspect/tls_hello.h"

namespace sluice {

/// A hello with longer lists gets no fingerprint: no client writes them, and to sort and hash them
/// would cost more than to read them.
inline constexpr std::size_t kJaCiphersMax = 512;
inline constexpr std::size_t kJaExtensionsMax = 256;
inline constexpr std::size_t kJaListMax = 256;  ///< groups, signature algorithms
/// What the longest JA3 string needs.
inline constexpr std::size_t kJa3BytesMax =
    16 + 6 * (kJaCiphersMax + kJaExtensionsMax + kJaListMax) + 4 * 256;
inline constexpr std::size_t kJa4Bytes = 36;

enum class JaTransport : std::uint8_t { tcp, quic };

/// Write the text to the front of `out` and return it; empty where there is none. `out` has
/// kJa3BytesMax at least, or kJa4Bytes.
[[nodiscard]] ByteSpan write_ja3(const TlsClientHello& hello, std::span<std::uint8_t> out) noexcept;
[[nodiscard]] ByteSpan write_ja3s(const TlsServerHello& hello,
                                  std::span<std::uint8_t> out) noexcept;
[[nodiscard]] ByteSpan write_ja4(const TlsClientHello& hello, JaTransport transport,
                                 std::span<std::uint8_t> out) noexcept;

/// In lower case; fingerprints of SSH (HASSH) are written so, too.
[[nodiscard]] std::array<std::uint8_t, 32> md5_hex(ByteSpan text) noexcept;

}  // namespace sluice
