// What the benchmark sends and under which policy: the conditions of each goal, made by a seeded
// generator, so that every run measures the same packets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/policy_parts.h"
#include "dataplane/requests.h"
#include "dataplane/worker.h"
#include "tests/bench/corpus_port.h"

namespace sluice::bench {

struct Scenario {
  std::string name;
  std::string what;
  Corpus prelude;  ///< sent once: handshakes
  Corpus steady;   ///< sent over and over while the clock runs
  PolicyParts parts;
  std::vector<BlockEntry> blocks;
  WorkerSizes sizes;
  double goal_cycles = 0;  ///< above the bare loop
  bool expects_drops = false;
};

/// Established flows, 64 B: P1 (100,000 flows), P2 (a million). `v6_percent` of them are IPv6.
[[nodiscard]] Scenario established(std::uint32_t flows, unsigned v6_percent);
/// Packets whose source is denied, out of a million prefixes and hosts: P3.
[[nodiscard]] Scenario denied(bool v6, std::uint32_t senders);
/// The same out of a million blocked hosts.
[[nodiscard]] Scenario blocked(bool v6, std::uint32_t senders);
/// P1 beside `blocks` blocked hosts, none of which sends.
[[nodiscard]] Scenario established_beside_blocks(std::uint32_t blocks, unsigned v6_percent);
/// Whole connections, seven packets each: P5. `goal_cycles` is per connection.
[[nodiscard]] Scenario connections();

}  // namespace sluice::bench
