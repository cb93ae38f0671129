// Any bytes as a configuration file: loading never crashes, and a file without errors says exactly
// what its normal form says.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/check.h"
#include "config/load.h"
#include "config/print.h"
#include "config/validate.h"

namespace {

void check_round_trip(const sluice::Config& config) {
  const sluice::LoadedConfig again = sluice::load_config("printed", sluice::print_config(config));
  SLUICE_CHECK(!again.findings.has_errors(), "the normal form is a valid file");
  SLUICE_CHECK(again.config == config, "the normal form says the same");
}

void check_findings(const sluice::Diagnostics& findings, std::size_t bytes) {
  for (const sluice::Finding& finding : findings.sorted()) {
    SLUICE_CHECK(!finding.message.empty(), "a finding says what is wrong");
    SLUICE_CHECK(finding.position.line <= bytes + 1, "a finding points into the file");
  }
  const std::string text = findings.render();
  for (const char c : text) {
    SLUICE_CHECK(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "findings have no controls");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  sluice::LoadedConfig loaded = sluice::load_config("fuzz.yaml", text);
  if (!loaded.findings.has_errors()) check_round_trip(loaded.config);
  // Whatever was understood can be judged.
  sluice::validate_config(loaded.config, loaded.source, sluice::ConfigPurpose::run,
                          loaded.findings);
  check_findings(loaded.findings, size);
  return 0;
}
