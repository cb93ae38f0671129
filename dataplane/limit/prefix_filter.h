// Station 4: standing allow and deny lists. In two steps: before any state is touched, listed
// sources are refused; after the flow look-up, what is left is judged exactly, once per flow and
// list epoch. Worker thread.
//
// Any allow prefix that covers an address (a source allow the packet's source, a destination allow
// its destination) beats every deny of either side. What is allowed is exempt from the lists (and
// from blocks); limits still hold for it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/decide/drop_sampler.h"
#include "dataplane/limit/prefix_table.h"

namespace sluice {

/// Places in a burst.
struct Selection {
  std::array<std::uint8_t, kBurstMax> places;
  std::uint32_t count = 0;

  void add_if(bool wanted, std::uint32_t place) noexcept {
    places[count] = static_cast<std::uint8_t>(place);
    count += wanted ? 1U : 0U;
  }
  [[nodiscard]] std::span<const std::uint8_t> all() const noexcept {
    return {places.data(), count};
  }
};

class PrefixFilter {
 public:
  explicit PrefixFilter(const SipKey& sample_key = {}) noexcept : sampler_(sample_key) {}

  /// Step zero, before decoding, for frames whose source stands at a fixed place: untagged IPv4
  /// without options or IPv6 without extensions, TCP or UDP, no fragment, no tunnel. What step A
  /// would refuse is refused here, undecoded: a flood from listed sources costs no more than its
  /// look-up. One flow in `drop_sample` goes on to step A instead, whose drops are reported. A
  /// listed source is `denied_prefix` here also where the decoder would have found a fault.
  void filter_plain_sources(Burst& burst, const PrefixTable& table,
                            std::uint32_t drop_sample) noexcept;

  /// Step A, after decoding, for what step zero did not judge in the same burst. Drops
  /// (denied_prefix) packets whose source is denied and that nothing allows. Sets kListsChecked and
  /// kAllowed where a denied source turned out to be allowed.
  void filter_sources(Burst& burst, const PrefixTable& table) const noexcept;

  /// Step B, after `FlowTracker::find`. A packet of a flow that was judged under `list_epoch` is
  /// not looked up again; any other gets the exact answer for both its addresses: denied_prefix, or
  /// kListsChecked and, where a prefix allows it, kAllowed. The answer is kept in the flow (epoch
  /// and kFlowAllowed) where it is the same for both directions; where it is not, every packet of
  /// the flow is looked up. An ICMP error is judged by its own addresses, not by the quoted flow's.
  /// `list_epoch` is never 0.
  void filter_flows(Burst& burst, const PrefixTable& table,
                    std::uint16_t list_epoch) const noexcept;

 private:
  void refuse_plain_v4(Burst& burst, const Selection& selected, const PrefixTableV4& table,
                       std::uint32_t drop_sample) noexcept;
  void refuse_plain_v6(Burst& burst, const Selection& selected, const PrefixTable& table,
                       std::uint32_t drop_sample) noexcept;

  DropSampler sampler_;
  std::uint32_t judged_ = 0;  ///< a bit for every packet of the burst that step zero judged
};

}  // namespace sluice
