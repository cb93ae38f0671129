// Sets of the configuration that rules ask for: whether they are there, of the right kind, and
// asked about a buffer that comes whole.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/suggest.h"
#include "config/set_entry.h"
#include "rules/validate.h"

namespace sluice {
namespace {

/// Holds names of hosts.
bool is_of_names(Buffer buffer) noexcept {
  switch (buffer) {
    case Buffer::http_host:
    case Buffer::http_host_raw:
    case Buffer::dns_query:
    case Buffer::tls_sni:
    case Buffer::quic_sni:
    case Buffer::smtp_helo:
      return true;
    default:
      return false;
  }
}

void report_unknown(const std::string& name, std::span<const NamedSet> sets,
                    RuleFindings& findings) {
  std::vector<std::string_view> known;
  for (const NamedSet& set : sets) known.push_back(set.name);
  const std::string_view near = nearest_word(name, known);
  findings.error(
      fmt::format("in_set is '{}', which is none of sets in the configuration{}", name,
                  known.empty() ? "" : fmt::format(": {}", fmt::join(known, ", "))),
      near.empty()
          ? fmt::format("add '- name: {}' to sets; offline, name its file with --config", name)
          : fmt::format("did you mean '{}'?", near));
}

void check_buffer(const NamedSet& set, Buffer buffer, RuleFindings& findings) {
  const BufferRow& row = row_of(buffer);
  if (row.is_streamed || row.service == Service::any) {
    return findings.error(
        fmt::format("in_set is asked of {}, which has no whole to compare: a buffer that a parser "
                    "fills at once would do, such as dns.query or http.uri",
                    row.name));
  }
  if (set.kind == SetKind::domain && !is_of_names(buffer)) {
    findings.error(
        fmt::format("in_set asks for domains of '{}' in {}, which holds no host name: a "
                    "set of kind text would do",
                    set.name, row.name));
  }
}

void check_term(const SetTerm& term, Buffer buffer, std::span<const NamedSet> sets,
                RuleFindings& findings) {
  const auto set = std::ranges::find(sets, term.name, &NamedSet::name);
  if (set == sets.end()) return report_unknown(term.name, sets, findings);
  if (set->kind == SetKind::address) {
    return findings.error(
        fmt::format("in_set names '{}', which holds addresses: source and destination ask for it",
                    term.name),
        fmt::format("write 'source: \"@{}\"' under when", term.name));
  }
  check_buffer(*set, buffer, findings);
}

/// What a test adds has to be an entry of its set.
void check_test(const RuleTest& test, std::span<const NamedSet> sets, RuleFindings& findings) {
  if (test.set.empty() && test.entries.empty()) return;
  const auto set = std::ranges::find(sets, test.set, &NamedSet::name);
  if (set == sets.end()) {
    return findings.error(
        test.set.empty() ? "a test has entries and no set that they are for"
                         : fmt::format("a test names the set '{}', which is none of sets in the "
                                       "configuration",
                                       test.set),
        test.set.empty()
            ? std::string("write 'set: NAME'")
            : fmt::format("add '- name: {}' to sets; offline, name its file with --config",
                          test.set));
  }
  for (const std::string& entry : test.entries) {
    if (auto key = set_key(*set, entry); !key) {
      findings.error(fmt::format("a test's entry for '{}': {}", test.set, key.error().message),
                     key.error().hint);
    }
  }
}

}  // namespace

void validate_sets(const Rule& rule, std::span<const NamedSet> sets, RuleFindings& findings) {
  for (const BufferTerms& part : rule.match) {
    for (const Term& term : part.terms) {
      const auto* set = std::get_if<SetTerm>(&term);
      if (set != nullptr && set->match == SetMatch::named)
        check_term(*set, part.buffer, sets, findings);
    }
  }
  for (const RuleTest& test : rule.tests) check_test(test, sets, findings);
}

}  // namespace sluice
