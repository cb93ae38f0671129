// A golden case through the real pipeline: once by way of `replay_captures`, for the files it
// writes, and once with an observer, for the outcome of each packet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/golden/case_file.h"

namespace sluice::test {

struct CaseResult {
  std::vector<std::string> outcomes;  ///< of all packets of all captures, of the first pass
  std::vector<std::string> edits;     ///< beside it: how the forwarded bytes differ, or empty
  std::vector<std::string> replies;   ///< frames that sluice made itself
  std::vector<std::string> events;    ///< lines of eve.json
  std::map<std::string, std::uint64_t> counters;  ///< of summary.json, nested names with a dot
  std::string error;  ///< what the replay said, where it did not end well

  [[nodiscard]] bool has_capacity_events() const;
  /// Dropped, or would have been dropped, with this reason.
  [[nodiscard]] bool refuses(const std::string& reason) const;
};

/// `scratch` is an empty directory. Throws std::runtime_error where the configuration is wrong.
[[nodiscard]] CaseResult run_case(const GoldenCase& golden, std::uint32_t workers,
                                  const std::filesystem::path& scratch);

/// "#1-3 forwarded", one line for each run of equal outcomes.
[[nodiscard]] std::string render_outcomes(const std::vector<std::string>& outcomes);

/// The text of expected.txt. Ids, hashes and what a host's speed decides are left out.
[[nodiscard]] std::string render(const CaseResult& result);

}  // namespace sluice::test
