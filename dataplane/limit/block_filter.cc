#include "dataplane/limit/block_filter.h"

#include <bit>

#include "dataplane/decode/flow_identity.h"
#include "dataplane/limit/outer_header.h"

namespace sluice {
namespace {

static_assert(kBurstMax <= kBlockBatchMax);

using Times = std::array<TimeNs, kBurstMax>;

Times times_of(const Burst& burst, const Selection& selected) noexcept {
  Times times;
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    times[i] = burst.packets[selected.places[i]].now;
  }
  return times;
}

bool is_allowed_v4(const PrefixTable& lists, const V4Pair& pair) noexcept {
  const PrefixTableV4& table = lists.v4();
  if ((table.lists() & (kSourceAllow | kDestinationAllow)) == 0) return false;
  return (table.lists_of(pair.source) & kSourceAllow) != 0 ||
         (table.lists_of(pair.destination) & kDestinationAllow) != 0;
}

bool is_allowed_v6(const PrefixTable& lists, const V6Pair& pair) noexcept {
  const V6Address source = v6_address(pair.source);
  const V6Address destination = v6_address(pair.destination);
  return lists.v6(ListKind::allow, ListSide::source).covers({&source, 1}) != 0 ||
         lists.v6(ListKind::allow, ListSide::destination).covers({&destination, 1}) != 0;
}

bool is_allowed(const PrefixTable& lists, const Packet& packet) noexcept {
  return packet.ip_version == 4 ? is_allowed_v4(lists, v4_addresses(packet))
                                : is_allowed_v6(lists, v6_addresses(packet));
}

std::array<std::uint64_t, 5> flow_words_v6(const Packet& packet) noexcept {
  FlowPorts ports{.protocol = packet.protocol};
  if (has_block_ports(packet.protocol)) {
    ports.source = packet.source_port;
    ports.destination = packet.destination_port;
  }
  using Address = std::array<std::uint64_t, 2>;
  const V6Pair pair = v6_addresses(packet);
  return v6_words(load<Address>(pair.source), load<Address>(pair.destination), ports).words;
}

}  // namespace

// --- before decoding ----------------------------------------------------------------------------

Families BlockFilter::wanted() const noexcept {
  if (is_idle()) return {};
  return {table_->has_sources_v4(), table_->has_sources_v6()};
}

void BlockFilter::filter_outer_sources(const Burst& burst, OuterSources& outer,
                                       const PrefixTable& lists,
                                       std::uint32_t drop_sample) noexcept {
  const Families families = wanted();
  if (!families.v4 && !families.v6) return;
  outer.leave_out_denied();
  if (families.v4 && outer.v4.count != 0) judge_outer_v4(burst, outer, lists, drop_sample);
  if (families.v6 && outer.v6.count != 0) judge_outer_v6(burst, outer, lists, drop_sample);
}

void BlockFilter::judge_outer_v4(const Burst& burst, OuterSources& outer, const PrefixTable& lists,
                                 std::uint32_t drop_sample) noexcept {
  const Times times = times_of(burst, outer.v4);
  BlockSlots slots;
  std::uint32_t found =
      table_->find_sources_v4({outer.sources_v4.data(), outer.v4.count}, times, slots, hits_);
  for (; found != 0; found &= found - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(found));
    const std::uint8_t place = outer.v4.places[i];
    const Packet& packet = burst.packets[place];
    const std::uint8_t* ip = outer.header(burst, place);
    const V4Pair pair{outer.sources_v4[i], load_be32(ip + 16)};
    if (is_allowed_v4(lists, pair)) continue;
    const std::uint64_t addresses = std::uint64_t{pair.source} << 32 | pair.destination;
    const std::uint32_t ports = ports_behind(packet, outer.offsets[place] + 20U, ip[9]);
    refuse_outer(packet, outer, place, slots[i],
                 sampler_.is_sampled(addresses, ports, drop_sample));
  }
}

void BlockFilter::judge_outer_v6(const Burst& burst, OuterSources& outer, const PrefixTable& lists,
                                 std::uint32_t drop_sample) noexcept {
  const Times times = times_of(burst, outer.v6);
  BlockSlots slots;
  std::uint32_t found =
      table_->find_sources_v6({outer.sources_v6.data(), outer.v6.count}, times, slots, hits_);
  for (; found != 0; found &= found - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(found));
    const std::uint8_t place = outer.v6.places[i];
    const Packet& packet = burst.packets[place];
    const std::uint8_t* ip = outer.header(burst, place);
    if (is_allowed_v6(lists, {ip + 8, ip + 24})) continue;
    const std::uint32_t ports = ports_behind(packet, outer.offsets[place] + 40U, ip[6]);
    refuse_outer(packet, outer, place, slots[i],
                 sampler_.is_sampled(v6_sample(ip + 8, ip + 24), ports, drop_sample));
  }
}

// A drop that is to be reported needs a decoded packet: its refusal waits until it is.
void BlockFilter::refuse_outer(const Packet& packet, OuterSources& outer, std::uint8_t place,
                               std::uint32_t slot, bool is_sampled) noexcept {
  outer.blocked.add(place, is_sampled);
  if (is_sampled) {
    outer.slots[place] = slot;
  } else {
    count_hit(packet, slot);
  }
}

// --- behind it ----------------------------------------------------------------------------------

void BlockFilter::refuse_sampled(Burst& burst, const OuterSources& outer) noexcept {
  for (std::uint32_t left = outer.blocked.to_report; left != 0; left &= left - 1) {
    const auto place = static_cast<unsigned>(std::countr_zero(left));
    Packet& packet = burst.packets[place];
    if (!packet.is_undecided()) continue;
    packet.set(kSampled);
    refuse(packet, outer.slots[place], DropReason::blocked_source);
  }
}

void BlockFilter::filter_decoded(Burst& burst, const PrefixTable& lists,
                                 std::uint32_t judged) noexcept {
  if (is_idle()) return;
  filter_sources(burst, lists, judged);
  filter_flows(burst, lists);
}

void BlockFilter::filter_sources(Burst& burst, const PrefixTable& lists,
                                 std::uint32_t judged) noexcept {
  const bool v4_blocks = table_->has_sources_v4();
  const bool v6_blocks = table_->has_sources_v6();
  if (!v4_blocks && !v6_blocks) return;
  Selection v4;
  Selection v6;
  std::array<std::uint32_t, kBurstMax> sources_v4;
  std::array<V6Address, kBurstMax> sources_v6;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    // Inside a tunnel there are other addresses than those that were judged before.
    const bool is_open =
        packet.is_undecided() && ((judged >> i & 1) == 0 || packet.tunnel_depth > 0);
    if (!is_open) [[likely]]
      continue;
    if (packet.ip_version == 4) sources_v4[v4.count] = v4_addresses(packet).source;
    if (packet.ip_version == 6) sources_v6[v6.count] = v6_address(v6_addresses(packet).source);
    v4.add_if(v4_blocks & (packet.ip_version == 4), i);
    v6.add_if(v6_blocks & (packet.ip_version == 6), i);
  }
  BlockSlots slots;
  const auto refuse_found = [&](const Selection& selected, std::uint32_t found) {
    for (; found != 0; found &= found - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(found));
      Packet& packet = burst.packets[selected.places[i]];
      if (!is_allowed(lists, packet)) refuse(packet, slots[i], DropReason::blocked_source);
    }
  };
  if (v4.count != 0) {
    refuse_found(
        v4, table_->find_sources_v4({sources_v4.data(), v4.count}, times_of(burst, v4), slots));
  }
  if (v6.count != 0) {
    refuse_found(
        v6, table_->find_sources_v6({sources_v6.data(), v6.count}, times_of(burst, v6), slots));
  }
}

void BlockFilter::filter_flows(Burst& burst, const PrefixTable& lists) noexcept {
  const bool v4_blocks = table_->has_flows_v4();
  const bool v6_blocks = table_->has_flows_v6();
  if (!v4_blocks && !v6_blocks) return;
  Selection v4;
  Selection v6;
  std::array<std::array<std::uint64_t, 2>, kBurstMax> flows_v4;
  std::array<std::array<std::uint64_t, 5>, kBurstMax> flows_v6;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (!packet.is_undecided() || packet.has(kIcmpError)) continue;
    if (v4_blocks && packet.ip_version == 4) {
      flows_v4[v4.count] = flow_words_v4(packet.id.lo, packet.id.hi);
      v4.add_if(true, i);
    } else if (v6_blocks && packet.ip_version == 6) {
      flows_v6[v6.count] = flow_words_v6(packet);
      v6.add_if(true, i);
    }
  }
  BlockSlots slots;
  const auto refuse_found = [&](const Selection& selected, std::uint32_t found) {
    for (; found != 0; found &= found - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(found));
      Packet& packet = burst.packets[selected.places[i]];
      if (!is_allowed(lists, packet)) refuse(packet, slots[i], DropReason::blocked_flow);
    }
  };
  if (v4.count != 0) {
    refuse_found(v4,
                 table_->find_flows_v4({flows_v4.data(), v4.count}, times_of(burst, v4), slots));
  }
  if (v6.count != 0) {
    refuse_found(v6,
                 table_->find_flows_v6({flows_v6.data(), v6.count}, times_of(burst, v6), slots));
  }
}

void BlockFilter::refuse(Packet& packet, std::uint32_t slot, DropReason reason) noexcept {
  count_hit(packet, slot);
  packet.drop(reason);
}

void BlockFilter::count_hit(const Packet& packet, std::uint32_t slot) noexcept {
  if (slot >= hits_.size()) return;
  std::atomic<std::uint32_t>& hits = hits_[slot];
  hits.store(hits.load(std::memory_order_relaxed) + packet.frames, std::memory_order_relaxed);
}

}  // namespace sluice
