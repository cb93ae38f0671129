#include "dataplane/limit/outer_sources.h"

#include <immintrin.h>

#include <bit>

#include "base/endian.h"
#include "dataplane/limit/outer_header.h"

namespace sluice {
namespace {

constexpr std::uint32_t places_below(std::uint32_t count) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}

bool has_place(std::uint32_t places, std::uint32_t place) noexcept {
  return (places >> place & 1) != 0;
}

template <class Source>
void leave_out(Selection& selection, std::array<Source, kBurstMax>& sources,
               std::uint32_t places) noexcept {
  const std::uint32_t count = selection.count;
  selection.count = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint8_t place = selection.places[i];
    sources[selection.count] = sources[i];
    selection.add_if(!has_place(places, place), place);
  }
}

}  // namespace

// Counts are kept in registers: a store of a byte might mean any member.
void OuterSources::find(const Burst& burst, const Families& wanted, std::uint32_t spared,
                        const PrefixTableV4* lists) noexcept {
  Selection found_v4;
  Selection found_v6;
  std::uint32_t found = 0;
  const std::uint32_t count = wanted.v4 || wanted.v6 ? burst.count : 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool is_spared = has_place(spared, i);
    const OuterHeader outer = is_spared ? OuterHeader{} : outer_header(burst.packets[i]);
    offsets[i] = outer.offset;
    found_v4.add_if(wanted.v4 & (outer.version == 4), i);
    found_v6.add_if(wanted.v6 & (outer.version == 6), i);
    found |= static_cast<std::uint32_t>(outer.version != 0) << i;
  }
  for (std::uint32_t i = 0; i < found_v4.count; ++i) {
    sources_v4[i] = load_be32(header(burst, found_v4.places[i]) + 12);
    if (lists != nullptr) lists->prefetch(sources_v4[i]);
  }
  for (std::uint32_t i = 0; i < found_v6.count; ++i) {
    sources_v6[i] = v6_address(header(burst, found_v6.places[i]) + 8);
  }
  v4 = found_v4;
  v6 = found_v6;
  judged = found;
  denied = {};
  blocked = {};
}

void OuterSources::leave_out_denied() noexcept {
  const std::uint32_t places = denied.all();
  if (places == 0) [[likely]]
    return;
  leave_out(v4, sources_v4, places);
  leave_out(v6, sources_v6, places);
}

void OuterSources::refuse_in_place(Burst& burst) const noexcept {
  for (std::uint32_t left = refused_at_once(); left != 0; left &= left - 1) {
    const auto place = static_cast<unsigned>(std::countr_zero(left));
    const bool is_denied = has_place(denied.at_once, place);
    refuse_undecoded(burst.packets[place],
                     is_denied ? DropReason::denied_prefix : DropReason::blocked_source);
  }
}

void OuterSources::close_ranks(Burst& burst) noexcept {
  const std::uint32_t kept = places_below(burst.count) & ~refused_at_once();
  std::uint32_t count = 0;
  for (std::uint32_t left = kept; left != 0; left &= left - 1, ++count) {
    const auto place = static_cast<unsigned>(std::countr_zero(left));
    if (place == count) continue;
    burst.packets[count] = burst.packets[place];
    slots[count] = slots[place];
  }
  burst.count = count;
  judged = _pext_u32(judged, kept);
  denied = {0, _pext_u32(denied.to_report, kept)};
  blocked = {0, _pext_u32(blocked.to_report, kept)};
}

}  // namespace sluice
