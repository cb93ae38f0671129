// The fixed headers of IPv4 and IPv6.
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3fff;

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNop = 1;
constexpr std::uint8_t kOptionLooseRoute = 131;
constexpr std::uint8_t kOptionStrictRoute = 137;

}  // namespace

/// From here on the packet is this IP packet; an enclosing one is forgotten.
void LayerWalk::enter_ip(std::uint8_t version, std::uint32_t l3_bytes,
                         std::uint8_t protocol) noexcept {
  const std::uint32_t l3 = cursor_.offset();
  forget_layers();
  packet_.flags =
      static_cast<std::uint16_t>(packet_.flags & (kIsDatagram | kCapturedShort | kChecksumFixed));
  packet_.set(kIsIp);
  packet_.ip_version = version;
  packet_.protocol = protocol;
  packet_.tunnel_depth = depth_;
  packet_.l3_offset = static_cast<std::uint16_t>(l3);
  packet_.l3_bytes = static_cast<std::uint16_t>(l3_bytes);
  own_ = {};
  protocol_ = protocol;
  extensions_ = 0;
  had_fragment_header_ = false;
  final_hop_unknown_ = false;
  source_at_ = static_cast<std::uint16_t>(l3 + (version == 4 ? 12 : 8));
  destination_at_ = static_cast<std::uint16_t>(l3 + (version == 4 ? 16 : 24));
  cursor_.narrow(l3_bytes);
}

LayerWalk::Step LayerWalk::ipv4() noexcept {
  const auto header = cursor_.peek<20>();
  if (!header) return short_of(20);
  const std::uint32_t header_bytes = (header.u8<0>() & 0x0fU) * 4U;
  const std::uint32_t total_bytes = header.be16<2>();
  if (header.u8<0>() >> 4 != 4 || header_bytes < 20) return refuse(DropReason::bad_ip_header);
  if (total_bytes < header_bytes || total_bytes > cursor_.left()) {
    return refuse(DropReason::bad_ip_length);
  }
  const std::uint32_t l3 = cursor_.offset();
  enter_ip(4, total_bytes, header.u8<9>());
  hop_limit_ = header.u8<8>();
  const std::uint32_t option_bytes = header_bytes - 20;
  cursor_.advance(20);
  if (option_bytes > 0 && ipv4_options(option_bytes) == Step::done) return Step::done;
  if (checks_sums() && judge_ipv4_sum({l3, header_bytes}) == Step::done) return Step::done;
  cursor_.advance(option_bytes);
  const bool is_fragment = (header.be16<6>() & kMoreFragmentsOrOffset) != 0;
  return is_fragment ? fragment_of(protocol_) : Step::upper;
}

/// RFC 791 section 3.1. A source route that is not used up names the address which the layer-4
/// checksum was made with (RFC 1122 section 3.2.1.8).
LayerWalk::Step LayerWalk::ipv4_options(std::uint32_t option_bytes) noexcept {
  if (!cursor_.has(option_bytes)) return short_of(option_bytes);
  Cursor rest = cursor_.slice(0, option_bytes);
  while (const auto kind = rest.peek<1>()) {
    if (kind.u8<0>() == kOptionEnd) break;
    if (kind.u8<0>() == kOptionNop) {
      rest.advance(1);
      continue;
    }
    const auto option = rest.peek<2>();
    if (!option) return refuse(DropReason::bad_ip_header);
    const std::uint32_t length = option.u8<1>();
    if (length < 2 || length > rest.left()) return refuse(DropReason::bad_ip_header);
    const bool is_route = kind.u8<0>() == kOptionLooseRoute || kind.u8<0>() == kOptionStrictRoute;
    const auto route = rest.peek<3>();
    if (is_route && length >= 7 && route && route.u8<2>() <= length) {
      destination_at_ = static_cast<std::uint16_t>(rest.offset() + length - 4);
    }
    rest.advance(length);
  }
  return Step::upper;
}

LayerWalk::Step LayerWalk::judge_ipv4_sum(ByteRange header) noexcept {
  const bool is_outermost = depth_ == 0 && !packet_.has(kIsDatagram);
  if (is_outermost && nic_found_ipv4_right(*packet_.mbuf)) return Step::upper;
  if (header.offset + header.count > frame_bytes_at_hand(packet_)) return Step::upper;
  if (fold(ones_sum(packet_, header)) == 0xffff) return Step::upper;
  if (port_.checksums != ChecksumMode::fix || packet_.has(kIsDatagram)) {
    return refuse(DropReason::bad_ip_checksum);
  }
  rewrite_ipv4_sum(packet_, header);
  packet_.set(kChecksumFixed);
  return Step::upper;
}

LayerWalk::Step LayerWalk::ipv6() noexcept {
  const auto header = cursor_.peek<40>();
  if (!header) return short_of(40);
  if (header.u8<0>() >> 4 != 6) return refuse(DropReason::bad_ip_header);
  // Jumbograms (RFC 2675) do not exist on Ethernet, and `l3_bytes` gives up the 40 longest lengths.
  const std::uint32_t total_bytes = 40U + header.be16<4>();
  if (total_bytes > cursor_.left() || total_bytes > 0xffff) {
    return refuse(DropReason::bad_ip_length);
  }
  enter_ip(6, total_bytes, header.u8<6>());
  hop_limit_ = header.u8<7>();
  cursor_.advance(40);
  // RFC 8200 section 4.1: hop-by-hop options only right behind the fixed header.
  return protocol_ == kProtoHopByHop ? option_header() : Step::upper;
}

/// One piece of a datagram: what is behind the header is known when the pieces are put together.
LayerWalk::Step LayerWalk::fragment_of(std::uint8_t protocol) noexcept {
  packet_.set(kIsFragment);
  packet_.protocol = protocol;
  packet_.l4_offset = static_cast<std::uint16_t>(cursor_.offset());
  enter_payload(0, cursor_.left());
  return Step::done;
}

}  // namespace sluice
