// All rules compiled: what workers read, const after construction, and beside it what only the
// control side needs. Rules stand in the order in which they are evaluated; everywhere else a rule
// is its place in that order. The wire process gets `Ruleset` and the databases as bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/siphash.h"
#include "rules/address_set.h"
#include "rules/pattern_db.h"
#include "rules/program.h"
#include "rules/rule.h"

namespace sluice {

inline constexpr std::uint32_t kNoGroup = 0xffffffff;
inline constexpr std::uint32_t kNoDatabase = 0xffffffff;
inline constexpr std::uint32_t kNoLimit = 0xffffffff;
inline constexpr std::size_t kPortClassesMax = 32;
inline constexpr std::size_t kRuleProtocolCount = 6;
inline constexpr std::size_t kFlagScopeCount = 4;
inline constexpr std::size_t kRulesMax = 200'000;

/// One BufferTerms of a rule.
struct RulePart {
  Buffer buffer = Buffer::payload;
  std::uint32_t program = 0;  ///< index into `Ruleset::programs`
};

struct CompiledAction {
  RuleActionKind kind = RuleActionKind::alert;
  BlockedEnd block_key = BlockedEnd::source;
  DurationNs block_for = 0;
  std::uint32_t limit = kNoLimit;  ///< index into `Ruleset::limits`
};

/// Indices into `Ruleset::addresses` and `Ruleset::ports`; 0 is `any` in both.
struct RuleEnds {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint32_t source_port = 0;
  std::uint32_t destination_port = 0;
};

struct CompiledFlagStep {
  FlagScope scope = FlagScope::flow;
  FlagOperation operation = FlagOperation::set;
  std::vector<std::uint32_t> flags;  ///< numbers from 0 in their scope
  DurationNs expire = 0;
};

struct CompiledCounterStep {
  std::uint32_t counter = 0;
  CounterOperation operation = CounterOperation::set;
  Comparison comparison = Comparison::equal;
  StepNumber operand;
};

struct CompiledRule {
  std::uint32_t id = 0;
  std::uint32_t gid = 1;
  std::uint32_t rev = 1;
  std::uint32_t class_number = 0;  ///< index into `Ruleset::classes`
  RuleStage stage = RuleStage::alert;
  CompiledAction action;
  bool is_silent = false;
  bool reports_pass = false;
  RuleProtocol protocol = RuleProtocol::ip;
  Service service = Service::any;
  bool service_negated = false;
  RuleDirection direction = RuleDirection::both;
  bool is_bidirectional = false;
  FlowState state = FlowState::any;
  /// Of TCP, which bytes parts on `payload` see; other protocols have packets only. Neither: the
  /// rule is about buffers of an application.
  bool needs_packet = false;
  bool needs_stream = false;
  RuleEnds ends;
  std::vector<HeaderTest> headers;
  std::vector<RulePart> parts;  ///< at most 32
  std::vector<CompiledFlagStep> flags;
  std::vector<CompiledCounterStep> counters;
  std::optional<Threshold> threshold;
};
inline constexpr std::size_t kRulePartsMax = 32;

/// A rule that a pattern makes a candidate.
struct PatternEntry {
  std::uint32_t rule = 0;
  std::uint32_t part = 0;  ///< the pattern is of this part of the rule
};

/// A rule that an entry of a set makes a candidate: the buffer as a whole is one.
struct SetProbe {
  std::uint32_t set = 0;  ///< index into `Ruleset::sets`
  std::uint32_t rule = 0;
  friend auto operator<=>(const SetProbe&, const SetProbe&) noexcept = default;
};

/// Rules that are looked for together in one kind of bytes.
struct PatternGroup {
  Buffer buffer = Buffer::payload;
  ScanMode mode = ScanMode::block;
  RuleProtocol protocol = RuleProtocol::ip;  ///< of payload groups; ip: all without a group
  std::uint8_t direction = 0;                ///< 0 to the server, 1 to the client
  std::uint32_t database = kNoDatabase;      ///< none: nothing to scan for
  /// Pattern n of the database is of the entries from `first_entry[n]` to before
  /// `first_entry[n + 1]`.
  std::vector<std::uint32_t> first_entry;
  std::vector<PatternEntry> entries;
  std::vector<std::uint32_t> always;  ///< rules without a pattern: candidates every time
  std::vector<SetProbe> probes;       ///< sorted: each set is asked once for all its rules
  /// Of a stream: its patterns are those of bodies of messages, too, so that a body that stands in
  /// the stream as it is needs no scan of its own. An entry's part says which it is of.
  bool carries_bodies = false;
};

/// Which group judges which bytes. Server ports of one class have the same rules.
struct GroupMap {
  /// By `slot(protocol, direction)`: 65,536 classes by server port, or empty: all are of class 0.
  std::array<std::vector<std::uint8_t>, kRuleProtocolCount * 2> class_of_port;
  using ByClass = std::array<std::uint32_t, kPortClassesMax>;
  std::array<ByClass, kRuleProtocolCount * 2> packet_groups;
  std::array<ByClass, 2> stream_groups;  ///< of TCP, by direction
  std::array<std::array<std::uint32_t, 2>, kBufferCount> buffer_groups;

  GroupMap() noexcept;
  [[nodiscard]] static constexpr std::size_t slot(RuleProtocol protocol,
                                                  unsigned direction) noexcept {
    return static_cast<std::size_t>(protocol) * 2 + direction;
  }
  [[nodiscard]] std::uint8_t class_of(RuleProtocol protocol, unsigned direction,
                                      std::uint16_t server_port) const noexcept {
    const auto& classes = class_of_port[slot(protocol, direction)];
    return classes.empty() ? std::uint8_t{0} : classes[server_port];
  }
  /// Groups of whole packets, of the TCP stream, and of a buffer; kNoGroup where no rule asks.
  [[nodiscard]] std::uint32_t packet_group(RuleProtocol protocol, unsigned direction,
                                           std::uint16_t server_port) const noexcept {
    return packet_groups[slot(protocol, direction)][class_of(protocol, direction, server_port)];
  }
  [[nodiscard]] std::uint32_t stream_group(unsigned direction,
                                           std::uint16_t server_port) const noexcept {
    return stream_groups[direction][class_of(RuleProtocol::tcp, direction, server_port)];
  }
  [[nodiscard]] std::uint32_t buffer_group(Buffer buffer, unsigned direction) const noexcept {
    return buffer_groups[static_cast<std::size_t>(buffer)][direction];
  }
};

struct Ruleset {
  Hash128 digest;  ///< of all inputs
  std::vector<CompiledRule> rules;
  std::vector<PartProgram> programs;
  std::vector<AddressSet> addresses;
  std::vector<PortRanges> ports;
  std::vector<PatternGroup> groups;
  GroupMap map;
  std::array<std::uint32_t, kFlagScopeCount> flag_counts{};
  std::uint32_t counter_count = 0;
  std::vector<std::string> limits;   ///< names that actions speak of
  std::vector<NamedSet> sets;        ///< of the configuration, all of them
  std::vector<std::string> classes;  ///< names of classes
};

/// What people are told about a rule.
struct RuleText {
  std::string name;
  std::string class_name;
  std::string pack;
  RuleSeverity severity = RuleSeverity::medium;
  std::vector<std::string> references;
  std::vector<std::pair<std::string, std::string>> metadata;
};
struct RuleTexts {
  Hash128 digest;               ///< of the ruleset that they are of
  std::vector<RuleText> rules;  ///< in the order of `Ruleset::rules`
  std::array<std::vector<std::string>, kFlagScopeCount> flags;
  std::vector<std::string> counters;
};

/// Databases are found by their digest: what an earlier generation has need not be read again.
struct RulesetParts {
  Ruleset ruleset;
  std::vector<PatternDatabase> databases;
  RuleTexts texts;
};

}  // namespace sluice
