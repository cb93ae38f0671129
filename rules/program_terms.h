// Turns the terms of one buffer into steps, one after the other. Only program.cc uses it, in the
// compiler's child.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rules/program.h"
#include "rules/regex_literal.h"

namespace sluice {

class PartBuilder {
 public:
  PartBuilder(Buffer buffer, RuleNames& names, std::span<const NamedSet> sets)
      : names_(names), sets_(sets) {
    program_.buffer = buffer;
  }

  [[nodiscard]] Status add_transforms(const std::vector<TransformStep>& steps);
  /// Errors begin with the kind of the term.
  [[nodiscard]] Status add(const Term& term);
  [[nodiscard]] PartProgram finish() &&;

 private:
  [[nodiscard]] Result<StepKind> resolve(const ContentTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const PcreTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const ByteTestTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const ByteJumpTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const ByteExtractTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const ByteMathTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const IsDataAtTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const SizeTerm& term);
  [[nodiscard]] Result<StepKind> resolve(const Base64Term& term);
  [[nodiscard]] Result<StepKind> resolve(const SetTerm& term);

  [[nodiscard]] Result<StepKind> resolve_named(const SetTerm& term) const;
  [[nodiscard]] Status place_content(const ContentTerm& term, ContentStep& step) const;
  [[nodiscard]] Result<ReadStep> read_of(const ByteRead& read, std::uint8_t bytes_min) const;
  /// `low` bounds a constant; names must have been set by an earlier term.
  [[nodiscard]] Result<StepNumber> number(const TermNumber& number, std::int64_t low) const;
  [[nodiscard]] Result<StepNumber> operand(const TermNumber& number) const;
  [[nodiscard]] Result<std::uint8_t> define(const std::string& name);
  [[nodiscard]] Result<BytesRef> keep(std::string_view bytes);

  RuleNames& names_;
  std::span<const NamedSet> sets_;  ///< of the configuration
  PartProgram program_;
  std::vector<std::pair<std::size_t, RequiredLiteral>> literals_;  ///< with the step of each
  bool has_base64_ = false;
};

}  // namespace sluice
