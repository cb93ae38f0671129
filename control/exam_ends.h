// Who talks to whom where a rule is examined: addresses and ports that its header asks for. Offline
// tools only.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "control/exam_exchange.h"
#include "rules/address_set.h"
#include "rules/rule.h"

namespace sluice {

/// What a rule's header asks of the two ends in a test.
struct ExamSets {
  AddressSet client;
  AddressSet server;
  PortRanges client_port;
  PortRanges server_port;
};

/// Errors: invalid, for an expression that cannot be read.
[[nodiscard]] Result<ExamSets> exam_sets(const Rule& rule, const RuleTest& test,
                                         const RuleVariables& variables);

/// Ends that the sets have; another client for every `nth` where there is more than one. None where
/// an end has no IPv4 address.
[[nodiscard]] std::optional<ExamEnds> choose_ends(const ExamSets& sets, const RuleTest& test,
                                                  std::uint32_t nth);

}  // namespace sluice
