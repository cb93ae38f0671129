// The long header of QUIC packets as far as it is readable without keys (RFC 9000 17.2), and its
// numbers of variable length (16). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/inspect/quic_cipher.h"
#include "dataplane/inspect/tls_reader.h"

namespace sluice {

/// A packet of a version that is known.
struct QuicPacket {
  QuicVersion version = QuicVersion::none;
  bool is_initial = false;
  ByteSpan connection_id;  ///< of the receiver
  ByteSpan bytes;          ///< the packet, up to where the next one of the datagram begins
  std::size_t number_at = 0;
};

[[nodiscard]] constexpr bool has_long_header(ByteSpan datagram) noexcept {
  return !datagram.empty() && (datagram[0] & 0x80) != 0;
}

/// The packet at the front of `datagram`. None where it has a short header, is of another version,
/// is a Retry, or says that it goes beyond the datagram.
[[nodiscard]] std::optional<QuicPacket> read_quic_packet(ByteSpan datagram) noexcept;

/// A number of variable length.
[[nodiscard]] std::uint64_t quic_number(TlsReader& reader) noexcept;

}  // namespace sluice
