// Any bytes as a rule file: loading never crashes, findings point into the file, and what loads
// prints, and loads from that as the same rules. What could be read can be judged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "rules/load.h"
#include "rules/print.h"
#include "rules/validate.h"

namespace {

void check_round_trip(const sluice::RulePack& pack) {
  sluice::Diagnostics diagnostics;
  const sluice::RulePack again = sluice::load_rule_pack(
      sluice::Source("printed", sluice::print_rules(pack.name, pack.version, pack.rules)),
      diagnostics);
  SLUICE_CHECK(!diagnostics.has_errors(), "the normal form is a valid file");
  SLUICE_CHECK(std::ranges::equal(again.rules, pack.rules, sluice::is_same),
               "the normal form says the same");
}

void check_findings(const sluice::Diagnostics& diagnostics, std::size_t bytes) {
  for (const sluice::Finding& finding : diagnostics.sorted()) {
    SLUICE_CHECK(!finding.message.empty(), "a finding says what is wrong");
    SLUICE_CHECK(finding.position.line <= bytes + 1, "a finding points into the file");
  }
  for (const char c : diagnostics.render()) {
    SLUICE_CHECK(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "findings have no controls");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sluice::Source source("fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size));
  sluice::Diagnostics diagnostics;
  const sluice::RulePack pack = sluice::load_rule_pack(source, diagnostics);
  if (!diagnostics.has_errors()) check_round_trip(pack);
  sluice::validate_rules(pack.rules, {}, diagnostics);
  check_findings(diagnostics, size);
  return 0;
}
