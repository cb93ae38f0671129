// Station 4: standing allow and deny lists. In two steps: before any state is touched, listed
// sources are refused; after the flow look-up, what is left is judged exactly, once per flow and
// list epoch. Worker thread.
//
// Any allow prefix that covers an address (a source allow the packet's source, a destination allow
// its destination) beats every deny of either side. What is allowed is exempt from the lists (and
// from blocks); limits still hold for it.
#pragma once

#include <cstdint>

#include "dataplane/burst.h"
#include "dataplane/decide/drop_sampler.h"
#include "dataplane/limit/outer_sources.h"
#include "dataplane/limit/prefix_table.h"

namespace sluice {

class PrefixFilter {
 public:
  explicit PrefixFilter(const SipKey& sample_key = {}) noexcept : sampler_(sample_key) {}

  /// Which sources step zero wants to see.
  [[nodiscard]] static Families wanted(const PrefixTable& table) noexcept;

  /// Step zero, before decoding: judges the outermost IP source of every frame in which only
  /// Ethernet and VLAN tags stand before it, whatever it carries, so that a flood from listed
  /// sources costs no more than its look-up and reaches no state, in fragments and tunnels neither.
  /// One flow in `drop_sample` is left to `refuse_sampled`, so that its drops can be reported. A
  /// listed source is `denied_prefix` here also where the decoder would find a fault.
  void filter_outer_sources(const Burst& burst, OuterSources& outer, const PrefixTable& table,
                            std::uint32_t drop_sample) const noexcept;

  /// Right after decoding: refuses what step zero left for a report, before any state is touched.
  static void refuse_sampled(Burst& burst, const OuterSources& outer) noexcept;

  /// Step A, after decoding, for the innermost source, and for what step zero has not judged
  /// (a bit for every place). Drops (denied_prefix) packets whose source is denied and that nothing
  /// allows. Sets kListsChecked and kAllowed where a denied source turned out to be allowed.
  void filter_sources(Burst& burst, const PrefixTable& table,
                      std::uint32_t judged = 0) const noexcept;

  /// Step B, after `FlowTracker::find`. A packet of a flow that was judged under `list_epoch` is
  /// not looked up again; any other gets the exact answer for both its addresses: denied_prefix, or
  /// kListsChecked and, where a prefix allows it, kAllowed. The answer is kept in the flow (epoch
  /// and kFlowAllowed) where it is the same for both directions; where it is not, every packet of
  /// the flow is looked up. An ICMP error is judged by its own addresses, not by the quoted flow's.
  /// `list_epoch` is never 0.
  void filter_flows(Burst& burst, const PrefixTable& table,
                    std::uint16_t list_epoch) const noexcept;

 private:
  void judge_outer_v4(const Burst& burst, OuterSources& outer, const PrefixTableV4& table,
                      std::uint32_t drop_sample) const noexcept;
  void judge_outer_v6(const Burst& burst, OuterSources& outer, const PrefixTable& table,
                      std::uint32_t drop_sample) const noexcept;

  DropSampler sampler_;
};

}  // namespace sluice
