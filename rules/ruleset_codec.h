// A compiled ruleset as bytes, as it crosses from the compiler's child to the wire process and lies
// in the cache on disk, and its texts, which only the control side reads. Every length, index and
// value is checked when it is read, and before that a digest of all bytes, as what engines have
// compiled cannot be checked otherwise: damage is found, a forger who knows the format is not. Any
// process; not for workers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "rules/ruleset.h"

namespace sluice {

/// Largest ruleset in bytes, databases included.
inline constexpr std::size_t kRulesetBytesMax = std::size_t{1} << 30;

/// Rules, programs, groups, map and databases; without the texts.
[[nodiscard]] std::vector<std::byte> encode_ruleset(const RulesetParts& parts);
/// Errors: invalid, for another format, damage, or anything out of its range. `texts` stays empty.
[[nodiscard]] Result<RulesetParts> decode_ruleset(std::span<const std::byte> bytes);

/// Puts the digest of what stands behind the head into the head of encoded bytes that were changed,
/// so that tests reach the checks behind it. Shorter bytes than a head stay as they are.
void renew_digest(std::span<std::byte> bytes);

[[nodiscard]] std::vector<std::byte> encode_rule_texts(const RuleTexts& texts);
[[nodiscard]] Result<RuleTexts> decode_rule_texts(std::span<const std::byte> bytes);

}  // namespace sluice
