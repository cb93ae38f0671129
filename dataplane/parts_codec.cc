#include "dataplane/parts_codec.h"

#include <utility>

#include <fmt/format.h>

#include "config/set_entry.h"
#include "dataplane/address_codec.h"

namespace sluice {
namespace {

constexpr std::uint32_t kPartsVersion = 5;
constexpr std::uint32_t kListsVersion = 2;
constexpr std::uint64_t kYearNs = 366ULL * 86'400 * kNsPerSecond;

template <class Archive>
void code_decode(Archive& io, DecodeConfig& c) {
  io.enumeration(c.tunnel_key, TunnelKey::outer);
  io.enumeration(c.non_ip, FramePolicy::drop);
  io.enumeration(c.control_frames, FramePolicy::drop);
  io.enumeration(c.malformed, MalformedPolicy::pass);
  io.boolean(c.exempt_control_protocols);
  io.number(c.tunnel_depth, 0, 3);
}

template <class Archive>
void code_fragments(Archive& io, FragmentConfig& c) {
  io.number(c.datagrams, 0, 1U << 20);
  io.number(c.fragments_per_datagram, 1, 1U << 12);
  io.number(c.timeout, 0, kYearNs);
  io.enumeration(c.exception_policy, ExceptionPolicy::drop_flow);
}

template <class Archive>
void code_flows(Archive& io, FlowConfig& c) {
  io.number(c.capacity, 0, 1ULL << 32);
  io.number(c.half_open, 0, 1ULL << 32);
  io.enumeration(c.table_full, ExceptionPolicy::drop_flow);
  io.enumeration(c.out_of_state, ExceptionPolicy::drop_flow);
  io.enumeration(c.midstream, ExceptionPolicy::drop_flow);
  for (DurationNs* duration :
       {&c.midstream_grace, &c.record_interval, &c.tcp_opening, &c.tcp_established, &c.tcp_closing,
        &c.tcp_closed, &c.udp_one_way, &c.udp, &c.icmp, &c.other, &c.refused}) {
    io.number(*duration, 0, kYearNs);
  }
}

template <class Archive>
void code_limit(Archive& io, LimitConfig& limit) {
  for (RateConfig* rate : {&limit.packets, &limit.bits}) {
    io.number(rate->rate, 0, 1ULL << 50);
    io.number(rate->burst, 0, 1ULL << 50);
  }
}

template <class Archive>
void code_rule_limits(Archive& io, PolicySettings& settings) {
  io.number(settings.rule_limit_count, 0, kRuleLimitsMax);
  for (std::uint32_t i = 0; i < settings.rule_limit_count; ++i) {
    RuleLimitEntry& entry = settings.rule_limits[i];
    io.raw(entry.name.data(), entry.name.size());
    io.check(entry.name.back() == 0);
    io.enumeration(entry.per, LimitedEnd::source);
    code_limit(io, entry.limit);
  }
}

template <class Archive>
void code_limits(Archive& io, LimitsConfig& c) {
  for (LimitConfig* limit : {&c.flow, &c.source}) code_limit(io, *limit);
  io.number(c.sources, 0, 1ULL << 32);
  io.number(c.source_prefix_v6, 0, 128);
  io.number(c.source_prefix_v4, 0, 32);
}

template <class Archive>
void code_inspect(Archive& io, PolicySettings& settings) {
  InspectConfig& c = settings.inspect;
  io.number(c.memory_bytes, 0, 1ULL << 44);
  io.number(c.stream_depth, 0, 1ULL << 44);
  for (std::uint32_t* bytes : {&c.window, &c.reorder_bytes, &c.request_body, &c.response_body}) {
    io.number(*bytes, 0, 1U << 30);
  }
  for (ExceptionPolicy* policy :
       {&c.reorder_full, &c.unverifiable, &c.urgent, &c.no_memory, &c.match_limit}) {
    io.enumeration(*policy, ExceptionPolicy::drop_flow);
  }
  io.enumeration(c.encrypted, EncryptedPolicy::inspect);
  io.number(c.reject_rate, 0, 1U << 30);
  io.boolean(settings.has_rules);
  io.enumeration(settings.until_ready, ReadyPolicy::drop);
}

template <class Archive>
void code_bypasses(Archive& io, PolicySettings& settings) {
  io.number(settings.bypass_count, 0, kBypassesMax);
  for (std::uint32_t i = 0; i < settings.bypass_count; ++i) {
    BypassEntry& entry = settings.bypasses[i];
    io.number(entry.id, 1);
    io.number(entry.until);
    io.enumeration(entry.kind, BypassEntry::Kind::prefix);
    io.number(entry.pair, 0, kPortsMax / 2 - 1);
    io.number(entry.vlan, 0, 4095);
    code_prefix(io, entry.prefix);
  }
}

template <class Archive>
void code_key(Archive& io, RuleKey& key) {
  io.number(key.gid);
  io.number(key.id, 1);
}

template <class Archive>
void code_stages(Archive& io, std::vector<StageOverride>& stages) {
  io.sequence(stages, kStageOverridesMax, [&io](StageOverride& override) {
    code_key(io, override.rule);
    io.enumeration(override.stage, RuleStage::enforce);
  });
}

template <class Archive>
void code_exception(Archive& io, RuleException& exception) {
  io.sequence(exception.rules, kExceptionRulesMax, [&io](RuleKey& key) { code_key(io, key); });
  for (std::vector<IpPrefix>* prefixes : {&exception.sources, &exception.destinations}) {
    io.sequence(*prefixes, kExceptionPrefixesMax,
                [&io](IpPrefix& prefix) { code_prefix(io, prefix); });
  }
  for (std::string* text :
       {&exception.class_name, &exception.uri, &exception.owner, &exception.reason}) {
    io.text(*text, kExceptionTextMax);
  }
  io.number(exception.until);
}

template <class Archive>
void code_exceptions(Archive& io, std::vector<RuleException>& exceptions) {
  io.sequence(exceptions, kExceptionsMax,
              [&io](RuleException& exception) { code_exception(io, exception); });
}

template <class Archive>
void code_entry(Archive& io, ListEntry& entry) {
  code_prefix(io, entry.prefix);
  io.enumeration(entry.kind, ListKind::deny);
  io.enumeration(entry.side, ListSide::destination);
}

template <class Archive>
void code_lists(Archive& io, std::vector<ListEntry>& lists) {
  io.sequence(lists, kListEntriesMax, [&io](ListEntry& entry) { code_entry(io, entry); });
}

template <class Archive>
void code_set_entry(Archive& io, SetKind kind, SetEntry& entry) {
  auto bytes = static_cast<std::uint8_t>(entry.key.size());
  io.number(bytes, 1);
  entry.key.resize(bytes);
  io.raw(entry.key.data(), bytes);
  io.check(kind != SetKind::address || is_address_key(entry.key));
  io.number(entry.until);
}

template <class Archive>
void code_sets(Archive& io, std::vector<SetContents>& sets) {
  std::uint64_t entries = 0;
  io.sequence(sets, kSetsMax, [&](SetContents& contents) {
    io.text(contents.set.name, kSetNameMax);
    io.enumeration(contents.set.kind, SetKind::address);
    io.boolean(contents.set.nocase);
    io.sequence(contents.entries, kSetCapacityMax,
                [&](SetEntry& entry) { code_set_entry(io, contents.set.kind, entry); });
    entries += contents.entries.size();
    io.check(entries <= kSetCapacitySumMax);
  });
}

template <class Archive>
void code_lists_alone(Archive& io, PolicyLists& all) {
  std::uint32_t version = kListsVersion;
  io.number(version, kListsVersion, kListsVersion);
  code_lists(io, all.lists);
  code_sets(io, all.sets);
}

template <class Archive>
void code_all(Archive& io, PolicyParts& parts) {
  std::uint32_t version = kPartsVersion;
  io.number(version, kPartsVersion, kPartsVersion);
  PolicySettings& settings = parts.settings;
  io.number(settings.generation, 1);
  io.enumeration(settings.mode, Mode::enforce);
  code_decode(io, settings.decode);
  code_fragments(io, settings.fragments);
  code_flows(io, settings.flows);
  code_limits(io, settings.limits);
  code_rule_limits(io, settings);
  io.number(settings.drop_sample, 0, 1U << 30);
  io.boolean(settings.flow_records);
  io.boolean(settings.anomaly_records);
  io.number(settings.transaction_records, 0, kAllServices);
  io.boolean(settings.overload.shed);
  io.boolean(settings.overload.inspection);
  io.number(settings.overload.high_percent, 1, 100);
  io.number(settings.overload.low_percent, 0, 99);
  code_inspect(io, settings);
  code_bypasses(io, settings);
  code_stages(io, parts.overrides.stages);
  code_exceptions(io, parts.overrides.exceptions);
  code_sets(io, parts.live_sets);
  io.boolean(parts.keeps_lists);
  code_lists(io, parts.lists);
  code_sets(io, parts.sets);
}

tl::unexpected<Error> out_of_range(const char* what) {
  return fail(ErrorKind::invalid,
              fmt::format("{}: a length, version or value is out of range", what));
}

}  // namespace

void code(PlainWriter& writer, PolicyParts& parts) { code_all(writer, parts); }

void code(PlainReader& reader, PolicyParts& parts) {
  code_all(reader, parts);
  reader.check((parts.lists.empty() && parts.sets.empty()) || !parts.keeps_lists);
}

void code(PlainWriter& writer, std::vector<RuleException>& exceptions) {
  code_exceptions(writer, exceptions);
}
void code(PlainReader& reader, std::vector<RuleException>& exceptions) {
  code_exceptions(reader, exceptions);
}
void code(PlainWriter& writer, std::vector<StageOverride>& stages) { code_stages(writer, stages); }
void code(PlainReader& reader, std::vector<StageOverride>& stages) { code_stages(reader, stages); }

std::vector<std::byte> encode_lists(std::vector<ListEntry> lists, std::vector<SetContents> sets) {
  PolicyLists all{std::move(lists), std::move(sets)};
  PlainWriter writer;
  code_lists_alone(writer, all);
  return writer.bytes();
}

Result<PolicyLists> decode_lists(std::span<const std::byte> bytes) {
  PolicyLists lists;
  PlainReader reader(bytes);
  code_lists_alone(reader, lists);
  if (!reader.is_complete()) return out_of_range("policy lists");
  return lists;
}

std::vector<std::byte> encode_parts(const PolicyParts& parts) {
  PolicyParts copy = parts;
  PlainWriter writer;
  code(writer, copy);
  return writer.bytes();
}

Result<PolicyParts> decode_parts(std::span<const std::byte> bytes) {
  PolicyParts parts;
  PlainReader reader(bytes);
  code(reader, parts);
  if (!reader.is_complete()) return out_of_range("policy parts");
  return parts;
}

}  // namespace sluice
