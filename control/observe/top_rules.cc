// What the others share only grows, as a counter must, although rules join the list and leave it:
// it takes the growth of the whole without that of the list. A rule that joins a full list has
// grown by nobody knows how much since it was read last, and what it had is told twice from then
// on.
#include "control/observe/top_rules.h"

#include <algorithm>
#include <utility>

namespace sluice {

void TopRules::turn(TimeNs now) {
  if (is_asked_ || now < due_) return;
  due_ = now + kInterval;
  if (!desk_.catalog()) return;
  is_asked_ = true;
  desk_.rank(RankBy::hits, kRulesMax, [this](Result<Ranking> ranking) {
    is_asked_ = false;
    if (ranking) take(*ranking);
  });
}

void TopRules::take(const Ranking& ranking) {
  const bool had_room = listed_.size() < kRulesMax;
  std::map<RuleKey, std::uint64_t> listed;
  std::uint64_t own_growth = 0;
  facts_.rules.clear();
  for (const RankedRule& rule : ranking.rules) {
    const CatalogRow& row = ranking.catalog->rows()[rule.place];
    const std::uint64_t hits = rule.figures.hits;
    const auto before = listed_.find(row.key);
    const std::uint64_t known = before != listed_.end() ? before->second : had_room ? 0 : hits;
    own_growth += hits - std::min(hits, known);
    listed.emplace(row.key, hits);
    facts_.rules.push_back({to_string(row.key), row.name, hits});
  }
  const std::uint64_t growth = ranking.hits - std::min(ranking.hits, all_);
  facts_.others += growth - std::min(growth, own_growth);
  all_ = ranking.hits;
  listed_ = std::move(listed);
}

}  // namespace sluice
