#include "rules/port_classes.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace sluice {
namespace {

constexpr std::uint32_t kPorts = 65'536;
/// Kinds of ports that are told apart at all before the rarest are thrown together.
constexpr std::size_t kKindsMax = 2'048;

/// Ports for which the same sets hold.
struct PortKind {
  std::vector<std::uint32_t> sets;  ///< numbers of the sets, ascending
  std::uint32_t ports = 0;
  std::size_t rules = 0;
};

/// Rules by the ports they name; rules without a bound are apart.
struct Demands {
  std::map<ValueRanges<std::uint16_t>, std::vector<std::uint32_t>> by_set;
  std::vector<std::uint32_t> of_any;
};

[[nodiscard]] Demands sorted_demands(std::span<const PortDemand> demands) {
  Demands out;
  for (const PortDemand& demand : demands) {
    auto& rules = demand.ports.is_any() ? out.of_any : out.by_set[demand.ports.ports];
    rules.push_back(demand.rule);
  }
  return out;
}

/// One pass over the ports: at every border of a range some sets begin or cease to hold.
class Sweep {
 public:
  explicit Sweep(const Demands& demands) {
    std::uint32_t number = 0;
    for (const auto& [ranges, rules] : demands.by_set) {
      for (const auto& range : ranges) {
        borders_[range.low].push_back({number, true});
        borders_[range.high + 1U].push_back({number, false});
      }
      rules_.push_back(&rules);
      ++number;
    }
  }

  /// Fills `kind_of_port` and answers the kinds; kind 0 is what is above the bound.
  [[nodiscard]] std::vector<PortKind> run(std::vector<std::uint32_t>& kind_of_port) {
    kind_of_port.assign(kPorts, 0);
    kinds_.resize(1);
    std::uint32_t port = 0;
    for (const auto& [border, changes] : borders_) {
      mark(port, border, kind_of_port);
      port = border;
      for (const Change& change : changes) {
        change.begins ? static_cast<void>(holding_.insert(change.set))
                      : static_cast<void>(holding_.erase(change.set));
      }
    }
    mark(port, kPorts, kind_of_port);
    return std::move(kinds_);
  }

 private:
  struct Change {
    std::uint32_t set;
    bool begins;
  };

  void mark(std::uint32_t from, std::uint32_t to, std::vector<std::uint32_t>& kind_of_port) {
    if (from >= to) return;
    const std::uint32_t kind = current_kind();
    kinds_[kind].ports += to - from;
    std::fill(kind_of_port.begin() + from, kind_of_port.begin() + to, kind);
  }

  [[nodiscard]] std::uint32_t current_kind() {
    std::vector<std::uint32_t> sets(holding_.begin(), holding_.end());
    const auto found = known_.find(sets);
    if (found != known_.end()) return found->second;
    if (kinds_.size() > kKindsMax) {
      add_to_bounded(sets);
      return 0;
    }
    PortKind kind;
    kind.sets = sets;
    for (const std::uint32_t set : sets) kind.rules += rules_[set]->size();
    kinds_.push_back(std::move(kind));
    known_.emplace(std::move(sets), static_cast<std::uint32_t>(kinds_.size() - 1));
    return static_cast<std::uint32_t>(kinds_.size() - 1);
  }

  void add_to_bounded(const std::vector<std::uint32_t>& sets) {
    std::vector<std::uint32_t> both;
    std::ranges::set_union(kinds_[0].sets, sets, std::back_inserter(both));
    kinds_[0].sets = std::move(both);
  }

  std::map<std::uint32_t, std::vector<Change>> borders_;
  std::vector<const std::vector<std::uint32_t>*> rules_;
  std::set<std::uint32_t> holding_;
  std::vector<PortKind> kinds_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> known_;
};

/// The kinds that get a class of their own: the one with most ports, then those with most rules.
[[nodiscard]] std::vector<std::uint32_t> ranked(const std::vector<PortKind>& kinds) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 1; i < kinds.size(); ++i) order.push_back(i);
  std::ranges::sort(order, [&kinds](std::uint32_t a, std::uint32_t b) {
    return std::pair(kinds[b].rules, a) < std::pair(kinds[a].rules, b);
  });
  const auto widest = std::ranges::max_element(
      order, {}, [&kinds](std::uint32_t kind) { return kinds[kind].ports; });
  std::rotate(order.begin(), widest, widest + 1);
  return order;
}

/// How many of the ranked kinds stay apart.
[[nodiscard]] std::size_t kept_count(const std::vector<PortKind>& kinds,
                                     const std::vector<std::uint32_t>& order, std::size_t rules,
                                     std::size_t rules_of_any, const PortClassLimits& limits) {
  const bool has_bounded = kinds[0].ports != 0;
  if (!has_bounded && order.size() <= limits.classes_max) {
    std::size_t all = 0;
    for (const std::uint32_t kind : order) all += kinds[kind].rules + rules_of_any;
    if (all <= std::max(limits.copies_max * rules, limits.rules_floor)) return order.size();
  }
  // The shared class may hold all rules once more.
  const std::size_t budget = std::max(limits.copies_max * rules, limits.rules_floor) - rules;
  std::size_t spent = 0;
  std::size_t kept = 0;
  while (kept < order.size() && kept + 1 < limits.classes_max) {
    spent += kinds[order[kept]].rules + rules_of_any;
    if (spent > budget && kept > 0) break;
    ++kept;
  }
  return kept;
}

[[nodiscard]] std::vector<std::uint32_t> rules_of_sets(const Demands& demands,
                                                       const std::vector<std::uint32_t>& sets) {
  std::vector<const std::vector<std::uint32_t>*> by_number;
  for (const auto& [ranges, rules] : demands.by_set) by_number.push_back(&rules);
  std::vector<std::uint32_t> out = demands.of_any;
  for (const std::uint32_t set : sets) {
    out.insert(out.end(), by_number[set]->begin(), by_number[set]->end());
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

/// All ports together.
[[nodiscard]] PortClasses one_class(const Demands& demands) {
  std::vector<std::uint32_t> all(demands.by_set.size());
  std::iota(all.begin(), all.end(), 0U);
  PortClasses out;
  out.rules_of.push_back(rules_of_sets(demands, all));
  return out;
}

}  // namespace

PortClasses classify_ports(std::span<const PortDemand> demands, const PortClassLimits& limits) {
  const Demands sorted = sorted_demands(demands);
  if (sorted.by_set.empty() || limits.classes_max < 2) return one_class(sorted);
  std::vector<std::uint32_t> kind_of_port;
  const std::vector<PortKind> kinds = Sweep(sorted).run(kind_of_port);
  const std::vector<std::uint32_t> order = ranked(kinds);
  const std::size_t kept = kept_count(kinds, order, demands.size(), sorted.of_any.size(), limits);
  PortClasses out;
  std::vector<std::uint8_t> class_of_kind(kinds.size(), static_cast<std::uint8_t>(kept));
  std::set<std::uint32_t> shared(kinds[0].sets.begin(), kinds[0].sets.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const PortKind& kind = kinds[order[i]];
    if (i >= kept) {
      shared.insert(kind.sets.begin(), kind.sets.end());
      continue;
    }
    class_of_kind[order[i]] = static_cast<std::uint8_t>(i);
    out.rules_of.push_back(rules_of_sets(sorted, kind.sets));
  }
  if (kept < order.size() || kinds[0].ports != 0) {
    out.rules_of.push_back(rules_of_sets(sorted, {shared.begin(), shared.end()}));
  }
  out.class_of_port.resize(kPorts);
  for (std::uint32_t port = 0; port < kPorts; ++port) {
    out.class_of_port[port] = class_of_kind[kind_of_port[port]];
  }
  return out;
}

}  // namespace sluice
