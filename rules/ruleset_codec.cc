#include "rules/ruleset_codec.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "base/plain_codec.h"

namespace sluice {
namespace {

constexpr std::uint32_t kRulesetMagic = 0x74657372;  // "rset"
constexpr std::uint32_t kTextsMagic = 0x74786574;    // "text"
constexpr std::uint32_t kVersion = 6;
constexpr SipKey kContentKey{0x636f6e74656e74ULL, 0x72756c65736574ULL};
constexpr std::size_t kAddressSetsMax = 400'000;
constexpr std::size_t kRangesMax = 1'000'000;
constexpr std::size_t kGroupsMax = 4'096;
constexpr std::size_t kEntriesMax = 4'000'000;
constexpr std::size_t kProgramsMax = kRulesMax * 4;
constexpr std::size_t kStepsMax = 1'024;
constexpr std::size_t kNamesMax = 1'000'000;
constexpr std::size_t kNameBytesMax = 65'536;
constexpr std::size_t kTextBytesMax = 65'536;
constexpr std::size_t kRangePorts = 65'536;
constexpr std::uint64_t kDurationMax = 366ULL * 86'400 * kNsPerSecond * 10;

template <class Archive>
inline constexpr bool kIsReader = std::is_same_v<Archive, PlainReader>;

/// Everything in `numbers` is below `bound`, so that it can be an index.
template <class Archive, class Numbers>
void check_below(Archive& io, const Numbers& numbers, std::size_t bound) {
  io.check(std::ranges::all_of(numbers, [bound](auto number) { return number < bound; }));
}

template <class Archive, class T>
void code_plain(Archive& io, std::vector<T>& values, std::size_t count_max) {
  static_assert(std::has_unique_object_representations_v<T>, "no bytes between the fields");
  // The count is checked against what is left, then the elements are taken at once.
  io.sequence(values, count_max, [](T&) {});
  if (!values.empty()) io.raw(values.data(), values.size() * sizeof(T));
}

template <class Archive>
void code_signed(Archive& io, std::int64_t& value) {
  auto bits = static_cast<std::uint64_t>(value);
  io.number(bits);
  value = static_cast<std::int64_t>(bits);
}

template <class Archive>
void code_digest(Archive& io, Hash128& digest) {
  io.number(digest.lo);
  io.number(digest.hi);
}

template <class Archive, class T>
void code_ranges(Archive& io, ValueRanges<T>& ranges) {
  code_plain(io, ranges, kRangesMax);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    io.check(ranges[i].low <= ranges[i].high);
    io.check(i == 0 || ranges[i - 1].high < ranges[i].low);
  }
}

template <class Archive>
void code_action(Archive& io, CompiledAction& action) {
  io.enumeration(action.kind, RuleActionKind::block);
  io.enumeration(action.block_key, BlockedEnd::flow);
  io.number(action.block_for, 0, kDurationMax);
  io.number(action.limit);
}

template <class Archive>
void code_header_test(Archive& io, HeaderTest& test) {
  io.enumeration(test.field, HeaderField::stream_bytes_either);
  io.number(test.value.low);
  io.number(test.value.high);
  io.boolean(test.value.is_negated);
  io.enumeration(test.bit_match, BitMatch::none);
  io.number(test.bits);
  io.number(test.ignored_bits);
}

template <class Archive>
void code_flag_step(Archive& io, CompiledFlagStep& step) {
  io.enumeration(step.scope, FlagScope::pair);
  io.enumeration(step.operation, FlagOperation::is_not_set);
  code_plain(io, step.flags, kStepsMax);
  io.number(step.expire, 0, kDurationMax);
}

template <class Archive>
void code_counter_step(Archive& io, CompiledCounterStep& step) {
  io.number(step.counter);
  io.enumeration(step.operation, CounterOperation::is_not_set);
  io.enumeration(step.comparison, Comparison::between);
  code_signed(io, step.operand.value);
  io.number(step.operand.slot);
  io.check(step.operand.slot == StepNumber{}.slot || step.operand.slot < kRuleSlots);
}

template <class Archive>
void code_threshold(Archive& io, std::optional<Threshold>& threshold) {
  bool is_there = threshold.has_value();
  io.boolean(is_there);
  if (!is_there) return;
  if (!threshold) threshold.emplace();
  io.enumeration(threshold->kind, ThresholdKind::rate);
  io.enumeration(threshold->track, ThresholdTrack::flow);
  io.number(threshold->count);
  io.number(threshold->window, 0, kDurationMax);
}

template <class Archive>
void code_rule(Archive& io, CompiledRule& rule) {
  for (std::uint32_t* number : {&rule.id, &rule.gid, &rule.rev, &rule.class_number}) {
    io.number(*number);
  }
  io.enumeration(rule.stage, RuleStage::enforce);
  code_action(io, rule.action);
  io.enumeration(rule.protocol, RuleProtocol::sctp);
  io.enumeration(rule.service, static_cast<Service>(kServiceCount - 1));
  io.enumeration(rule.direction, RuleDirection::to_client);
  io.enumeration(rule.state, FlowState::stateless);
  for (bool* flag : {&rule.is_silent, &rule.reports_pass, &rule.service_negated,
                     &rule.is_bidirectional, &rule.needs_packet, &rule.needs_stream}) {
    io.boolean(*flag);
  }
  for (std::uint32_t* number : {&rule.ends.source, &rule.ends.destination, &rule.ends.source_port,
                                &rule.ends.destination_port}) {
    io.number(*number);
  }
  io.sequence(rule.headers, kStepsMax, [&io](HeaderTest& test) { code_header_test(io, test); });
  io.sequence(rule.parts, kRulePartsMax, [&io](RulePart& part) {
    io.enumeration(part.buffer, static_cast<Buffer>(kBufferCount - 1));
    io.number(part.program);
  });
  io.sequence(rule.flags, kStepsMax, [&io](CompiledFlagStep& step) { code_flag_step(io, step); });
  io.sequence(rule.counters, kStepsMax,
              [&io](CompiledCounterStep& step) { code_counter_step(io, step); });
  code_threshold(io, rule.threshold);
}

template <class Archive>
void code_group(Archive& io, PatternGroup& group) {
  io.enumeration(group.buffer, static_cast<Buffer>(kBufferCount - 1));
  io.enumeration(group.mode, ScanMode::stream);
  io.enumeration(group.protocol, RuleProtocol::sctp);
  io.number(group.direction, 0, 1);
  io.number(group.database);
  code_plain(io, group.first_entry, kEntriesMax);
  code_plain(io, group.entries, kEntriesMax);
  code_plain(io, group.always, kRulesMax);
  code_plain(io, group.probes, kRulesMax);
  io.boolean(group.carries_bodies);
}

template <class Archive>
void code_map(Archive& io, GroupMap& map) {
  for (auto& classes : map.class_of_port) {
    code_plain(io, classes, kRangePorts);
    io.check(classes.empty() || classes.size() == kRangePorts);
    check_below(io, classes, kPortClassesMax);
  }
  for (auto& groups : map.packet_groups) io.raw(groups.data(), sizeof groups);
  for (auto& groups : map.stream_groups) io.raw(groups.data(), sizeof groups);
  for (auto& groups : map.buffer_groups) io.raw(groups.data(), sizeof groups);
}

template <class Archive>
void code_database(Archive& io, PatternDatabase& database) {
  code_digest(io, database.digest);
  io.enumeration(database.mode, ScanMode::once);
  for (std::uint32_t* number :
       {&database.patterns, &database.padding, &database.stream_bytes, &database.scratch_bytes}) {
    io.number(*number);
  }
  code_plain(io, database.bytes, kRulesetBytesMax);
  GramFilter& filter = database.filter;
  code_plain(io, filter.words, kGramFilterWordsMax);
  io.number(filter.gram_bytes);
  io.number(filter.stride);
  io.check(filter.is_sound());
}

template <class Archive>
void code_ruleset(Archive& io, Ruleset& ruleset) {
  code_digest(io, ruleset.digest);
  io.sequence(ruleset.rules, kRulesMax, [&io](CompiledRule& rule) { code_rule(io, rule); });
  io.sequence(ruleset.programs, kProgramsMax, [&io](PartProgram& program) { code(io, program); });
  io.sequence(ruleset.addresses, kAddressSetsMax, [&io](AddressSet& set) {
    code_ranges(io, set.v4);
    code_ranges(io, set.v6);
    io.sequence(set.named, kSetsMax, [&io](NamedSetRef& ref) {
      io.number(ref.set);
      io.boolean(ref.is_negated);
    });
    code_ranges(io, set.not_v4);
    code_ranges(io, set.not_v6);
  });
  io.sequence(ruleset.ports, kAddressSetsMax,
              [&io](PortRanges& set) { code_ranges(io, set.ports); });
  io.sequence(ruleset.groups, kGroupsMax, [&io](PatternGroup& group) { code_group(io, group); });
  code_map(io, ruleset.map);
  for (std::uint32_t& count : ruleset.flag_counts) io.number(count, 0, kNamesMax);
  io.number(ruleset.counter_count, 0, kNamesMax);
  io.sequence(ruleset.limits, kNamesMax,
              [&io](std::string& name) { io.text(name, kNameBytesMax); });
  io.sequence(ruleset.sets, kSetsMax, [&io](NamedSet& set) {
    io.text(set.name, kSetNameMax);
    io.enumeration(set.kind, SetKind::address);
    io.boolean(set.nocase);
  });
  io.sequence(ruleset.classes, kNamesMax,
              [&io](std::string& name) { io.text(name, kNameBytesMax); });
}

/// Sets of the configuration that are spoken of are there.
void check_named_sets(PlainReader& io, const Ruleset& ruleset) {
  const auto is_there = [&](std::uint32_t set) { return set < ruleset.sets.size(); };
  for (const AddressSet& addresses : ruleset.addresses) {
    for (const NamedSetRef& ref : addresses.named) io.check(is_there(ref.set));
  }
  for (const PartProgram& program : ruleset.programs) {
    for (const PartStep& step : program.steps) {
      const auto* set = std::get_if<SetStep>(&step.kind);
      if (set != nullptr && set->is_named) io.check(is_there(set->set));
    }
  }
}

/// All indices of a rule are within their tables.
void check_rule(PlainReader& io, const Ruleset& ruleset, const CompiledRule& rule) {
  io.check(std::max(rule.ends.source, rule.ends.destination) < ruleset.addresses.size());
  io.check(std::max(rule.ends.source_port, rule.ends.destination_port) < ruleset.ports.size());
  io.check(rule.action.limit == kNoLimit || rule.action.limit < ruleset.limits.size());
  io.check((rule.action.kind == RuleActionKind::limit) == (rule.action.limit != kNoLimit));
  io.check(rule.class_number < ruleset.classes.size());
  for (const RulePart& part : rule.parts) {
    io.check(part.program < ruleset.programs.size() &&
             ruleset.programs[part.program].buffer == part.buffer);
  }
  for (const CompiledFlagStep& step : rule.flags) {
    check_below(io, step.flags, ruleset.flag_counts[static_cast<std::size_t>(step.scope)]);
  }
  for (const CompiledCounterStep& step : rule.counters) {
    io.check(step.counter < ruleset.counter_count);
  }
}

void check_sieve(PlainReader& io, const RulesetParts& parts, const SieveRef& sieve) {
  if (sieve.database == kNoSieve || !io.check(sieve.database < parts.databases.size())) return;
  const PatternDatabase& database = parts.databases[sieve.database];
  io.check(database.mode == ScanMode::once && sieve.pattern < database.patterns);
}

/// Patterns of the database and entries of the group fit together.
void check_group(PlainReader& io, const RulesetParts& parts, const PatternGroup& group) {
  const auto& rules = parts.ruleset.rules;
  check_below(io, group.always, rules.size());
  io.check(std::ranges::is_sorted(group.probes));
  for (const SetProbe& probe : group.probes) {
    io.check(probe.set < parts.ruleset.sets.size() && probe.rule < rules.size());
  }
  for (const PatternEntry& entry : group.entries) {
    io.check(entry.rule < rules.size() && entry.part < rules[entry.rule].parts.size());
  }
  if (group.database == kNoDatabase) {
    io.check(group.first_entry.empty() && group.entries.empty());
    return;
  }
  if (!io.check(group.database < parts.databases.size())) return;
  const PatternDatabase& database = parts.databases[group.database];
  if (!io.check(database.mode == group.mode &&
                group.first_entry.size() == std::size_t{database.patterns} + 1)) {
    return;
  }
  io.check(std::ranges::is_sorted(group.first_entry) && group.first_entry.front() == 0 &&
           group.first_entry.back() == group.entries.size());
}

template <class Groups>
void check_groups(PlainReader& io, const Groups& groups, std::size_t count) {
  io.check(std::ranges::all_of(
      groups, [count](std::uint32_t group) { return group == kNoGroup || group < count; }));
}

void check_whole(PlainReader& io, const RulesetParts& parts) {
  const Ruleset& ruleset = parts.ruleset;
  if (!io.check(!ruleset.addresses.empty() && !ruleset.ports.empty())) return;
  io.check(ruleset.addresses.front().is_any() && ruleset.ports.front().is_any());
  check_named_sets(io, ruleset);
  for (const CompiledRule& rule : ruleset.rules) check_rule(io, ruleset, rule);
  for (const PartProgram& program : ruleset.programs) check_sieve(io, parts, program.sieve);
  for (const PatternGroup& group : ruleset.groups) check_group(io, parts, group);
  for (const auto& groups : ruleset.map.packet_groups) {
    check_groups(io, groups, ruleset.groups.size());
  }
  for (const auto& groups : ruleset.map.stream_groups) {
    check_groups(io, groups, ruleset.groups.size());
  }
  for (const auto& groups : ruleset.map.buffer_groups) {
    check_groups(io, groups, ruleset.groups.size());
  }
}

template <class Archive>
void code_parts(Archive& io, RulesetParts& parts) {
  code_ruleset(io, parts.ruleset);
  io.sequence(parts.databases, kGroupsMax,
              [&io](PatternDatabase& database) { code_database(io, database); });
  if constexpr (kIsReader<Archive>) {
    if (io.is_good()) check_whole(io, parts);
  }
}

template <class Archive>
void code_texts(Archive& io, RuleTexts& texts) {
  const auto text = [&io](std::string& value) { io.text(value, kTextBytesMax); };
  code_digest(io, texts.digest);
  io.sequence(texts.rules, kRulesMax, [&](RuleText& rule) {
    text(rule.name);
    text(rule.class_name);
    text(rule.pack);
    io.enumeration(rule.severity, RuleSeverity::low);
    io.check(rule.severity >= RuleSeverity::critical);
    io.sequence(rule.references, kStepsMax, text);
    io.sequence(rule.metadata, kStepsMax, [&text](std::pair<std::string, std::string>& entry) {
      text(entry.first);
      text(entry.second);
    });
  });
  for (auto& names : texts.flags) io.sequence(names, kNamesMax, text);
  io.sequence(texts.counters, kNamesMax, text);
}

/// What stands in front: which kind of bytes these are and what they must hash to.
struct Head {
  std::uint32_t magic = 0;
  std::uint32_t version = kVersion;
  Hash128 content;
};
constexpr std::size_t kHeadBytes = 24;

template <class Archive>
void code_head(Archive& io, Head& head) {
  io.number(head.magic);
  io.number(head.version);
  code_digest(io, head.content);
}

[[nodiscard]] Hash128 content_digest(std::span<const std::byte> bytes) {
  return siphash128<2, 4>(kContentKey, bytes.data(), bytes.size());
}

[[nodiscard]] std::vector<std::byte> with_head(std::uint32_t magic,
                                               std::span<const std::byte> content) {
  Head head{magic, kVersion, content_digest(content)};
  PlainWriter writer;
  code_head(writer, head);
  std::vector<std::byte> out = writer.bytes();
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

[[nodiscard]] Result<std::span<const std::byte>> content_of(std::string_view what,
                                                            std::uint32_t magic,
                                                            std::span<const std::byte> bytes) {
  if (bytes.size() < kHeadBytes || bytes.size() > kRulesetBytesMax) {
    return fail(ErrorKind::invalid, fmt::format("{}: {} bytes: from {} to {}", what, bytes.size(),
                                                kHeadBytes, kRulesetBytesMax));
  }
  Head head;
  PlainReader reader(bytes.first(kHeadBytes));
  code_head(reader, head);
  if (head.magic != magic || head.version != kVersion) {
    return fail(ErrorKind::invalid, fmt::format("{}: written in another format", what));
  }
  const auto content = bytes.subspan(kHeadBytes);
  if (content_digest(content) != head.content) {
    return fail(ErrorKind::invalid, fmt::format("{}: damaged, its digest is another", what));
  }
  return content;
}

}  // namespace

std::vector<std::byte> encode_ruleset(const RulesetParts& parts) {
  PlainWriter writer;
  // One function names the fields for both directions; the writer only reads them.
  code_parts(writer, const_cast<RulesetParts&>(parts));
  return with_head(kRulesetMagic, writer.bytes());
}

Result<RulesetParts> decode_ruleset(std::span<const std::byte> bytes) {
  const auto content = content_of("ruleset", kRulesetMagic, bytes);
  if (!content) return tl::unexpected<Error>(content.error());
  RulesetParts parts;
  PlainReader reader(*content);
  code_parts(reader, parts);
  if (!reader.is_complete()) {
    return fail(ErrorKind::invalid, "ruleset: a length, index or value is out of range");
  }
  return parts;
}

void renew_digest(std::span<std::byte> bytes) {
  if (bytes.size() < kHeadBytes) return;
  const Hash128 digest = content_digest(bytes.subspan(kHeadBytes));
  std::memcpy(bytes.data() + kHeadBytes - sizeof digest, &digest, sizeof digest);
}

std::vector<std::byte> encode_rule_texts(const RuleTexts& texts) {
  PlainWriter writer;
  RuleTexts copy = texts;
  code_texts(writer, copy);
  return with_head(kTextsMagic, writer.bytes());
}

Result<RuleTexts> decode_rule_texts(std::span<const std::byte> bytes) {
  const auto content = content_of("rule texts", kTextsMagic, bytes);
  if (!content) return tl::unexpected<Error>(content.error());
  RuleTexts texts;
  PlainReader reader(*content);
  code_texts(reader, texts);
  if (!reader.is_complete()) {
    return fail(ErrorKind::invalid, "rule texts: a length or value is out of range");
  }
  return texts;
}

}  // namespace sluice
