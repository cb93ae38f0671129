// What Suricata's words for protocols stand for here. Control side only.
#pragma once

#include <optional>
#include <string_view>

#include "rules/rule.h"

namespace sluice {

struct SuricataProtocol {
  std::string_view name;
  RuleProtocol protocol = RuleProtocol::ip;
  Service service = Service::any;
  PayloadScope scope = PayloadScope::both;
  std::string_view addresses = {};  ///< of the one IP version it means, as a prefix; or empty
};

/// None for protocols that sluice does not tell apart.
[[nodiscard]] std::optional<SuricataProtocol> suricata_protocol_named(std::string_view name);

}  // namespace sluice
