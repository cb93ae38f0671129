#include "rules/compile_groups.h"

#include <algorithm>
#include <map>

#include "rules/database_job.h"

namespace sluice {
namespace {

/// The rules that wait for a pattern, and bytes in all its matches.
struct PatternUse {
  std::vector<PatternEntry> entries;
  std::string certain;
};
/// Patterns of a group, each once and in an order of their own.
using PatternTable = std::map<ScanPattern, PatternUse>;

/// The time to compile expressions grows with the square of their number. A group with more takes
/// literals in their place where they have one.
constexpr std::ptrdiff_t kExpressionsMax = 400;

[[nodiscard]] bool has_many_expressions(const GroupPlan& plan,
                                        std::span<const PatternChoice> choices) {
  const auto is_expression = [choices](std::uint32_t rule) {
    return choices[rule].pattern && choices[rule].pattern->kind != PatternKind::literal;
  };
  return std::ranges::count_if(plan.rules, is_expression) +
             std::ranges::count_if(plan.body_rules, is_expression) >
         kExpressionsMax;
}

[[nodiscard]] PatternTable patterns_of(const GroupPlan& plan,
                                       std::span<const PatternChoice> choices) {
  PatternTable out;
  const bool saves = has_many_expressions(plan, choices);
  for (const std::uint32_t rule : plan.rules) {
    const PatternChoice& choice = choices[rule];
    if (!choice.pattern) continue;
    const ScanPattern& pattern = saves && choice.cheaper ? *choice.cheaper : *choice.pattern;
    PatternUse& use = out[pattern_in_mode(pattern, plan.group.mode)];
    use.entries.push_back({rule, static_cast<std::uint32_t>(choice.part)});
    if (pattern.kind == PatternKind::literal) use.certain = pattern.text;
    if (use.certain.empty() && choice.cheaper) use.certain = choice.cheaper->text;
  }
  for (const std::uint32_t rule : plan.body_rules) {
    PatternChoice choice = choices[rule];
    if (saves && choice.cheaper) choice.pattern = choice.cheaper;
    out[*pattern_in_carrier(choice)].entries.push_back(
        {rule, static_cast<std::uint32_t>(choice.part)});
  }
  return out;
}

/// Patterns of a group, the job that compiles them, and the entries by pattern.
struct GroupPatterns {
  std::size_t job = 0;
  std::vector<std::vector<PatternEntry>> entries;
};

/// Puts patterns and entries of the job's database into the group; the rules of patterns that were
/// refused are in it no more.
void fill(PatternGroup& group, const GroupPatterns& patterns, const DatabaseJob& job,
          std::uint32_t database) {
  if (database == kNoDatabase) return;
  group.database = database;
  group.first_entry.push_back(0);
  for (std::size_t i = 0; i < patterns.entries.size(); ++i) {
    if (job.place[i] == kNoPlace) continue;
    group.entries.insert(group.entries.end(), patterns.entries[i].begin(),
                         patterns.entries[i].end());
    group.first_entry.push_back(static_cast<std::uint32_t>(group.entries.size()));
  }
}

/// DatabaseJobs by what is in them: the same patterns are compiled once.
class JobTable {
 public:
  [[nodiscard]] std::size_t job_of(std::vector<ScanPattern> patterns,
                                   std::vector<std::string> certain, ScanMode mode) {
    const Hash128 digest = pattern_digest(patterns, mode);
    const auto [place, is_new] = numbers_.emplace(std::pair(digest.hi, digest.lo), jobs_.size());
    if (is_new) {
      jobs_.emplace_back();
      jobs_.back().patterns = std::move(patterns);
      jobs_.back().certain = std::move(certain);
      jobs_.back().mode = mode;
    }
    return place->second;
  }
  [[nodiscard]] std::vector<DatabaseJob>& jobs() noexcept { return jobs_; }

 private:
  std::vector<DatabaseJob> jobs_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> numbers_;
};

[[nodiscard]] GroupPatterns add_job(PatternTable table, ScanMode mode, JobTable& jobs) {
  GroupPatterns out;
  std::vector<ScanPattern> patterns;
  std::vector<std::string> certain;
  for (auto& [pattern, use] : table) {
    patterns.push_back(pattern);
    certain.push_back(std::move(use.certain));
    out.entries.push_back(std::move(use.entries));
  }
  out.job = jobs.job_of(std::move(patterns), std::move(certain), mode);
  return out;
}

/// Rules without a pattern.
void add_unscanned(GroupPlan& plan, std::span<const PatternChoice> choices) {
  for (const std::uint32_t rule : plan.rules) {
    if (choices[rule].pattern) continue;
    if (choices[rule].set) {
      plan.group.probes.push_back({*choices[rule].set, rule});
    } else {
      plan.group.always.push_back(rule);
    }
  }
  std::ranges::sort(plan.group.probes);
}

}  // namespace

CompiledGroups compile_groups(std::vector<GroupPlan> plans, std::span<const PatternChoice> choices,
                              const CompileOptions& options) {
  JobTable table;
  std::vector<std::optional<GroupPatterns>> patterns(plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    add_unscanned(plans[i], choices);
    PatternTable found = patterns_of(plans[i], choices);
    if (!found.empty()) patterns[i] = add_job(std::move(found), plans[i].group.mode, table);
  }
  std::vector<DatabaseJob>& jobs = table.jobs();
  compile_databases(jobs, options);
  CompiledGroups out;
  std::vector<std::uint32_t> database_of(jobs.size(), kNoDatabase);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::ranges::move(jobs[i].refused, std::back_inserter(out.refused));
    if (!jobs[i].database) continue;
    database_of[i] = static_cast<std::uint32_t>(out.databases.size());
    out.reports.push_back(report_of(jobs[i]));
    out.databases.push_back(std::move(*jobs[i].database));
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (patterns[i]) {
      fill(plans[i].group, *patterns[i], jobs[patterns[i]->job], database_of[patterns[i]->job]);
    }
    out.groups.push_back(std::move(plans[i].group));
  }
  return out;
}

}  // namespace sluice
