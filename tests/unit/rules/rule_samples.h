// Rules for tests of the compiler, each with as little as it needs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rules/rule.h"

namespace sluice::test {

inline ContentTerm content(std::string bytes) {
  ContentTerm term;
  term.bytes = std::move(bytes);
  return term;
}

inline PcreTerm pcre(std::string pattern) {
  PcreTerm term;
  term.pattern = std::move(pattern);
  return term;
}

inline BufferTerms part(Buffer buffer, std::vector<Term> terms) {
  BufferTerms out;
  out.buffer = buffer;
  out.terms = std::move(terms);
  return out;
}

inline Rule rule_on(std::uint32_t id, Buffer buffer, std::vector<Term> terms) {
  Rule rule;
  rule.id = id;
  rule.when.protocol = RuleProtocol::tcp;
  rule.match.push_back(part(buffer, std::move(terms)));
  return rule;
}

}  // namespace sluice::test
