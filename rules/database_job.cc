#include "rules/database_job.h"

#include <algorithm>
#include <atomic>
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

/// What is left of a job's patterns, and which of them each is.
struct LivePatterns {
  std::vector<ScanPattern> patterns;
  std::vector<std::size_t> origin;
};

[[nodiscard]] LivePatterns live_patterns(const DatabaseJob& job) {
  LivePatterns live;
  for (std::size_t i = 0; i < job.patterns.size(); ++i) {
    if (job.place[i] == kNoPlace) continue;
    live.patterns.push_back(job.patterns[i]);
    live.origin.push_back(i);
  }
  return live;
}

/// An expression that was refused as it is may be taken loosely; after that it is out. One that
/// nobody depends on is out at once.
void refuse(DatabaseJob& job, std::size_t pattern, const std::string& message) {
  if (job.patterns[pattern].kind == PatternKind::regex && job.mode != ScanMode::once) {
    job.patterns[pattern].kind = PatternKind::loose_regex;
    return;
  }
  job.place[pattern] = kNoPlace;
  job.refused.push_back({job.patterns[pattern], message});
}

/// The engine did not say which pattern it cannot take: each is tried alone.
void refuse_culprits(DatabaseJob& job, const LivePatterns& live, const std::string& message) {
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
[[nodiscard]] GramFilter filter_of(const DatabaseJob& job, const LivePatterns& live) {
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

void run(DatabaseJob& job, std::span<const std::string> texts) {
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

}  // namespace

void compile_databases(std::span<DatabaseJob> jobs, const CompileOptions& options) {
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

DatabaseReport report_of(const DatabaseJob& job) {
  DatabaseReport report;
  report.patterns = job.database->patterns;
  report.padding = job.database->padding;
  report.bytes = job.database->bytes.size();
  report.stream_bytes = job.database->stream_bytes;
  report.scratch_bytes = job.database->scratch_bytes;
  report.compile_time = job.compile_time;
  return report;
}

}  // namespace sluice
