// `sluiced replay`: captures through the stations, with the control side beside them on the same
// thread, and the files that the contract names written into a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/store/rule_text_index.h"
#include "dataplane/policy_parts.h"
#include "dataplane/replay.h"

namespace sluice {

struct ReplayRequest {
  Config config;
  PolicyParts parts;
  std::vector<BlockEntry> blocks;
  std::shared_ptr<const LiveRuleset> ruleset;       ///< null: no rules; made for `workers`
  std::shared_ptr<const RuleTextIndex> rule_texts;  ///< of the ruleset
  std::vector<std::string> captures;
  std::string out_dir;  ///< made where it does not exist
  std::uint32_t workers = 1;
  std::uint32_t repeat = 1;
  ReplayFaults faults;
  bool separate_blocks = false;  ///< every frame in its own heap block, for sanitizers
};

struct ReplayOutcome {
  int exit_code = 0;    ///< 0; 1 missing or unreadable; 2 damaged or unsupported
  std::string message;  ///< what was wrong, a line each; empty where exit_code is 0
  std::string notice;   ///< what a reader of the result should know
};

/// Writes eve.json, forwarded.pcap, dropped.pcap, generated.pcap and summary.json. What stands in a
/// capture before its damage is replayed and written.
[[nodiscard]] ReplayOutcome replay_captures(const ReplayRequest& request);

}  // namespace sluice
