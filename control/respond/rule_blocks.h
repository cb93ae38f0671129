// Blocks that rules ask for: an alert of a rule with the action `block`, which the wire has
// enforced, becomes a temporary deny like any other, with owner "rule" and the rule's id and name
// as reason. Bounded, so that a rule which holds for too much cannot deny everybody: so many per
// second and in force of each rule, and never what an allow list covers. Stands in front of the
// events' other receivers. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/event_sink.h"
#include "control/respond/blocks.h"
#include "control/store/rule_text_index.h"

namespace sluice {

/// New blocks of one rule within a second, and its blocks in force.
inline constexpr unsigned kRuleBlocksPerSecond = 100;
inline constexpr std::size_t kRuleBlocksInForceMax = 4096;

/// What an alert says is to be blocked; nothing where its flow cannot be named.
[[nodiscard]] std::optional<BlockTarget> block_target(const InspectRecord& record, BlockedEnd key);

/// Told of every batch that was asked for: what, and why not where it was refused.
using RuleBlocksTold = std::function<void(const std::vector<BlockRequest>&, const Status&)>;

class RuleBlocks final : public EventSink {
 public:
  struct Counts {
    std::uint64_t made = 0;
    std::uint64_t refused = 0;  ///< over a bound, covered by an allow list, or without room
  };

  /// Everything goes on to `next`, which outlives the object; `blocks` is used from the first
  /// record on, and ends before the object does or has nothing more to answer.
  RuleBlocks(EventSink& next, Blocks& blocks, const Clock& clock, RuleBlocksTold told);

  void use_rules(std::shared_ptr<const RuleTextIndex> rules);
  /// Asks for what has come together.
  void turn();
  [[nodiscard]] const Counts& counted() const noexcept { return counts_; }

  void flow(const FlowRecord& record) noexcept override { next_.flow(record); }
  void drop(const DropRecord& record) noexcept override { next_.drop(record); }
  void inspection(const InspectRecord& record) noexcept override;
  void stats(const StatsSnapshot& snapshot) noexcept override { next_.stats(snapshot); }
  void end_turn(TimeNs now) noexcept override { next_.end_turn(now); }
  [[nodiscard]] EventCounts counts() const noexcept override { return next_.counts(); }

 private:
  struct Use {
    TimeNs second = 0;          ///< when the second at hand began
    unsigned in_second = 0;     ///< blocks asked for in it
    std::deque<TimeNs> untils;  ///< ends of those asked for, in order of asking
  };

  void consider(const InspectRecord& record, bool may_wait);
  [[nodiscard]] bool is_asked_for(const BlockTarget& target) const;
  [[nodiscard]] bool has_room(Use& use, TimeNs now);
  void take_answer(const Status& answer);

  EventSink& next_;
  Blocks& blocks_;
  const Clock& clock_;
  RuleBlocksTold told_;
  std::shared_ptr<const RuleTextIndex> rules_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Use> uses_;  ///< by gid and id of the rule
  std::vector<InspectRecord> early_;  ///< of rules that came into force this moment
  std::vector<BlockRequest> waiting_;
  std::vector<BlockRequest> asked_;  ///< the batch that is on its way
  Counts counts_;
};

}  // namespace sluice
