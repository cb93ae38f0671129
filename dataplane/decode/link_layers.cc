// Ethernet II and 802.3, VLAN tags, LLC and SNAP, MPLS, PPPoE: what may stand before an IP header.
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

enum EtherType : std::uint16_t {
  kTypeIpv4 = 0x0800,
  kTypeArp = 0x0806,
  kTypeRarp = 0x8035,
  kTypeVlan = 0x8100,
  kTypeIpv6 = 0x86dd,
  kTypeFlowControl = 0x8808,
  kTypeSlow = 0x8809,
  kTypeMpls = 0x8847,
  kTypeMplsUpstream = 0x8848,
  kTypePppoeDiscovery = 0x8863,
  kTypePppoe = 0x8864,
  kTypeEapol = 0x888e,
  kTypeServiceVlan = 0x88a8,
  kTypeLldp = 0x88cc,
  kTypeMvrp = 0x88f5,
  kTypeMmrp = 0x88f6,
  kTypePtp = 0x88f7,
  kTypeConnectivity = 0x8902,
  kTypeLoopTest = 0x9000,
  kTypeOldServiceVlan = 0x9100,
};
// Below this the field is the length of an 802.3 frame.
constexpr std::uint16_t kLeastEtherType = 0x0600;

constexpr std::uint8_t kSapSpanningTree = 0x42;
constexpr std::uint8_t kSapIsIs = 0xfe;
constexpr std::uint8_t kSapSnap = 0xaa;

constexpr std::uint16_t kPppIpv4 = 0x0021;
constexpr std::uint16_t kPppIpv6 = 0x0057;
constexpr std::uint16_t kPppControl = 0x8000;  // from here on: NCP, LCP, authentication

bool is_control_type(std::uint16_t ether_type) noexcept {
  switch (ether_type) {
    case kTypeArp:
    case kTypeRarp:
    case kTypeFlowControl:
    case kTypeSlow:
    case kTypePppoeDiscovery:
    case kTypeEapol:
    case kTypeLldp:
    case kTypeMvrp:
    case kTypeMmrp:
    case kTypePtp:
    case kTypeConnectivity:
    case kTypeLoopTest:
      return true;
    default:
      return false;
  }
}

/// 01:80:c2:00:00:0x is kept by bridges (IEEE 802.1Q table 8-1), 2x are registration protocols,
/// 01:00:0c:cc:cc:cx is what one vendor uses for the same (CDP, VTP, PVST).
bool is_link_local_group(std::uint64_t destination) noexcept {
  const std::uint64_t group = destination >> 16;
  if (group >> 8 == 0x0180c20000) return (group & 0xf0) == 0x00 || (group & 0xf0) == 0x20;
  return group == 0x01000ccccccc || group == 0x01000ccccccd;
}

}  // namespace

LayerWalk::Step LayerWalk::ethernet() noexcept {
  const auto header = cursor_.peek<14>();
  if (!header) return short_of(14);
  ether_type_ = header.be16<12>();
  if (depth_ == 0) is_link_local_ = is_link_local_group(header.be64<0>());
  cursor_.advance(14);
  return Step::link_type;
}

/// The cursor stands behind `ether_type_`.
LayerWalk::Step LayerWalk::link_type() noexcept {
  switch (ether_type_) {
    case kTypeIpv4:
      finish_link_layers();
      return Step::ipv4;
    case kTypeIpv6:
      finish_link_layers();
      return Step::ipv6;
    case kTypeVlan:
    case kTypeServiceVlan:
    case kTypeOldServiceVlan:
      return vlan_tag();
    case kTypeMpls:
    case kTypeMplsUpstream:
      finish_link_layers();
      return Step::mpls;
    case kTypePppoe:
      finish_link_layers();
      return Step::pppoe;
    default:
      break;
  }
  if (ether_type_ >= kLeastEtherType) return not_ip(is_control_type(ether_type_));
  cursor_.narrow(ether_type_);
  return Step::llc;
}

// Tags of an inner Ethernet header are read but not noted: the packet's VLANs are the wire's.
LayerWalk::Step LayerWalk::vlan_tag() noexcept {
  const auto tag = cursor_.peek<4>();
  if (!tag) return short_of(4);
  if (vlan_tags_ == kVlanTagsMax) return refuse(DropReason::too_many_headers);
  if (depth_ == 0) {
    packet_.vlan[vlan_tags_] = tag.be16<0>() & 0x0fff;
    packet_.vlan_count = static_cast<std::uint8_t>(vlan_tags_ + 1);
  }
  ++vlan_tags_;
  ether_type_ = tag.be16<2>();
  cursor_.advance(4);
  return Step::link_type;
}

/// The tags are known: the tracking domain can be settled.
void LayerWalk::finish_link_layers() noexcept {
  if (depth_ == 0 && port_.vlan_in_key) {
    packet_.domain = domain_with_vlans(port_.domain, packet_.vlan);
  }
}

/// 802.3: LLC, and behind SNAP with a plain OUI an EtherType again (RFC 1042, IEEE 802.1H).
LayerWalk::Step LayerWalk::llc() noexcept {
  const auto header = cursor_.peek<3>();
  if (!header) return short_of(3);
  const std::uint8_t sap = header.u8<0>();
  if (sap == kSapSpanningTree || sap == kSapIsIs) return not_ip(true);
  if (sap != kSapSnap || header.u8<1>() != kSapSnap) return not_ip(false);
  const auto snap = cursor_.peek<8>();
  if (!snap) return short_of(8);
  const std::uint32_t organisation = snap.be32<3>() >> 8;
  const bool is_plain = organisation == 0 || organisation == 0x0000f8;
  ether_type_ = snap.be16<6>();
  if (!is_plain || ether_type_ < kLeastEtherType) return not_ip(false);
  cursor_.advance(8);
  return Step::link_type;
}

/// RFC 3032. What lies under the labels is not said: an IP header is believed only if it is
/// plausible as a whole, because the Ethernet address of a pseudowire may begin with 4 or 6
/// (RFC 4928); the rest is not IP to sluice.
LayerWalk::Step LayerWalk::mpls() noexcept {
  for (unsigned i = 0; i < kMplsLabelsMax; ++i) {
    const auto label = cursor_.peek<4>();
    if (!label) return short_of(4);
    cursor_.advance(4);
    if ((label.u8<2>() & 1) == 0) continue;
    const auto first = cursor_.peek<1>();
    if (!first) return cursor_.left() > 0 ? short_of(1) : not_ip(false);
    if (!is_plausible_ip()) return not_ip(false);
    return first.u8<0>() >> 4 == 6 ? Step::ipv6 : Step::ipv4;
  }
  return refuse(DropReason::too_many_headers);
}

bool LayerWalk::is_plausible_ip() const noexcept {
  const auto v4 = cursor_.peek<20>();
  if (!v4) return false;
  const std::uint8_t first = v4.u8<0>();
  if (first >> 4 == 6) return 40U + v4.be16<4>() <= cursor_.left();
  const std::uint32_t header_bytes = (first & 0x0fU) * 4U;
  const std::uint32_t total = v4.be16<2>();
  return first >> 4 == 4 && header_bytes >= 20 && total >= header_bytes && total <= cursor_.left();
}

/// RFC 2516 section 4, with the PPP protocol field (RFC 1661 section 2; one byte if its low bit is
/// set, which RFC 2516 only discourages).
LayerWalk::Step LayerWalk::pppoe() noexcept {
  const auto header = cursor_.peek<7>();
  if (!header) return short_of(7);
  const std::uint32_t length = header.be16<4>();
  if (header.u8<0>() != 0x11 || header.u8<1>() != 0 || length == 0 || length + 6 > cursor_.left()) {
    return refuse(DropReason::bad_tunnel_header);
  }
  cursor_.advance(6);
  cursor_.narrow(length);
  std::uint16_t protocol = header.u8<6>();
  const bool is_short = (protocol & 1) != 0;
  if (!is_short) {
    const auto wide = cursor_.peek<2>();
    if (!wide) return short_of(2);
    protocol = wide.be16<0>();
  }
  cursor_.advance(is_short ? 1 : 2);
  if (protocol == kPppIpv4) return Step::ipv4;
  if (protocol == kPppIpv6) return Step::ipv6;
  return not_ip(protocol >= kPppControl);
}

// Inside a tunnel the packet is judged as the tunnel's own, whose layers were already entered.
LayerWalk::Step LayerWalk::not_ip(bool is_control) noexcept {
  if (depth_ > 0) return Step::done;
  finish_link_layers();
  packet_.l3_offset = static_cast<std::uint16_t>(cursor_.offset());
  if (is_control || is_link_local_) {
    if (config_.control_frames == FramePolicy::drop) {
      packet_.drop(DropReason::control_frame_refused);
    }
    exempt_if(true);
    return Step::done;
  }
  if (config_.non_ip == FramePolicy::drop) packet_.drop(DropReason::non_ip_refused);
  return Step::done;
}

}  // namespace sluice
