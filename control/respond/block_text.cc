#include "control/respond/block_text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/five_tuple.h"
#include "base/suggest.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 64;
constexpr std::size_t kWordsOfFlow = 3;
constexpr unsigned kMappedLength = 96;  // ::ffff:0:0/96, RFC 4291 2.5.5.2

struct ProtocolWord {
  std::string_view word;
  std::uint8_t number;
  bool has_ports;
};
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kIcmpV6 = 58;
constexpr ProtocolWord kProtocols[] = {{"tcp", 6, true},
                                       {"udp", 17, true},
                                       {"sctp", 132, true},
                                       {"icmp", kIcmp, false},
                                       {"icmpv6", kIcmpV6, false}};

const ProtocolWord* find_protocol(std::uint8_t number) noexcept {
  const auto* found = std::ranges::find(kProtocols, number, &ProtocolWord::number);
  return found == std::end(kProtocols) ? nullptr : found;
}

tl::unexpected<Error> wrong(std::string message, std::string hint = {}) {
  return fail(ErrorKind::invalid, std::move(message), std::move(hint));
}

bool is_mapped(const IpAddress& address) noexcept {
  const auto& b = address.bytes;
  return address.version == 6 &&
         std::all_of(b.begin(), b.begin() + 10, [](auto v) { return v == 0; }) && b[10] == 0xff &&
         b[11] == 0xff;
}

IpAddress unmapped(const IpAddress& address) noexcept {
  IpAddress v4;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.bytes.begin());
  return v4;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() <= kWordsOfFlow) {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    const std::size_t end = std::min(text.find(' ', start), text.size());
    words.push_back(text.substr(start, end - start));
    text.remove_prefix(end);
  }
  return words;
}

bool is_too_short(const IpPrefix& prefix) noexcept {
  return prefix.length < (prefix.address.version == 4 ? kBlockLengthMinV4 : kBlockLengthMinV6);
}

Result<BlockTarget> parse_source(std::string_view text) {
  const auto prefix = parse_ip_prefix(text);
  if (!prefix) return tl::unexpected<Error>(prefix.error());
  if (prefix->length == 0) return wrong(fmt::format("{} would block everything", text));
  if (is_too_short(*prefix)) {
    return wrong(fmt::format("{} is too wide: at most a /{} (IPv4) or a /{} (IPv6)", text,
                             kBlockLengthMinV4, kBlockLengthMinV6));
  }
  if (is_mapped(prefix->address) && prefix->length >= kMappedLength) {
    const unsigned length = prefix->length - kMappedLength;
    const std::string v4 = to_string(unmapped(prefix->address));
    return wrong(fmt::format("{} is an IPv4-mapped address, which no packet has", text),
                 length == 32 ? fmt::format("did you mean '{}'?", v4)
                              : fmt::format("did you mean '{}/{}'?", v4, length));
  }
  BlockTarget target;
  target.low = prefix->address.bytes;
  target.version = prefix->address.version;
  target.length = prefix->length;
  return target;
}

struct End {
  IpAddress address;
  std::uint16_t port = 0;
};

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end) return std::nullopt;
  return port;
}

Result<IpAddress> parse_end_address(std::string_view text) {
  auto address = parse_ip_address(text);
  if (address && is_mapped(*address)) {
    return wrong(fmt::format("{} is an IPv4-mapped address, which no packet has", text),
                 fmt::format("did you mean '{}'?", to_string(unmapped(*address))));
  }
  return address;
}

/// "192.0.2.1:80" or "[2001:db8::1]:80".
Result<End> parse_end_with_port(std::string_view text) {
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  std::string_view host = text.substr(0, colon);
  const auto port = colon == text.size() ? std::nullopt : parse_port(text.substr(colon + 1));
  const bool is_v6 = host.starts_with('[') && host.ends_with(']');
  if (is_v6) host = host.substr(1, host.size() - 2);
  if (!port || is_v6 != (host.find(':') != std::string_view::npos)) {
    return wrong(fmt::format("'{}' is not an address and a port: 192.0.2.1:80 or [2001:db8::1]:80",
                             text.substr(0, kShownBytesMax)));
  }
  auto address = parse_end_address(host);
  if (!address) return tl::unexpected<Error>(address.error());
  return End{*address, *port};
}

Result<End> parse_end(std::string_view text, const ProtocolWord& protocol) {
  if (protocol.has_ports) return parse_end_with_port(text);
  auto address = parse_end_address(text);
  if (!address) return tl::unexpected<Error>(address.error());
  return End{*address, 0};
}

/// "icmp" between IPv6 addresses means ICMPv6.
Result<std::uint8_t> number_for(const ProtocolWord& protocol, std::uint8_t version) {
  if (protocol.has_ports) return protocol.number;
  if (version == 6) return kIcmpV6;
  if (protocol.number == kIcmp) return kIcmp;
  return wrong("icmpv6 has no IPv4 addresses", "did you mean 'icmp'?");
}

BlockTarget flow_target(const End& from, const End& to, std::uint8_t protocol) noexcept {
  FiveTuple tuple;
  tuple.source = from.address;
  tuple.destination = to.address;
  tuple.source_port = from.port;
  tuple.destination_port = to.port;
  tuple.protocol = protocol;
  const FlowKey key = canonical(tuple).key;
  BlockTarget target;
  target.kind = BlockKind::flow;
  target.low = key.low;
  target.high = key.high;
  target.low_port = key.low_port;
  target.high_port = key.high_port;
  target.protocol = key.protocol;
  target.version = key.version;
  return target;
}

Result<BlockTarget> parse_flow(std::span<const std::string_view> words) {
  const auto* protocol = std::ranges::find(kProtocols, words[0], &ProtocolWord::word);
  if (protocol == std::end(kProtocols)) {
    std::vector<std::string_view> known;
    for (const ProtocolWord& row : kProtocols) known.push_back(row.word);
    const std::string_view near = nearest_word(words[0], known);
    return wrong(fmt::format("'{}' is not a protocol: {} would do",
                             words[0].substr(0, kShownBytesMax), fmt::join(known, ", ")),
                 near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
  }
  const auto from = parse_end(words[1], *protocol);
  if (!from) return tl::unexpected<Error>(from.error());
  const auto to = parse_end(words[2], *protocol);
  if (!to) return tl::unexpected<Error>(to.error());
  if (from->address.version != to->address.version) {
    return wrong(
        fmt::format("{} and {} are of different families: one of both", words[1], words[2]));
  }
  const auto number = number_for(*protocol, from->address.version);
  if (!number) return tl::unexpected<Error>(number.error());
  return flow_target(*from, *to, *number);
}

std::string end_text(const IpAddress& address, std::uint16_t port, bool has_port) {
  if (!has_port) return to_string(address);
  return address.version == 6 ? fmt::format("[{}]:{}", to_string(address), port)
                              : fmt::format("{}:{}", to_string(address), port);
}

bool is_source(const BlockTarget& target) noexcept {
  BlockTarget plain;
  plain.low = target.low;
  plain.version = target.version;
  plain.length = target.length;
  const IpPrefix prefix = source_of(target);
  return target == plain && prefix.length <= prefix.address.bits() && !is_too_short(prefix) &&
         prefix.covers(prefix.address) &&
         !(is_mapped(prefix.address) && prefix.length >= kMappedLength);
}

bool is_flow(const BlockTarget& target) noexcept {
  const ProtocolWord* protocol = find_protocol(target.protocol);
  if (protocol == nullptr || target.length != 0) return false;
  if (target.protocol == (target.version == 4 ? kIcmpV6 : kIcmp)) return false;
  if (!protocol->has_ports && (target.low_port != 0 || target.high_port != 0)) return false;
  const IpAddress low = low_end_of(target);
  const IpAddress high = high_end_of(target);
  const auto is_clean = [](const IpAddress& address) {
    return !is_mapped(address) &&
           IpPrefix{address, static_cast<std::uint8_t>(address.bits())}.covers(address);
  };
  return is_clean(low) && is_clean(high) &&
         flow_target({low, target.low_port}, {high, target.high_port}, target.protocol) == target;
}

}  // namespace

Result<BlockTarget> parse_block_target(std::string_view text) {
  const auto words = words_of(text);
  if (words.size() == 1) return parse_source(words[0]);
  if (words.size() == kWordsOfFlow) return parse_flow(words);
  return wrong(
      fmt::format("'{}' is not what can be blocked: an address, a prefix, or a flow as in "
                  "tcp 192.0.2.1:80 198.51.100.2:4242",
                  text.substr(0, kShownBytesMax)));
}

std::string to_string(const BlockTarget& target) {
  if (target.kind == BlockKind::source) {
    const IpPrefix prefix = source_of(target);
    return prefix.length == prefix.address.bits() ? to_string(prefix.address) : to_string(prefix);
  }
  const ProtocolWord* protocol = find_protocol(target.protocol);
  const bool has_ports = protocol != nullptr && protocol->has_ports;
  return fmt::format("{} {} {}", protocol_name(target.protocol),
                     end_text(low_end_of(target), target.low_port, has_ports),
                     end_text(high_end_of(target), target.high_port, has_ports));
}

bool is_well_formed(const BlockTarget& target) noexcept {
  if (target.version != 4 && target.version != 6) return false;
  if (target.kind == BlockKind::source) return is_source(target);
  return target.kind == BlockKind::flow && is_flow(target);
}

IpPrefix source_of(const BlockTarget& target) noexcept {
  return {low_end_of(target), target.length};
}

IpAddress low_end_of(const BlockTarget& target) noexcept { return {target.low, target.version}; }
IpAddress high_end_of(const BlockTarget& target) noexcept { return {target.high, target.version}; }

bool touches(const BlockTarget& target, const IpPrefix& prefix) noexcept {
  if (prefix.covers(low_end_of(target))) return true;
  if (target.kind == BlockKind::flow) return prefix.covers(high_end_of(target));
  return source_of(target).covers(prefix.address) && prefix.length >= target.length;
}

BlockEntry block_entry(const BlockTarget& target, std::uint64_t id, TimeNs until) noexcept {
  BlockEntry entry;
  entry.id = id;
  entry.until = until;
  entry.kind = target.kind;
  if (target.kind == BlockKind::source) {
    entry.prefix = source_of(target);
    return entry;
  }
  entry.low = low_end_of(target);
  entry.high = high_end_of(target);
  entry.low_port = target.low_port;
  entry.high_port = target.high_port;
  entry.protocol = target.protocol;
  return entry;
}

}  // namespace sluice
