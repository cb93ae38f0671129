// One database of patterns to be made: in the shape that is fastest, without what the engine
// refuses. Compiler only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rules/compile.h"
#include "rules/pattern_db.h"

namespace sluice {

/// A pattern that the engine refused, and why.
struct RefusedPattern {
  ScanPattern pattern;
  std::string message;
};

/// What is to become a database, and what became of it.
struct DatabaseJob {
  std::vector<ScanPattern> patterns;
  std::vector<std::string> certain;  ///< beside them: bytes in all matches; empty: none are known
  ScanMode mode = ScanMode::block;
  std::vector<std::uint32_t> place;  ///< of each pattern in the database, kNoPlace if refused
  std::optional<PatternDatabase> database;
  std::vector<RefusedPattern> refused;
  DurationNs compile_time = 0;
};
inline constexpr std::uint32_t kNoPlace = 0xffffffff;

/// Beside each other in as many threads as the options say.
void compile_databases(std::span<DatabaseJob> jobs, const CompileOptions& options);

/// Of a job that has a database.
[[nodiscard]] DatabaseReport report_of(const DatabaseJob& job);

}  // namespace sluice
