// Rules as they were written become a ruleset: each gets its place, its programs, its ends and one
// pattern for the prefilter; rules that concern the same bytes become a group, and the patterns of
// a group a database. Takes seconds and memory: short-lived children only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/result.h"
#include "rules/address_set.h"
#include "rules/port_classes.h"
#include "rules/ruleset.h"

namespace sluice {

struct CompileOptions {
  RuleVariables variables;
  PortClassLimits port_classes;
  unsigned threads = 1;
  /// Tries several shapes of every larger group on ordinary text and keeps the fastest. What comes
  /// out depends on the clock then.
  bool measures_shapes = false;
};

struct GroupReport {
  std::string name;  ///< "http.uri to_server", "tcp stream to_client class 3"
  std::uint32_t patterns = 0;
  std::uint32_t rules = 0;
  std::uint32_t always = 0;
  std::uint32_t database = kNoDatabase;
};

struct DatabaseReport {
  std::uint32_t patterns = 0;
  std::uint32_t padding = 0;
  std::uint64_t bytes = 0;
  std::uint32_t stream_bytes = 0;
  std::uint32_t scratch_bytes = 0;
  DurationNs compile_time = 0;  ///< processor time
};

struct RuleReport {
  std::uint32_t id = 0;
  std::string pattern;  ///< "contains X in http.uri", or why there is none
  /// How often about a mebibyte of ordinary bytes in its buffer makes the rule a candidate.
  double candidates_per_mebibyte = 0;
  bool is_always = false;  ///< a candidate for every packet or message of its groups
};

struct CompileReport {
  std::vector<GroupReport> groups;
  std::vector<DatabaseReport> databases;
  std::vector<RuleReport> rules;  ///< in the order of evaluation
  std::uint32_t rules_refused = 0;
  std::uint64_t database_bytes = 0;
  std::uint32_t stream_bytes_max = 0;
  DurationNs compile_time = 0;
};

/// A rule that cannot be compiled is a finding at its position and left out; all others come into
/// force. Errors: limit, for more than `kRulesMax` rules.
[[nodiscard]] Result<RulesetParts> compile_ruleset(std::span<const Rule> rules, Hash128 digest,
                                                   const CompileOptions& options,
                                                   Diagnostics& findings, CompileReport& report);

/// The digest under which a compiled ruleset is kept: of the texts of all rule files, the
/// variables, what shapes the result, the engine and the processor.
[[nodiscard]] Hash128 inputs_digest(std::span<const std::string_view> files,
                                    const CompileOptions& options);

}  // namespace sluice
