#include "dataplane/inspect/quic_packet.h"

namespace sluice {
namespace {

enum class PacketType : std::uint8_t { initial, early_data, handshake, retry };

/// Version 2 counts them from another place on (RFC 9369 3.2).
PacketType type_of(std::uint8_t first, QuicVersion version) noexcept {
  const unsigned bits = first >> 4 & 3U;
  return static_cast<PacketType>(version == QuicVersion::v2 ? (bits + 3) & 3 : bits);
}

}  // namespace

std::uint64_t quic_number(TlsReader& reader) noexcept {
  const std::uint8_t first = reader.u8();
  std::uint64_t value = first & 0x3f;
  const unsigned further = (1U << (first >> 6)) - 1;
  for (const std::uint8_t byte : reader.bytes(further)) value = value << 8 | byte;
  return value;
}

std::optional<QuicPacket> read_quic_packet(ByteSpan datagram) noexcept {
  constexpr std::uint8_t kFixedBit = 0x40;
  TlsReader reader(datagram);
  const std::uint8_t first = reader.u8();
  if (!has_long_header(datagram) || (first & kFixedBit) == 0) return std::nullopt;
  QuicPacket packet;
  packet.version = quic_version(reader.number(4));
  packet.connection_id = reader.vector(1);
  const ByteSpan source = reader.vector(1);
  const PacketType type = type_of(first, packet.version);
  if (packet.version == QuicVersion::none || type == PacketType::retry ||
      packet.connection_id.size() > kQuicConnectionIdMax || source.size() > kQuicConnectionIdMax) {
    return std::nullopt;
  }
  packet.is_initial = type == PacketType::initial;
  if (packet.is_initial) (void)reader.bytes(quic_number(reader));  // token
  const std::uint64_t length = quic_number(reader);
  packet.number_at = datagram.size() - reader.left().size();
  if (reader.is_bad() || length > reader.left().size()) return std::nullopt;
  packet.bytes = datagram.first(packet.number_at + length);
  return packet;
}

}  // namespace sluice
