// Which one pattern of a rule the prefilter looks for; the rest is confirmed where it is found. The
// pattern must be found wherever the rule holds, and should be found nowhere else. Compiler only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "config/set_kind.h"
#include "rules/pattern_db.h"
#include "rules/rule.h"

namespace sluice {

struct PatternChoice {
  std::size_t part = 0;                ///< of the rule's `match`
  std::optional<ScanPattern> pattern;  ///< none: the rule has to be looked at every time
  /// Beside an expression: a literal that is found wherever the expression is. Groups of hundreds
  /// of expressions look for these, as compiling so many takes minutes.
  std::optional<ScanPattern> cheaper;
  double bits = 0;     ///< found in about one of 2^bits places
  std::string reason;  ///< why there is none
  /// Where there is no pattern: a set of the configuration that has to hold the buffer of `part`.
  std::optional<std::uint32_t> set;
};

/// Longer literals than this cost state of every stream and find hardly less.
inline constexpr std::size_t kPrefilterLiteralMax = 32;

/// The author's choice; else the rarest literal; else, where there is none that is rare enough, an
/// expression as it is, a literal inside it, or the expression loosely. Negated terms never.
[[nodiscard]] PatternChoice choose_pattern(const Rule& rule);

/// Fills `set` in where the rule has no pattern: of the first buffer that as a whole has to be in
/// one of `sets`.
void choose_set(const Rule& rule, std::span<const NamedSet> sets, PatternChoice& choice);

/// The pattern as a database of that mode takes it. In a stream it can only be said how far from
/// the start a match ends at most: a scan may begin late, and the end is not known.
[[nodiscard]] ScanPattern pattern_in_mode(ScanPattern pattern, ScanMode mode);

/// The pattern of a body as it is found in the stream that carries the body, whatever stands around
/// it; none where that cannot be said of it.
[[nodiscard]] std::optional<ScanPattern> pattern_in_carrier(const PatternChoice& choice);

/// The expression as the engine finds it, or more than it, in bytes at hand; none where the engine
/// does not take it, or where it looks at what the term before it found.
[[nodiscard]] std::optional<ScanPattern> pattern_in_bytes(const PcreTerm& term);

/// Whether prefilters look into the buffer at all; headers are left to the confirming step.
[[nodiscard]] bool is_scanned(Buffer buffer);

}  // namespace sluice
