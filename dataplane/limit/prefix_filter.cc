// Each step goes over the burst once to sort out whom it concerns, without branches that a mix of
// IPv4 and IPv6 would make unpredictable, then over each family: prefetch, then test.
#include "dataplane/limit/prefix_filter.h"

#include <array>
#include <bit>
#include <span>

#include "base/endian.h"
#include "dataplane/flow/flow.h"
#include "dataplane/limit/outer_header.h"
#include "dataplane/packet.h"

namespace sluice {
namespace {

static_assert(kBurstMax <= kV6BatchMax);

using V4Addresses = std::array<std::uint32_t, kBurstMax>;
using V6Addresses = std::array<V6Address, kBurstMax>;

struct Addresses {
  V6Addresses source;
  V6Addresses destination;
};

void drop_or_allow(Packet& packet, bool is_allowed) noexcept {
  if (!is_allowed) {
    packet.drop(DropReason::denied_prefix);
    return;
  }
  packet.set(kListsChecked);
  packet.set(kAllowed);
}

// --- step A
// ---------------------------------------------------------------------------------------

bool is_destination_allowed(const Packet& packet, const PrefixTableV4& table) noexcept {
  if ((table.lists() & kDestinationAllow) == 0) return false;
  return (table.lists_of(v4_addresses(packet).destination) & kDestinationAllow) != 0;
}

void filter_sources_v4(Burst& burst, const Selection& selected,
                       const PrefixTableV4& table) noexcept {
  V4Addresses sources;
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    sources[i] = v4_addresses(burst.packets[selected.places[i]]).source;
    table.prefetch(sources[i]);
  }
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    const std::uint8_t lists = table.lists_of(sources[i]);
    if ((lists & kSourceDeny) == 0) continue;
    Packet& packet = burst.packets[selected.places[i]];
    drop_or_allow(packet, (lists & kSourceAllow) != 0 || is_destination_allowed(packet, table));
  }
}

bool is_allowed_v6(const std::uint8_t* from, const std::uint8_t* to,
                   const PrefixTable& table) noexcept {
  const V6Address source = v6_address(from);
  const V6Address destination = v6_address(to);
  return table.v6(ListKind::allow, ListSide::source).covers({&source, 1}) != 0 ||
         table.v6(ListKind::allow, ListSide::destination).covers({&destination, 1}) != 0;
}

void filter_sources_v6(Burst& burst, const Selection& selected, const PrefixTable& table) noexcept {
  V6Addresses sources;
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    sources[i] = v6_address(v6_addresses(burst.packets[selected.places[i]]).source);
  }
  const PrefixSetV6& denied = table.v6(ListKind::deny, ListSide::source);
  for (std::uint32_t left = denied.covers({sources.data(), selected.count}); left != 0;
       left &= left - 1) {
    Packet& packet = burst.packets[selected.places[static_cast<unsigned>(std::countr_zero(left))]];
    const V6Pair pair = v6_addresses(packet);
    drop_or_allow(packet, is_allowed_v6(pair.source, pair.destination, table));
  }
}

// --- step B
// ---------------------------------------------------------------------------------------

/// What the lists say of a packet, and of a packet that goes the other way.
struct Answers {
  ListAnswer here = ListAnswer::none;
  ListAnswer back = ListAnswer::none;
};

ListAnswer answer_of(bool is_allowed, bool is_denied) noexcept {
  if (is_allowed) return ListAnswer::allow;
  return is_denied ? ListAnswer::deny : ListAnswer::none;
}

ListAnswer answer_v4(std::uint8_t of_source, std::uint8_t of_destination) noexcept {
  return answer_of((of_source & kSourceAllow) != 0 || (of_destination & kDestinationAllow) != 0,
                   (of_source & kSourceDeny) != 0 || (of_destination & kDestinationDeny) != 0);
}

bool is_judged(const Packet& packet, std::uint16_t list_epoch) noexcept {
  return packet.flow != nullptr && packet.flow->list_epoch == list_epoch && !packet.has(kIcmpError);
}

void keep_in_flow(const Packet& packet, const Answers& answers, std::uint16_t list_epoch) noexcept {
  if (packet.flow == nullptr || packet.has(kIcmpError)) return;
  if (answers.here != answers.back || answers.here == ListAnswer::deny) return;
  Flow& flow = *packet.flow;
  flow.list_epoch = list_epoch;
  if (answers.here == ListAnswer::allow) {
    flow.set(kFlowAllowed);
  } else {
    flow.clear(kFlowAllowed);
  }
}

void apply(Packet& packet, const Answers& answers, std::uint16_t list_epoch) noexcept {
  if (answers.here == ListAnswer::deny) {
    packet.drop(DropReason::denied_prefix);
    return;
  }
  packet.set(kListsChecked);
  if (answers.here == ListAnswer::allow) packet.set(kAllowed);
  keep_in_flow(packet, answers, list_epoch);
}

void filter_flows_v4(Burst& burst, const Selection& selected, const PrefixTableV4& table,
                     std::uint16_t list_epoch) noexcept {
  if (table.is_empty()) {
    for (const std::uint8_t place : selected.all()) apply(burst.packets[place], {}, list_epoch);
    return;
  }
  std::array<V4Pair, kBurstMax> pairs;
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    pairs[i] = v4_addresses(burst.packets[selected.places[i]]);
    table.prefetch(pairs[i].source);
    table.prefetch(pairs[i].destination);
  }
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    const std::uint8_t source = table.lists_of(pairs[i].source);
    const std::uint8_t destination = table.lists_of(pairs[i].destination);
    const Answers answers{answer_v4(source, destination), answer_v4(destination, source)};
    apply(burst.packets[selected.places[i]], answers, list_epoch);
  }
}

/// Bits by place in the selection: covered by the lists of one kind, as packet and as its reverse.
struct Covered {
  std::uint32_t here = 0;
  std::uint32_t back = 0;
};

Covered covered_by(const PrefixTable& table, ListKind kind, const Addresses& addresses,
                   std::uint32_t count) noexcept {
  const PrefixSetV6& sources = table.v6(kind, ListSide::source);
  const PrefixSetV6& destinations = table.v6(kind, ListSide::destination);
  const std::span<const V6Address> source(addresses.source.data(), count);
  const std::span<const V6Address> destination(addresses.destination.data(), count);
  return {sources.covers(source) | destinations.covers(destination),
          sources.covers(destination) | destinations.covers(source)};
}

void filter_flows_v6(Burst& burst, const Selection& selected, const PrefixTable& table,
                     std::uint16_t list_epoch) noexcept {
  if (selected.count == 0) return;
  Addresses addresses;
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    const V6Pair pair = v6_addresses(burst.packets[selected.places[i]]);
    addresses.source[i] = v6_address(pair.source);
    addresses.destination[i] = v6_address(pair.destination);
  }
  const Covered allowed = covered_by(table, ListKind::allow, addresses, selected.count);
  const Covered denied = covered_by(table, ListKind::deny, addresses, selected.count);
  for (std::uint32_t i = 0; i < selected.count; ++i) {
    const std::uint32_t bit = 1U << i;
    const Answers answers{answer_of((allowed.here & bit) != 0, (denied.here & bit) != 0),
                          answer_of((allowed.back & bit) != 0, (denied.back & bit) != 0)};
    apply(burst.packets[selected.places[i]], answers, list_epoch);
  }
}

}  // namespace

Families PrefixFilter::wanted(const PrefixTable& table) noexcept {
  return {(table.v4().lists() & kSourceDeny) != 0,
          !table.v6(ListKind::deny, ListSide::source).is_empty()};
}

void PrefixFilter::filter_outer_sources(const Burst& burst, OuterSources& outer,
                                        const PrefixTable& table,
                                        std::uint32_t drop_sample) const noexcept {
  const Families families = wanted(table);
  if (families.v4 && outer.v4.count != 0) judge_outer_v4(burst, outer, table.v4(), drop_sample);
  if (families.v6 && outer.v6.count != 0) judge_outer_v6(burst, outer, table, drop_sample);
}

void PrefixFilter::judge_outer_v4(const Burst& burst, OuterSources& outer,
                                  const PrefixTableV4& table,
                                  std::uint32_t drop_sample) const noexcept {
  for (std::uint32_t i = 0; i < outer.v4.count; ++i) {
    const std::uint32_t source = outer.sources_v4[i];
    const std::uint8_t lists = table.lists_of(source);
    if ((lists & kSourceDeny) == 0) [[likely]]
      continue;
    const std::uint8_t place = outer.v4.places[i];
    const std::uint8_t* ip = outer.header(burst, place);
    const std::uint32_t destination = load_be32(ip + 16);
    const bool is_allowed =
        (lists & kSourceAllow) != 0 || ((table.lists() & kDestinationAllow) != 0 &&
                                        (table.lists_of(destination) & kDestinationAllow) != 0);
    if (is_allowed) continue;
    const std::uint64_t addresses = std::uint64_t{source} << 32 | destination;
    const std::uint32_t ports =
        ports_behind(burst.packets[place], outer.offsets[place] + 20U, ip[9]);
    outer.denied.add(place, sampler_.is_sampled(addresses, ports, drop_sample));
  }
}

void PrefixFilter::judge_outer_v6(const Burst& burst, OuterSources& outer, const PrefixTable& table,
                                  std::uint32_t drop_sample) const noexcept {
  const PrefixSetV6& denied = table.v6(ListKind::deny, ListSide::source);
  for (std::uint32_t left = denied.covers({outer.sources_v6.data(), outer.v6.count}); left != 0;
       left &= left - 1) {
    const std::uint8_t place = outer.v6.places[static_cast<unsigned>(std::countr_zero(left))];
    const std::uint8_t* ip = outer.header(burst, place);
    if (is_allowed_v6(ip + 8, ip + 24, table)) continue;
    const std::uint32_t ports =
        ports_behind(burst.packets[place], outer.offsets[place] + 40U, ip[6]);
    outer.denied.add(place, sampler_.is_sampled(v6_sample(ip + 8, ip + 24), ports, drop_sample));
  }
}

void PrefixFilter::refuse_sampled(Burst& burst, const OuterSources& outer) noexcept {
  for (std::uint32_t left = outer.denied.to_report; left != 0; left &= left - 1) {
    Packet& packet = burst.packets[static_cast<unsigned>(std::countr_zero(left))];
    if (!packet.is_undecided()) continue;
    packet.set(kSampled);
    packet.drop(DropReason::denied_prefix);
  }
}

void PrefixFilter::filter_sources(Burst& burst, const PrefixTable& table,
                                  std::uint32_t judged) const noexcept {
  const Families families = wanted(table);
  if (!families.v4 && !families.v6) return;
  // Inside a tunnel there are other addresses than those that step zero judged.
  std::uint32_t open = ~judged;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    open |= static_cast<std::uint32_t>(burst.packets[i].tunnel_depth > 0) << i;
  }
  open &= static_cast<std::uint32_t>((std::uint64_t{1} << burst.count) - 1);
  if (open == 0) return;
  Selection v4;
  Selection v6;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    const bool is_open = packet.is_undecided() && (open >> i & 1) != 0;
    v4.add_if(families.v4 & is_open & (packet.ip_version == 4), i);
    v6.add_if(families.v6 & is_open & (packet.ip_version == 6), i);
  }
  filter_sources_v4(burst, v4, table.v4());
  filter_sources_v6(burst, v6, table);
}

void PrefixFilter::filter_flows(Burst& burst, const PrefixTable& table,
                                std::uint16_t list_epoch) const noexcept {
  if (table.is_empty()) return;
  Selection v4;
  Selection v6;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    if (is_judged(packet, list_epoch)) {
      if (packet.flow->has(kFlowAllowed)) packet.set(kAllowed);
      continue;
    }
    const bool is_open = packet.is_undecided() && !packet.has(kListsChecked);
    v4.add_if(is_open & (packet.ip_version == 4), i);
    v6.add_if(is_open & (packet.ip_version == 6), i);
  }
  filter_flows_v4(burst, v4, table.v4(), list_epoch);
  filter_flows_v6(burst, v6, table, list_epoch);
}

}  // namespace sluice
