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
#include "dataplane/limit/prefix_table.h"

namespace sluice {

class PrefixFilter {
 public:
  /// Step A, after decoding. Drops (denied_prefix) packets whose source is denied and that nothing
  /// allows. Sets kListsChecked and kAllowed where a denied source turned out to be allowed.
  void filter_sources(Burst& burst, const PrefixTable& table) const noexcept;

  /// Step B, after `FlowTracker::find`. A packet of a flow that was judged under `list_epoch` is
  /// not looked up again; any other gets the exact answer for both its addresses: denied_prefix, or
  /// kListsChecked and, where a prefix allows it, kAllowed. The answer is kept in the flow (epoch
  /// and kFlowAllowed) where it is the same for both directions; where it is not, every packet of
  /// the flow is looked up. An ICMP error is judged by its own addresses, not by the quoted flow's.
  /// `list_epoch` is never 0.
  void filter_flows(Burst& burst, const PrefixTable& table,
                    std::uint16_t list_epoch) const noexcept;
};

}  // namespace sluice
