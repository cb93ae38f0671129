// A rule as it was written, in a rule file or by the importer: plain values with nothing resolved.
// `load` makes them, `print` writes them back, `compile` turns a list of them into a `Ruleset`.
// Semantics of contents, offsets and flow bits are those of Suricata 7, so that an imported rule
// means the same. Control side and short-lived children only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "rules/buffers.h"
#include "rules/service.h"

namespace sluice {

enum class RuleSeverity : std::uint8_t { critical = 1, high = 2, medium = 3, low = 4 };
/// shadow: counted only; alert: reported; enforce: its action is applied.
enum class RuleStage : std::uint8_t { shadow, alert, enforce };
enum class RuleActionKind : std::uint8_t { alert, drop, reject, pass, limit, block };
enum class BlockedEnd : std::uint8_t { source, destination, flow };

struct RuleAction {
  RuleActionKind kind = RuleActionKind::alert;
  std::string limit;  ///< kind limit: which one of `limits:`
  BlockedEnd block_key = BlockedEnd::source;
  DurationNs block_for = 0;  ///< kind block
  friend bool operator==(const RuleAction&, const RuleAction&) = default;
};

enum class RuleProtocol : std::uint8_t { ip, tcp, udp, icmp, icmpv6, sctp };
enum class RuleDirection : std::uint8_t { both, to_server, to_client };
enum class FlowState : std::uint8_t { any, established, not_established, stateless };
/// Which bytes a payload term sees: packets, the stream in order, or either.
enum class PayloadScope : std::uint8_t { both, only_stream, no_stream };

/// Addresses and ports are expressions over prefixes, ranges and variables, negation and lists as
/// in "[$HOME_NET, !10.0.0.0/8]" or "[80, 8000:8099, !8080]" or "any"; address_set.h reads them.
/// Source and destination are those of the packet that is judged.
struct RuleHeader {
  RuleProtocol protocol = RuleProtocol::ip;
  Service service = Service::any;  ///< only flows of this application
  bool service_negated = false;
  RuleDirection direction = RuleDirection::both;
  bool is_bidirectional = false;  ///< source and destination may be swapped
  FlowState state = FlowState::any;
  PayloadScope scope = PayloadScope::both;
  std::string source = "any";
  std::string source_port = "any";
  std::string destination = "any";
  std::string destination_port = "any";
  friend bool operator==(const RuleHeader&, const RuleHeader&) = default;
};

/// A number in a term, or the name of what a byte_extract of the same rule has read.
using TermNumber = std::variant<std::int64_t, std::string>;

/// Bytes to be found. Offsets count from the buffer's start, `distance` and `within` from the end
/// of the term before it in the same buffer.
struct ContentTerm {
  std::string bytes;
  bool is_negated = false;
  bool nocase = false;
  bool starts_with = false;
  bool ends_with = false;
  std::optional<TermNumber> offset;
  std::optional<TermNumber> depth;
  std::optional<TermNumber> distance;
  std::optional<TermNumber> within;
  bool is_fast_pattern = false;   ///< the author's choice of what the prefilter looks for
  std::uint16_t fast_offset = 0;  ///< of the bytes, which the prefilter is to take;
  std::uint16_t fast_length = 0;  ///< 0 = all
  friend bool operator==(const ContentTerm&, const ContentTerm&) = default;
};

/// A regular expression in PCRE's syntax.
struct PcreTerm {
  std::string pattern;
  bool is_negated = false;
  bool nocase = false;                ///< i
  bool multiline = false;             ///< m
  bool dotall = false;                ///< s
  bool extended = false;              ///< x
  bool anchored = false;              ///< A
  bool dollar_end_only = false;       ///< E
  bool ungreedy = false;              ///< G
  bool is_relative = false;           ///< R: from the end of the term before it
  std::vector<std::string> captures;  ///< names that its groups set, in order; see byte_extract
  friend bool operator==(const PcreTerm&, const PcreTerm&) = default;
};

enum class ByteOrder : std::uint8_t { big, little, dce };
enum class NumberText : std::uint8_t { binary, decimal, hexadecimal, octal };
enum class Comparison : std::uint8_t {
  equal,
  not_equal,
  less,
  greater,
  less_or_equal,
  greater_or_equal,
  bits_set,  ///< value & operand, not 0
  bits_xor,  ///< value ^ operand, not 0
  between,   ///< low < value < high, both excluded
};

/// Where a number stands and how it is read.
struct ByteRead {
  std::uint8_t bytes = 0;  ///< 1 to 8, up to 23 as text; 0 only where a base says so
  TermNumber offset = std::int64_t{0};
  bool is_relative = false;
  ByteOrder order = ByteOrder::big;
  NumberText text = NumberText::binary;
  std::uint64_t mask = 0;  ///< 0 = none; the result is shifted right to the mask's lowest bit
  friend bool operator==(const ByteRead&, const ByteRead&) = default;
};

struct ByteTestTerm {
  ByteRead read;
  bool is_negated = false;
  Comparison comparison = Comparison::equal;
  TermNumber operand = std::int64_t{0};
  friend bool operator==(const ByteTestTerm&, const ByteTestTerm&) = default;
};

/// Moves the place that the next relative term counts from.
struct ByteJumpTerm {
  ByteRead read;
  std::uint32_t multiplier = 1;
  std::int32_t post_offset = 0;
  bool aligns_to_4 = false;
  bool from_beginning = false;
  bool from_end = false;
  friend bool operator==(const ByteJumpTerm&, const ByteJumpTerm&) = default;
};

struct ByteExtractTerm {
  ByteRead read;
  std::string name;
  std::uint32_t multiplier = 1;
  std::uint8_t align = 0;  ///< 0, 2 or 4
  friend bool operator==(const ByteExtractTerm&, const ByteExtractTerm&) = default;
};

enum class MathOperator : std::uint8_t { add, subtract, multiply, divide, shift_left, shift_right };
struct ByteMathTerm {
  ByteRead read;
  MathOperator op = MathOperator::add;
  TermNumber operand = std::int64_t{0};
  std::string result;
  friend bool operator==(const ByteMathTerm&, const ByteMathTerm&) = default;
};

struct IsDataAtTerm {
  TermNumber offset = std::int64_t{0};
  bool is_negated = false;
  bool is_relative = false;
  friend bool operator==(const IsDataAtTerm&, const IsDataAtTerm&) = default;
};

/// A range of unsigned numbers; `high` is included.
struct NumberRange {
  std::uint64_t low = 0;
  std::uint64_t high = ~std::uint64_t{0};
  bool is_negated = false;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

/// The length of the buffer: bsize, urilen; for `payload` of a packet: dsize.
struct SizeTerm {
  NumberRange bytes;
  friend bool operator==(const SizeTerm&, const SizeTerm&) = default;
};

/// What follows in the same buffer sees the decoded bytes.
struct Base64Term {
  std::uint32_t bytes = 0;  ///< at most so many encoded ones; 0 = to the end
  std::uint32_t offset = 0;
  bool is_relative = false;
  friend bool operator==(const Base64Term&, const Base64Term&) = default;
};

/// The buffer is one of a list: hash, suffix or prefix set instead of patterns.
/// named: as the set of the configuration says.
enum class SetMatch : std::uint8_t { exact, domain_suffix, named };
struct SetTerm {
  std::vector<std::string> entries;
  SetMatch match = SetMatch::exact;
  bool is_negated = false;
  std::string name = {};  ///< with `named`: of the set, in place of `entries`
  friend bool operator==(const SetTerm&, const SetTerm&) = default;
};

using Term = std::variant<ContentTerm, PcreTerm, ByteTestTerm, ByteJumpTerm, ByteExtractTerm,
                          ByteMathTerm, IsDataAtTerm, SizeTerm, Base64Term, SetTerm>;

/// Applied to a copy of the buffer before its terms look.
enum class Transform : std::uint8_t {
  dotprefix,
  strip_whitespace,
  compress_whitespace,
  to_lowercase,
  to_uppercase,
  url_decode,
  to_md5,
  to_sha1,
  to_sha256,
  strip_pseudo_headers,
  header_lowercase,
  xor_key,
};
struct TransformStep {
  Transform transform = Transform::dotprefix;
  std::string key;  ///< of xor_key
  friend bool operator==(const TransformStep&, const TransformStep&) = default;
};

/// Terms about one buffer, in the order in which they hold. A rule may name a buffer twice: then
/// each part is matched by itself.
struct BufferTerms {
  Buffer buffer = Buffer::payload;
  std::vector<TransformStep> transforms;
  std::vector<Term> terms;
  friend bool operator==(const BufferTerms&, const BufferTerms&) = default;
};

/// Fields of headers; icmp_* and tcp_* hold only for packets that have them.
enum class HeaderField : std::uint8_t {
  ttl,
  tos,
  ip_id,
  ip_protocol,
  fragment_bits,
  fragment_offset,
  same_address,
  ip_options,
  tcp_flags,
  tcp_sequence,
  tcp_acknowledgement,
  tcp_window,
  tcp_mss,
  icmp_type,
  icmp_code,
  icmp_id,
  icmp_sequence,
  stream_bytes_to_server,
  stream_bytes_to_client,
  stream_bytes_both,
  stream_bytes_either,
};
/// `exact`: the bits that `mask` leaves equal `bits`; `all`: at least these; `any`: one of these;
/// `none`: not these.
enum class BitMatch : std::uint8_t { exact, all, any, none };
struct HeaderTest {
  HeaderField field = HeaderField::ttl;
  NumberRange value;                     ///< for fields that are numbers
  BitMatch bit_match = BitMatch::exact;  ///< for tcp_flags and fragment_bits
  std::uint32_t bits = 0;
  std::uint32_t ignored_bits = 0;
  friend bool operator==(const HeaderTest&, const HeaderTest&) = default;
};

/// Bits and numbers that rules leave on a flow, a source or an address pair for other rules.
enum class FlagScope : std::uint8_t { flow, source, destination, pair };
enum class FlagOperation : std::uint8_t { set, unset, toggle, is_set, is_not_set };
struct FlagStep {
  FlagScope scope = FlagScope::flow;
  FlagOperation operation = FlagOperation::set;
  std::vector<std::string>
      names;              ///< more than one: any of them (is_set), all of them (is_not_set)
  DurationNs expire = 0;  ///< scopes but flow; 0 = the default
  friend bool operator==(const FlagStep&, const FlagStep&) = default;
};
enum class CounterOperation : std::uint8_t { set, add, subtract, compare, is_set, is_not_set };
struct CounterStep {
  std::string name;
  CounterOperation operation = CounterOperation::set;
  Comparison comparison = Comparison::equal;
  TermNumber operand = std::int64_t{0};
  friend bool operator==(const CounterStep&, const CounterStep&) = default;
};

/// limit: at most `count` alerts in `window`; threshold: one alert for every `count`; both: one
/// alert per window once `count` were reached; rate: the rule matches only above `count`.
enum class ThresholdKind : std::uint8_t { limit, threshold, both, rate };
enum class ThresholdTrack : std::uint8_t { source, destination, pair, rule, flow };
struct Threshold {
  ThresholdKind kind = ThresholdKind::limit;
  ThresholdTrack track = ThresholdTrack::source;
  std::uint32_t count = 1;
  DurationNs window = 0;
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

/// A packet exchange inside a rule file that says what the rule is to do.
struct RuleTest {
  enum class Kind : std::uint8_t {
    payload,        ///< raw bytes of one segment or datagram
    http_request,   ///< head as text, lines divided by LF or CRLF; what is missing is filled in
    http_response,  ///< behind a GET /
    dns_query,      ///< a name
    tls_sni,        ///< a name
  };
  bool is_hit = true;
  Kind kind = Kind::payload;
  std::string text;
  std::string body;
  std::uint16_t port = 0;  ///< of the server; 0 = by kind and header
  bool to_client = false;  ///< kind payload
  std::string set;         ///< of the configuration; holds `entries` while tests are run
  std::vector<std::string> entries;
  friend bool operator==(const RuleTest&, const RuleTest&) = default;
};

struct Rule {
  std::uint32_t id = 0;
  std::uint32_t gid = 1;
  std::uint32_t rev = 1;
  std::string name;
  std::string class_name;
  RuleSeverity severity = RuleSeverity::medium;
  RuleStage stage = RuleStage::alert;
  RuleAction action;
  bool is_silent = false;     ///< noalert: acts and sets flags, but is not reported
  bool reports_pass = false;  ///< of action pass: what passes is reported
  RuleHeader when;
  std::vector<HeaderTest> headers;
  std::vector<BufferTerms> match;
  std::vector<FlagStep> flags;
  std::vector<CounterStep> counters;
  std::optional<Threshold> threshold;
  std::vector<std::string> references;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<RuleTest> tests;
  SourcePosition position;  ///< in its file; not compared
  std::string pack;         ///< its file's name; not compared
};
/// All but position and pack.
[[nodiscard]] bool is_same(const Rule& a, const Rule& b);

}  // namespace sluice
