// Findings about one rule: each says which rule it is about and where that stands. For the files
// that validate rules; control side only.
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "rules/rule.h"

namespace sluice {

class RuleFindings {
 public:
  RuleFindings(const Rule& rule, Diagnostics& diagnostics) noexcept
      : rule_(rule), diagnostics_(diagnostics) {}

  void error(const std::string& message, std::string hint = {}) {
    add(Severity::error, message, std::move(hint));
  }
  void warning(const std::string& message, std::string hint = {}) {
    add(Severity::warning, message, std::move(hint));
  }

 private:
  void add(Severity severity, const std::string& message, std::string hint) {
    Finding finding;
    finding.severity = severity;
    finding.file = rule_.pack;
    finding.position = rule_.position;
    finding.message = rule_.id == 0 ? fmt::format("a rule: {}", message)
                                    : fmt::format("rule {}: {}", rule_.id, message);
    finding.hint = std::move(hint);
    diagnostics_.add(std::move(finding));
  }

  const Rule& rule_;
  Diagnostics& diagnostics_;
};

}  // namespace sluice
