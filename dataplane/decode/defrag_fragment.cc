#include "dataplane/decode/defrag_fragment.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <rte_mbuf.h>

#include "base/endian.h"

namespace sluice {
namespace {

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragmentHeader = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kMobility = 135;
constexpr std::uint8_t kDccp = 33;
constexpr std::uint8_t kSctp = 132;

constexpr std::uint32_t kIpv6HeaderBytes = 40;
constexpr std::uint32_t kFragmentHeaderBytes = 8;
constexpr std::uint32_t kTcpHeaderBytes = 20;
constexpr unsigned kExtensionHeadersMax = 8;

// A few header bytes that may straddle segments.
template <std::size_t Bytes>
class HeaderBytes {
 public:
  HeaderBytes(const rte_mbuf* frame, std::uint32_t offset) noexcept
      : at_(static_cast<const std::uint8_t*>(
            rte_pktmbuf_read(frame, offset, Bytes, scratch_.data()))) {}
  HeaderBytes(const HeaderBytes&) = delete;
  HeaderBytes& operator=(const HeaderBytes&) = delete;

  [[nodiscard]] bool is_there() const noexcept { return at_ != nullptr; }
  [[nodiscard]] const std::uint8_t* at(std::size_t offset) const noexcept { return at_ + offset; }
  [[nodiscard]] std::uint8_t operator[](std::size_t i) const noexcept { return at_[i]; }

 private:
  std::array<std::uint8_t, Bytes> scratch_;
  const std::uint8_t* at_;
};

[[nodiscard]] bool is_extension(std::uint8_t protocol) noexcept {
  return protocol == kHopByHop || protocol == kRouting || protocol == kDestinationOptions ||
         protocol == kAuthentication || protocol == kMobility;
}

// Length units: RFC 8200 4.3-4.6 count eights, RFC 4302 2.2 counts fours.
[[nodiscard]] std::uint32_t extension_bytes(std::uint8_t protocol, std::uint8_t length) noexcept {
  return protocol == kAuthentication ? (length + 2U) * 4 : (length + 1U) * 8;
}

[[nodiscard]] std::optional<Fragment> read_ipv4(const rte_mbuf* frame,
                                                std::uint16_t l3_offset) noexcept {
  const HeaderBytes<20> ip(frame, l3_offset);
  if (!ip.is_there()) return std::nullopt;
  const std::uint32_t header_bytes = (ip[0] & 0x0fU) * 4;
  const std::uint32_t total_bytes = load_be16(ip.at(2));
  if (header_bytes < 20 || total_bytes < header_bytes) return std::nullopt;
  const std::uint16_t word = load_be16(ip.at(6));
  return Fragment{.identification = load_be16(ip.at(4)),
                  .first = (word & 0x1fffU) * 8,
                  .bytes = total_bytes - header_bytes,
                  .data_offset = l3_offset + header_bytes,
                  .l3_offset = l3_offset,
                  .header_bytes = static_cast<std::uint16_t>(header_bytes),
                  .link_offset = 0,
                  .protocol = ip[9],
                  .version = 4,
                  .more = (word & 0x2000U) != 0};
}

[[nodiscard]] std::optional<Fragment> read_fragment_header(const rte_mbuf* frame,
                                                           std::uint16_t l3_offset,
                                                           std::uint32_t header_offset,
                                                           std::uint32_t link_offset) noexcept {
  const HeaderBytes<kIpv6HeaderBytes> ip(frame, l3_offset);
  const HeaderBytes<kFragmentHeaderBytes> header(frame, header_offset);
  if (!header.is_there()) return std::nullopt;
  const std::uint32_t packet_end = l3_offset + kIpv6HeaderBytes + load_be16(ip.at(4));
  const std::uint32_t data_offset = header_offset + kFragmentHeaderBytes;
  if (packet_end < data_offset) return std::nullopt;
  const std::uint16_t word = load_be16(header.at(2));
  return Fragment{.identification = load_be32(header.at(4)),
                  .first = word & 0xfff8U,
                  .bytes = packet_end - data_offset,
                  .data_offset = data_offset,
                  .l3_offset = l3_offset,
                  .header_bytes = static_cast<std::uint16_t>(header_offset - l3_offset),
                  .link_offset = static_cast<std::uint16_t>(link_offset),
                  .protocol = header[0],
                  .version = 6,
                  .more = (word & 1U) != 0};
}

[[nodiscard]] std::optional<Fragment> read_ipv6(const rte_mbuf* frame,
                                                std::uint16_t l3_offset) noexcept {
  const HeaderBytes<kIpv6HeaderBytes> ip(frame, l3_offset);
  if (!ip.is_there()) return std::nullopt;
  std::uint8_t next = ip[6];
  std::uint32_t link_offset = 6;
  std::uint32_t offset = l3_offset + kIpv6HeaderBytes;
  for (unsigned i = 0; i < kExtensionHeadersMax && next != kFragmentHeader; ++i) {
    if (!is_extension(next)) return std::nullopt;
    const HeaderBytes<2> extension(frame, offset);
    if (!extension.is_there()) return std::nullopt;
    link_offset = offset - l3_offset;
    offset += extension_bytes(next, extension[1]);
    next = extension[0];
  }
  if (next != kFragmentHeader) return std::nullopt;
  return read_fragment_header(frame, l3_offset, offset, link_offset);
}

[[nodiscard]] std::uint32_t layer4_bytes_min(std::uint8_t protocol) noexcept {
  switch (protocol) {
    case kTcp:
      return kTcpHeaderBytes;
    case kSctp:
    case kDccp:
      return 12;
    default:
      return 0;  // a first fragment has at least the eight bytes of UDP or ICMP
  }
}

// Whether the first fragment, `bytes` long, holds the layer-4 header that starts at `skipped` of
// it.
[[nodiscard]] bool holds_layer4(const rte_mbuf* frame, const Fragment& fragment,
                                std::uint8_t protocol, std::uint32_t skipped) noexcept {
  if (skipped + layer4_bytes_min(protocol) > fragment.bytes) return false;
  if (protocol != kTcp) return true;
  const HeaderBytes<1> offset_byte(frame, fragment.data_offset + skipped + 12);
  if (!offset_byte.is_there()) return true;  // captured short: judged as far as it goes
  return skipped + (offset_byte[0] >> 4) * 4U <= fragment.bytes;
}

[[nodiscard]] bool holds_all_headers(const rte_mbuf* frame, const Fragment& fragment) noexcept {
  std::uint8_t protocol = fragment.protocol;
  std::uint32_t skipped = 0;
  if (fragment.version == 6 || protocol == kAuthentication) {
    for (unsigned i = 0; is_extension(protocol); ++i) {
      if (i == kExtensionHeadersMax || skipped + 2 > fragment.bytes) return false;
      const HeaderBytes<2> extension(frame, fragment.data_offset + skipped);
      if (!extension.is_there()) return true;
      skipped += extension_bytes(protocol, extension[1]);
      protocol = extension[0];
      if (skipped > fragment.bytes) return false;
    }
    if (protocol == kFragmentHeader) return false;  // a fragment of a fragment in one header chain
  }
  return holds_layer4(frame, fragment, protocol, skipped);
}

struct SegmentCursor {
  const rte_mbuf* segment;
  std::uint32_t offset;

  SegmentCursor(const rte_mbuf* frame, std::uint32_t frame_offset) noexcept
      : segment(frame), offset(frame_offset) {
    settle();
  }
  // The caller never advances past the frame's bytes.
  void advance(std::uint32_t bytes) noexcept {
    offset += bytes;
    settle();
  }
  void settle() noexcept {
    while (segment != nullptr && offset >= segment->data_len) {
      offset -= segment->data_len;
      segment = segment->next;
    }
  }
  [[nodiscard]] const std::uint8_t* data() const noexcept {
    return rte_pktmbuf_mtod_offset(segment, const std::uint8_t*, offset);
  }
  [[nodiscard]] std::uint32_t contiguous() const noexcept { return segment->data_len - offset; }
};

}  // namespace

std::optional<Fragment> read_fragment(const rte_mbuf* frame, std::uint16_t l3_offset) noexcept {
  const HeaderBytes<1> version(frame, l3_offset);
  if (!version.is_there()) return std::nullopt;
  if (version[0] >> 4 == 4) return read_ipv4(frame, l3_offset);
  if (version[0] >> 4 == 6) return read_ipv6(frame, l3_offset);
  return std::nullopt;
}

bool is_acceptable(const rte_mbuf* frame, const Fragment& fragment) noexcept {
  if (fragment.bytes == 0) return false;
  if (fragment.more && fragment.bytes % 8 != 0) return false;
  if (fragment.header_bytes + fragment.end() > kIpBytesMax) return false;
  // RFC 3128 2: a piece that starts inside the TCP header can only mean to rewrite flags or ports.
  if (fragment.protocol == kTcp && fragment.first > 0 && fragment.first < kTcpHeaderBytes) {
    return false;
  }
  return fragment.first != 0 || holds_all_headers(frame, fragment);
}

Hash128 datagram_key(const SipKey& key, const Packet& packet, const Fragment& fragment) noexcept {
  const rte_mbuf* frame = packet.mbuf;
  // RFC 791 3.2 counts the protocol into the key of a datagram, RFC 8200 4.5 does not.
  const std::uint64_t tail = static_cast<std::uint64_t>(fragment.identification) << 32 |
                             static_cast<std::uint64_t>(packet.domain) << 16 |
                             (fragment.version == 4 ? fragment.protocol * 256ULL : 0) |
                             packet.tunnel_depth * 16ULL | fragment.version;
  if (fragment.version == 4) {
    const HeaderBytes<8> addresses(frame, fragment.l3_offset + 12U);
    return siphash13_128(key,
                         std::array<std::uint64_t, 2>{load<std::uint64_t>(addresses.at(0)), tail});
  }
  const HeaderBytes<32> addresses(frame, fragment.l3_offset + 8U);
  std::array<std::uint64_t, 5> words;
  std::memcpy(words.data(), addresses.at(0), 32);
  words[4] = tail;
  return siphash13_128(key, words);
}

std::uint32_t bytes_at_hand(const rte_mbuf* frame, const Fragment& fragment) noexcept {
  const std::uint32_t frame_bytes = rte_pktmbuf_pkt_len(frame);
  if (frame_bytes <= fragment.data_offset) return 0;
  return std::min(fragment.bytes, frame_bytes - fragment.data_offset);
}

void copy_payload(const rte_mbuf* frame, const Fragment& fragment, std::uint8_t* into) noexcept {
  std::uint32_t left = bytes_at_hand(frame, fragment);
  SegmentCursor cursor(frame, fragment.data_offset);
  while (left > 0 && cursor.segment != nullptr) {
    const std::uint32_t step = std::min(left, cursor.contiguous());
    std::memcpy(into, cursor.data(), step);
    into += step;
    left -= step;
    cursor.advance(step);
  }
}

bool is_same_payload(const rte_mbuf* frame_a, const Fragment& a, const rte_mbuf* frame_b,
                     const Fragment& b) noexcept {
  std::uint32_t left = std::min(bytes_at_hand(frame_a, a), bytes_at_hand(frame_b, b));
  SegmentCursor cursor_a(frame_a, a.data_offset);
  SegmentCursor cursor_b(frame_b, b.data_offset);
  while (left > 0) {
    if (cursor_a.segment == nullptr || cursor_b.segment == nullptr) return false;
    const std::uint32_t step = std::min({left, cursor_a.contiguous(), cursor_b.contiguous()});
    if (std::memcmp(cursor_a.data(), cursor_b.data(), step) != 0) return false;
    left -= step;
    cursor_a.advance(step);
    cursor_b.advance(step);
  }
  return true;
}

}  // namespace sluice
