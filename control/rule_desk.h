// Rules in force and what workers counted of them: rows by place, and the most costly or most
// frequent of all, which are looked for in pieces, so that 100,000 rules keep nobody waiting.
// Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/rule_catalog.h"

namespace sluice {

/// Sums over all workers.
struct RuleFigures {
  std::uint64_t candidates = 0;
  std::uint64_t hits = 0;
  std::uint64_t refused = 0;
  std::uint64_t excepted = 0;
  std::uint64_t cost_cycles = 0;  ///< of
  std::uint64_t cost_looks = 0;   ///< these candidates

  [[nodiscard]] double cycles_per_look() const noexcept {
    return cost_looks == 0 ? 0.0
                           : static_cast<double>(cost_cycles) / static_cast<double>(cost_looks);
  }
  /// Of all candidates, told from those that were measured.
  [[nodiscard]] double cycles() const noexcept {
    return cycles_per_look() * static_cast<double>(candidates);
  }
};

enum class RankBy : std::uint8_t { cost, hits };

struct RankedRule {
  std::uint32_t place = 0;
  RuleFigures figures;
};
struct Ranking {
  std::shared_ptr<const RuleCatalog> catalog;
  std::vector<RankedRule> rules;  ///< the first is the first; without those that are at nothing
  double cycles = 0;              ///< of all rules
  std::uint64_t hits = 0;
};

class RuleDesk {
 public:
  static constexpr std::size_t kRankingsWaitingMax = 16;
  using Ranked = std::function<void(Result<Ranking>)>;

  /// `in_force`: the digest of what workers obey; `figures`: of the rule in this place of it. Both
  /// read some cache lines for each of `workers`.
  RuleDesk(std::function<Hash128()> in_force, std::function<RuleFigures(std::uint32_t)> figures,
           std::size_t workers);

  void use(std::shared_ptr<const RuleCatalog> catalog) noexcept { catalog_ = std::move(catalog); }
  /// Errors: unavailable, while what is in force is not known by its texts.
  [[nodiscard]] Result<std::shared_ptr<const RuleCatalog>> catalog() const;
  [[nodiscard]] RuleFigures figures(std::uint32_t place) const { return figures_(place); }

  /// The first `most` rules; answered in a later piece of work. Errors: unavailable; limit.
  void rank(RankBy by, std::size_t most, Ranked ranked);
  [[nodiscard]] bool has_work() const noexcept { return !rankings_.empty(); }
  /// One piece, of less than a millisecond.
  void work();

 private:
  struct Waiting {
    RankBy by = RankBy::cost;
    std::size_t most = 0;
    Ranked ranked;
    std::uint32_t next = 0;  ///< place to go on from
    Ranking so_far;
  };
  void add(Waiting& waiting, std::uint32_t place) const;

  std::function<Hash128()> in_force_;
  std::function<RuleFigures(std::uint32_t)> figures_;
  std::uint32_t rules_per_piece_;
  std::shared_ptr<const RuleCatalog> catalog_;
  std::deque<Waiting> rankings_;
};

}  // namespace sluice
