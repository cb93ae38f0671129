// Rules of a benchmark brought into force on the product's own way: imported, compiled, read.
#pragma once

#include <memory>
#include <string>

#include "dataplane/inspect/live_ruleset.h"
#include "rules/compile.h"

namespace sluice::bench {

struct BenchRules {
  std::shared_ptr<const LiveRuleset> live;
  CompileReport report;
  std::size_t rules = 0;
};

/// From the text of Suricata rules; those that cannot be imported are left out and counted.
[[nodiscard]] BenchRules rules_in_force(const std::string& name, std::string text);

/// The database that payloads of datagrams are scanned with, whatever their port.
[[nodiscard]] const ScanDatabase& datagram_database(const LiveRuleset& live);

}  // namespace sluice::bench
