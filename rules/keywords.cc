// Keys of a rule itself, of `when:`, `threshold:` and `action:`. Keys of terms are in
// term_keywords.cc, those of headers, flags, counters and tests in step_keywords.cc.
#include "rules/keywords.h"

#include "rules/keyword_rows.h"

namespace sluice {
namespace {

using enum KeywordType;
using keyword_rows::choice;
using keyword_rows::field;
using keyword_rows::section_field;

constexpr std::uint64_t kLargest32 = 0xffff'ffff;

constexpr std::string_view kSeverities[] = {"critical", "high", "medium", "low"};
constexpr std::string_view kStages[] = {"shadow", "alert", "enforce"};
constexpr std::string_view kActions[] = {"alert", "drop", "reject", "pass"};
constexpr std::string_view kBlockKeys[] = {"source", "destination", "flow"};
constexpr std::string_view kProtocols[] = {"ip", "tcp", "udp", "icmp", "icmpv6", "sctp"};
constexpr std::string_view kDirections[] = {"both", "to_server", "to_client"};
constexpr std::string_view kFlowStates[] = {"any", "established", "not_established", "stateless"};
constexpr std::string_view kScopes[] = {"both", "only_stream", "no_stream"};
constexpr std::string_view kThresholdKinds[] = {"limit", "threshold", "both", "rate"};
constexpr std::string_view kTracks[] = {"source", "destination", "pair", "rule", "flow"};
constexpr std::string_view kServices[] = {"any",  "unknown", "http",     "http2", "dns",  "tls",
                                          "smtp", "ftp",     "ftp-data", "ssh",   "quic", "smb"};
static_assert(std::size(kServices) == kServiceCount);

/// `service:` is the application, `except_service:` any other one: two keys of two members.
template <bool is_negated>
std::optional<KeywordValue> read_service(const RuleHeader& when) {
  if (when.service_negated != is_negated) return std::nullopt;
  return KeywordValue{static_cast<std::uint64_t>(when.service)};
}
template <bool is_negated>
void write_service(RuleHeader& when, KeywordValue value) {
  when.service = static_cast<Service>(std::get<std::uint64_t>(value));
  when.service_negated = is_negated;
}

constexpr Field<RulePack> kPackFields[] = {
    field<RulePack, &RulePack::name>(
        {"pack", text, "name of the file in events and commands", 1, kTextBytesMax}),
    field<RulePack, &RulePack::version>(
        {"version", number, "raised with each change of the file", 0, kLargest32}),
    section_field<RulePack>({"rules", section, "the rules, a map each", 0, kRulesOfAFileMax}),
};

constexpr Field<Rule> kRuleFields[] = {
    field<Rule, &Rule::id>({"id", number,
                            "number of the rule in events and commands; every rule "
                            "has its own",
                            1, kLargest32}),
    field<Rule, &Rule::gid>({"gid", number, "group that the number belongs to", 0, kLargest32}),
    field<Rule, &Rule::rev>({"rev", number, "revision, raised with each change", 0, kLargest32}),
    field<Rule, &Rule::name>(
        {"name", text, "what is found, in words for a reader of alerts", 1, kTextBytesMax}),
    field<Rule, &Rule::class_name>({"class", text,
                                    "class of attack, such as "
                                    "web-application-attack",
                                    1, kTextBytesMax}),
    field<Rule, &Rule::severity>({"severity", word, "how much a match matters", 0, 0, kSeverities}),
    field<Rule, &Rule::stage>({"stage", word,
                               "shadow counts matches only, alert reports them, "
                               "enforce applies the action too",
                               0, 0, kStages}),
    section_field<Rule>({"action", section,
                         "what a match does: alert, drop, reject or pass, or a map "
                         "with limit or block"}),
    field<Rule, &Rule::is_silent>({"silent", boolean, "acts and sets flags, and is not reported"}),
    field<Rule, &Rule::reports_pass>({"report_pass", boolean,
                                      "of action pass: what it lets through is reported, as else "
                                      "no such rule does"}),
    section_field<Rule>({"when", section, "which packets the rule looks at"}),
    section_field<Rule>(
        {"headers", section, "tests of header fields, all of which hold", 0, kStepsOfARuleMax}),
    section_field<Rule>(
        {"match", section, "terms about buffers, in their order", 0, kTermsOfARuleMax}),
    section_field<Rule>({"flags", section,
                         "bits that rules leave on a flow or a host for other rules", 0,
                         kStepsOfARuleMax}),
    section_field<Rule>(
        {"counters", section, "numbers that rules leave on a flow", 0, kStepsOfARuleMax}),
    section_field<Rule>({"threshold", section, "how many matches make an alert"}),
    field<Rule, &Rule::references>(
        {"references", texts, "where to read more, such as cwe:89", 0, kStepsOfARuleMax}),
    section_field<Rule>({"metadata", section,
                         "names and texts that go into alerts: a map, or a list of "
                         "maps of one pair each where a name comes twice",
                         0, kMetadataMax}),
    section_field<Rule>({"tests", section,
                         "packets that the rule is to hit, and near ones that it is "
                         "to miss: lists under hit and miss",
                         0, kStepsOfARuleMax}),
};

constexpr Field<RuleHeader> kWhenFields[] = {
    field<RuleHeader, &RuleHeader::protocol>(
        {"proto", word, "protocol of the packet; ip is any", 0, 0, kProtocols}),
    {{"service", word, "application of the flow, told by content", 0, 0, kServices},
     &read_service<false>,
     &write_service<false>},
    {{"except_service", word, "any application but this one, as soon as it is clear that it is not",
      0, 0, kServices},
     &read_service<true>,
     &write_service<true>},
    field<RuleHeader, &RuleHeader::direction>(
        {"direction", word, "side that sends the packet", 0, 0, kDirections}),
    field<RuleHeader, &RuleHeader::is_bidirectional>(
        {"bidirectional", boolean, "source and destination may be swapped"}),
    field<RuleHeader, &RuleHeader::state>({"flow", word, "state of the flow", 0, 0, kFlowStates}),
    field<RuleHeader, &RuleHeader::scope>(
        {"payload", word,
         "bytes that payload terms see: of packets, of the TCP stream in order, "
         "or both",
         0, 0, kScopes}),
    field<RuleHeader, &RuleHeader::source>(
        {"source", expression, "addresses that send", 1, kContentBytesMax * 16}),
    field<RuleHeader, &RuleHeader::source_port>(
        {"source_port", expression, "ports that send", 1, kContentBytesMax * 16}),
    field<RuleHeader, &RuleHeader::destination>(
        {"destination", expression, "addresses that receive", 1, kContentBytesMax * 16}),
    field<RuleHeader, &RuleHeader::destination_port>(
        {"destination_port", expression, "ports that receive", 1, kContentBytesMax * 16}),
};

constexpr Field<Threshold> kThresholdFields[] = {
    field<Threshold, &Threshold::kind>(
        {"kind", word,
         "limit: at most count alerts in a window; threshold: one for every count; "
         "both: one a window once count were reached; rate: matches only above count",
         0, 0, kThresholdKinds}),
    field<Threshold, &Threshold::track>(
        {"track", word, "what is counted for itself", 0, 0, kTracks}),
    field<Threshold, &Threshold::count>({"count", number, "matches", 1, kLargest32}),
    field<Threshold, &Threshold::window>({"window", duration, "time in which they are counted"}),
};

constexpr Field<RuleAction> kBlockFields[] = {
    field<RuleAction, &RuleAction::block_for>({"for", duration, "how long the block lasts"}),
};

constexpr Choice<RuleAction> kActionChoices[] = {
    choice<RuleAction, &RuleAction::kind, RuleActionKind::limit>(
        field<RuleAction, &RuleAction::limit>(
            {"limit", text,
             "of what matches, only the excess over this one of rule_limits is refused", 1,
             kTextBytesMax})),
    choice<RuleAction, &RuleAction::kind, RuleActionKind::block>(
        field<RuleAction, &RuleAction::block_key>(
            {"block", word, "refuses like drop, and what is named here is blocked for a time", 0, 0,
             kBlockKeys}),
        kBlockFields),
};

}  // namespace

std::span<const Field<RulePack>> pack_keywords() noexcept { return kPackFields; }
std::span<const Field<Rule>> rule_keywords() noexcept { return kRuleFields; }
std::span<const Field<RuleHeader>> when_keywords() noexcept { return kWhenFields; }
std::span<const Field<Threshold>> threshold_keywords() noexcept { return kThresholdFields; }
std::span<const std::string_view> action_words() noexcept { return kActions; }
std::span<const Choice<RuleAction>> action_choices() noexcept { return kActionChoices; }

}  // namespace sluice
