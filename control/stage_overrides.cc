#include "control/stage_overrides.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

[[nodiscard]] const RuleKey& rule_of(const SetStage& stage) noexcept { return stage.set.rule; }

}  // namespace

StageOverrides::StageOverrides(std::vector<SetStage> entries) : entries_(std::move(entries)) {
  std::ranges::sort(entries_, {}, rule_of);
}

Status StageOverrides::set(SetStage stage) {
  const auto place = std::ranges::lower_bound(entries_, stage.set.rule, {}, rule_of);
  if (place != entries_.end() && place->set.rule == stage.set.rule) {
    *place = std::move(stage);
    return {};
  }
  if (entries_.size() >= kStageOverridesMax) {
    return fail(
        ErrorKind::limit,
        fmt::format("rules: {} have a stage that was set, the most there can be", entries_.size()),
        "write the stages that are to stay into the rules, and clear them with 'rules "
        "stage --clear'");
  }
  entries_.insert(place, std::move(stage));
  return {};
}

Result<std::uint64_t> StageOverrides::clear(const RuleKey& key) {
  const std::uint64_t cleared =
      std::erase_if(entries_, [&key](const SetStage& stage) { return key.names(stage.set.rule); });
  if (cleared != 0) return cleared;
  return fail(ErrorKind::not_found,
              fmt::format("rules: {} has the stage that it was written with", to_string(key)),
              "see 'rules list --changed'");
}

std::uint64_t StageOverrides::clear_all() noexcept {
  const std::uint64_t cleared = entries_.size();
  entries_.clear();
  return cleared;
}

const SetStage* StageOverrides::find(const RuleKey& rule) const noexcept {
  const auto place = std::ranges::lower_bound(entries_, rule, {}, rule_of);
  return place == entries_.end() || place->set.rule != rule ? nullptr : &*place;
}

std::vector<StageOverride> StageOverrides::list() const {
  std::vector<StageOverride> list;
  list.reserve(entries_.size());
  for (const SetStage& stage : entries_) list.push_back(stage.set);
  return list;
}

}  // namespace sluice
