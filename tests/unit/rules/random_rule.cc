#include "tests/unit/rules/random_rule.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sluice::test {
namespace {

class RuleMaker {
 public:
  explicit RuleMaker(std::mt19937& random) noexcept : random_(random) {}

  Rule make();

 private:
  std::uint32_t below(std::uint64_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  bool coin() { return below(2) == 1; }
  std::uint64_t wide() {
    const std::uint64_t value = std::uint64_t{random_()} << 32 | random_();
    return value >> below(64);
  }
  template <class E>
  E one_of(E last) {
    return static_cast<E>(below(static_cast<std::uint64_t>(last) + 1));
  }
  std::string text();
  std::string name() { return fmt::format("n{}", below(100)); }
  std::string bytes(std::size_t max);
  std::vector<std::string> texts(std::size_t min, std::size_t max);
  std::int64_t place() { return static_cast<std::int64_t>(below(200)) - 100; }
  TermNumber number() { return coin() ? TermNumber{place()} : TermNumber{name()}; }
  std::optional<TermNumber> maybe_number() {
    return below(3) == 0 ? std::optional(number()) : std::nullopt;
  }
  TermNumber operand();
  NumberRange range();
  std::string expression();

  RuleAction action();
  RuleHeader header();
  HeaderTest header_test();
  ByteRead read();
  Term content();
  Term pcre();
  Term term();
  BufferTerms part();
  FlagStep flag();
  CounterStep counter();
  RuleTest rule_test(bool is_hit);

  std::mt19937& random_;
};

/// What YAML might misread.
std::string RuleMaker::text() {
  constexpr std::string_view kTexts[] = {"plain",
                                         "two words",
                                         "it's \"quoted\"",
                                         "a: b",
                                         "# no comment",
                                         "-",
                                         "- x",
                                         "null",
                                         "~",
                                         "true",
                                         "0",
                                         "!tag",
                                         "&anchor",
                                         "*alias",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         "\\",
                                         "\\x41",
                                         "'",
                                         "\"",
                                         "%",
                                         "@",
                                         "`",
                                         "\xc3\xa4\xe2\x82\xac",
                                         " leading",
                                         "trailing ",
                                         "a,b",
                                         "?",
                                         "? x",
                                         ":",
                                         ">",
                                         "|",
                                         "...",
                                         "---"};
  std::string out;
  for (std::uint32_t i = 0, count = 1 + below(3); i < count; ++i) {
    out += kTexts[below(std::size(kTexts))];
  }
  return out;
}

std::string RuleMaker::bytes(std::size_t max) {
  if (coin()) return text();
  std::string out;
  for (std::size_t i = 0, count = 1 + below(max); i < count; ++i) {
    out += static_cast<char>(below(256));
  }
  return out;
}

std::vector<std::string> RuleMaker::texts(std::size_t min, std::size_t max) {
  std::vector<std::string> out;
  for (std::size_t i = 0, count = min + below(max - min + 1); i < count; ++i) out.push_back(text());
  return out;
}

TermNumber RuleMaker::operand() {
  if (coin()) return number();
  const auto value = static_cast<std::int64_t>(wide());
  return below(8) == 0 ? std::numeric_limits<std::int64_t>::min() : value;
}

NumberRange RuleMaker::range() {
  NumberRange out{wide(), wide(), coin()};
  if (out.low > out.high) std::swap(out.low, out.high);
  switch (below(4)) {
    case 0:
      out.low = 0;
      break;
    case 1:
      out.high = std::numeric_limits<std::uint64_t>::max();
      break;
    case 2:
      out.low = out.high;
      break;
    default:
      break;
  }
  return out;
}

std::string RuleMaker::expression() {
  constexpr std::string_view kExpressions[] = {
      "any", "$HOME_NET", "[$HOME_NET, !10.0.0.0/8]", "80", "!any", "1024:", "2001:db8::/32"};
  return std::string(kExpressions[below(std::size(kExpressions))]);
}

RuleAction RuleMaker::action() {
  RuleAction out;
  out.kind = one_of(RuleActionKind::block);
  if (out.kind == RuleActionKind::limit) out.limit = text();
  if (out.kind == RuleActionKind::block) {
    out.block_key = one_of(BlockedEnd::flow);
    out.block_for = wide();
  }
  return out;
}

RuleHeader RuleMaker::header() {
  RuleHeader out;
  out.protocol = one_of(RuleProtocol::sctp);
  out.service = one_of(Service::smb);
  out.service_negated = coin();
  out.direction = one_of(RuleDirection::to_client);
  out.is_bidirectional = coin();
  out.state = one_of(FlowState::stateless);
  out.scope = one_of(PayloadScope::no_stream);
  out.source = expression();
  out.source_port = expression();
  out.destination = expression();
  out.destination_port = expression();
  return out;
}

HeaderTest RuleMaker::header_test() {
  HeaderTest out;
  out.field = one_of(HeaderField::stream_bytes_either);
  if (out.field == HeaderField::tcp_flags || out.field == HeaderField::fragment_bits) {
    out.bit_match = one_of(BitMatch::none);
    out.bits = coin() ? below(256) : static_cast<std::uint32_t>(random_());
    out.ignored_bits = below(10);
  } else if (out.field == HeaderField::same_address) {
    out.value.is_negated = coin();
  } else {
    out.value = range();
  }
  return out;
}

ByteRead RuleMaker::read() {
  ByteRead out;
  out.bytes = static_cast<std::uint8_t>(below(24));
  out.offset = number();
  out.is_relative = coin();
  out.order = one_of(ByteOrder::dce);
  out.text = one_of(NumberText::octal);
  out.mask = wide();
  return out;
}

Term RuleMaker::content() {
  ContentTerm out;
  out.bytes = bytes(40);
  out.is_negated = coin();
  out.nocase = coin();
  out.starts_with = coin();
  out.ends_with = coin();
  out.offset = maybe_number();
  out.depth = maybe_number();
  out.distance = maybe_number();
  out.within = maybe_number();
  out.is_fast_pattern = coin();
  out.fast_offset = static_cast<std::uint16_t>(below(65536));
  out.fast_length = static_cast<std::uint16_t>(below(65536));
  return out;
}

Term RuleMaker::pcre() {
  PcreTerm out;
  out.pattern = fmt::format("^(?i:{})\\s+\\/", text());
  out.is_negated = coin();
  out.nocase = coin();
  out.multiline = coin();
  out.dotall = coin();
  out.extended = coin();
  out.anchored = coin();
  out.dollar_end_only = coin();
  out.ungreedy = coin();
  out.is_relative = coin();
  out.captures = texts(0, 2);
  return out;
}

Term RuleMaker::term() {
  switch (below(10)) {
    case 0:
      return pcre();
    case 1:
      return ByteTestTerm{read(), coin(), one_of(Comparison::between), operand()};
    case 2:
      return ByteJumpTerm{read(),
                          static_cast<std::uint32_t>(random_()),
                          static_cast<std::int32_t>(place()),
                          coin(),
                          coin(),
                          coin()};
    case 3:
      return ByteExtractTerm{read(), name(), below(100), static_cast<std::uint8_t>(below(5))};
    case 4:
      return ByteMathTerm{read(), one_of(MathOperator::shift_right), operand(), name()};
    case 5:
      return IsDataAtTerm{number(), coin(), coin()};
    case 6:
      return SizeTerm{range()};
    case 7:
      return Base64Term{below(1000), below(1000), coin()};
    case 8: {
      SetTerm set{{}, one_of(SetMatch::named), coin()};
      if (set.match == SetMatch::named) {
        set.name = "set" + std::to_string(below(9));
        return set;
      }
      for (std::uint32_t i = 0, count = 1 + below(4); i < count; ++i) {
        set.entries.push_back(bytes(20));
      }
      return set;
    }
    default:
      return content();
  }
}

BufferTerms RuleMaker::part() {
  BufferTerms out;
  // Few buffers, so that parts about the same one follow one another.
  out.buffer = coin() ? Buffer::http_uri : static_cast<Buffer>(below(kBufferCount));
  for (std::uint32_t i = 0, count = below(3); i < count; ++i) {
    TransformStep step{one_of(Transform::xor_key), {}};
    if (step.transform == Transform::xor_key) step.key = bytes(8);
    out.transforms.push_back(std::move(step));
  }
  for (std::uint32_t i = 0, count = below(5); i < count; ++i) out.terms.push_back(term());
  return out;
}

FlagStep RuleMaker::flag() {
  return {one_of(FlagScope::pair), one_of(FlagOperation::is_not_set), texts(1, 3), wide()};
}

CounterStep RuleMaker::counter() {
  CounterStep out;
  out.name = text();
  out.operation = one_of(CounterOperation::is_not_set);
  if (out.operation == CounterOperation::compare) out.comparison = one_of(Comparison::between);
  if (out.operation <= CounterOperation::compare) out.operand = operand();
  return out;
}

RuleTest RuleMaker::rule_test(bool is_hit) {
  RuleTest out;
  out.is_hit = is_hit;
  out.kind = one_of(RuleTest::Kind::tls_sni);
  out.text = bytes(60);
  out.port = static_cast<std::uint16_t>(below(65536));
  if (out.kind == RuleTest::Kind::payload) out.to_client = coin();
  const bool has_body =
      out.kind == RuleTest::Kind::http_request || out.kind == RuleTest::Kind::http_response;
  if (has_body && coin()) out.body = fmt::format("line one\r\nline two\n{}", bytes(20));
  return out;
}

Rule RuleMaker::make() {
  Rule rule;
  rule.id = static_cast<std::uint32_t>(random_()) | 1;
  rule.gid = below(10);
  rule.rev = static_cast<std::uint32_t>(random_());
  if (coin()) rule.name = text();
  if (coin()) rule.class_name = text();
  rule.severity = static_cast<RuleSeverity>(1 + below(4));
  rule.stage = one_of(RuleStage::enforce);
  rule.action = action();
  rule.is_silent = coin();
  rule.when = header();
  for (std::uint32_t i = 0, count = below(4); i < count; ++i) rule.headers.push_back(header_test());
  for (std::uint32_t i = 0, count = below(5); i < count; ++i) rule.match.push_back(part());
  for (std::uint32_t i = 0, count = below(3); i < count; ++i) rule.flags.push_back(flag());
  for (std::uint32_t i = 0, count = below(3); i < count; ++i) rule.counters.push_back(counter());
  if (coin()) {
    rule.threshold = Threshold{one_of(ThresholdKind::rate), one_of(ThresholdTrack::flow),
                               1 + below(1000), wide()};
  }
  rule.references = texts(0, 2);
  for (std::uint32_t i = 0, count = below(4); i < count; ++i) {
    rule.metadata.emplace_back(coin() ? "key" : text(), coin() ? std::string() : text());
  }
  for (std::uint32_t i = 0, count = below(3); i < count; ++i) rule.tests.push_back(rule_test(true));
  for (std::uint32_t i = 0, count = below(3); i < count; ++i)
    rule.tests.push_back(rule_test(false));
  return rule;
}

}  // namespace

Rule random_rule(std::mt19937& random) { return RuleMaker(random).make(); }

}  // namespace sluice::test
