// Rules of one part, compiled, and what a confirmer says of them on a text. For the confirm tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/inspect/confirm.h"
#include "rules/program.h"

namespace sluice::test {

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline ContentTerm content(std::string bytes) {
  ContentTerm term;
  term.bytes = std::move(bytes);
  return term;
}
inline ContentTerm without(ContentTerm term) {
  term.is_negated = true;
  return term;
}
inline ContentTerm at(ContentTerm term, std::int64_t offset, std::int64_t depth) {
  term.offset = offset;
  term.depth = depth;
  return term;
}
inline ContentTerm after(ContentTerm term, std::int64_t distance) {
  term.distance = distance;
  return term;
}
inline ContentTerm within(ContentTerm term, std::int64_t within) {
  term.within = within;
  return term;
}
inline PcreTerm pcre(std::string pattern, bool is_relative = false) {
  PcreTerm term;
  term.pattern = std::move(pattern);
  term.is_relative = is_relative;
  return term;
}
inline IsDataAtTerm data_at(std::int64_t offset, bool is_relative = false) {
  return {offset, false, is_relative};
}
inline IsDataAtTerm no_data_at(std::int64_t offset, bool is_relative = false) {
  return {offset, true, is_relative};
}
inline ByteRead binary(std::uint8_t bytes, std::int64_t offset = 0, bool is_relative = false) {
  ByteRead read;
  read.bytes = bytes;
  read.offset = offset;
  read.is_relative = is_relative;
  return read;
}
inline ByteRead text(std::uint8_t bytes, NumberText base, std::int64_t offset = 0) {
  ByteRead read = binary(bytes, offset);
  read.text = base;
  return read;
}

inline Rule rule_of(std::vector<Term> terms, Buffer buffer = Buffer::http_uri) {
  Rule rule;
  rule.id = 7;
  BufferTerms part;
  part.buffer = buffer;
  part.terms = std::move(terms);
  rule.match.push_back(std::move(part));
  return rule;
}

/// Compiled, written as bytes and read back, as the wire process has it.
inline PartProgram program_of(const Rule& rule) {
  RuleNames names;
  auto program = compile_part(rule, 0, names);
  EXPECT_TRUE(program) << (program ? "" : program.error().message);
  if (!program) return {};
  PlainWriter writer;
  code(writer, *program);
  PlainReader reader(writer.bytes());
  PartProgram read;
  code(reader, read);
  EXPECT_TRUE(reader.is_complete());
  return read;
}

inline std::string error_of(const Rule& rule) {
  RuleNames names;
  const auto program = compile_part(rule, 0, names);
  return program ? "none" : program.error().message;
}

class ConfirmTest : public testing::Test {
 protected:
  ConfirmTest() : confirmer_(std::move(*Confirmer::create({}))) {}

  ConfirmOutcome ask(const PartProgram& program, const BufferView& view) {
    variables_ = {};
    return confirmer_->evaluate(program, view, variables_);
  }
  ConfirmOutcome ask(std::vector<Term> terms, std::string_view buffer) {
    return ask(program_of(rule_of(std::move(terms))), {as_bytes(buffer), 0, true});
  }
  /// More bytes will follow.
  ConfirmOutcome ask_open(std::vector<Term> terms, std::string_view so_far,
                          Buffer buffer = Buffer::http_request_body) {
    return ask(program_of(rule_of(std::move(terms), buffer)), {as_bytes(so_far), 0, false});
  }
  /// The last bytes of a stream, of which the first is at `begin`.
  ConfirmOutcome ask_window(std::vector<Term> terms, std::string_view window, std::uint64_t begin) {
    return ask(program_of(rule_of(std::move(terms), Buffer::payload)),
               {as_bytes(window), begin, false});
  }
  bool holds(std::vector<Term> terms, std::string_view buffer) {
    const auto outcome = ask(std::move(terms), buffer);
    EXPECT_TRUE(outcome == ConfirmOutcome::yes || outcome == ConfirmOutcome::no);
    return outcome == ConfirmOutcome::yes;
  }

  std::unique_ptr<Confirmer> confirmer_;
  TermVariables variables_;
};

}  // namespace sluice::test
