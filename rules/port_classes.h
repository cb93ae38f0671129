// Server ports sorted into classes with the same rules, so that a packet is scanned for few
// patterns that cannot concern it. Compiler only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rules/address_set.h"

namespace sluice {

/// A rule and the server ports that it is about.
struct PortDemand {
  std::uint32_t rule = 0;
  PortRanges ports;
};

struct PortClassLimits {
  std::size_t classes_max = 32;
  /// Rules of all classes together, as a multiple of the rules; what is above shares one class.
  std::size_t copies_max = 4;
  /// What is allowed in any case.
  std::size_t rules_floor = 2'000;
};

struct PortClasses {
  std::vector<std::uint8_t> class_of_port;           ///< 65,536, or empty: all are of class 0
  std::vector<std::vector<std::uint32_t>> rules_of;  ///< by class, ascending
};

/// Every class has all rules that are about any of its ports, and where that had to be bounded,
/// more. At least one class; the same demands in another order give the same classes.
[[nodiscard]] PortClasses classify_ports(std::span<const PortDemand> demands,
                                         const PortClassLimits& limits);

}  // namespace sluice
