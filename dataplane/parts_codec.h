// Policy parts as bytes: what `publish_policy` carries, what the history keeps, and the tail of the
// wire plan. No DPDK here. Control side, keeper and start-up.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/plain_codec.h"
#include "base/result.h"
#include "dataplane/policy_parts.h"

namespace sluice {

/// Most list entries of one policy, and the largest bulk that is accepted.
inline constexpr std::size_t kListEntriesMax = 4'000'000;
inline constexpr std::size_t kPartsBytesMax = 128U << 20;

/// Lists and sets alone, as they travel beside the settings of a `publish_policy`.
struct PolicyLists {
  std::vector<ListEntry> lists;
  std::vector<SetContents> sets;
};
[[nodiscard]] std::vector<std::byte> encode_lists(std::vector<ListEntry> lists,
                                                  std::vector<SetContents> sets = {});
/// Errors: invalid, as of `decode_parts`.
[[nodiscard]] Result<PolicyLists> decode_lists(std::span<const std::byte> bytes);

[[nodiscard]] std::vector<std::byte> encode_parts(const PolicyParts& parts);
/// Errors: invalid, for a wrong version, a wrong length, or any value out of its range.
[[nodiscard]] Result<PolicyParts> decode_parts(std::span<const std::byte> bytes);

/// Exceptions alone, as among the parts.
void code(PlainWriter& writer, std::vector<RuleException>& exceptions);
void code(PlainReader& reader, std::vector<RuleException>& exceptions);
/// The same of stages.
void code(PlainWriter& writer, std::vector<StageOverride>& stages);
void code(PlainReader& reader, std::vector<StageOverride>& stages);

/// For structures that hold parts among other things.
void code(PlainWriter& writer, PolicyParts& parts);
void code(PlainReader& reader, PolicyParts& parts);

}  // namespace sluice
