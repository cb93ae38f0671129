// The chain of IPv6 extension headers (RFC 8200 section 4) and the authentication header of both
// families, up to the layer-4 header.
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

constexpr std::uint8_t kOptionPad1 = 0;
constexpr std::uint8_t kOptionJumbo = 0xc2;
constexpr std::uint8_t kOptionHomeAddress = 0xc9;

constexpr std::uint8_t kRoutingSource = 0;    // RFC 5095: refused
constexpr std::uint8_t kRoutingMobile = 2;    // RFC 6275 section 6.4
constexpr std::uint8_t kRoutingSegments = 4;  // RFC 8754 section 2

}  // namespace

/// At the header that `protocol_` names: an extension, a tunnel or layer 4.
LayerWalk::Step LayerWalk::upper() noexcept {
  const bool is_v6 = packet_.ip_version == 6;
  switch (protocol_) {
    case kProtoAuth:
      return auth_header();
    case kProtoHopByHop:
      if (is_v6) return refuse(DropReason::bad_extension_header);
      break;
    case kProtoRouting:
      if (is_v6) return routing_header();
      break;
    case kProtoFragment:
      if (is_v6) return fragment_header();
      break;
    case kProtoDestination:
    case kProtoMobility:
    case kProtoHip:
    case kProtoShim6:
      if (is_v6) return option_header();
      break;
    default:
      break;
  }
  return transport_of(protocol_);
}

LayerWalk::Step LayerWalk::past_extension(std::uint8_t next, std::uint32_t header_bytes) noexcept {
  if (++extensions_ > kExtensionHeadersMax) return refuse(DropReason::too_many_headers);
  protocol_ = next;
  packet_.protocol = next;
  cursor_.advance(header_bytes);
  return Step::upper;
}

/// Hop-by-hop, destination options, mobility and its like: next header, length in eights.
LayerWalk::Step LayerWalk::option_header() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  const std::uint32_t header_bytes = (header.u8<1>() + 1U) * 8U;
  if (header_bytes > cursor_.left()) return refuse(DropReason::bad_extension_header);
  if (!cursor_.has(header_bytes)) return short_of(header_bytes);
  const bool has_options = protocol_ == kProtoHopByHop || protocol_ == kProtoDestination;
  if (has_options && options(header_bytes) == Step::done) return Step::done;
  return past_extension(header.u8<0>(), header_bytes);
}

LayerWalk::Step LayerWalk::options(std::uint32_t header_bytes) noexcept {
  Cursor rest = cursor_.slice(2, header_bytes - 2);
  while (const auto type = rest.peek<1>()) {
    if (type.u8<0>() == kOptionPad1) {
      rest.advance(1);
      continue;
    }
    const auto option = rest.peek<2>();
    if (!option) return refuse(DropReason::bad_extension_header);
    const std::uint32_t length = option.u8<1>() + 2U;
    if (length > rest.left()) return refuse(DropReason::bad_extension_header);
    if (type.u8<0>() == kOptionJumbo) return refuse(DropReason::bad_ip_length);
    // RFC 6275 section 6.3: the checksum was made with the home address.
    if (type.u8<0>() == kOptionHomeAddress && protocol_ == kProtoDestination && length == 18) {
      source_at_ = static_cast<std::uint16_t>(rest.offset() + 2);
    }
    rest.advance(length);
  }
  return Step::upper;
}

LayerWalk::Step LayerWalk::routing_header() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  const std::uint32_t header_bytes = (header.u8<1>() + 1U) * 8U;
  const std::uint8_t type = header.u8<2>();
  if (type == kRoutingSource || header_bytes > cursor_.left()) {
    return refuse(DropReason::bad_extension_header);
  }
  if (!cursor_.has(header_bytes)) return short_of(header_bytes);
  if (header.u8<3>() > 0) {  // segments left: the pseudo-header has the last address of the list
    const bool is_known = type == kRoutingMobile || type == kRoutingSegments;
    if (is_known && header_bytes >= 24) {
      destination_at_ = static_cast<std::uint16_t>(cursor_.offset() + 8);
    } else {
      final_hop_unknown_ = true;
    }
  }
  return past_extension(header.u8<0>(), header_bytes);
}

/// RFC 8200 section 4.5; a fragment that is the whole datagram is ordinary (RFC 6946).
LayerWalk::Step LayerWalk::fragment_header() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  if (had_fragment_header_) return refuse(DropReason::bad_extension_header);
  had_fragment_header_ = true;
  const bool is_atomic = (header.be16<2>() & 0xfff9) == 0;
  const Step next = past_extension(header.u8<0>(), 8);
  return is_atomic || next == Step::done ? next : fragment_of(protocol_);
}

/// RFC 4302 section 2: length in fours, less two; at least the fixed part.
LayerWalk::Step LayerWalk::auth_header() noexcept {
  const auto header = cursor_.peek<12>();
  if (!header) return short_of(12);
  const std::uint32_t header_bytes = (header.u8<1>() + 2U) * 4U;
  if (header_bytes < 12 || header_bytes > cursor_.left()) {
    return refuse(DropReason::bad_extension_header);
  }
  if (!cursor_.has(header_bytes)) return short_of(header_bytes);
  return past_extension(header.u8<0>(), header_bytes);
}

}  // namespace sluice
