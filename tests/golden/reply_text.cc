#include "tests/golden/reply_text.h"

#include <vector>

#include <fmt/format.h>

#include "base/endian.h"
#include "base/ip_address.h"
#include "tests/support/decode_fixture.h"

namespace sluice::test {
namespace {

std::string mac_text(const std::uint8_t* mac) {
  return fmt::format("{:02x}", fmt::join(mac, mac + 6, ":"));
}

std::string addresses_text(const Packet& packet) {
  const bool is_v4 = packet.ip_version == 4;
  const std::size_t bytes = is_v4 ? 4 : 16;
  const std::uint8_t* from = packet.l3() + (is_v4 ? 12 : 8);
  IpAddress ends[2];
  for (std::size_t i = 0; i < 2; ++i) {
    ends[i].version = packet.ip_version;
    std::copy_n(from + i * bytes, bytes, ends[i].bytes.begin());
  }
  return to_string(ends[0]) + " > " + to_string(ends[1]);
}

std::string flags_text(std::uint8_t flags) {
  constexpr std::string_view kLetters = "FSRPAUEC";
  std::string text;
  for (std::size_t bit = 0; bit < kLetters.size(); ++bit) {
    if ((flags >> bit & 1) != 0) text += kLetters[bit];
  }
  return text;
}

std::string upper_text(const Packet& packet) {
  if (packet.protocol == 6) {
    return fmt::format("tcp {} > {} {} seq={} ack={}", packet.source_port, packet.destination_port,
                       flags_text(packet.tcp_flags), packet.tcp_sequence,
                       packet.tcp_acknowledgement);
  }
  if (!has_icmp_header(packet)) return fmt::format("protocol {}", packet.protocol);
  const std::uint8_t* quote = packet.bytes + packet.payload_offset;
  return fmt::format("icmp {}.{} [{} bytes, protocol {}]", packet.icmp_type, icmp_code(packet),
                     packet.payload_bytes, quote[packet.ip_version == 4 ? 9 : 6]);
}

}  // namespace

std::string reply_text(TimeNs since_start, std::span<const std::uint8_t> frame) {
  DecodeBench bench;
  const Bytes bytes(frame.begin(), frame.end());
  const Packet& packet = bench.decode(bytes);
  std::string text = fmt::format("+{}.{:06} {} > {}", since_start / kNsPerSecond,
                                 since_start % kNsPerSecond / kNsPerUs, mac_text(bytes.data() + 6),
                                 mac_text(bytes.data()));
  if (packet.verdict.reason != DropReason::none) {
    return text + fmt::format(" / {}", name_of(packet.verdict.reason));
  }
  for (unsigned i = 0; i < packet.vlan_count; ++i)
    text += fmt::format(" / vlan {}", packet.vlan[i]);
  if (packet.tunnel_depth != 0) text += fmt::format(" / {} tunnels", packet.tunnel_depth);
  return text + fmt::format(" / {} / {} / ttl {} / {} bytes", addresses_text(packet),
                            upper_text(packet), packet.l3()[packet.ip_version == 4 ? 8 : 7],
                            bytes.size());
}

}  // namespace sluice::test
