// Address and port expressions of rules, such as "[$HOME_NET, !10.0.0.0/8]" or "[80, 8000:8099]",
// and the sets they stand for. Reading is for the control side; looking up is for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "config/set_kind.h"
#include "rules/value_ranges.h"

namespace sluice {

/// What `$NAME` stands for: an expression, which may name further variables. Names are without the
/// dollar sign. Names that rule packs use commonly (HOME_NET, HTTP_PORTS, ...) are `any` where they
/// are not set; other names that are not set are errors where they are used.
struct RuleVariables {
  std::map<std::string, std::string> addresses;
  std::map<std::string, std::string> ports;
  std::vector<NamedSet> sets;  ///< of the configuration: `@NAME` among addresses
};

/// Takes "NAME=VALUE" in. Names that end in PORT or PORTS are of ports, all others of addresses.
/// The value is read alone, with the variables that stand in `variables` already.
[[nodiscard]] Status add_variable(std::string_view assignment, RuleVariables& variables);

/// A set of the configuration, by its place among them.
struct NamedSetRef {
  std::uint32_t set = 0;
  bool is_negated = false;  ///< its addresses are left out
  friend bool operator==(const NamedSetRef&, const NamedSetRef&) = default;
};

struct AddressSet {
  ValueRanges<std::uint32_t> v4;  ///< host order
  ValueRanges<Ipv6Bytes> v6;
  /// Whose entries are known to workers only: `contains` passes over them.
  std::vector<NamedSetRef> named = {};
  /// Left out of what `named` holds; out of `v4` and `v6` it is already.
  ValueRanges<std::uint32_t> not_v4 = {};
  ValueRanges<Ipv6Bytes> not_v6 = {};

  [[nodiscard]] static AddressSet any();
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;  ///< O(log n)
  [[nodiscard]] bool is_any() const noexcept;                            ///< both versions, all
  [[nodiscard]] bool is_empty() const noexcept { return v4.empty() && v6.empty() && !has_sets(); }
  /// Holds what is in a set, besides its ranges.
  [[nodiscard]] bool has_sets() const noexcept;
  /// The address is left out of what sets hold.
  [[nodiscard]] bool excludes(const IpAddress& address) const noexcept;
  friend bool operator==(const AddressSet&, const AddressSet&) = default;
};

struct PortRanges {
  ValueRanges<std::uint16_t> ports;

  [[nodiscard]] static PortRanges any();
  [[nodiscard]] bool contains(std::uint16_t port) const noexcept;  ///< O(log n)
  [[nodiscard]] bool is_any() const noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return ports.empty(); }
  friend bool operator==(const PortRanges&, const PortRanges&) = default;
};

inline constexpr std::size_t kSetExpressionBytesMax = std::size_t{1} << 20;
/// Lists and variables inside one another.
inline constexpr std::size_t kSetDepthMax = 16;
/// Elements of an expression with all its variables written out.
inline constexpr std::size_t kSetElementsMax = 100'000;

/// An expression is `any`, an address, a prefix, a range "10.0.0.1-10.0.0.9", a variable "$NAME", a
/// set of the configuration "@NAME", a list in brackets, or one of these behind a "!". A set behind
/// a "!" stands in the outermost list or alone. A list is all that it names without what it
/// names behind a "!"; with exclusions alone it is everything else. Nothing left is an error.
[[nodiscard]] Result<AddressSet> parse_addresses(std::string_view expression,
                                                 const RuleVariables& variables);
/// The same with a port, or a range "8000:8099", "1024:", ":1023".
[[nodiscard]] Result<PortRanges> parse_ports(std::string_view expression,
                                             const RuleVariables& variables);

}  // namespace sluice
