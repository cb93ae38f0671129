// Station 4, beside the standing lists: refuses what a block covers, packet by packet, so that
// established flows stop too. Sources are judged before decoding, as denied prefixes are; inner
// sources and five-tuples behind it. Any allow prefix beats every block. Without blocks each step
// is one branch a burst. Worker thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/decide/drop_sampler.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/limit/prefix_table.h"
#include "dataplane/limit/selection.h"

namespace sluice {

/// How often this worker refused for the block in each slot; others only read.
using BlockHits = std::span<std::atomic<std::uint32_t>>;

class BlockFilter {
 public:
  /// `table` may be null: there never is a block. Nobody counts where `hits` is empty.
  BlockFilter(const SipKey& sample_key, const BlockTable* table, BlockHits hits) noexcept
      : sampler_(sample_key), table_(table), hits_(hits) {}

  /// Before decoding: the outermost IP source, as PrefixFilter::filter_outer_sources judges it.
  void filter_outer_sources(Burst& burst, const PrefixTable& lists, std::uint32_t drop_sample,
                            std::uint32_t spared) noexcept;
  /// Right after decoding: refuses what the step before left for a report.
  void refuse_sampled(Burst& burst) noexcept;
  /// After decoding: the innermost source, what the step before left, and five-tuples. An ICMP
  /// error is no packet of the flow that it quotes.
  void filter_decoded(Burst& burst, const PrefixTable& lists) noexcept;

 private:
  void judge_outer_v4(Burst& burst, const Selection& selected, const PrefixTable& lists,
                      std::uint32_t drop_sample) noexcept;
  void judge_outer_v6(Burst& burst, const Selection& selected, const PrefixTable& lists,
                      std::uint32_t drop_sample) noexcept;
  void refuse_outer(Packet& packet, std::uint8_t place, std::uint32_t slot,
                    bool is_sampled) noexcept;
  void filter_sources(Burst& burst, const PrefixTable& lists) noexcept;
  void filter_flows(Burst& burst, const PrefixTable& lists) noexcept;
  void refuse(Packet& packet, std::uint32_t slot, DropReason reason) noexcept;
  void prefetch_hits(std::uint32_t found, const BlockSlots& slots) const noexcept;
  void count_hit(const Packet& packet, std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_idle() const noexcept { return table_ == nullptr || table_->is_empty(); }

  DropSampler sampler_;
  const BlockTable* table_;
  BlockHits hits_;

  // Of the burst at hand; a bit or an entry for every place.
  std::uint32_t judged_ = 0;
  std::uint32_t blocked_ = 0;
  std::array<std::uint8_t, kBurstMax> offsets_{};
  BlockSlots slots_{};
};

}  // namespace sluice
