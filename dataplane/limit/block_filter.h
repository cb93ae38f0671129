// Station 4, beside the standing lists: refuses what a block covers, packet by packet, so that
// established flows stop too. Sources are judged before decoding, as denied prefixes are; inner
// sources and five-tuples behind it. Any allow prefix beats every block. Without blocks each step
// is one branch a burst. Worker thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/decide/drop_sampler.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/limit/outer_sources.h"
#include "dataplane/limit/prefix_table.h"

namespace sluice {

class BlockFilter {
 public:
  /// `table` may be null: there never is a block. Nobody counts where `hits` is empty.
  BlockFilter(const SipKey& sample_key, const BlockTable* table, BlockHits hits) noexcept
      : sampler_(sample_key), table_(table), hits_(hits) {}

  /// Which sources there are blocks of.
  [[nodiscard]] Families wanted() const noexcept;
  /// Before decoding: the outermost IP source, as PrefixFilter::filter_outer_sources judges it.
  void filter_outer_sources(const Burst& burst, OuterSources& outer, const PrefixTable& lists,
                            std::uint32_t drop_sample) noexcept;
  /// Right after decoding: refuses what the step before left for a report.
  void refuse_sampled(Burst& burst, const OuterSources& outer) noexcept;
  /// After decoding: the innermost source, but for what the first step has judged (a bit for every
  /// place), and five-tuples. An ICMP error is no packet of the flow that it quotes.
  void filter_decoded(Burst& burst, const PrefixTable& lists, std::uint32_t judged) noexcept;

 private:
  void judge_outer_v4(const Burst& burst, OuterSources& outer, const PrefixTable& lists,
                      std::uint32_t drop_sample) noexcept;
  void judge_outer_v6(const Burst& burst, OuterSources& outer, const PrefixTable& lists,
                      std::uint32_t drop_sample) noexcept;
  void refuse_outer(const Packet& packet, OuterSources& outer, std::uint8_t place,
                    std::uint32_t slot, bool is_sampled) noexcept;
  void filter_sources(Burst& burst, const PrefixTable& lists, std::uint32_t judged) noexcept;
  void filter_flows(Burst& burst, const PrefixTable& lists) noexcept;
  void refuse(Packet& packet, std::uint32_t slot, DropReason reason) noexcept;
  void count_hit(const Packet& packet, std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_idle() const noexcept { return table_ == nullptr || table_->is_empty(); }

  DropSampler sampler_;
  const BlockTable* table_;
  BlockHits hits_;
};

}  // namespace sluice
