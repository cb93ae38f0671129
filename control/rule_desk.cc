#include "control/rule_desk.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// Lines of memory that a piece of work reads.
constexpr std::size_t kLinesPerPiece = 8192;

[[nodiscard]] double weight_of(RankBy by, const RuleFigures& figures) noexcept {
  return by == RankBy::hits ? static_cast<double>(figures.hits) : figures.cycles();
}

}  // namespace

RuleDesk::RuleDesk(std::function<Hash128()> in_force,
                   std::function<RuleFigures(std::uint32_t)> figures, std::size_t workers)
    : in_force_(std::move(in_force)),
      figures_(std::move(figures)),
      rules_per_piece_(
          static_cast<std::uint32_t>(kLinesPerPiece / std::max<std::size_t>(workers, 1))) {}

Result<std::shared_ptr<const RuleCatalog>> RuleDesk::catalog() const {
  const Hash128 digest = in_force_();
  if (digest == Hash128{}) {
    return fail(ErrorKind::unavailable, "rules: no ruleset is in force",
                "see 'status': there are none, or they are being compiled");
  }
  if (catalog_ != nullptr && catalog_->digest() == digest) return catalog_;
  return fail(ErrorKind::unavailable, "rules: the texts of the ruleset in force are being read",
              "try again in a moment");
}

void RuleDesk::rank(RankBy by, std::size_t most, Ranked ranked) {
  auto known = catalog();
  if (!known) return ranked(tl::unexpected<Error>(known.error()));
  if (rankings_.size() >= kRankingsWaitingMax) {
    return ranked(
        fail(ErrorKind::limit, "rules: too many lists are under way", "wait for one of them"));
  }
  Waiting waiting{.by = by, .most = most, .ranked = std::move(ranked), .next = 0, .so_far = {}};
  waiting.so_far.catalog = std::move(*known);
  rankings_.push_back(std::move(waiting));
}

/// Where there are `most` already, the lightest gives way: there are a hundred at most.
void RuleDesk::add(Waiting& waiting, std::uint32_t place) const {
  const RuleFigures figures = figures_(place);
  Ranking& so_far = waiting.so_far;
  so_far.cycles += figures.cycles();
  so_far.hits += figures.hits;
  const double weight = weight_of(waiting.by, figures);
  if (weight <= 0) return;
  const auto behind = std::ranges::find_if(so_far.rules, [&](const RankedRule& other) {
    return weight_of(waiting.by, other.figures) < weight;
  });
  if (behind == so_far.rules.end() && so_far.rules.size() >= waiting.most) return;
  so_far.rules.insert(behind, {place, figures});
  if (so_far.rules.size() > waiting.most) so_far.rules.pop_back();
}

void RuleDesk::work() {
  if (rankings_.empty()) return;
  Waiting& waiting = rankings_.front();
  if (in_force_() != waiting.so_far.catalog->digest()) {
    const Ranked ranked = std::move(waiting.ranked);
    rankings_.pop_front();
    return ranked(fail(ErrorKind::unavailable, "rules: other rules have come into force",
                       "try again in a moment"));
  }
  const auto count = static_cast<std::uint32_t>(waiting.so_far.catalog->rows().size());
  const std::uint32_t end = waiting.next + std::min(rules_per_piece_, count - waiting.next);
  for (; waiting.next < end; ++waiting.next) add(waiting, waiting.next);
  if (waiting.next < count) return;
  Waiting done = std::move(waiting);
  rankings_.pop_front();
  done.ranked(std::move(done.so_far));
}

}  // namespace sluice
