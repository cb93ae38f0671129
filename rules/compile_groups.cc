#include "rules/compile_groups.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "rules/shape_corpus.h"

namespace sluice {
namespace {

/// Groups of so many patterns are worth a measurement: smaller ones are fast in any shape, of
/// larger ones no other shape was ever faster.
constexpr std::uint32_t kMeasuredMin = 150;
constexpr std::uint32_t kMeasuredMax = 4'000;
/// Another shape has to be faster by a tenth: measurements on a busy host differ by as much.
constexpr double kWorthwhile = 0.9;
constexpr unsigned kMeasureRounds = 5;

/// In long texts the engine looks at every fourth place for up to 800 literals, and finding out
/// what is none of them costs more than that saves: 0.9 cycles a byte of web pages, against 0.6 at
/// every second place for up to 5,000. Below three dozen it has a faster way.
constexpr std::uint32_t kPaddedMin = 36;
constexpr std::uint32_t kPaddedTo = 816;

/// One database to be made, and what became of it.
struct Job {
  std::vector<ScanPattern> patterns;
  std::vector<std::string> certain;  ///< beside them: bytes in all matches; empty: none are known
  ScanMode mode = ScanMode::block;
  std::vector<std::uint32_t> place;  ///< of each pattern in the database, kNoPlace if refused
  std::optional<PatternDatabase> database;
  std::vector<RefusedPattern> refused;
  DurationNs compile_time = 0;
};
constexpr std::uint32_t kNoPlace = 0xffffffff;

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

/// What is left of a job's patterns, and which of them each is.
struct LivePatterns {
  std::vector<ScanPattern> patterns;
  std::vector<std::size_t> origin;
};

[[nodiscard]] LivePatterns live_patterns(const Job& job) {
  LivePatterns live;
  for (std::size_t i = 0; i < job.patterns.size(); ++i) {
    if (job.place[i] == kNoPlace) continue;
    live.patterns.push_back(job.patterns[i]);
    live.origin.push_back(i);
  }
  return live;
}

/// An expression that was refused as it is may be taken loosely; after that it is out.
void refuse(Job& job, std::size_t pattern, const std::string& message) {
  if (job.patterns[pattern].kind == PatternKind::regex) {
    job.patterns[pattern].kind = PatternKind::loose_regex;
    return;
  }
  job.place[pattern] = kNoPlace;
  job.refused.push_back({job.patterns[pattern], message});
}

/// The engine did not say which pattern it cannot take: each is tried alone.
void refuse_culprits(Job& job, const LivePatterns& live, const std::string& message) {
  bool is_found = false;
  for (std::size_t i = 0; i < live.patterns.size(); ++i) {
    if (live.patterns[i].kind == PatternKind::literal) continue;
    const auto alone = compile_patterns(std::span(&live.patterns[i], 1), job.mode);
    if (alone) continue;
    refuse(job, live.origin[i], alone.error().message);
    is_found = true;
  }
  if (is_found) return;
  for (const std::size_t pattern : live.origin) {
    job.place[pattern] = kNoPlace;
    job.refused.push_back({job.patterns[pattern], message});
  }
}

[[nodiscard]] std::uint32_t usual_padding(std::span<const ScanPattern> patterns, ScanMode mode) {
  const auto literals = static_cast<std::uint32_t>(std::ranges::count_if(
      patterns, [](const ScanPattern& pattern) { return pattern.kind == PatternKind::literal; }));
  const bool is_slow = mode == ScanMode::stream && literals >= kPaddedMin && literals < kPaddedTo;
  return is_slow ? kPaddedTo - literals : 0;
}

[[nodiscard]] std::vector<std::uint32_t> paddings_to_try(std::uint32_t patterns) {
  std::vector<std::uint32_t> out;
  for (const std::uint32_t target : {patterns + patterns / 4, 1'000U, 2'000U}) {
    if (target > patterns && target <= patterns * 4) out.push_back(target - patterns);
  }
  return out;
}

/// What is asked before a short buffer is scanned: streams have none.
[[nodiscard]] GramFilter filter_of(const Job& job, const LivePatterns& live) {
  if (job.mode != ScanMode::block) return {};
  std::vector<std::string> certain;
  for (const std::size_t pattern : live.origin) certain.push_back(job.certain[pattern]);
  return make_gram_filter(certain);
}

/// The fastest of several shapes of a database on ordinary text.
[[nodiscard]] PatternDatabase fastest_shape(PatternDatabase plain,
                                            std::span<const ScanPattern> patterns,
                                            std::span<const std::string> texts) {
  auto best_cost = scan_cost_ns(plain, texts, kMeasureRounds);
  if (!best_cost) return plain;
  PatternDatabase best = std::move(plain);
  for (const std::uint32_t padding : paddings_to_try(best.patterns)) {
    auto other = compile_patterns(patterns, best.mode, padding);
    if (!other) continue;
    const auto cost = scan_cost_ns(*other, texts, kMeasureRounds);
    if (!cost || static_cast<double>(*cost) > static_cast<double>(*best_cost) * kWorthwhile) {
      continue;
    }
    best_cost = cost;
    best = std::move(*other);
  }
  return best;
}

void run(Job& job, std::span<const std::string> texts) {
  const std::uint64_t start = read_clock(CLOCK_THREAD_CPUTIME_ID);
  job.place.assign(job.patterns.size(), 0);
  // Every round settles a pattern at least: taken loosely at first, then left out.
  for (;;) {
    const LivePatterns live = live_patterns(job);
    if (live.patterns.empty()) break;
    auto compiled =
        compile_patterns(live.patterns, job.mode, usual_padding(live.patterns, job.mode));
    if (!compiled) {
      const PatternFault& fault = compiled.error();
      fault.pattern == kNoPattern ? refuse_culprits(job, live, fault.message)
                                  : refuse(job, live.origin[fault.pattern], fault.message);
      continue;
    }
    for (std::size_t i = 0; i < live.origin.size(); ++i) {
      job.place[live.origin[i]] = static_cast<std::uint32_t>(i);
    }
    const bool is_measured =
        !texts.empty() && compiled->patterns >= kMeasuredMin && compiled->patterns <= kMeasuredMax;
    job.database = is_measured ? fastest_shape(std::move(*compiled), live.patterns, texts)
                               : std::move(*compiled);
    job.database->filter = filter_of(job, live);
    break;
  }
  job.compile_time = read_clock(CLOCK_THREAD_CPUTIME_ID) - start;
}

void run_all(std::vector<Job>& jobs, const CompileOptions& options) {
  std::vector<std::string> texts;
  if (options.measures_shapes) texts = ordinary_texts(200, 1'400);
  std::atomic<std::size_t> next{0};
  const auto work = [&jobs, &next, &texts] {
    for (std::size_t i = next++; i < jobs.size(); i = next++) run(jobs[i], texts);
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < options.threads && i < jobs.size(); ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

/// Patterns of a group, the job that compiles them, and the entries by pattern.
struct GroupPatterns {
  std::size_t job = 0;
  std::vector<std::vector<PatternEntry>> entries;
};

/// Puts patterns and entries of the job's database into the group; the rules of patterns that were
/// refused are in it no more.
void fill(PatternGroup& group, const GroupPatterns& patterns, const Job& job,
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

void keep_database(Job& job, CompiledGroups& out) {
  DatabaseReport report;
  report.patterns = job.database->patterns;
  report.padding = job.database->padding;
  report.bytes = job.database->bytes.size();
  report.stream_bytes = job.database->stream_bytes;
  report.scratch_bytes = job.database->scratch_bytes;
  report.compile_time = job.compile_time;
  out.reports.push_back(report);
  out.databases.push_back(std::move(*job.database));
}

/// Jobs by what is in them: the same patterns are compiled once.
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
  [[nodiscard]] std::vector<Job>& jobs() noexcept { return jobs_; }

 private:
  std::vector<Job> jobs_;
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
  std::vector<Job>& jobs = table.jobs();
  run_all(jobs, options);
  CompiledGroups out;
  std::vector<std::uint32_t> database_of(jobs.size(), kNoDatabase);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::ranges::move(jobs[i].refused, std::back_inserter(out.refused));
    if (!jobs[i].database) continue;
    database_of[i] = static_cast<std::uint32_t>(out.databases.size());
    keep_database(jobs[i], out);
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
