#include "rules/suricata_services.h"

#include <array>

namespace sluice {
namespace {

constexpr std::string_view kIpv4 = "0.0.0.0/0";
constexpr std::string_view kIpv6 = "::/0";
constexpr auto kBoth = PayloadScope::both;
using enum RuleProtocol;

// DNS comes over both UDP and TCP, so its row asks for neither.
constexpr std::array<SuricataProtocol, 26> kProtocols{{
    {"ip", ip},
    {"ipv4", ip, Service::any, kBoth, kIpv4},
    {"ip4", ip, Service::any, kBoth, kIpv4},
    {"ipv6", ip, Service::any, kBoth, kIpv6},
    {"ip6", ip, Service::any, kBoth, kIpv6},
    {"tcp", tcp},
    {"tcp-pkt", tcp, Service::any, PayloadScope::no_stream},
    {"tcp-stream", tcp, Service::any, PayloadScope::only_stream},
    {"udp", udp},
    {"icmp", icmp},
    {"icmpv4", icmp, Service::any, kBoth, kIpv4},
    {"icmpv6", icmpv6},
    {"icmp6", icmpv6},
    {"sctp", sctp},
    {"http", tcp, Service::http},
    {"http1", tcp, Service::http},
    {"http2", tcp, Service::http2},
    {"dns", ip, Service::dns},
    {"tls", tcp, Service::tls},
    {"ssl", tcp, Service::tls},
    {"smtp", tcp, Service::smtp},
    {"ftp", tcp, Service::ftp},
    {"ftp-data", tcp, Service::ftp_data},
    {"ssh", tcp, Service::ssh},
    {"smb", tcp, Service::smb},
    {"quic", udp, Service::quic},
}};

}  // namespace

std::optional<SuricataProtocol> suricata_protocol_named(std::string_view name) {
  for (const SuricataProtocol& row : kProtocols) {
    if (row.name == name) return row;
  }
  return std::nullopt;
}

}  // namespace sluice
