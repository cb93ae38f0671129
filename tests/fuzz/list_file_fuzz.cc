// A list file of any bytes: no crash, findings where something was left out, and what was
// understood is understood again, word by word, by the general parser. The same bytes as the file
// of a set of each kind: what was understood is printed, and understood as the same entries.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/list_file.h"
#include "config/set_entry.h"
#include "config/set_file.h"

namespace {

/// The slow and plain way: split, trim, ask the general parser.
std::set<sluice::IpPrefix> expected_prefixes(std::string_view text) {
  std::set<sluice::IpPrefix> expected;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, std::min(text.substr(0, end).find('#'), end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) continue;
    if (const auto prefix = sluice::parse_ip_prefix(line)) expected.insert(*prefix);
  }
  return expected;
}

void check_set(std::string_view text, const sluice::NamedSet& set) {
  sluice::Diagnostics findings;
  const sluice::SetFile file = sluice::parse_set_file(text, "set", set, findings);
  SLUICE_CHECK(findings.error_count() <= sluice::kListFindingsMax + 2, "findings are bounded");
  for (const sluice::SetEntry& entry : file.entries) {
    SLUICE_CHECK(!entry.key.empty() && entry.key.size() <= sluice::kSetKeyBytesMax,
                 "keys are bounded");
    const auto again = sluice::set_key(set, sluice::set_entry_text(set.kind, entry.key));
    SLUICE_CHECK(again && *again == entry.key, "an entry that is printed is the same entry");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  sluice::Diagnostics findings;
  const sluice::ListFile file = sluice::parse_list(text, "list", findings);
  std::set<sluice::IpPrefix> found;
  std::string printed;
  for (const sluice::ListLine& line : file.lines) {
    SLUICE_CHECK(found.insert(line.prefix).second, "each prefix comes once");
    printed += to_string(line.prefix) + "\n";
  }
  SLUICE_CHECK(found == expected_prefixes(text), "both parsers understand the same lines");
  SLUICE_CHECK(findings.error_count() <= sluice::kListFindingsMax + 1, "findings are bounded");
  (void)findings.render();
  check_set(text, {"domains", sluice::SetKind::domain, false});
  check_set(text, {"texts", sluice::SetKind::text, true});
  check_set(text, {"addresses", sluice::SetKind::address, false});

  sluice::Diagnostics none;
  const sluice::ListFile again = sluice::parse_list(printed, "printed", none);
  SLUICE_CHECK(none.empty() && again.lines.size() == file.lines.size(), "printing is understood");
  return 0;
}
