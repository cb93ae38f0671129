// A rule file of any bytes: no crash, every enabled rule imported or refused with a reason, every
// imported one within the bounds of a rule file, and the same result a second time.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "rules/suricata_import.h"

namespace {

using namespace sluice;

bool is_printable(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

void check_notes(const std::vector<ImportNote>& notes) {
  for (const ImportNote& note : notes) {
    SLUICE_CHECK(!note.keyword.empty() && !note.reason.empty(), "a note says what and why");
    SLUICE_CHECK(is_printable(note.keyword) && is_printable(note.reason), "it stays on its line");
    SLUICE_CHECK(note.position.line > 0, "it says where");
  }
}

void check_rule(const Rule& rule) {
  SLUICE_CHECK(rule.id > 0 && !rule.name.empty(), "a rule has a number and a name");
  SLUICE_CHECK(is_printable(rule.name), "names are printable");
  SLUICE_CHECK(rule.severity >= RuleSeverity::critical && rule.severity <= RuleSeverity::low,
               "severities are those that there are");
  for (const BufferTerms& part : rule.match) {
    SLUICE_CHECK(!part.terms.empty(), "each part has terms");
    for (const Term& term : part.terms) {
      if (const auto* content = std::get_if<ContentTerm>(&term)) {
        SLUICE_CHECK(!content->bytes.empty(), "contents have bytes");
        SLUICE_CHECK(content->fast_offset + content->fast_length <= content->bytes.size(),
                     "fast patterns are inside of their content");
      }
      if (const auto* pcre = std::get_if<PcreTerm>(&term)) {
        SLUICE_CHECK(!pcre->pattern.empty() && is_printable(pcre->pattern),
                     "patterns are printable");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const ImportFile file{"fuzz.rules", text};
  ImportOptions options;
  options.is_as_is = size % 2 == 1;
  options.variables = {{"HOME_NET", "[10.0.0.0/8]"}};
  const ImportResult result = import_suricata({&file, 1}, options);
  const ImportReport& report = result.report;
  SLUICE_CHECK(report.counts.imported == result.rules.size(), "imported rules are counted");
  SLUICE_CHECK(report.counts.imported + report.refused.size() == report.counts.rules_enabled,
               "a rule is imported or refused");
  check_notes(report.refused);
  check_notes(report.downgraded);
  for (const Rule& rule : result.rules) check_rule(rule);

  const ImportResult again = import_suricata({&file, 1}, options);
  SLUICE_CHECK(again.rules.size() == result.rules.size(), "the same text is the same rules");
  for (std::size_t i = 0; i < result.rules.size(); ++i) {
    SLUICE_CHECK(is_same(again.rules[i], result.rules[i]), "the same text is the same rules");
  }
  return 0;
}
