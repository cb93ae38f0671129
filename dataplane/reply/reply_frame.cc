// A reply is written from the inside out: its own IP packet behind a copy of the outer headers,
// then the outer headers from the innermost on, whose lengths and sums cover what is inside.
#include "dataplane/reply/reply_frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/endian.h"
#include "dataplane/decode/checksum.h"

namespace sluice {
namespace {

constexpr std::size_t kFrameBytesMin = 60;  // IEEE 802.3, without FCS
constexpr std::uint8_t kHops = 64;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kGreChecksum = 0x8000;
constexpr std::size_t kTcpBytes = 20;
constexpr std::size_t kIcmpBytes = 8;
// RFC 1812 4.3.2.3: an error of ICMP is no longer than 576 bytes; RFC 4443 2.4: of ICMPv6, 1,280.
constexpr std::size_t kErrorBytesMaxV4 = 576;
constexpr std::size_t kErrorBytesMaxV6 = 1280;

void put_be16(std::uint8_t* at, std::size_t value) noexcept {
  store(at, Be16(static_cast<std::uint16_t>(value)));
}
void put_be32(std::uint8_t* at, std::uint32_t value) noexcept { store(at, Be32(value)); }

void swap_fields(std::uint8_t* first, std::uint8_t* second, std::size_t bytes) noexcept {
  std::swap_ranges(first, first + bytes, second);
}

[[nodiscard]] std::uint16_t inverted_sum(RawSum sum) noexcept {
  return static_cast<std::uint16_t>(~fold(sum));
}

/// Of the layer-4 bytes behind the IP header at `ip`; the checksum field among them is 0.
[[nodiscard]] std::uint16_t pseudo_sum(const std::uint8_t* ip, std::uint8_t protocol,
                                       std::span<const std::uint8_t> l4) noexcept {
  const bool is_v4 = ip[0] >> 4 == 4;
  const RawSum addresses = is_v4 ? ones_sum(ip + 12, 8) : ones_sum(ip + 8, 32);
  const Be16 rest[] = {Be16(protocol), Be16(static_cast<std::uint16_t>(l4.size()))};
  return inverted_sum(addresses + rest[0].raw() + rest[1].raw() + ones_sum(l4.data(), l4.size()));
}

void sum_ipv4(std::uint8_t* ip) noexcept {
  store(ip + 10, std::uint16_t{0});
  store(ip + 10, inverted_sum(ones_sum(ip, (ip[0] & 0x0fU) * 4U)));
}

/// A frame in the making: outer headers, then from `path.bytes` on the reply's own packet.
class ReplyWriter {
 public:
  ReplyWriter(const Packet& packet, const ReplyPath& path, ReplySide side,
              std::span<std::uint8_t> into) noexcept
      : packet_(packet), path_(path), side_(side), into_(into) {}

  /// Room for `l4_bytes` behind the reply's own IP header, or nothing.
  [[nodiscard]] std::span<std::uint8_t> begin(std::size_t l4_bytes) noexcept {
    ip_bytes_ = packet_.ip_version == 4 ? 20 : 40;
    size_ = path_.bytes + ip_bytes_ + l4_bytes;
    if (std::max(size_, kFrameBytesMin) > into_.size()) return {};
    std::memcpy(into_.data(), packet_.bytes, path_.bytes);
    std::memset(into_.data() + path_.bytes, 0, std::max(size_, kFrameBytesMin) - path_.bytes);
    return into_.subspan(path_.bytes + ip_bytes_, l4_bytes);
  }

  /// The layer-4 bytes are written but for their sum, which stands at `sum_offset` of them.
  [[nodiscard]] std::size_t finish(std::uint8_t protocol, std::size_t sum_offset) noexcept {
    std::uint8_t* ip = into_.data() + path_.bytes;
    const std::size_t l4_bytes = size_ - path_.bytes - ip_bytes_;
    packet_.ip_version == 4 ? write_ipv4(ip, protocol) : write_ipv6(ip, protocol, l4_bytes);
    std::uint8_t* l4 = ip + ip_bytes_;
    const std::span<const std::uint8_t> bytes(l4, l4_bytes);
    const std::uint16_t sum =
        protocol == kIcmp ? inverted_sum(ones_sum(l4, l4_bytes)) : pseudo_sum(ip, protocol, bytes);
    store(l4 + sum_offset, sum);
    for (std::size_t i = path_.layer_count; i-- > 0;) write_outer(path_.layers[i], i);
    return std::max(size_, kFrameBytesMin);
  }

 private:
  [[nodiscard]] bool is_back() const noexcept { return side_ == ReplySide::sender; }

  void write_ipv4(std::uint8_t* ip, std::uint8_t protocol) noexcept {
    ip[0] = 0x45;
    put_be16(ip + 2, size_ - path_.bytes);
    put_be16(ip + 6, kDontFragment);
    ip[8] = is_back() ? kHops : packet_.l3()[8];
    ip[9] = protocol;
    std::memcpy(ip + 12, packet_.l3() + 12, 8);
    if (is_back()) swap_fields(ip + 12, ip + 16, 4);
    sum_ipv4(ip);
  }

  void write_ipv6(std::uint8_t* ip, std::uint8_t protocol, std::size_t l4_bytes) noexcept {
    ip[0] = 0x60;
    put_be16(ip + 4, l4_bytes);
    ip[6] = protocol;
    ip[7] = is_back() ? kHops : packet_.l3()[7];
    std::memcpy(ip + 8, packet_.l3() + 8, 32);
    if (is_back()) swap_fields(ip + 8, ip + 24, 16);
  }

  void write_outer(const OuterLayer& layer, std::size_t index) noexcept {
    std::uint8_t* at = into_.data() + layer.offset;
    const std::size_t bytes = size_ - layer.offset;
    switch (layer.kind) {
      case OuterKind::ethernet:
        if (is_back()) swap_fields(at, at + 6, 6);
        return;
      case OuterKind::pppoe:
        return put_be16(at + 4, bytes - 6);
      case OuterKind::ipv4:
        put_be16(at + 2, bytes);
        put_be16(at + 4, 0);
        put_be16(at + 6, kDontFragment);
        if (is_back()) at[8] = kHops;
        if (is_back()) swap_fields(at + 12, at + 16, 4);
        return sum_ipv4(at);
      case OuterKind::ipv6:
        put_be16(at + 4, bytes - 40);
        if (is_back()) at[7] = kHops;
        if (is_back()) swap_fields(at + 8, at + 24, 16);
        return;
      case OuterKind::udp:
        return write_udp(at, bytes, index);
      case OuterKind::gre:
        if ((load_be16(at) & kGreChecksum) == 0) return;
        store(at + 4, std::uint16_t{0});
        return store(at + 4, inverted_sum(ones_sum(at, bytes)));
      case OuterKind::gtp_u:
        return put_be16(at + 2, bytes - 8);
    }
  }

  /// The port of a tunnel is where its packets go, in either direction. A sender that left the sum
  /// out over IPv4 goes without. The IP header in front is not turned yet, which no sum can tell.
  void write_udp(std::uint8_t* at, std::size_t bytes, std::size_t index) noexcept {
    put_be16(at + 4, bytes);
    const std::uint8_t* ip = into_.data() + path_.layers[index - 1].offset;
    if (load<std::uint16_t>(at + 6) == 0 && ip[0] >> 4 == 4) return;
    store(at + 6, std::uint16_t{0});
    const std::uint16_t sum = pseudo_sum(ip, kUdp, {at, bytes});
    store(at + 6, sum != 0 ? sum : std::uint16_t{0xffff});
  }

  const Packet& packet_;
  const ReplyPath& path_;
  ReplySide side_;
  std::span<std::uint8_t> into_;
  std::size_t ip_bytes_ = 0;
  std::size_t size_ = 0;
};

[[nodiscard]] std::uint32_t later(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(b - a) > 0 ? b : a;
}

/// A host: neither a group nor a broadcast, nor nobody.
[[nodiscard]] bool is_host_v4(std::uint32_t address) noexcept {
  const std::uint32_t top = address >> 24;
  return top != 0 && top != 127 && top < 224;
}
[[nodiscard]] bool is_host_v6(const std::uint8_t* address) noexcept {
  const bool is_low = load_be64(address) == 0 && load_be64(address + 8) <= 1;
  return address[0] != 0xff && !is_low;
}

/// What RFC 1122 3.2.2 and RFC 4443 2.4 (e) forbid to answer, and neighbour discovery, which
/// speaks of the link itself.
[[nodiscard]] bool is_query(const Packet& packet) noexcept {
  if (!has_icmp_header(packet)) return false;
  const std::uint8_t type = packet.icmp_type;
  if (packet.protocol == kIcmpv6) return type == 128 || type == 129;
  return type == 0 || type == 8 || type == 13 || type == 14;
}

}  // namespace

bool can_be_answered(const Packet& packet) noexcept {
  constexpr std::uint16_t kKinds = kIsFragment | kIsDatagram | kIcmpError;
  if (packet.ip_version == 0 || packet.frames != 1 || (packet.flags & kKinds) != 0) return false;
  if ((packet.bytes[0] & 1) != 0) return false;
  if (packet.protocol == kTcp && (packet.tcp_flags & kRst) != 0) return false;
  if (packet.protocol == kTcp && packet.l4_offset == 0) return false;
  if ((packet.protocol == kIcmp || packet.protocol == kIcmpv6) && !is_query(packet)) return false;
  if (packet.ip_version == 4) {
    const V4Pair pair = v4_addresses(packet);
    return is_host_v4(pair.source) && is_host_v4(pair.destination);
  }
  const V6Pair pair = v6_addresses(packet);
  return is_host_v6(pair.source) && is_host_v6(pair.destination);
}

std::optional<ResetFields> reset_fields(const Packet& packet, ReplySide side,
                                        const ResetMarks& marks, unsigned direction) noexcept {
  const bool has_ack = (packet.tcp_flags & kAck) != 0;
  if (side == ReplySide::peer) {
    if (!has_ack) return std::nullopt;
    const std::uint32_t expected =
        marks.is_known[direction] ? marks.expected[direction] : packet.tcp_sequence;
    return ResetFields{expected, packet.tcp_acknowledgement, true};
  }
  if (!has_ack) {
    const std::uint32_t flags =
        ((packet.tcp_flags & kSyn) != 0 ? 1U : 0U) + ((packet.tcp_flags & kFin) != 0 ? 1U : 0U);
    return ResetFields{0, packet.tcp_sequence + packet.payload_bytes + flags, true};
  }
  const unsigned back = direction ^ 1;
  if (!marks.is_known[back]) return ResetFields{packet.tcp_acknowledgement, 0, false};
  return ResetFields{later(packet.tcp_acknowledgement, marks.expected[back]), 0, false};
}

std::size_t write_reset(const Packet& packet, const ReplyPath& path, ReplySide side,
                        const ResetFields& fields, std::span<std::uint8_t> into) noexcept {
  ReplyWriter writer(packet, path, side, into);
  const auto tcp = writer.begin(kTcpBytes);
  if (tcp.empty()) return 0;
  const bool is_back = side == ReplySide::sender;
  put_be16(tcp.data(), is_back ? packet.destination_port : packet.source_port);
  put_be16(tcp.data() + 2, is_back ? packet.source_port : packet.destination_port);
  put_be32(tcp.data() + 4, fields.sequence);
  put_be32(tcp.data() + 8, fields.acknowledgement);
  tcp[12] = kTcpBytes / 4 << 4;
  tcp[13] = fields.has_acknowledgement ? kRst | kAck : kRst;
  return writer.finish(kTcp, 16);
}

std::size_t write_unreachable(const Packet& packet, const ReplyPath& path,
                              std::span<std::uint8_t> into) noexcept {
  const bool is_v4 = packet.ip_version == 4;
  const std::size_t most = (is_v4 ? kErrorBytesMaxV4 - 20 : kErrorBytesMaxV6 - 40) - kIcmpBytes;
  const std::size_t at_hand = packet.bytes_at_hand - packet.l3_offset;
  const std::size_t quoted = std::min({most, at_hand, std::size_t{packet.l3_bytes}});
  ReplyWriter writer(packet, path, ReplySide::sender, into);
  const auto icmp = writer.begin(kIcmpBytes + quoted);
  if (icmp.empty()) return 0;
  constexpr std::array<std::uint8_t, 2> kPortUnreachableV4{3, 3};
  constexpr std::array<std::uint8_t, 2> kPortUnreachableV6{1, 4};
  std::ranges::copy(is_v4 ? kPortUnreachableV4 : kPortUnreachableV6, icmp.begin());
  std::memcpy(icmp.data() + kIcmpBytes, packet.l3(), quoted);
  return writer.finish(is_v4 ? kIcmp : kIcmpv6, 2);
}

}  // namespace sluice
