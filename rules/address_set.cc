// One reader for both kinds of expression: what differs, how an element is read and where variables
// stand, is in a `Kind`. A set carries what it holds and is combined as a whole; a list collects
// its elements first and merges once, so that reading n elements is O(n log n). Depth bounds the
// recursion and thereby cycles of variables; the number of elements bounds variables that multiply.
#include "rules/address_set.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/suggest.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 64;
constexpr std::size_t kVariableNameBytesMax = 64;
/// A long text is counted like many elements, whatever stands in it.
constexpr std::size_t kSetBytesOfAnElement = 64;

/// Names that are `any` where nobody sets them.
constexpr std::string_view kAddressNames[] = {
    "HOME_NET",    "EXTERNAL_NET", "HTTP_SERVERS",   "SMTP_SERVERS",  "SQL_SERVERS",
    "DNS_SERVERS", "SSH_SERVERS",  "TELNET_SERVERS", "FTP_SERVERS",   "AIM_SERVERS",
    "DC_SERVERS",  "DNP3_SERVER",  "DNP3_CLIENT",    "MODBUS_CLIENT", "MODBUS_SERVER",
    "ENIP_CLIENT", "ENIP_SERVER",  "SNMP_SERVERS",   "SIP_SERVERS",
};
constexpr std::string_view kPortNames[] = {
    "HTTP_PORTS", "SHELLCODE_PORTS", "ORACLE_PORTS",    "SSH_PORTS",    "DNP3_PORTS",
    "FTP_PORTS",  "MODBUS_PORTS",    "FILE_DATA_PORTS", "GENEVE_PORTS", "VXLAN_PORTS",
    "SIP_PORTS",  "GTP_PORTS",       "TEREDO_PORTS",    "MAIL_PORTS",
};

std::string_view shown(std::string_view text) { return text.substr(0, kShownBytesMax); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_variable_name(std::string_view name) {
  const auto is_name_byte = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= kVariableNameBytesMax &&
         std::ranges::all_of(name, is_name_byte);
}

Ipv6Bytes last_address_of(const IpPrefix& prefix) {
  Ipv6Bytes last = prefix.address.bytes;
  for (unsigned bit = prefix.length; bit < prefix.address.bits(); ++bit) {
    last[bit / 8] = static_cast<std::uint8_t>(last[bit / 8] | (0x80U >> bit % 8));
  }
  return last;
}

AddressSet range_of(const IpAddress& low, const IpAddress& high) {
  AddressSet set;
  if (low.version == 4) {
    set.v4.push_back({low.v4(), high.v4()});
  } else {
    set.v6.push_back({low.bytes, high.bytes});
  }
  return set;
}

Result<AddressSet> parse_address_range(std::string_view text, std::size_t dash) {
  const auto low = parse_ip_address(trimmed(text.substr(0, dash)));
  const auto high = parse_ip_address(trimmed(text.substr(dash + 1)));
  if (!low) return tl::unexpected<Error>(low.error());
  if (!high) return tl::unexpected<Error>(high.error());
  if (low->version != high->version || low->bytes > high->bytes) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no range: its first address is to be the "
                                                "smaller one of the same version",
                                                shown(text)));
  }
  return range_of(*low, *high);
}

std::optional<std::uint16_t> port_number(std::string_view digits) {
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, port);
  if (digits.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return port;
}

struct AddressKind {
  using Set = AddressSet;
  static constexpr std::string_view kWhat = "address";
  static std::span<const std::string_view> known_names() { return kAddressNames; }
  static const auto& variables(const RuleVariables& all) { return all.addresses; }

  static Result<Set> parse_named(std::string_view name, const RuleVariables& all) {
    std::vector<std::string_view> names;
    for (const NamedSet& set : all.sets) {
      if (set.kind == SetKind::address) names.push_back(set.name);
    }
    const auto set = std::ranges::find(all.sets, name, &NamedSet::name);
    if (set != all.sets.end() && set->kind == SetKind::address) {
      return Set{{}, {}, {{static_cast<std::uint32_t>(set - all.sets.begin()), false}}};
    }
    const std::string_view near = nearest_word(name, names);
    return fail(ErrorKind::not_found,
                fmt::format("'@{}' is {} in the configuration", shown(name),
                            set == all.sets.end() ? "none of sets" : "no set of addresses"),
                near.empty() ? std::string() : fmt::format("did you mean '@{}'?", near));
  }

  static Result<Set> parse_element(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash != std::string_view::npos) return parse_address_range(text, dash);
    const auto prefix = parse_ip_prefix(text);
    if (!prefix) return tl::unexpected<Error>(prefix.error());
    return range_of(prefix->address, {last_address_of(*prefix), prefix->address.version});
  }
  static void append(Set& to, const Set& from) {
    to.v4.insert(to.v4.end(), from.v4.begin(), from.v4.end());
    to.v6.insert(to.v6.end(), from.v6.begin(), from.v6.end());
    to.named.insert(to.named.end(), from.named.begin(), from.named.end());
  }
  static Set difference(Set kept, Set removed) {
    Set left;
    left.named = std::move(kept.named);
    for (NamedSetRef ref : removed.named) {
      ref.is_negated = true;
      left.named.push_back(ref);
    }
    removed.v4 = merged(std::move(removed.v4));
    removed.v6 = merged(std::move(removed.v6));
    left.v4 = without(merged(std::move(kept.v4)), removed.v4);
    left.v6 = without(merged(std::move(kept.v6)), removed.v6);
    if (left.has_sets()) {
      left.not_v4 = std::move(removed.v4);
      left.not_v6 = std::move(removed.v6);
    }
    return left;
  }
  /// What it leaves out of its sets, or of others by a set, cannot be said inside another list.
  static bool can_nest(const Set& set) {
    return set.not_v4.empty() && set.not_v6.empty() &&
           std::ranges::none_of(set.named, &NamedSetRef::is_negated);
  }
};

struct PortKind {
  using Set = PortRanges;
  static constexpr std::string_view kWhat = "port";
  static std::span<const std::string_view> known_names() { return kPortNames; }
  static const auto& variables(const RuleVariables& all) { return all.ports; }

  static Result<Set> parse_named(std::string_view name, const RuleVariables&) {
    return fail(ErrorKind::invalid,
                fmt::format("'@{}' is no port: sets hold no ports", shown(name)));
  }
  static bool can_nest(const Set&) { return true; }

  static Result<Set> parse_element(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view first = trimmed(text.substr(0, colon));
    const std::string_view last =
        colon == std::string_view::npos ? first : trimmed(text.substr(colon + 1));
    const bool is_open = colon != std::string_view::npos && text.size() > 1;
    const auto low = first.empty() && is_open ? std::uint16_t{0} : port_number(first);
    const auto high = last.empty() && is_open ? std::uint16_t{65535} : port_number(last);
    if (!low || !high || *low > *high) {
      return fail(ErrorKind::invalid,
                  fmt::format("'{}' is no port: a number up to 65535 or a range such as 8000:8099 "
                              "belongs here",
                              shown(text)));
    }
    return Set{{{*low, *high}}};
  }
  static void append(Set& to, const Set& from) {
    to.ports.insert(to.ports.end(), from.ports.begin(), from.ports.end());
  }
  static Set difference(Set kept, Set removed) {
    return {without(merged(std::move(kept.ports)), merged(std::move(removed.ports)))};
  }
};

template <class Kind>
class ExpressionReader {
 public:
  using Set = typename Kind::Set;
  explicit ExpressionReader(const RuleVariables& variables) noexcept : variables_(variables) {}

  [[nodiscard]] Result<Set> read(std::string_view text, std::size_t depth);

 private:
  /// One element without its "!": what stands in brackets is its own `read_list`.
  Result<Set> read_plain(std::string_view text, std::size_t depth);
  Result<Set> read_list(std::string_view inside, std::size_t depth);
  Result<Set> read_variable(std::string_view name, std::size_t depth);

  const RuleVariables& variables_;
  std::size_t elements_ = 0;
};

/// Elements of a list, divided at the commas that stand in no bracket of their own.
std::optional<std::vector<std::string_view>> split_list(std::string_view inside) {
  std::vector<std::string_view> out;
  std::size_t open = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '[') ++open;
    if (inside[i] == ']' && open-- == 0) return std::nullopt;
    if (inside[i] != ',' || open != 0) continue;
    out.push_back(inside.substr(begin, i - begin));
    begin = i + 1;
  }
  if (open != 0) return std::nullopt;
  out.push_back(inside.substr(begin));
  return out;
}

tl::unexpected<Error> twice_negated(std::string_view text) {
  return fail(
      ErrorKind::invalid,
      fmt::format("'{}' has a list inside that leaves out what sets hold: one list would do",
                  shown(text)));
}

template <class Kind>
auto ExpressionReader<Kind>::read(std::string_view text, std::size_t depth) -> Result<Set> {
  text = trimmed(text);
  const bool is_negated = text.starts_with('!');
  auto set = read_plain(is_negated ? trimmed(text.substr(1)) : text, depth);
  if (!set || !is_negated) return set;
  if (!Kind::can_nest(*set)) return twice_negated(text);
  return Kind::difference(Set::any(), std::move(*set));
}

template <class Kind>
auto ExpressionReader<Kind>::read_plain(std::string_view text, std::size_t depth) -> Result<Set> {
  if (depth > kSetDepthMax) {
    return fail(ErrorKind::limit, fmt::format("lists and variables stand more than {} deep inside "
                                              "one another: a variable may name itself",
                                              kSetDepthMax));
  }
  if (++elements_ > kSetElementsMax) {
    return fail(ErrorKind::limit, fmt::format("has more than {} elements", kSetElementsMax));
  }
  if (text.empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("an element is empty: {} {} belongs here",
                            Kind::kWhat == "address" ? "an" : "a", Kind::kWhat));
  }
  if (text == "any") return Set::any();
  if (text.front() == '@') return Kind::parse_named(text.substr(1), variables_);
  if (text.front() == '$') return read_variable(text.substr(1), depth);
  if (text.front() != '[') return Kind::parse_element(text);
  if (text.back() != ']') {
    return fail(ErrorKind::invalid,
                fmt::format("a list that begins with [ does not end with ]: '{}'", shown(text)));
  }
  return read_list(text.substr(1, text.size() - 2), depth);
}

template <class Kind>
auto ExpressionReader<Kind>::read_list(std::string_view inside, std::size_t depth) -> Result<Set> {
  const auto elements = split_list(inside);
  if (!elements) {
    return fail(ErrorKind::invalid,
                fmt::format("brackets are not in pairs: '[{}]'", shown(inside)));
  }
  Set named;
  Set removed;
  bool has_names = false;
  for (std::string_view element : *elements) {
    element = trimmed(element);
    const bool is_negated = element.starts_with('!');
    auto set = read_plain(is_negated ? trimmed(element.substr(1)) : element, depth + 1);
    if (!set) return set;
    if (!Kind::can_nest(*set)) return twice_negated(inside);
    Kind::append(is_negated ? removed : named, *set);
    has_names = has_names || !is_negated;
  }
  return Kind::difference(has_names ? std::move(named) : Set::any(), std::move(removed));
}

template <class Kind>
auto ExpressionReader<Kind>::read_variable(std::string_view name, std::size_t depth)
    -> Result<Set> {
  const auto& all = Kind::variables(variables_);
  if (const auto found = all.find(std::string(name)); found != all.end()) {
    elements_ += found->second.size() / kSetBytesOfAnElement;
    auto set = read(found->second, depth + 1);
    if (!set) return with_context(fmt::format("${}", shown(name)), set.error());
    return set;
  }
  const auto known = Kind::known_names();
  if (std::ranges::find(known, name) != known.end()) return Set::any();
  std::vector<std::string_view> names(known.begin(), known.end());
  for (const auto& [own, value] : all) names.push_back(own);
  const std::string_view near = nearest_word(name, names);
  return fail(ErrorKind::not_found,
              fmt::format("no variable of {} has the name '{}'",
                          Kind::kWhat == "address" ? "addresses" : "ports", shown(name)),
              near.empty() ? std::string() : fmt::format("did you mean '${}'?", near));
}

template <class Kind>
Result<typename Kind::Set> parse_set(std::string_view expression, const RuleVariables& variables) {
  if (expression.size() > kSetExpressionBytesMax) {
    return fail(ErrorKind::limit, fmt::format("is {} bytes long, above the largest of {}",
                                              expression.size(), kSetExpressionBytesMax));
  }
  auto set = ExpressionReader<Kind>(variables).read(expression, 0);
  if (set && set->is_empty()) {
    const bool has_variable = expression.find('$') != std::string_view::npos;
    return fail(ErrorKind::invalid,
                fmt::format("'{}' leaves no {}", shown(expression), Kind::kWhat),
                has_variable ? "a variable that is not set is any: set it" : "");
  }
  return set;
}

}  // namespace

AddressSet AddressSet::any() { return {whole_range<std::uint32_t>(), whole_range<Ipv6Bytes>()}; }

bool AddressSet::has_sets() const noexcept {
  return std::ranges::any_of(named, [](const NamedSetRef& ref) { return !ref.is_negated; });
}

bool AddressSet::excludes(const IpAddress& address) const noexcept {
  return address.version == 4 ? has_value(not_v4, address.v4()) : has_value(not_v6, address.bytes);
}

bool AddressSet::contains(const IpAddress& address) const noexcept {
  return address.version == 4 ? has_value(v4, address.v4()) : has_value(v6, address.bytes);
}

bool AddressSet::is_any() const noexcept {
  return named.empty() && v4.size() == 1 && v4[0].low == 0 &&
         v4[0].high == largest_value(std::uint32_t{}) && v6.size() == 1 &&
         v6[0].low == Ipv6Bytes{} && v6[0].high == largest_value(Ipv6Bytes{});
}

PortRanges PortRanges::any() { return {whole_range<std::uint16_t>()}; }

bool PortRanges::contains(std::uint16_t port) const noexcept { return has_value(ports, port); }

bool PortRanges::is_any() const noexcept {
  return ports.size() == 1 && ports[0].low == 0 && ports[0].high == 65535;
}

Result<AddressSet> parse_addresses(std::string_view expression, const RuleVariables& variables) {
  return parse_set<AddressKind>(expression, variables);
}

Result<PortRanges> parse_ports(std::string_view expression, const RuleVariables& variables) {
  return parse_set<PortKind>(expression, variables);
}

Status add_variable(std::string_view assignment, RuleVariables& variables) {
  const std::size_t equals = assignment.find('=');
  const std::string_view name = trimmed(assignment.substr(0, equals));
  if (equals == std::string_view::npos || !is_variable_name(name)) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is no variable: write NAME=VALUE, with a name of letters, digits "
                            "and _",
                            shown(assignment)));
  }
  const std::string_view value = trimmed(assignment.substr(equals + 1));
  const bool is_of_ports = name.ends_with("PORT") || name.ends_with("PORTS");
  if (is_of_ports) {
    if (auto set = parse_ports(value, variables); !set) return with_context(name, set.error());
  } else if (auto set = parse_addresses(value, variables); !set) {
    return with_context(name, set.error());
  }
  (is_of_ports ? variables.ports : variables.addresses)[std::string(name)] = value;
  return {};
}

}  // namespace sluice
