#include "dataplane/io/port_device.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kInterfaceNameMax = 15;  // IFNAMSIZ without its zero
constexpr std::size_t kRingNameMax = 20;
constexpr std::uint32_t kNullBytesMin = 14;
constexpr std::uint32_t kNullBytesMax = 2048;

// Both ring headers of net_af_packet leave this much of a 2048-byte slot for the frame on receive:
// the kernel puts the network header at a multiple of 16 behind TPACKET2_HDRLEN and 16 bytes more.
constexpr std::uint32_t kSlotOverheadBytes = 66;
constexpr std::uint32_t kSmallSlotBytes = 2048;
constexpr std::uint32_t kJumboSlotBytes = 16384;

// An XSK frame is one page minus the mbuf and mempool headers in front of it and the kernel's own
// XDP headroom; veth refuses a program above 3,520 bytes of MTU.
constexpr std::uint32_t kAfXdpMtuMax = 3498;
constexpr std::uint32_t kJumboMtuMax = 9216;

struct KindRow {
  PortKind kind;
  std::string_view name;
  std::size_t name_bytes_max;
};
constexpr std::array kKinds = {
    KindRow{PortKind::pci, "pci", 12},
    KindRow{PortKind::af_packet, "af_packet", kInterfaceNameMax},
    KindRow{PortKind::af_xdp, "af_xdp", kInterfaceNameMax},
    KindRow{PortKind::tap, "tap", kInterfaceNameMax},
    KindRow{PortKind::ring, "ring", kRingNameMax},
    KindRow{PortKind::null, "null", 5},
};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_pci_address(std::string_view word) {
  constexpr std::string_view kForm = "xxxx:xx:xx.d";
  if (word.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool fits = kForm[i] == 'x'   ? is_hex(word[i])
                      : kForm[i] == 'd' ? word[i] >= '0' && word[i] <= '7'
                                        : word[i] == kForm[i];
    if (!fits) return false;
  }
  return true;
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.' || c == '@';
  });
}

tl::unexpected<Error> refuse(std::string_view word, std::string_view why) {
  return fail(ErrorKind::invalid, fmt::format("device '{}' {}", word, why),
              "write a PCI address as 0000:3b:00.0, or af_packet:IFACE, af_xdp:IFACE, tap:IFACE, "
              "ring:NAME, null:SIZE");
}

Result<PortDevice> parse_null(std::string_view word, std::string_view size) {
  PortDevice device{.kind = PortKind::null, .name = std::string(size), .null_bytes = 0};
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), device.null_bytes);
  if (error != std::errc() || end != size.data() + size.size() ||
      device.null_bytes < kNullBytesMin || device.null_bytes > kNullBytesMax) {
    return refuse(word, "makes frames of no size between 14 and 2048");
  }
  return device;
}

}  // namespace

Result<PortDevice> parse_port_device(std::string_view word) {
  if (is_pci_address(word)) {
    PortDevice device{.kind = PortKind::pci, .name = std::string(word)};
    std::ranges::transform(device.name, device.name.begin(),
                           [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    return device;
  }
  const std::size_t colon = word.find(':');
  const std::string_view kind_name = word.substr(0, colon);
  const auto row = std::ranges::find(kKinds, kind_name, &KindRow::name);
  if (colon == std::string_view::npos || row == kKinds.end() || row->kind == PortKind::pci) {
    return refuse(word, "is of no known kind");
  }
  const std::string_view name = word.substr(colon + 1);
  if (row->kind == PortKind::null) return parse_null(word, name);
  if (!is_plain_name(name)) return refuse(word, "has no plain name behind the colon");
  if (name.size() > row->name_bytes_max) {
    return refuse(word, fmt::format("has a name longer than {} letters", row->name_bytes_max));
  }
  return PortDevice{.kind = row->kind, .name = std::string(name)};
}

std::uint32_t mtu_max(PortKind kind) noexcept {
  return kind == PortKind::af_xdp ? kAfXdpMtuMax : kJumboMtuMax;
}

std::uint32_t af_packet_slot_bytes(std::uint32_t mtu) noexcept {
  return frame_bytes_for_mtu(mtu) + kSlotOverheadBytes <= kSmallSlotBytes ? kSmallSlotBytes
                                                                          : kJumboSlotBytes;
}

std::uint32_t frame_room_bytes(PortKind kind, std::uint32_t mtu) noexcept {
  if (kind == PortKind::af_packet) return af_packet_slot_bytes(mtu);
  const std::uint32_t frame = std::max(frame_bytes_for_mtu(mtu), kSmallSlotBytes);
  if (kind == PortKind::af_xdp) return std::min(frame, frame_bytes_for_mtu(kAfXdpMtuMax));
  // A PCI device spreads a large frame over several mbufs.
  return kind == PortKind::pci ? kSmallSlotBytes : frame;
}

std::string_view name_of(PortKind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)].name; }

}  // namespace sluice
