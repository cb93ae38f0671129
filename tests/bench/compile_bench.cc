// What it takes to bring rules into force: compiling thousands that consist of an expression alone,
// with words in it and without, and reading the compiled ruleset from bytes as from the cache.
// Figures are read by people; no test depends on them.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "dataplane/inspect/pattern_scan.h"
#include "rules/compile.h"
#include "rules/ruleset_codec.h"

namespace sluice {
namespace {

std::string random_word(std::mt19937& random) {
  std::string word;
  for (std::size_t i = 4 + random() % 8; i > 0; --i) {
    word += static_cast<char>('a' + random() % 26);
  }
  return word;
}

/// As attacks are described: words with classes, repeats and alternatives between them.
std::string expression_with_words(std::mt19937& random) {
  const std::string a = random_word(random);
  const std::string b = random_word(random);
  switch (random() % 5) {
    case 0:
      return "\\b" + a + "\\s+(?:all\\s+)?" + b + "\\b";
    case 1:
      return a + "[=:]\\s*['\"][^'\"]{0,64}" + b;
    case 2:
      return "/" + a + "\\.php\\?(?:id|p|" + b + ")=\\d{1,8}";
    case 3:
      return "<" + a + "[^>]{0,200}on" + b + "\\s*=";
    default:
      return "(?:\\.\\./){2,}" + a + "/[a-f0-9]+/" + b;
  }
}

/// Nothing in it is certain but classes and short groups.
std::string expression_without_words(std::mt19937& random) {
  const std::string a = random_word(random).substr(0, 2);
  return "(?:" + a + "|[a-f]" + a + ")\\d{2,4}[g-m](?:x|" + random_word(random) + ")";
}

template <class MakeExpression>
std::vector<Rule> rules_of(std::size_t count, MakeExpression&& make) {
  std::mt19937 random(1);
  std::vector<Rule> rules(count);
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    PcreTerm term;
    term.pattern = make(random);
    term.nocase = true;
    rules[i].id = i + 1;
    rules[i].when.protocol = RuleProtocol::tcp;
    rules[i].match.emplace_back();
    rules[i].match[0].terms.emplace_back(std::move(term));
  }
  return rules;
}

RulesetParts compiled(const std::vector<Rule>& rules, CompileReport& report) {
  Diagnostics findings;
  auto parts = compile_ruleset(rules, {}, {}, findings, report);
  SLUICE_CHECK(parts && !findings.has_errors(), "these rules are right");
  return std::move(*parts);
}

void tell(benchmark::State& state, const CompileReport& report) {
  state.counters["database_bytes"] = static_cast<double>(report.database_bytes);
  state.counters["stream_bytes"] = report.stream_bytes_max;
}

void compile_words(benchmark::State& state) {
  const auto rules = rules_of(static_cast<std::size_t>(state.range(0)), expression_with_words);
  CompileReport report;
  for (auto _ : state) {
    report = {};
    benchmark::DoNotOptimize(compiled(rules, report));
  }
  tell(state, report);
}
BENCHMARK(compile_words)->Arg(1'000)->Arg(5'000)->Unit(benchmark::kMillisecond)->Iterations(1);

void compile_classes(benchmark::State& state) {
  const auto rules = rules_of(static_cast<std::size_t>(state.range(0)), expression_without_words);
  CompileReport report;
  for (auto _ : state) {
    report = {};
    benchmark::DoNotOptimize(compiled(rules, report));
  }
  tell(state, report);
}
BENCHMARK(compile_classes)->Arg(1'000)->Unit(benchmark::kMillisecond)->Iterations(1);

/// From the bytes in the cache to what a worker can scan with.
void read_compiled(benchmark::State& state) {
  CompileReport report;
  const auto bytes = encode_ruleset(
      compiled(rules_of(static_cast<std::size_t>(state.range(0)), expression_with_words), report));
  for (auto _ : state) {
    const auto parts = decode_ruleset(bytes);
    SLUICE_CHECK(parts, "what was written is read");
    std::vector<std::shared_ptr<const ScanDatabase>> databases;
    for (const PatternDatabase& database : parts->databases) {
      databases.push_back(*ScanDatabase::create(database));
    }
    benchmark::DoNotOptimize(ScanScratch::create(databases));
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(read_compiled)->Arg(5'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
