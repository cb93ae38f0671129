// Step zero's view of a burst: the outermost IP source of every frame, found once for lists and
// blocks, and what they decide by it before anything is decoded. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/burst.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/limit/prefix_set_v6.h"
#include "dataplane/limit/prefix_table.h"
#include "dataplane/limit/selection.h"

namespace sluice {

/// IP versions that somebody asks about.
struct Families {
  bool v4 = false;
  bool v6 = false;
  friend Families operator|(const Families& a, const Families& b) noexcept {
    return {a.v4 || b.v4, a.v6 || b.v6};
  }
};

/// A bit for every place of the burst.
struct OuterRefusals {
  std::uint32_t at_once = 0;    ///< refused as they are
  std::uint32_t to_report = 0;  ///< to be refused when they are decoded, for a report
  [[nodiscard]] std::uint32_t all() const noexcept { return at_once | to_report; }
  void add(std::uint32_t place, bool is_reported) noexcept {
    at_once |= static_cast<std::uint32_t>(!is_reported) << place;
    to_report |= static_cast<std::uint32_t>(is_reported) << place;
  }
};

struct OuterSources {
  // By place in the selection.
  Selection v4;
  Selection v6;
  std::array<std::uint32_t, kBurstMax> sources_v4;
  std::array<V6Address, kBurstMax> sources_v6;

  // By place in the burst.
  std::array<std::uint8_t, kBurstMax> offsets;  ///< where the IP header stands
  std::uint32_t judged = 0;                     ///< has an outermost source
  OuterRefusals denied;
  OuterRefusals blocked;
  BlockSlots slots;  ///< of what is blocked and to be reported

  /// Forgets the burst before. Places whose bit is set in `spared`, and what is decided, have none.
  /// The lines of `lists` that answer for them are on their way after it; null where none will be
  /// asked for.
  void find(const Burst& burst, const Families& wanted, std::uint32_t spared,
            const PrefixTableV4* lists = nullptr) noexcept;
  [[nodiscard]] const std::uint8_t* header(const Burst& burst, std::uint32_t place) const noexcept {
    return burst.packets[place].bytes + offsets[place];
  }
  /// Takes what the lists refused out of both selections.
  void leave_out_denied() noexcept;

  [[nodiscard]] std::uint32_t refused_at_once() const noexcept {
    return denied.at_once | blocked.at_once;
  }
  /// What was refused at once is decided, and stays in the burst.
  void refuse_in_place(Burst& burst) const noexcept;
  /// What was refused at once is gone: the packets behind it move up, in their order.
  void close_ranks(Burst& burst) noexcept;
};

}  // namespace sluice
