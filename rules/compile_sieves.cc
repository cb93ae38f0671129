#include "rules/compile_sieves.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "rules/pattern_strength.h"
#include "rules/regex_literal.h"

namespace sluice {
namespace {

/// The time to compile grows with the square of their number; a sieve takes the first of them.
constexpr std::size_t kSieveMax = 300;
/// A literal of an expression that is found in one of so many places is worth more than a sieve.
constexpr double kGoodLiteralBits = 14;

/// Parts that look at the same bytes, whatever the buffer: those with the same transforms.
using SieveKey = std::vector<std::pair<Transform, std::string>>;
/// The programs that wait for each pattern.
using SieveTable = std::map<ScanPattern, std::vector<std::uint32_t>>;

[[nodiscard]] SieveKey key_of(const BufferTerms& part) {
  SieveKey out;
  for (const TransformStep& step : part.transforms) out.emplace_back(step.transform, step.key);
  return out;
}

[[nodiscard]] bool is_tried_everywhere(const PcreTerm& term) {
  if (term.is_negated || term.is_relative) return false;
  const auto literal = required_literal(term);
  return !literal || literal_bits(literal->bytes, literal->nocase) < kGoodLiteralBits;
}

/// The first expression of the part that is worth it.
[[nodiscard]] std::optional<ScanPattern> pattern_of(const BufferTerms& part) {
  for (const Term& term : part.terms) {
    if (std::holds_alternative<Base64Term>(term)) break;  // what follows sees other bytes
    const auto* regex = std::get_if<PcreTerm>(&term);
    if (regex == nullptr || !is_tried_everywhere(*regex)) continue;
    if (auto pattern = pattern_in_bytes(*regex)) return pattern;
  }
  return std::nullopt;
}

/// The scan that made the rule a candidate has said as much already.
[[nodiscard]] bool is_looked_for(const Rule& rule, const PatternChoice& choice) {
  return rule.match.size() == 1 && choice.pattern && choice.pattern->kind != PatternKind::literal;
}

[[nodiscard]] DatabaseJob job_of(const SieveTable& table) {
  DatabaseJob out;
  for (const auto& [pattern, programs] : table) out.patterns.push_back(pattern);
  out.certain.resize(out.patterns.size());
  return out;
}

void tell_programs(const SieveTable& table, const DatabaseJob& job, std::uint32_t database,
                   std::vector<PartProgram>& programs) {
  std::size_t index = 0;
  for (const auto& [pattern, waiting] : table) {
    const std::uint32_t place = job.place[index++];
    if (place == kNoPlace) continue;
    for (const std::uint32_t program : waiting) programs[program].sieve = {database, place};
  }
}

}  // namespace

void add_sieves(std::span<const Rule* const> written, std::span<const PatternChoice> choices,
                const CompileOptions& options, RulesetParts& parts,
                std::vector<DatabaseReport>& reports) {
  std::map<SieveKey, SieveTable> tables;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (is_looked_for(*written[i], choices[i])) continue;
    for (std::size_t part = 0; part < written[i]->match.size(); ++part) {
      const BufferTerms& terms = written[i]->match[part];
      if (!row_of(terms.buffer).is_streamed) continue;
      const auto pattern = pattern_of(terms);
      if (!pattern) continue;
      SieveTable& table = tables[key_of(terms)];
      if (table.size() == kSieveMax && !table.contains(*pattern)) continue;
      table[*pattern].push_back(parts.ruleset.rules[i].parts[part].program);
    }
  }
  std::vector<DatabaseJob> jobs;
  for (const auto& [key, table] : tables) jobs.push_back(job_of(table));
  compile_databases(jobs, options);
  auto job = jobs.begin();
  for (const auto& [key, table] : tables) {
    if (job->database) {
      tell_programs(table, *job, static_cast<std::uint32_t>(parts.databases.size()),
                    parts.ruleset.programs);
      reports.push_back(report_of(*job));
      parts.databases.push_back(std::move(*job->database));
    }
    ++job;
  }
}

}  // namespace sluice
