// One rule through the importer, for tests of keywords.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rules/suricata_import.h"
#include "tests/support/fuzz_seeds.h"

namespace sluice::test {

inline ImportResult import_text(std::string text, const ImportOptions& options = {}) {
  keep_seed("suricata_fuzz", text);
  const std::array files{ImportFile{"x.rules", std::move(text)}};
  return import_suricata(files, options);
}

inline ImportResult import_options(std::string_view protocol, std::string_view options) {
  return import_text(
      fmt::format("alert {} any any -> any any (msg:\"m\"; {} sid:1;)", protocol, options));
}

/// The rule that these options make.
inline Rule imported(std::string_view protocol, std::string_view options) {
  ImportResult result = import_options(protocol, options);
  for (const ImportNote& note : result.report.refused) {
    ADD_FAILURE() << options << " " << note.keyword << ": " << note.reason;
  }
  return result.rules.empty() ? Rule{} : result.rules.front();
}

/// "KEYWORD: reason" of the refusal; empty where the rule is imported.
inline std::string refusal(std::string_view protocol, std::string_view options) {
  const ImportResult result = import_options(protocol, options);
  if (result.report.refused.empty()) return {};
  const ImportNote& note = result.report.refused.front();
  return note.keyword + ": " + note.reason;
}

/// The one part of a rule that has one.
inline BufferTerms only_part(const Rule& rule) {
  EXPECT_EQ(rule.match.size(), 1U);
  return rule.match.empty() ? BufferTerms{} : rule.match.front();
}

/// The term with this place in its part.
template <class T>
T term_at(const BufferTerms& part, std::size_t place) {
  EXPECT_LT(place, part.terms.size());
  if (place >= part.terms.size()) return {};
  const T* term = std::get_if<T>(&part.terms[place]);
  EXPECT_NE(term, nullptr) << "another kind of term at " << place;
  return term == nullptr ? T{} : *term;
}

}  // namespace sluice::test
