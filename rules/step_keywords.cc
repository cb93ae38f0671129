// Keys of tests of headers, of flags and counters, and of the tests that a rule carries.
#include "config/set_kind.h"
#include "rules/keyword_rows.h"
#include "rules/keywords.h"

namespace sluice {
namespace {

using enum KeywordType;
using keyword_rows::choice;
using keyword_rows::field;
using keyword_rows::kComparisonWords;

constexpr std::uint64_t kLargest32 = 0xffff'ffff;
constexpr std::int64_t kLowestOperand = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kHighestOperand = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view kBitMatches[] = {"exact", "all", "any", "none"};
constexpr std::string_view kScopes[] = {"flow", "source", "destination", "pair"};

constexpr Keyword ignored_bits(std::span<const std::string_view> letters) noexcept {
  return {"ignored", bits, "bits that are not looked at", 0, kLargest32, letters};
}
constexpr Field<HeaderTest> kBitMatchField = field<HeaderTest, &HeaderTest::bit_match>(
    {"match", word,
     "exact: these bits and no others; all: at least these; any: one of these; "
     "none: not these",
     0, 0, kBitMatches});
constexpr Field<HeaderTest> kTcpFlagFields[] = {
    kBitMatchField, field<HeaderTest, &HeaderTest::ignored_bits>(ignored_bits(kTcpFlagLetters))};
constexpr Field<HeaderTest> kFragmentBitFields[] = {
    kBitMatchField,
    field<HeaderTest, &HeaderTest::ignored_bits>(ignored_bits(kFragmentBitLetters))};

std::optional<KeywordValue> read_same_address(const HeaderTest& test) {
  return KeywordValue{std::uint64_t{!test.value.is_negated}};
}
void write_same_address(HeaderTest& test, KeywordValue value) {
  test.value.is_negated = std::get<std::uint64_t>(value) == 0;
}

template <HeaderField header_field>
constexpr Choice<HeaderTest> number_choice(std::string_view key, std::string_view help) noexcept {
  return choice<HeaderTest, &HeaderTest::field, header_field>(
      field<HeaderTest, &HeaderTest::value>({key, range, help}));
}
template <HeaderField header_field>
constexpr Choice<HeaderTest> bits_choice(std::string_view key, std::string_view help,
                                         std::span<const std::string_view> letters,
                                         std::span<const Field<HeaderTest>> fields) noexcept {
  return choice<HeaderTest, &HeaderTest::field, header_field>(
      field<HeaderTest, &HeaderTest::bits>({key, bits, help, 0, kLargest32, letters}), fields);
}

constexpr Choice<HeaderTest> kHeaderChoices[] = {
    number_choice<HeaderField::ttl>("ttl", "time to live, or hop limit"),
    number_choice<HeaderField::tos>("tos", "type of service, or traffic class"),
    number_choice<HeaderField::ip_id>("ip_id", "identification of the IPv4 header"),
    number_choice<HeaderField::ip_protocol>("ip_protocol", "number of the protocol"),
    bits_choice<HeaderField::fragment_bits>(
        "fragment_bits", "bits of the IPv4 header: M more fragments, D do not fragment, R reserved",
        kFragmentBitLetters, kFragmentBitFields),
    number_choice<HeaderField::fragment_offset>("fragment_offset",
                                                "offset of the fragment in units of eight bytes"),
    choice<HeaderTest, &HeaderTest::field, HeaderField::same_address>(
        {{"same_address", boolean, "source and destination are equal"},
         &read_same_address,
         &write_same_address}),
    number_choice<HeaderField::ip_options>("ip_options", "number of an IPv4 option that is there"),
    bits_choice<HeaderField::tcp_flags>(
        "tcp_flags", "F FIN, S SYN, R RST, P PSH, A ACK, U URG, E ECE, C CWR; 0 for none",
        kTcpFlagLetters, kTcpFlagFields),
    number_choice<HeaderField::tcp_sequence>("tcp_sequence", "sequence number"),
    number_choice<HeaderField::tcp_acknowledgement>("tcp_acknowledgement",
                                                    "acknowledgement number"),
    number_choice<HeaderField::tcp_window>("tcp_window", "window as it stands in the header"),
    number_choice<HeaderField::tcp_mss>("tcp_mss", "largest segment that the sender announces"),
    number_choice<HeaderField::icmp_type>("icmp_type", "type of the ICMP message"),
    number_choice<HeaderField::icmp_code>("icmp_code", "code of the ICMP message"),
    number_choice<HeaderField::icmp_id>("icmp_id", "identifier of an echo"),
    number_choice<HeaderField::icmp_sequence>("icmp_sequence", "sequence number of an echo"),
    number_choice<HeaderField::stream_bytes_to_server>("stream_bytes_to_server",
                                                       "bytes that the client has sent"),
    number_choice<HeaderField::stream_bytes_to_client>("stream_bytes_to_client",
                                                       "bytes that the server has sent"),
    number_choice<HeaderField::stream_bytes_both>("stream_bytes_both",
                                                  "bytes that each of the two has sent"),
    number_choice<HeaderField::stream_bytes_either>("stream_bytes_either",
                                                    "bytes that one of the two has sent"),
};

constexpr Field<FlagStep> kFlagFields[] = {
    field<FlagStep, &FlagStep::scope>({"scope", word, "what carries the flag", 0, 0, kScopes}),
    field<FlagStep, &FlagStep::expire>({"expire", duration,
                                        "how long a flag of a host lasts behind its last setting; "
                                        "0s: 30s"}),
};

template <FlagOperation operation>
constexpr Choice<FlagStep> flag_choice(std::string_view key, std::string_view help) noexcept {
  return choice<FlagStep, &FlagStep::operation, operation>(
      field<FlagStep, &FlagStep::names>({key, texts, help, 1, kStepsOfARuleMax}), kFlagFields);
}

constexpr Choice<FlagStep> kFlagChoices[] = {
    flag_choice<FlagOperation::set>("set", "a match sets the flags"),
    flag_choice<FlagOperation::unset>("unset", "a match takes the flags off"),
    flag_choice<FlagOperation::toggle>("toggle", "a match turns the flags over"),
    flag_choice<FlagOperation::is_set>("is_set", "matches only where one of the flags is set"),
    flag_choice<FlagOperation::is_not_set>("is_not_set", "matches only where none is set"),
};

constexpr Field<CounterStep> kValueField = field<CounterStep, &CounterStep::operand>(
    {"value", operand, "the number", kLowestOperand, kHighestOperand});
constexpr Field<CounterStep> kCounterValue[] = {kValueField};
constexpr Field<CounterStep> kCounterComparison[] = {
    field<CounterStep, &CounterStep::comparison>(
        {"operator", word, "how the counter compares", 0, 0, kComparisonWords}),
    kValueField,
};

template <CounterOperation operation>
constexpr Choice<CounterStep> counter_choice(
    std::string_view key, std::string_view help,
    std::span<const Field<CounterStep>> fields = {}) noexcept {
  return choice<CounterStep, &CounterStep::operation, operation>(
      field<CounterStep, &CounterStep::name>({key, text, help, 1, 256}), fields);
}

constexpr Choice<CounterStep> kCounterChoices[] = {
    counter_choice<CounterOperation::set>("set", "a match sets the counter to value",
                                          kCounterValue),
    counter_choice<CounterOperation::add>("add", "a match adds value", kCounterValue),
    counter_choice<CounterOperation::subtract>("subtract", "a match takes value away",
                                               kCounterValue),
    counter_choice<CounterOperation::compare>("compare",
                                              "matches only where the counter compares "
                                              "so with value",
                                              kCounterComparison),
    counter_choice<CounterOperation::is_set>("is_set",
                                             "matches only where the counter has a value"),
    counter_choice<CounterOperation::is_not_set>("is_not_set", "matches only where it has none"),
};

constexpr Field<RuleTest> kPortField = field<RuleTest, &RuleTest::port>(
    {"port", number, "port of the server; 0: by kind and header", 0, 65535});
constexpr Field<RuleTest> kSetField = field<RuleTest, &RuleTest::set>(
    {"set", text,
     "one of the configuration's sets, which has these entries for all tests of the run", 1,
     kSetNameMax});
constexpr Field<RuleTest> kEntriesField = field<RuleTest, &RuleTest::entries>(
    {"entries", texts, "what the set holds then, besides its file", 1, kStepsOfARuleMax});
constexpr Field<RuleTest> kBodyFields[] = {
    field<RuleTest, &RuleTest::body>({"body", bytes, "what follows the head", 1, kTestBytesMax}),
    kPortField,
    kSetField,
    kEntriesField,
};
constexpr Field<RuleTest> kPayloadFields[] = {
    field<RuleTest, &RuleTest::to_client>({"to_client", boolean, "the server sends it"}),
    kPortField,
    kSetField,
    kEntriesField,
};
constexpr Field<RuleTest> kNameFields[] = {kPortField, kSetField, kEntriesField};

template <RuleTest::Kind kind>
constexpr Choice<RuleTest> test_choice(std::string_view key, std::string_view help,
                                       std::span<const Field<RuleTest>> fields) noexcept {
  return choice<RuleTest, &RuleTest::kind, kind>(
      field<RuleTest, &RuleTest::text>({key, bytes, help, 0, kTestBytesMax}), fields);
}

constexpr Choice<RuleTest> kTestChoices[] = {
    test_choice<RuleTest::Kind::payload>("payload", "bytes of one segment or datagram",
                                         kPayloadFields),
    test_choice<RuleTest::Kind::http_request>(
        "http_request", "head of a request; what is missing is filled in", kBodyFields),
    test_choice<RuleTest::Kind::http_response>("http_response", "head of a response to GET /",
                                               kBodyFields),
    test_choice<RuleTest::Kind::dns_query>("dns_query", "name that is asked for", kNameFields),
    test_choice<RuleTest::Kind::tls_sni>("tls_sni", "name in a ClientHello", kNameFields),
};

}  // namespace

std::span<const Choice<HeaderTest>> header_choices() noexcept { return kHeaderChoices; }
std::span<const Choice<FlagStep>> flag_choices() noexcept { return kFlagChoices; }
std::span<const Choice<CounterStep>> counter_choices() noexcept { return kCounterChoices; }
std::span<const Choice<RuleTest>> test_choices() noexcept { return kTestChoices; }

}  // namespace sluice
