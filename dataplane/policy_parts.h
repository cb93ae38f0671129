// What workers are to obey, as plain parts: the control side fills them, the keeper builds an
// immutable `Policy` from them. Part of the door: no DPDK here. Everything is trivially copyable or
// a vector of such, so that a part crosses to the wire process as bytes of a sealed memfd.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/rule_key.h"
#include "base/verdict.h"
#include "config/config.h"
#include "config/rule_limits.h"
#include "config/set_kind.h"
#include "rules/rule.h"
#include "rules/service.h"

namespace sluice {

inline constexpr unsigned kPortsMax = 32;
inline constexpr std::uint32_t kAllServices = (1U << kServiceCount) - 1;

enum class ListKind : std::uint8_t { allow, deny };
enum class ListSide : std::uint8_t { source, destination };

struct ListEntry {
  IpPrefix prefix;
  ListKind kind = ListKind::deny;
  ListSide side = ListSide::source;
};
static_assert(std::is_trivially_copyable_v<ListEntry>);

inline constexpr std::size_t kBypassesMax = 64;

/// Traffic that is forwarded uninspected until `until`: of one pair, one VLAN (of any pair), or to
/// and from a prefix.
struct BypassEntry {
  enum class Kind : std::uint8_t { pair, vlan, prefix };
  std::uint64_t id = 0;
  TimeNs until = 0;  ///< on the wire's clock
  Kind kind = Kind::pair;
  std::uint8_t pair = 0;
  std::uint16_t vlan = 0;
  IpPrefix prefix;
};
static_assert(std::is_trivially_copyable_v<BypassEntry>);

/// A limit that rules name; bytes behind the name are 0.
struct RuleLimitEntry {
  std::array<char, kRuleLimitNameMax + 1> name{};
  LimitedEnd per = LimitedEnd::source;
  LimitConfig limit;
};
static_assert(std::is_trivially_copyable_v<RuleLimitEntry>);

/// Everything of a policy but the lists.
struct PolicySettings {
  std::uint64_t generation = 1;
  Mode mode = Mode::enforce;
  DecodeConfig decode;
  FragmentConfig fragments;
  FlowConfig flows;
  LimitsConfig limits;
  std::array<RuleLimitEntry, kRuleLimitsMax> rule_limits{};
  std::uint32_t rule_limit_count = 0;
  std::uint32_t drop_sample = 64;
  bool flow_records = true;
  bool anomaly_records = false;
  std::uint32_t transaction_records = 0;  ///< bit i: messages of Service i are reported
  OverloadConfig overload;
  InspectConfig inspect;
  bool has_rules = false;  ///< a ruleset belongs to it, be it compiled yet or not
  ReadyPolicy until_ready = ReadyPolicy::pass;
  std::array<BypassEntry, kBypassesMax> bypasses{};
  std::uint32_t bypass_count = 0;
};
static_assert(std::is_trivially_copyable_v<PolicySettings>);

inline constexpr std::size_t kStageOverridesMax = 1024;

/// Another stage than the one that the rule was written with.
struct StageOverride {
  RuleKey rule;
  RuleStage stage = RuleStage::alert;
  friend bool operator==(const StageOverride&, const StageOverride&) = default;
};

/// Rules that are off for some packets: those that have one of `sources` and one of `destinations`
/// as theirs and belong to a request for `uri`; what is empty says nothing.
struct RuleException {
  std::vector<RuleKey> rules;  ///< or those of
  std::string class_name;      ///< this class
  std::vector<IpPrefix> sources;
  std::vector<IpPrefix> destinations;
  std::string uri;   ///< the beginning of the normalised URI; with a `*` in it, the whole of it
  TimeNs until = 0;  ///< 0 = without an end
  std::string owner;
  std::string reason;
  friend bool operator==(const RuleException&, const RuleException&) = default;
};

/// What stands over the rules, and takes effect without compiling them.
struct RuleOverrides {
  std::vector<StageOverride> stages;
  std::vector<RuleException> exceptions;
  friend bool operator==(const RuleOverrides&, const RuleOverrides&) = default;
};

struct PolicyParts {
  PolicySettings settings;
  std::vector<ListEntry> lists;
  /// The lists of the policy in force stay, and `lists` and `sets` are empty: a change of mode or
  /// bypass need not carry a million prefixes.
  bool keeps_lists = false;
  RuleOverrides overrides;
  std::vector<SetContents> sets = {};       ///< all that there are, with what their files hold
  std::vector<SetContents> live_sets = {};  ///< what operators added, of some of them
};

}  // namespace sluice
