// A golden case as its directory holds it: packets.txt, and beside it sluice.yaml where the case
// has a configuration of its own, and rules.yaml where it has rules.
//
// packets.txt begins with `key: value` lines:
//   refuses: REASON...      the reasons that this case is there for
//   twin: DIRECTORY         a case that is as near as can be and in which none of them occurs
//   workers: N              only with so many (default: with one and with two, compared)
//   repeat: N               as `sluiced replay --repeat`
//   block: PREFIX or TUPLE for TIME   a tuple: "tcp 192.0.2.1:80 198.51.100.2:99", "icmp ADDRESS
//   ADDRESS" bypass: pair, vlan N or PREFIX for TIME faults: transmit_most=N handoff_ring=N
//   frame_bytes_max=N
// and goes on with one packet a line, `#` starting a comment:
//   TIME [xCOUNT/STEP] HEADERS [| KNOBS] [ ; HEADERS ...] [=> OUTCOME]
// TIME counts from the case's first second ("0", "20ms", "1s"); "+20ms" from the packet before,
// "-5ms" back from it. COUNT packets follow each other in STEP; {4000+n} stands for 4000, 4001, ...
// OUTCOME is `forwarded` (as without one), a drop reason, or a list such as `10 forwarded, REASON`
// of which the last holds for the rest. A line of dashes begins another capture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dataplane/policy_parts.h"
#include "dataplane/requests.h"
#include "tests/golden/packet_text.h"

namespace sluice::test {

/// 2025-01-02T03:04:05Z.
inline constexpr TimeNs kCaseStart = 1'735'787'045ULL * kNsPerSecond;

struct CasePacket {
  TimeNs timestamp = 0;
  TextFrame frame;
  std::string outcome;  ///< "forwarded" or the name of a drop reason
};

struct CaseFaults {
  std::uint32_t transmit_most = 0;
  std::uint32_t handoff_ring = 0;
  std::uint32_t frame_bytes_max = 0;
};

struct GoldenCase {
  std::string name;
  std::vector<std::string> refuses;
  std::string twin;
  std::uint32_t workers = 0;  ///< 0 = one and two
  std::uint32_t repeat = 1;
  std::vector<BlockEntry> blocks;
  std::vector<BypassEntry> bypasses;
  CaseFaults faults;
  std::string directory;
  std::string config_text;  ///< empty: as without --config
  std::string rules_text;   ///< of rules.yaml; empty: no rules
  std::vector<std::vector<CasePacket>> captures;
};

/// Throws std::runtime_error "file:line: what is wrong".
[[nodiscard]] GoldenCase load_case(const std::filesystem::path& directory);

}  // namespace sluice::test
