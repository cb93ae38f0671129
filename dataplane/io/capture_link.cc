// Link types are those of https://www.tcpdump.org/linktypes.html. A header is only ever taken away:
// the network bytes behind it are not looked into, except for the version of raw IP, which has no
// header that could tell. What no EtherType stands for travels under the one reserved for local
// experiments (IEEE 802, 0x88b5), so that it is a frame which is not IP and nothing else.
#include "dataplane/io/capture_link.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/endian.h"

namespace sluice {
namespace {

using Frame = std::span<const std::uint8_t>;

constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint16_t kMplsUnicast = 0x8847;
constexpr std::uint16_t kMplsMulticast = 0x8848;
constexpr std::uint16_t kPppoeSession = 0x8864;
constexpr std::uint16_t kPpp = 0x880b;
constexpr std::uint16_t kJumboLlc = 0x8870;
constexpr std::uint16_t kLocalExperiment = 0x88b5;
constexpr std::uint16_t kLlc = 0;
constexpr std::uint16_t kSmallestEtherType = 0x0600;
constexpr std::uint32_t kLlcLengthMax = 1500;

constexpr LinkHeader kCut{.is_cut = true};

LinkHeader raw_ip(Frame frame) noexcept {
  const bool is_v6 = !frame.empty() && frame[0] >> 4 == 6;
  return {.bytes = 0, .ether_type = is_v6 ? kIpv6 : kIpv4};
}
LinkHeader raw_ipv4(Frame) noexcept { return {.bytes = 0, .ether_type = kIpv4}; }
LinkHeader raw_ipv6(Frame) noexcept { return {.bytes = 0, .ether_type = kIpv6}; }

/// Address families differ between systems for IPv6 only.
std::uint16_t ether_type_of_family(std::uint32_t family) noexcept {
  switch (family) {
    case 2:
      return kIpv4;
    case 10:  // Linux
    case 23:  // Windows
    case 24:  // NetBSD, OpenBSD
    case 26:  // Solaris
    case 28:  // FreeBSD
    case 30:
      return kIpv6;  // Darwin
    default:
      return kLocalExperiment;
  }
}

LinkHeader loopback_with_order_of_network(Frame frame) noexcept {
  if (frame.size() < 4) return kCut;
  return {.bytes = 4, .ether_type = ether_type_of_family(load_be32(frame.data()))};
}

/// The order is that of the host that captured, which the file's own order need not tell (files get
/// converted); families are small numbers, so the bytes themselves tell.
LinkHeader loopback_with_order_of_host(Frame frame) noexcept {
  if (frame.size() < 4) return kCut;
  const auto little = load<std::uint32_t>(frame.data());
  const std::uint32_t family = little > 0xffff ? byte_swap(little) : little;
  return {.bytes = 4, .ether_type = ether_type_of_family(family)};
}

/// Linux says 1 and 4 for frames with an 802.2 header, and numbers of its own below 0x600 for what
/// is neither.
std::uint16_t ether_type_of_cooked(std::uint16_t protocol) noexcept {
  if (protocol >= kSmallestEtherType) return protocol;
  return protocol == 1 || protocol == 4 ? kLlc : kLocalExperiment;
}

LinkHeader linux_cooked_v1(Frame frame) noexcept {
  if (frame.size() < 16) return kCut;
  return {.bytes = 16, .ether_type = ether_type_of_cooked(load_be16(frame.data() + 14))};
}

LinkHeader linux_cooked_v2(Frame frame) noexcept {
  if (frame.size() < 20) return kCut;
  return {.bytes = 20, .ether_type = ether_type_of_cooked(load_be16(frame.data()))};
}

LinkHeader cisco_hdlc(Frame frame) noexcept {
  if (frame.size() < 4) return kCut;
  const std::uint16_t protocol = load_be16(frame.data() + 2);
  return {.bytes = 4, .ether_type = protocol >= kSmallestEtherType ? protocol : kLocalExperiment};
}

/// RFC 1661 section 2: the protocol's last byte is odd and its first is even, so that one odd byte
/// is a whole (compressed) protocol. RFC 1662: address and control, ff 03, may stand in front.
LinkHeader ppp(Frame frame) noexcept {
  const std::uint32_t start = frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;
  if (frame.size() < start + 1U) return kCut;
  const bool is_compressed = (frame[start] & 1) != 0;
  const std::uint32_t end = start + (is_compressed ? 1 : 2);
  if (frame.size() < end) return kCut;
  const std::uint16_t protocol = is_compressed ? frame[start] : load_be16(frame.data() + start);
  switch (protocol) {
    case 0x0021:
      return {.bytes = end, .ether_type = kIpv4};
    case 0x0057:
      return {.bytes = end, .ether_type = kIpv6};
    case 0x0281:
      return {.bytes = end, .ether_type = kMplsUnicast};
    case 0x0283:
      return {.bytes = end, .ether_type = kMplsMulticast};
    default:
      return {.bytes = start, .ether_type = kPpp};
  }
}

/// Serial lines carry either of two framings, told apart by the address byte.
LinkHeader ppp_or_cisco_hdlc(Frame frame) noexcept {
  const bool is_cisco = !frame.empty() && (frame[0] == 0x0f || frame[0] == 0x8f);
  return is_cisco ? cisco_hdlc(frame) : ppp(frame);
}

LinkHeader pppoe_session(Frame) noexcept { return {.bytes = 0, .ether_type = kPppoeSession}; }

struct LinkReader {
  std::uint32_t link_type;
  LinkHeader (*read)(Frame) noexcept;
};

constexpr std::array<LinkReader, 13> kLinkReaders{{
    {0, loopback_with_order_of_host},
    {9, ppp},
    {12, raw_ip},  // numbers of systems that wrote their own DLT_RAW into files
    {14, raw_ip},
    {50, ppp_or_cisco_hdlc},
    {51, pppoe_session},
    {101, raw_ip},
    {104, cisco_hdlc},
    {108, loopback_with_order_of_network},
    {113, linux_cooked_v1},
    {228, raw_ipv4},
    {229, raw_ipv6},
    {276, linux_cooked_v2},
}};

const LinkReader* find_reader(std::uint32_t link_type) noexcept {
  const auto found =
      std::find_if(kLinkReaders.begin(), kLinkReaders.end(),
                   [link_type](const LinkReader& reader) { return reader.link_type == link_type; });
  return found == kLinkReaders.end() ? nullptr : &*found;
}

/// Names for the message only; the common ones among those not read.
std::string_view name_of_unsupported(std::uint32_t link_type) noexcept {
  switch (link_type) {
    case 6:
      return " (Token Ring)";
    case 10:
      return " (FDDI)";
    case 100:
      return " (ATM with LLC)";
    case 105:
      return " (IEEE 802.11)";
    case 107:
      return " (Frame Relay)";
    case 119:
      return " (IEEE 802.11 with Prism header)";
    case 127:
      return " (IEEE 802.11 with radiotap)";
    case 189:
    case 220:
    case 249:
      return " (USB)";
    case 187:
    case 201:
      return " (Bluetooth)";
    case 195:
    case 215:
    case 230:
      return " (IEEE 802.15.4)";
    case 227:
      return " (CAN)";
    case 239:
      return " (netfilter log)";
    case 253:
      return " (netlink)";
    default:
      return "";
  }
}

}  // namespace

std::optional<LinkHeader> read_link_header(std::uint32_t link_type,
                                           std::span<const std::uint8_t> frame) noexcept {
  const LinkReader* reader = find_reader(link_type);
  if (reader == nullptr) return std::nullopt;
  return reader->read(frame);
}

std::uint16_t ether_type_of(const LinkHeader& header, std::uint32_t network_bytes) noexcept {
  if (header.ether_type != kLlc) return header.ether_type;
  return network_bytes <= kLlcLengthMax ? static_cast<std::uint16_t>(network_bytes) : kJumboLlc;
}

bool is_supported_link_type(std::uint32_t link_type) noexcept {
  return link_type == kLinkEthernet || find_reader(link_type) != nullptr;
}

std::string unsupported_link_type(std::uint32_t link_type) {
  return fmt::format(
      "link type {}{} is not supported: Ethernet, raw IP, Linux cooked, BSD loopback, PPP or Cisco "
      "HDLC",
      link_type, name_of_unsupported(link_type));
}

}  // namespace sluice
