#include "tests/bench/bench_rules.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "rules/suricata_import.h"

namespace sluice::bench {

BenchRules rules_in_force(const std::string& name, std::string text) {
  const std::array<ImportFile, 1> files{ImportFile{name, std::move(text)}};
  ImportOptions options;
  options.is_as_is = true;
  const ImportResult imported = import_suricata(files, options);
  for (const ImportNote& note : imported.report.refused) {
    fmt::print("  {}:{}: {}: {}\n", note.file, note.position.line, note.keyword, note.reason);
  }
  BenchRules out;
  Diagnostics findings;
  CompileOptions compile;
  for (const char* variable :
       {"HOME_NET",        "EXTERNAL_NET",   "HTTP_SERVERS",    "DNS_SERVERS", "SMTP_SERVERS",
        "SQL_SERVERS",     "TELNET_SERVERS", "DC_SERVERS",      "HTTP_PORTS",  "SSH_PORTS",
        "SHELLCODE_PORTS", "ORACLE_PORTS",   "FILE_DATA_PORTS", "FTP_PORTS",   "MODBUS_CLIENT",
        "MODBUS_SERVER",   "DNP3_CLIENT",    "DNP3_SERVER",     "ENIP_CLIENT", "ENIP_SERVER",
        "DNP3_PORTS",      "MODBUS_PORTS",   "AIM_SERVERS",     "VXLAN_PORTS"}) {
    static_cast<void>(add_variable(fmt::format("{}=any", variable), compile.variables));
  }
  auto parts = compile_ruleset(imported.rules, {}, compile, findings, out.report);
  fmt::print("{}", findings.render());
  SLUICE_CHECK(parts.has_value(), "there are not too many rules");
  out.rules = parts->ruleset.rules.size();
  auto live = make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr);
  SLUICE_CHECK(live.has_value(), "databases of this host are read on this host");
  out.live = std::move(*live);
  return out;
}

const ScanDatabase& datagram_database(const LiveRuleset& live) {
  const std::uint32_t group = live.rules.map.packet_group(RuleProtocol::udp, 0, 53);
  SLUICE_CHECK(group != kNoGroup, "there are rules for datagrams");
  return *live.databases[live.rules.groups[group].database];
}

}  // namespace sluice::bench
