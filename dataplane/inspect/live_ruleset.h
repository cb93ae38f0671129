// A ruleset as workers obey it: const, shared by the policies of all generations in which the rules
// are the same. A stream that was opened under another one is closed at the flow's next packet, and
// never scanned on with. Built by the keeper, or by a replay.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "dataplane/inspect/pattern_scan.h"
#include "rules/ruleset.h"

namespace sluice {

struct LiveRuleset {
  Ruleset rules;
  std::vector<std::shared_ptr<const ScanDatabase>> databases;  ///< by PatternGroup::database
  std::vector<std::unique_ptr<ScanScratch>> scratches;         ///< by worker, whose alone each is
  std::vector<std::uint32_t> count_slots;                      ///< where each rule is counted
  std::uint64_t wanted_buffers = 0;  ///< bit i: a rule asks for Buffer i of an application
  std::uint32_t asked_services = 0;  ///< bit i: a rule asks whether a flow is of Service i
  std::uint32_t epoch = 0;           ///< never 0, and of no other ruleset of this process
};

static_assert(kBufferCount <= 64);
[[nodiscard]] constexpr std::uint64_t bit_of(Buffer buffer) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(buffer);
}
[[nodiscard]] constexpr std::uint32_t bit_of(Service service) noexcept {
  return 1U << static_cast<unsigned>(service);
}

/// Bit i: some of the buffers are filled by the parser of Service i.
[[nodiscard]] std::uint32_t services_of(std::uint64_t buffers) noexcept;

/// Databases that `previous` has already are taken from it; it may be null. Errors: invalid, for a
/// database that the engine of this host does not take; limit, where memory lacks. Without
/// `count_slots` all rules are counted together.
[[nodiscard]] Result<std::shared_ptr<const LiveRuleset>> make_live(
    Ruleset rules, std::vector<PatternDatabase> databases, std::uint32_t workers,
    const LiveRuleset* previous, std::vector<std::uint32_t> count_slots = {});

}  // namespace sluice
