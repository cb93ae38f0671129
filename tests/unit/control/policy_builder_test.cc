#include "control/policy_builder.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

IpPrefix prefix(const char* text) { return parse_ip_prefix(text).value(); }

std::vector<std::string> shown(const PolicyParts& parts) {
  std::vector<std::string> out;
  for (const ListEntry& entry : parts.lists) {
    out.push_back(std::string(entry.kind == ListKind::allow ? "allow " : "deny ") +
                  (entry.side == ListSide::source ? "from " : "to ") + to_string(entry.prefix));
  }
  return out;
}

TEST(PolicyBuilder, CarriesTheSettingsOver) {
  CheckedConfig checked;
  Config& config = checked.config;
  config.mode = Mode::monitor;
  config.limits.flow.packets = {1000, 10};
  config.flows.udp = 7;
  config.fragments.datagrams = 5;
  config.decode.tunnel_depth = 1;
  config.events.drop_sample = 3;
  config.events.flow_records = false;
  const PolicyParts parts = build_policy_parts(checked);
  EXPECT_EQ(parts.settings.generation, 1U);
  EXPECT_EQ(parts.settings.mode, Mode::monitor);
  EXPECT_EQ(parts.settings.limits, config.limits);
  EXPECT_EQ(parts.settings.flows, config.flows);
  EXPECT_EQ(parts.settings.fragments, config.fragments);
  EXPECT_EQ(parts.settings.decode, config.decode);
  EXPECT_EQ(parts.settings.drop_sample, 3U);
  EXPECT_FALSE(parts.settings.flow_records);
  EXPECT_TRUE(parts.lists.empty());
}

TEST(PolicyBuilder, ReportsTheApplicationsThatAreSwitchedOn) {
  CheckedConfig checked;
  EventConfig& events = checked.config.events;
  EXPECT_TRUE(build_policy_parts(checked).settings.anomaly_records);
  events.http = events.tls = events.ssh = events.smtp = events.ftp = events.quic = false;
  events.anomaly = false;
  const PolicySettings settings = build_policy_parts(checked).settings;
  EXPECT_EQ(settings.transaction_records, 1U << static_cast<unsigned>(Service::dns));
  EXPECT_FALSE(settings.anomaly_records);
}

TEST(PolicyBuilder, OrdersListsBySideAndKind) {
  CheckedConfig checked;
  checked.lists.deny_source = {prefix("10.0.0.0/8"), prefix("192.0.2.0/24")};
  checked.lists.allow_source = {prefix("10.1.0.0/16")};
  checked.lists.deny_destination = {prefix("2001:db8::/32")};
  checked.lists.allow_destination = {prefix("203.0.113.1/32")};
  EXPECT_EQ(shown(build_policy_parts(checked)),
            (std::vector<std::string>{"allow from 10.1.0.0/16", "deny from 10.0.0.0/8",
                                      "deny from 192.0.2.0/24", "allow to 203.0.113.1/32",
                                      "deny to 2001:db8::/32"}));
}

}  // namespace
}  // namespace sluice
