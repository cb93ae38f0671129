// What a short-lived child makes of a configuration file, or of an older configuration: the
// verdict, the policy's settings, and what differs; as a value and as bytes. The control process
// parses no file of an operator. Children and the control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/plain_codec.h"
#include "base/result.h"
#include "control/config_diff.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::size_t kFindingsTextMax = 16U << 10;
inline constexpr std::size_t kDigestBytesMax = 1U << 20;

inline constexpr std::size_t kAllowSourcesKept = 1024;

/// What the control process itself obeys, and can change without a restart.
struct LiveOptions {
  DurationNs stats_interval = 0;
  DurationNs block_duration_max = 0;
  /// Of the lists, to tell who asks for a block in vain; none where there are more than are kept.
  std::vector<IpPrefix> allow_sources = {};
};

/// A set of the configuration, without its entries.
struct SetSummary {
  NamedSet set;
  std::uint64_t capacity = 0;
  std::uint64_t file_entries = 0;
  std::string file = {};  ///< empty: none
};

struct ConfigDigest {
  std::uint32_t errors = 0;
  std::uint32_t warnings = 0;
  std::string findings;  ///< as `sluiced check` prints them; cut at kFindingsTextMax
  // Only where there are no errors:
  PolicySettings settings;  ///< as the file says: its mode, no bypasses
  std::vector<RuleException> exceptions;
  std::vector<SetSummary> sets;
  LiveOptions live;
  std::vector<OptionText> options;
  std::uint64_t list_entries = 0;
  std::string lists_digest;          ///< equal lists, equal digest
  std::string rules_digest;          ///< of the ruleset that its rules make; empty without rules
  std::string digest;                ///< of everything that the configuration says
  bool has_list_difference = false;  ///< else there was nothing to compare with
  ListDifference lists;              ///< against what is in force
  bool is_staged = false;            ///< the history's files are written and synced
  std::string staging_error;
};

/// At most kFindingsTextMax bytes of whole lines.
[[nodiscard]] std::string cut_findings(std::string text);

[[nodiscard]] std::vector<std::byte> encode_digest(const ConfigDigest& digest);
/// Errors: invalid, for a wrong length or any value out of its range.
[[nodiscard]] Result<ConfigDigest> decode_digest(std::span<const std::byte> bytes);

/// For structures that hold one.
void code(PlainWriter& writer, ConfigDigest& digest);
void code(PlainReader& reader, ConfigDigest& digest);

}  // namespace sluice
