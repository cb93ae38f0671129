// Tests of the headers of IP, TCP and ICMP, and of how much a stream has carried.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_keywords.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

void add_test(RuleDraft& draft, HeaderField field, NumberRange value) {
  HeaderTest test;
  test.field = field;
  test.value = value;
  draft.rule.headers.push_back(test);
}

Status read_field(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  std::string value(option.value);
  // tos is written "x10" as well.
  if (value.starts_with('x')) value.insert(0, "0");
  const auto range = read_range(value, keyword.max);
  if (!range) return tl::unexpected(range.error());
  add_test(draft, keyword.field, *range);
  return {};
}

struct NamedNumber {
  std::string_view name;
  std::uint64_t number;
};

constexpr std::array kProtocols{
    NamedNumber{"icmp", 1},   NamedNumber{"igmp", 2},       NamedNumber{"ipip", 4},
    NamedNumber{"tcp", 6},    NamedNumber{"udp", 17},       NamedNumber{"ipv6", 41},
    NamedNumber{"gre", 47},   NamedNumber{"esp", 50},       NamedNumber{"ah", 51},
    NamedNumber{"sctp", 132}, NamedNumber{"ipv6-icmp", 58}, NamedNumber{"icmpv6", 58},
};
constexpr std::array kIpOptions{
    NamedNumber{"rr", 7},     NamedNumber{"eol", 0},    NamedNumber{"nop", 1},
    NamedNumber{"ts", 68},    NamedNumber{"sec", 130},  NamedNumber{"esec", 133},
    NamedNumber{"lsrr", 131}, NamedNumber{"ssrr", 137}, NamedNumber{"satid", 136},
};

template <std::size_t N>
std::optional<std::uint64_t> number_of(const std::array<NamedNumber, N>& rows,
                                       std::string_view name) noexcept {
  for (const NamedNumber& row : rows) {
    if (row.name == name) return row.number;
  }
  return std::nullopt;
}

Status read_ip_protocol(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  std::string text = read_text(option.value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view name = text;
  const bool is_negated = cut_negation(name);
  if (const auto number = number_of(kProtocols, name)) {
    add_test(draft, keyword.field, {*number, *number, is_negated});
    return {};
  }
  const auto range = read_range(text, keyword.max);
  if (!range) return tl::unexpected(range.error());
  add_test(draft, keyword.field, *range);
  return {};
}

Status read_ip_options(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  if (option.value == "any") {
    add_test(draft, keyword.field, {0, keyword.max, false});
    return {};
  }
  const auto number = number_of(kIpOptions, option.value);
  if (!number) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no option of IPv4 that has a name here",
                                                escape_control(option.value)));
  }
  add_test(draft, keyword.field, {*number, *number, false});
  return {};
}

Status read_sameip(RuleDraft& draft, const Option&, const Keyword& keyword) {
  add_test(draft, keyword.field, {});
  return {};
}

struct BitLetter {
  char letter;
  std::uint32_t bit;
};
constexpr std::array kTcpFlags{
    BitLetter{'F', 0x01}, BitLetter{'S', 0x02}, BitLetter{'R', 0x04}, BitLetter{'P', 0x08},
    BitLetter{'A', 0x10}, BitLetter{'U', 0x20}, BitLetter{'E', 0x40}, BitLetter{'2', 0x40},
    BitLetter{'C', 0x80}, BitLetter{'1', 0x80}, BitLetter{'0', 0},
};
constexpr std::array kFragmentBits{BitLetter{'M', 1}, BitLetter{'D', 2}, BitLetter{'R', 4}};

template <std::size_t N>
const BitLetter* letter_in(const std::array<BitLetter, N>& rows, char c) noexcept {
  const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  const auto found = std::ranges::find(rows, upper, &BitLetter::letter);
  return found == rows.end() ? nullptr : &*found;
}

/// Letters with one of '+', '*' and '!' among them.
template <std::size_t N>
Status read_bits(const std::array<BitLetter, N>& rows, std::string_view text, HeaderTest& test) {
  for (const char c : text) {
    if (c == ' ') continue;
    if (c == '+' || c == '*' || c == '!') {
      test.bit_match = c == '+' ? BitMatch::all : c == '*' ? BitMatch::any : BitMatch::none;
      continue;
    }
    const BitLetter* row = letter_in(rows, c);
    if (row == nullptr) {
      return fail(ErrorKind::invalid, fmt::format("'{}' is no bit that has a name here",
                                                  escape_control(std::string_view(&c, 1))));
    }
    test.bits |= row->bit;
  }
  // Behind a '!' Suricata means "not all of them".
  if (test.bit_match == BitMatch::none && (test.bits & (test.bits - 1)) != 0) {
    return fail(ErrorKind::invalid, "'!' before several bits is not known: one belongs there");
  }
  return {};
}

Status read_tcp_flags(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto words = split_list(option.value, ',');
  HeaderTest test;
  test.field = keyword.field;
  if (words.empty() || words.size() > 2) {
    return fail(ErrorKind::invalid, "flags and those that are not looked at belong there");
  }
  if (auto read = read_bits(kTcpFlags, words[0], test); !read) return read;
  if (words.size() == 2) {
    HeaderTest ignored;
    if (auto read = read_bits(kTcpFlags, words[1], ignored); !read) return read;
    test.ignored_bits = ignored.bits;
  }
  draft.rule.headers.push_back(test);
  return {};
}

Status read_fragment_bits(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  HeaderTest test;
  test.field = keyword.field;
  if (auto read = read_bits(kFragmentBits, option.value, test); !read) return read;
  draft.rule.headers.push_back(test);
  return {};
}

std::optional<HeaderField> stream_field(std::string_view side) noexcept {
  if (side == "client") return HeaderField::stream_bytes_to_server;
  if (side == "server") return HeaderField::stream_bytes_to_client;
  if (side == "both") return HeaderField::stream_bytes_both;
  if (side == "either") return HeaderField::stream_bytes_either;
  return std::nullopt;
}

Status read_stream_size(RuleDraft& draft, const Option& option, const Keyword& keyword) {
  const auto words = split_list(option.value, ',');
  const auto field = stream_field(words.empty() ? "" : words.front());
  if (!field || words.size() != 3) {
    return fail(ErrorKind::invalid,
                "server, client, both or either, a comparison and a number belong there");
  }
  const auto number = read_number(words[2], keyword.max);
  if (!number) return tl::unexpected(number.error());
  const auto range = range_of(words[1], *number, keyword.max);
  if (!range) return tl::unexpected(range.error());
  add_test(draft, *field, *range);
  return {};
}

constexpr auto kNumber = &read_field;
constexpr Keyword test_of(std::string_view name, HeaderField field, std::uint64_t max,
                          ReadSuricataKeyword read = kNumber) noexcept {
  return {name, SuricataValue::required, read, Buffer::payload, field, max};
}

constexpr std::array kKeywords{
    test_of("ttl", HeaderField::ttl, 0xff),
    test_of("tos", HeaderField::tos, 0xff),
    test_of("id", HeaderField::ip_id, 0xffff),
    test_of("ip_proto", HeaderField::ip_protocol, 0xff, &read_ip_protocol),
    test_of("ipopts", HeaderField::ip_options, 0xff, &read_ip_options),
    test_of("fragbits", HeaderField::fragment_bits, 0, &read_fragment_bits),
    test_of("fragoffset", HeaderField::fragment_offset, 0x1fff),
    Keyword{"sameip", SuricataValue::none, &read_sameip, Buffer::payload,
            HeaderField::same_address},
    test_of("flags", HeaderField::tcp_flags, 0, &read_tcp_flags),
    test_of("tcp.flags", HeaderField::tcp_flags, 0, &read_tcp_flags),
    test_of("seq", HeaderField::tcp_sequence, 0xffff'ffff),
    test_of("tcp.seq", HeaderField::tcp_sequence, 0xffff'ffff),
    test_of("ack", HeaderField::tcp_acknowledgement, 0xffff'ffff),
    test_of("tcp.ack", HeaderField::tcp_acknowledgement, 0xffff'ffff),
    test_of("window", HeaderField::tcp_window, 0xffff),
    test_of("tcp.window", HeaderField::tcp_window, 0xffff),
    test_of("tcp.mss", HeaderField::tcp_mss, 0xffff),
    test_of("itype", HeaderField::icmp_type, 0xff),
    test_of("icode", HeaderField::icmp_code, 0xff),
    test_of("icmp_id", HeaderField::icmp_id, 0xffff),
    test_of("icmp_seq", HeaderField::icmp_sequence, 0xffff),
    test_of("stream_size", HeaderField::stream_bytes_both, 0xffff'ffff, &read_stream_size),
};

}  // namespace

std::span<const SuricataKeyword> suricata_header_keywords() noexcept { return kKeywords; }

}  // namespace sluice
