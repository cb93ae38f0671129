#include "dataplane/bypass.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "base/endian.h"
#include "dataplane/limit/outer_header.h"

namespace sluice {
namespace {

using Kind = BypassEntry::Kind;

std::span<const BypassEntry> entries_of(const PolicySettings& settings) noexcept {
  return {settings.bypasses.data(), settings.bypass_count};
}

bool has_kind(const PolicySettings& settings, bool pairs) noexcept {
  return std::ranges::any_of(entries_of(settings), [pairs](const BypassEntry& entry) {
    return (entry.kind == Kind::pair) == pairs;
  });
}

/// What of a packet a bypass may name. `ip` is null where there is no address at hand.
struct Marks {
  const std::uint8_t* ip = nullptr;
  std::uint8_t version = 0;
  bool has_vlan = false;
  std::uint16_t vlan = 0;
};

bool is_in(const IpPrefix& prefix, const std::uint8_t* address, unsigned version) noexcept {
  IpAddress candidate;
  candidate.version = static_cast<std::uint8_t>(version);
  std::memcpy(candidate.bytes.data(), address, version == 4 ? 4 : 16);
  return prefix.covers(candidate);
}

bool touches(const IpPrefix& prefix, const Marks& marks) noexcept {
  if (marks.ip == nullptr || marks.version != prefix.address.version) return false;
  const std::size_t source = marks.version == 4 ? 12 : 8;
  const std::size_t bytes = marks.version == 4 ? 4 : 16;
  return is_in(prefix, marks.ip + source, marks.version) ||
         is_in(prefix, marks.ip + source + bytes, marks.version);
}

bool is_bypassed(const PolicySettings& settings, const Marks& marks, TimeNs now) noexcept {
  return std::ranges::any_of(entries_of(settings), [&](const BypassEntry& entry) {
    if (entry.until <= now) return false;
    switch (entry.kind) {
      case Kind::pair:
        return false;
      case Kind::vlan:
        return marks.has_vlan && marks.vlan == entry.vlan;
      case Kind::prefix:
        return touches(entry.prefix, marks);
    }
    return false;
  });
}

bool is_pair_bypassed(const PolicySettings& settings, const Packet& packet) noexcept {
  return std::ranges::any_of(entries_of(settings), [&packet](const BypassEntry& entry) {
    return entry.kind == Kind::pair && entry.pair == packet.in_port / 2 && entry.until > packet.now;
  });
}

/// By the outermost headers, decoded or not.
Marks outer_marks(const Packet& packet) noexcept {
  Marks marks;
  if (packet.bytes_at_hand >= 18 && is_vlan_tag(load_be16(packet.bytes + 12))) {
    marks.has_vlan = true;
    marks.vlan = load_be16(packet.bytes + 14) & 0xfff;
  }
  const OuterHeader outer = outer_header(packet);
  marks.version = outer.version;
  if (outer.version != 0) marks.ip = packet.bytes + outer.offset;
  return marks;
}

Marks decoded_marks(const Packet& packet) noexcept {
  Marks marks;
  marks.has_vlan = packet.vlan_count > 0;
  marks.vlan = packet.vlan[0];
  marks.version = packet.ip_version;
  if (packet.ip_version != 0) marks.ip = packet.l3();
  return marks;
}

bool is_decoded_bypassed(const PolicySettings& settings, const Packet& packet) noexcept {
  return is_bypassed(settings, decoded_marks(packet), packet.now) ||
         (packet.tunnel_depth > 0 && is_bypassed(settings, outer_marks(packet), packet.now));
}

}  // namespace

void Bypass::pass(Packet& packet, std::uint32_t place) noexcept {
  packet.verdict.action = Action::pass;
  passed_ |= 1U << place;
}

std::uint32_t Bypass::pass_pairs(Burst& burst, const PolicySettings& settings) noexcept {
  passed_ = 0;
  if (settings.bypass_count == 0) [[likely]]
    return 0;
  const bool has_pairs = has_kind(settings, true);
  const bool has_others = has_kind(settings, false);
  std::uint32_t spared = 0;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    if (!packet.is_undecided()) continue;
    if (has_pairs && is_pair_bypassed(settings, packet)) {
      leave_undecoded(packet);
      pass(packet, i);
    } else if (has_others && is_bypassed(settings, outer_marks(packet), packet.now)) {
      spared |= 1U << i;
    }
  }
  return spared;
}

void Bypass::pass_decoded(Burst& burst, const PolicySettings& settings) noexcept {
  if (settings.bypass_count == 0) [[likely]]
    return;
  if (!has_kind(settings, false)) return;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    // A train that another worker handed over is a datagram in the making.
    if (!packet.is_undecided() || packet.has(kIsFragment)) continue;
    if (is_decoded_bypassed(settings, packet)) pass(packet, i);
  }
}

void Bypass::pass_datagrams(Burst& burst, const PolicySettings& settings) noexcept {
  if (settings.bypass_count == 0) [[likely]]
    return;
  if (!has_kind(settings, false)) return;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    if (!packet.is_undecided() || !(packet.has(kIsFragment) || packet.has(kIsDatagram))) continue;
    if (is_decoded_bypassed(settings, packet)) pass(packet, i);
  }
}

void Bypass::count(const Burst& burst) noexcept {
  for (std::uint32_t left = passed_; left != 0; left &= left - 1) {
    const Packet& packet = burst.packets[static_cast<unsigned>(std::countr_zero(left))];
    if (packet.verdict.action != Action::pass) continue;
    counters_.bypassed += packet.frames;
    counters_.bypassed_bytes += packet.wire_bytes;
  }
}

}  // namespace sluice
