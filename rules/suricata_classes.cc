// Priorities of the classtypes that rule sets use commonly, as their classification files have
// them: 1 is the most urgent.
#include <array>

#include "rules/suricata_rule.h"

namespace sluice {
namespace {

struct ClassRow {
  std::string_view name;
  std::uint32_t priority;
};

constexpr std::array kClasses{
    ClassRow{"attempted-admin", 1},
    ClassRow{"attempted-user", 1},
    ClassRow{"command-and-control", 1},
    ClassRow{"credential-theft", 1},
    ClassRow{"domain-c2", 1},
    ClassRow{"exploit-kit", 1},
    ClassRow{"inappropriate-content", 1},
    ClassRow{"policy-violation", 1},
    ClassRow{"shellcode-detect", 1},
    ClassRow{"successful-admin", 1},
    ClassRow{"successful-user", 1},
    ClassRow{"targeted-activity", 1},
    ClassRow{"trojan-activity", 1},
    ClassRow{"unsuccessful-user", 1},
    ClassRow{"web-application-attack", 1},

    ClassRow{"attempted-dos", 2},
    ClassRow{"attempted-recon", 2},
    ClassRow{"bad-unknown", 2},
    ClassRow{"coin-mining", 2},
    ClassRow{"default-login-attempt", 2},
    ClassRow{"denial-of-service", 2},
    ClassRow{"external-ip-check", 2},
    ClassRow{"misc-attack", 2},
    ClassRow{"non-standard-protocol", 2},
    ClassRow{"pup-activity", 2},
    ClassRow{"rpc-portmap-decode", 2},
    ClassRow{"social-engineering", 2},
    ClassRow{"successful-dos", 2},
    ClassRow{"successful-recon-largescale", 2},
    ClassRow{"successful-recon-limited", 2},
    ClassRow{"suspicious-filename-detect", 2},
    ClassRow{"suspicious-login", 2},
    ClassRow{"system-call-detect", 2},
    ClassRow{"unusual-client-port-connection", 2},
    ClassRow{"web-application-activity", 2},

    ClassRow{"icmp-event", 3},
    ClassRow{"misc-activity", 3},
    ClassRow{"network-scan", 3},
    ClassRow{"not-suspicious", 3},
    ClassRow{"protocol-command-decode", 3},
    ClassRow{"string-detect", 3},
    ClassRow{"unknown", 3},

    ClassRow{"tcp-connection", 4},
};

}  // namespace

std::uint32_t priority_of_class(std::string_view class_name) noexcept {
  for (const ClassRow& row : kClasses) {
    if (row.name == class_name) return row.priority;
  }
  return 0;
}

}  // namespace sluice
