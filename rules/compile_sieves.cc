#include "rules/compile_sieves.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "rules/pattern_strength.h"
#include "rules/regex_literal.h"

namespace sluice {
namespace {

/// Patterns of one sieve: the time to compile grows with the square of their number.
constexpr std::size_t kPatternsMax = 64;
/// Workers remember what so many have found; what is beyond is tried as it is.
constexpr std::size_t kSievesMax = 8;
/// A sieve is only speed: none is begun once so much processor time is spent.
constexpr DurationNs kTimeMax = 10'000'000'000;
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

/// A part with a content tries nothing before that has come, and one that sets numbers for others
/// must not be passed over.
[[nodiscard]] bool is_tried_often(const BufferTerms& part) {
  return std::ranges::none_of(part.terms, [](const Term& term) {
    const auto* content = std::get_if<ContentTerm>(&term);
    const auto* regex = std::get_if<PcreTerm>(&term);
    return (content != nullptr && !content->is_negated) ||
           (regex != nullptr && !regex->captures.empty()) ||
           std::holds_alternative<ByteExtractTerm>(term) ||
           std::holds_alternative<ByteMathTerm>(term);
  });
}

/// The first expression of the part that is worth it.
[[nodiscard]] std::optional<ScanPattern> pattern_of(const BufferTerms& part) {
  if (!row_of(part.buffer).is_streamed || !is_tried_often(part)) return std::nullopt;
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

/// One sieve, and who waits for it.
struct Sieve {
  SieveKey key;
  SieveTable table;
};

/// Each pattern in the first sieve for its bytes that has it, or room for it.
class SievePlan {
 public:
  void add(const SieveKey& key, const ScanPattern& pattern, std::uint32_t program) {
    for (Sieve& sieve : sieves_) {
      if (sieve.key != key) continue;
      if (sieve.table.size() == kPatternsMax && !sieve.table.contains(pattern)) continue;
      sieve.table[pattern].push_back(program);
      return;
    }
    if (sieves_.size() == kSievesMax) return;
    sieves_.push_back({key, {}});
    sieves_.back().table[pattern].push_back(program);
  }
  [[nodiscard]] std::span<const Sieve> sieves() const noexcept { return sieves_; }

 private:
  std::vector<Sieve> sieves_;
};

[[nodiscard]] DatabaseJob job_of(const SieveTable& table) {
  DatabaseJob out;
  for (const auto& [pattern, programs] : table) out.patterns.push_back(pattern);
  out.certain.resize(out.patterns.size());
  out.mode = ScanMode::once;
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
  SievePlan plan;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (is_looked_for(*written[i], choices[i])) continue;
    for (std::size_t part = 0; part < written[i]->match.size(); ++part) {
      const BufferTerms& terms = written[i]->match[part];
      const auto pattern = pattern_of(terms);
      const std::uint32_t program = parts.ruleset.rules[i].parts[part].program;
      if (pattern) plan.add(key_of(terms), *pattern, program);
    }
  }
  DurationNs spent = 0;
  for (const Sieve& sieve : plan.sieves()) {
    if (spent > kTimeMax) break;
    DatabaseJob job = job_of(sieve.table);
    compile_databases(std::span(&job, 1), options);
    spent += job.compile_time;
    if (!job.database) continue;
    tell_programs(sieve.table, job, static_cast<std::uint32_t>(parts.databases.size()),
                  parts.ruleset.programs);
    reports.push_back(report_of(job));
    parts.databases.push_back(std::move(*job.database));
  }
}

}  // namespace sluice
