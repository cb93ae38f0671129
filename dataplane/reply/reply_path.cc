#include "dataplane/reply/reply_path.h"

#include "base/endian.h"
#include "dataplane/decode/transport_rules.h"

namespace sluice {
namespace {

constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeVlan = 0x8100;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeBridged = 0x6558;
constexpr std::uint16_t kTypeMpls = 0x8847;
constexpr std::uint16_t kTypeMplsUpstream = 0x8848;
constexpr std::uint16_t kTypePppoe = 0x8864;
constexpr std::uint16_t kTypeServiceVlan = 0x88a8;
constexpr std::uint16_t kTypeOldServiceVlan = 0x9100;
/// No EtherType stands in front of what these name; the next header says what it is by itself.
constexpr std::uint16_t kTypeOfVersion = 0;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kIpInIp = 4;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIpv6InIp = 41;
constexpr std::uint8_t kGre = 47;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint16_t kGreChecksum = 0x8000;
constexpr std::uint16_t kGreKey = 0x2000;
constexpr std::uint16_t kGreSequence = 0x1000;
constexpr std::uint8_t kGtpExtended = 0x04;
constexpr std::uint8_t kGtpSequence = 0x02;
constexpr std::uint8_t kGtpOptional = 0x07;

/// The decoder went the same way and found every header whole; each step reads only in front of
/// the packet's own IP header all the same.
class PathWalk {
 public:
  explicit PathWalk(const Packet& packet) noexcept : bytes_(packet.bytes), end_(packet.l3_offset) {}

  [[nodiscard]] std::optional<ReplyPath> walk() noexcept {
    if (!ethernet()) return std::nullopt;
    for (std::size_t steps = 0; at_ < end_; ++steps) {
      if (steps == kStepsMax || !step()) return std::nullopt;
    }
    if (at_ != end_) return std::nullopt;
    path_.bytes = static_cast<std::uint16_t>(end_);
    return path_;
  }

 private:
  static constexpr std::size_t kStepsMax = 64;

  [[nodiscard]] bool has(std::size_t count) const noexcept { return count <= end_ - at_; }
  [[nodiscard]] const std::uint8_t* here() const noexcept { return bytes_ + at_; }
  [[nodiscard]] bool note(OuterKind kind) noexcept {
    if (path_.layer_count == ReplyPath::kLayersMax) return false;
    path_.layers[path_.layer_count++] = {kind, static_cast<std::uint16_t>(at_)};
    return true;
  }
  [[nodiscard]] bool advance(std::size_t count) noexcept {
    if (!has(count)) return false;
    at_ += count;
    return true;
  }

  [[nodiscard]] bool ethernet() noexcept {
    if (!has(14) || !note(OuterKind::ethernet)) return false;
    type_ = load_be16(here() + 12);
    return advance(14);
  }

  [[nodiscard]] bool step() noexcept {
    switch (type_) {
      case kTypeVlan:
      case kTypeServiceVlan:
      case kTypeOldServiceVlan:
        if (!has(4)) return false;
        type_ = load_be16(here() + 2);
        return advance(4);
      case kTypePppoe:
        return pppoe();
      case kTypeMpls:
      case kTypeMplsUpstream:
        return mpls();
      case kTypeBridged:
        return ethernet();
      case kTypeIpv4:
      case kTypeIpv6:
      case kTypeOfVersion:
        return here()[0] >> 4 == 4 ? ipv4() : ipv6();
      default:
        return false;
    }
  }

  [[nodiscard]] bool pppoe() noexcept {
    if (!has(7) || !note(OuterKind::pppoe)) return false;
    type_ = kTypeOfVersion;
    return advance((here()[6] & 1) != 0 ? 7 : 8);
  }

  [[nodiscard]] bool mpls() noexcept {
    path_.has_way_back = false;
    type_ = kTypeOfVersion;
    while (has(4)) {
      const bool is_last = (here()[2] & 1) != 0;
      at_ += 4;
      if (is_last) return true;
    }
    return false;
  }

  [[nodiscard]] bool ipv4() noexcept {
    if (!has(20) || !note(OuterKind::ipv4)) return false;
    const std::uint8_t protocol = here()[9];
    return advance((here()[0] & 0x0fU) * 4U) && upper(protocol);
  }

  [[nodiscard]] bool ipv6() noexcept {
    if (!has(40) || !note(OuterKind::ipv6)) return false;
    std::uint8_t next = here()[6];
    at_ += 40;
    while (next == kHopByHop || next == kDestinationOptions) {
      if (!has(8)) return false;
      next = here()[0];
      if (!advance((here()[1] + 1U) * 8U)) return false;
    }
    return upper(next);
  }

  [[nodiscard]] bool upper(std::uint8_t protocol) noexcept {
    type_ = kTypeOfVersion;
    if (protocol == kIpInIp || protocol == kIpv6InIp) return true;
    if (protocol == kGre) return gre();
    return protocol == kUdp && udp();
  }

  [[nodiscard]] bool gre() noexcept {
    if (!has(4) || !note(OuterKind::gre)) return false;
    const std::uint16_t flags = load_be16(here());
    if ((flags & kGreSequence) != 0) return false;
    type_ = load_be16(here() + 2);
    return advance(4U + ((flags & kGreChecksum) != 0 ? 4U : 0U) +
                   ((flags & kGreKey) != 0 ? 4U : 0U));
  }

  [[nodiscard]] bool udp() noexcept {
    if (!has(16) || !note(OuterKind::udp)) return false;
    const std::uint16_t port = load_be16(here() + 2);
    at_ += 8;
    switch (port) {
      case kPortVxlan:
        at_ += 8;
        return ethernet();
      case kPortGeneve:
        type_ = load_be16(here() + 2);
        return advance(8U + (here()[0] & 0x3fU) * 4U);
      case kPortGtpU:
        return gtp_u();
      default:
        return false;
    }
  }

  [[nodiscard]] bool gtp_u() noexcept {
    const std::uint8_t flags = here()[0];
    if ((flags & kGtpSequence) != 0 || !note(OuterKind::gtp_u)) return false;
    path_.has_way_back = false;
    at_ += 8;
    if ((flags & kGtpOptional) == 0) return true;
    if (!has(4)) return false;
    std::uint8_t next = (flags & kGtpExtended) != 0 ? here()[3] : std::uint8_t{0};
    at_ += 4;
    while (next != 0) {
      const std::size_t count = has(4) ? here()[0] * 4U : 0U;
      if (count == 0 || !advance(count)) return false;
      next = here()[-1];
    }
    return true;
  }

  const std::uint8_t* bytes_;
  std::size_t end_;
  std::size_t at_ = 0;
  std::uint16_t type_ = 0;
  ReplyPath path_{};
};

}  // namespace

std::optional<ReplyPath> reply_path_of(const Packet& packet) noexcept {
  return PathWalk(packet).walk();
}

}  // namespace sluice
