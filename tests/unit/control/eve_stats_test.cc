#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/store/eve_format.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::kNewYear2025;

std::string line(EveFormatter& formatter, const StatsSnapshot& snapshot) {
  std::vector<char> buffer(kEveStatsBytesMax);
  return {buffer.data(), formatter.stats(snapshot, buffer)};
}

StatsSnapshot busy_snapshot() {
  StatsSnapshot snapshot;
  snapshot.started = kNewYear2025;
  snapshot.now = kNewYear2025 + 90 * kNsPerSecond;
  snapshot.workers = 2;
  snapshot.lost_before_receive = 5;
  snapshot.total.rx_packets = 100;
  snapshot.total.rx_bytes = 10'000;
  snapshot.total.forwarded = 90;
  snapshot.total.dropped[static_cast<std::size_t>(DropReason::bad_ip_checksum)] = 7;
  snapshot.total.dropped[static_cast<std::size_t>(DropReason::denied_prefix)] = 2;
  snapshot.total.would_drop[static_cast<std::size_t>(DropReason::flow_refused)] = 4;
  snapshot.total.capacity[static_cast<std::size_t>(CapacityEvent::flow_evicted)] = 3;
  snapshot.total.held = 1;
  snapshot.total.flows_created = 20;
  snapshot.total.flows_active = 6;
  snapshot.total.generation = 8;
  snapshot.total.ports[1].tx_packets = 44;
  snapshot.events_lost_queue = 11;
  return snapshot;
}

TEST(EveStats, AreNestedAsSuricatasAre) {
  EveContext context;
  context.port_names = {"outside0", "inside0"};
  EveFormatter formatter(context);
  const Json stats = Json::parse(line(formatter, busy_snapshot()));
  EXPECT_EQ(stats["event_type"], "stats");
  EXPECT_FALSE(stats.contains("in_iface"));
  EXPECT_EQ(stats["stats"], Json::parse(R"({
    "uptime": 90, "capture": {"kernel_packets": 105, "kernel_drops": 5},
    "decoder": {"pkts": 100, "bytes": 10000, "invalid": 7},
    "flow": {"total": 20, "active": 6}, "ips": {"accepted": 90, "blocked": 9}})"));
  const Json& own = stats["sluice"];
  EXPECT_EQ(own["dropped_by_reason"], Json::parse(R"({"bad_ip_checksum": 7, "denied_prefix": 2})"));
  EXPECT_EQ(own["would_drop_by_reason"], Json::parse(R"({"flow_refused": 4})"));
  EXPECT_EQ(own["capacity_events"], Json::parse(R"({"flow_evicted": 3})"));
  EXPECT_EQ(own["records_lost"],
            Json::parse(R"({"flow": 0, "drop": 0, "inspect": 0, "queue": 11, "file": 0})"));
  EXPECT_EQ(own["ports"]["inside0"]["tx_packets"], 44);
  EXPECT_EQ(own["generation"], 8);
}

TEST(EveStats, LeaveWhatDependsOnWorkersOutOfAReplay) {
  StatsSnapshot one = busy_snapshot();
  StatsSnapshot two = one;
  two.workers = 1;
  two.total.polls = 999;
  two.total.handed_in = two.total.handed_out = 5;
  EveContext replay;
  replay.is_replay = true;
  EveFormatter formatter(replay);
  EXPECT_EQ(line(formatter, one), line(formatter, two));
}

TEST(EveStats, FitTheirBoundWhateverTheyCount) {
  EveContext context;
  context.port_names.assign(kPortsMax, std::string(31, '\x01'));
  for (char& c : context.port_names[1]) c = '\x02';
  EveFormatter formatter(context);
  StatsSnapshot snapshot;
  snapshot.total.dropped.fill(~0ULL);
  snapshot.total.would_drop.fill(~0ULL);
  snapshot.total.capacity.fill(~0ULL);
  snapshot.total.ports.fill({~0ULL, ~0ULL, ~0ULL, ~0ULL});
  EXPECT_FALSE(line(formatter, snapshot).empty());
}

}  // namespace
}  // namespace sluice
