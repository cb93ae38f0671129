#include <optional>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/command_handlers.h"
#include "control/keeper_link.h"
#include "control/observe/health.h"
#include "control/observe/wire_view.h"
#include "control/user_share.h"
#include "tests/unit/control/records.h"
#include "tests/unit/control/wire_world.h"

namespace sluice {
namespace {

using nlohmann::json;
using Handler = void (*)(Services&, const Caller&, const json&, Reply);

/// The verbs against a window; the test itself is the keeper at the other end of the link.
class CommandsView : public ::testing::Test {
 protected:
  CommandsView() : ends_(Channel::make_memory_pair()), link_(std::move(ends_.second)) {
    services_.clock = &clock_;
    services_.view = &view_;
    services_.keeper = &link_;
    services_.health = &health_;
    ControlFacts& facts = view_.facts();
    facts.version = "1.2.3";
    facts.pid = 4711;
    facts.config.path = "/etc/sluice/sluice.yaml";
    facts.config.loaded_at = test::kWorldStart;
    link_.obey({.kind = MessageKind::hello, .generation = 1}, clock_.time);
    second();
  }
  void second() {
    wire_.publish();
    wire_.beat();
    clock_.time += kNsPerSecond;
    view_.turn(clock_.time);
    health_.evaluate(clock_.time, view_.health_inputs(clock_.time));
  }
  void ask(Handler handler, const json& args = json::object()) {
    answer_.reset();
    handler(services_, {}, args, [this](Result<json> answer) {
      ASSERT_FALSE(answer_.has_value()) << "answered twice";
      answer_ = std::move(answer);
    });
  }
  json answer(Handler handler, const json& args = json::object()) {
    ask(handler, args);
    return answer_ && *answer_ ? **answer_ : json();
  }
  /// The question that went to the keeper.
  template <class Rows>
  RowQuery keeper_answers(RequestKind kind, const Rows& rows) {
    link_.turn(clock_.time);
    auto message = ends_.first.try_receive();
    if (!message || !message->has_value() || (*message)->request != kind) return {};
    const auto body = body_of(**message);
    const RowQuery query = decode_as<RowQuery>(body->bytes()).value();
    (void)ends_.first.try_send_body(MessageKind::reply, kind, (*message)->generation, encode(rows));
    auto reply = link_.channel().try_receive();
    if (reply && reply->has_value()) link_.obey(**reply, clock_.time);
    return query;
  }
  void keeper_denies(const std::string& why) {
    link_.turn(clock_.time);
    auto message = ends_.first.try_receive();
    ASSERT_TRUE(message && message->has_value());
    link_.obey({.kind = MessageKind::denied, .generation = (*message)->generation, .text = why},
               clock_.time);
  }

  test::FakeClock clock_;
  test::WireWorld wire_;
  WireView view_{wire_.all(), wire_.header};
  Health health_;
  std::pair<Channel, Channel> ends_;
  KeeperLink link_;
  Services services_;
  std::optional<Result<json>> answer_;
};

FlowRecord some_flow() {
  FlowRecord record = test::flow_record({"192.0.2.9", "198.51.100.1", 40000, 443});
  record.first_seen = test::kWorldStart;
  record.last_seen = test::kWorldStart + kNsPerSecond / 2;
  record.in_port = 1;
  record.end = FlowEnd::none;
  return record;
}

TEST_F(CommandsView, VersionIsOfProtocolAndProgram) {
  EXPECT_EQ(answer(show_version), (json{{"protocol", 1}, {"program", "1.2.3"}}));
}

TEST_F(CommandsView, BoundsTheRowListsOfOneUser) {
  UserShare share(2);
  services_.row_lists = &share;
  std::vector<Result<json>> answers;
  const auto note = [&answers](Result<json> answer) { answers.push_back(std::move(answer)); };
  Caller ada;
  ada.uid = 1001;
  list_flows(services_, ada, json::object(), note);
  list_limits(services_, ada, json::object(), note);
  show_top(services_, ada, json::object(), note);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0]->contains("flows_error"));
  list_flows(services_, ada, json::object(), note);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1].error().kind, ErrorKind::limit);
  Caller bob;
  bob.uid = 1002;
  list_flows(services_, bob, json::object(), note);
  EXPECT_EQ(answers.size(), 2U);
  // An answer gives its place back.
  keeper_answers(RequestKind::list_flows, FlowRows{});
  list_flows(services_, ada, json::object(), note);
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_TRUE(answers[2].has_value());
}

TEST_F(CommandsView, StatusHasWhatIsPromised) {
  wire_.workers[0].rx_packets = 10;
  wire_.workers[1].dropped[4] = 3;
  wire_.workers[1].would_drop[4] = 2;
  wire_.workers[0].ports[0].rx_packets = 10;
  wire_.header.port_states[1].has_carrier = 0;
  wire_.header.keeper.blocks_active = 5;
  second();
  const json status = answer(show_status);
  for (const char* member :
       {"program", "control_pid", "uptime_seconds", "mode", "mode_in_file", "mode_set_by",
        "generation", "config", "restart_pending", "workers", "ports", "packets", "rates", "flows",
        "blocks", "bypasses", "shed_level", "health", "events"}) {
    EXPECT_TRUE(status.contains(member)) << member;
  }
  EXPECT_EQ(status["uptime_seconds"], 2.0);
  EXPECT_EQ(status["mode"], "enforce");
  EXPECT_TRUE(status["mode_set_by"].is_null());
  EXPECT_TRUE(status["config"]["confirm"].is_null());
  EXPECT_EQ(status["config"]["loaded_at"], "2025-01-01T00:00:00.000000Z");
  EXPECT_EQ(status["packets"]["received"], 10);
  EXPECT_EQ(status["packets"]["dropped"], 3);
  EXPECT_EQ(status["packets"]["would_drop"], 2);
  EXPECT_EQ(status["rates"]["received_pps"], 10.0);
  EXPECT_EQ(status["ports"][0]["rx_packets"], 10);
  EXPECT_EQ(status["ports"][0]["rx_pps"], 10.0);
  EXPECT_EQ(status["ports"][1]["link"], "down");
  EXPECT_EQ(status["flows"]["capacity"], 1000);
  EXPECT_EQ(status["blocks"], (json{{"active", 5}, {"capacity", 1000}}));
}

TEST_F(CommandsView, StatusShowsAModeThatWasSetAndAConfirmationThatIsDue) {
  ControlFacts& facts = view_.facts();
  facts.mode = Mode::monitor;
  facts.config.mode_set_by = "anna";
  facts.config.confirm_by = clock_.time + 30 * kNsPerSecond;
  facts.config.restart_pending = {"workers.count"};
  const json status = answer(show_status);
  EXPECT_EQ(status["mode"], "monitor");
  EXPECT_EQ(status["mode_in_file"], "enforce");
  EXPECT_EQ(status["mode_set_by"], "anna");
  EXPECT_EQ(status["config"]["confirm"]["seconds_left"], 30.0);
  EXPECT_EQ(status["restart_pending"], json::array({"workers.count"}));
}

TEST_F(CommandsView, StatsAreTotalsAndWorkers) {
  wire_.workers[0].polls = 5;
  wire_.workers[1].polls = 6;
  wire_.workers[1].capacity[0] = 2;
  second();
  const json stats = answer(show_stats);
  EXPECT_EQ(stats["totals"]["polls"], 11);
  EXPECT_EQ(stats["workers"][1]["worker"], 1);
  EXPECT_EQ(stats["workers"][1]["polls"], 6);
  EXPECT_EQ(stats["totals"]["capacity"]["flow_table_full"], 2);
  EXPECT_EQ(stats["totals"]["dropped"].size(), kDropReasonCount - 1);
  EXPECT_EQ(stats["totals"]["ports"]["edge.inside"]["tx_bytes"], 0);
}

TEST_F(CommandsView, DropsAreTheLargestFirstAndWithoutZeros) {
  wire_.workers[0].dropped[static_cast<std::size_t>(DropReason::denied_prefix)] = 4;
  wire_.workers[0].dropped[static_cast<std::size_t>(DropReason::tx_queue_full)] = 9;
  wire_.workers[1].would_drop[static_cast<std::size_t>(DropReason::bad_tcp_flags)] = 1;
  second();
  const json items = answer(show_drops)["items"];
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0]["reason"], "tx_queue_full");
  EXPECT_EQ(items[0]["station"], "forward");
  EXPECT_EQ(items[0]["per_second"], 9.0);
  EXPECT_EQ(items[1]["reason"], "denied_prefix");
  EXPECT_EQ(items[2]["would_drop"], 1);
  EXPECT_FALSE(items[2]["meaning"].get<std::string>().empty());
  EXPECT_EQ(answer(show_drops, {{"all", true}})["items"].size(), kDropReasonCount - 1);
}

TEST_F(CommandsView, HealthHasItsPartsWhereAskedFor) {
  EXPECT_EQ(answer(show_health), (json{{"state", "healthy"}, {"score", 100}}));
  const json parts = answer(show_health, {{"detailed", true}})["parts"];
  ASSERT_EQ(parts.size(), kHealthParts);
  EXPECT_EQ(parts[0]["name"], "workers");
  EXPECT_EQ(parts[0]["state"], "healthy");
  EXPECT_EQ(parts[0]["failures"], 0);
  EXPECT_EQ(parts[0]["since_at"], "2025-01-01T00:00:01.000000Z");
}

TEST_F(CommandsView, FlowsAreAskedOfTheKeeper) {
  ask(list_flows,
      {{"limit", 7U}, {"cursor", 99U}, {"touching", "192.0.2.0/24"}, {"refused", true}});
  EXPECT_FALSE(answer_.has_value());
  const RowQuery query = keeper_answers(RequestKind::list_flows, FlowRows{123, {some_flow()}});
  EXPECT_EQ(query.most, 7U);
  EXPECT_EQ(query.cursor, 99U);
  EXPECT_EQ(to_string(query.touching), "192.0.2.0/24");
  EXPECT_TRUE(query.refused_only);
  ASSERT_TRUE(answer_ && *answer_);
  const json& flows = **answer_;
  EXPECT_EQ(flows["next"], 123);
  const json& flow = flows["items"].at(0);
  EXPECT_EQ(flow["src_ip"], "192.0.2.9");
  EXPECT_EQ(flow["src_port"], 40000);
  EXPECT_EQ(flow["dest_ip"], "198.51.100.1");
  EXPECT_EQ(flow["proto"], "TCP");
  EXPECT_EQ(flow["state"], "closed");
  EXPECT_EQ(flow["bytes_toclient"], 1500);
  EXPECT_EQ(flow["age_seconds"], 1.0);
  EXPECT_EQ(flow["idle_seconds"], 0.5);
  EXPECT_EQ(flow["in_port"], "edge.inside");
}

TEST_F(CommandsView, TheLastPageHasNoNext) {
  ask(list_flows);
  const RowQuery query = keeper_answers(RequestKind::list_flows, FlowRows{});
  EXPECT_EQ(query.most, 100U);
  EXPECT_EQ(query.touching.length, 0);
  ASSERT_TRUE(answer_ && *answer_);
  EXPECT_EQ(**answer_, (json{{"items", json::array()}, {"next", nullptr}}));
}

TEST_F(CommandsView, APortThatIsNoneHasNoName) {
  FlowRecord record = some_flow();
  record.in_port = 200;
  record.refused_reason = static_cast<DropReason>(250);
  ask(list_flows);
  // The codec refuses what no table names; what it lets through is shown safely.
  keeper_answers(RequestKind::list_flows, FlowRows{0, {record}});
  ASSERT_TRUE(answer_.has_value());
}

TEST_F(CommandsView, WrongArgumentsNeverReachTheKeeper) {
  for (const json& args : {json{{"touching", "192.0.2.1/24"}}, json{{"touching", "x"}},
                           json{{"cursor", "abc"}}, json{{"cursor", -1}}}) {
    ask(list_flows, args);
    ASSERT_TRUE(answer_.has_value()) << args;
    ASSERT_FALSE(*answer_) << args;
    EXPECT_EQ(answer_->error().kind, ErrorKind::invalid);
  }
}

TEST_F(CommandsView, WhatTheKeeperDeniesIsToldToTheClient) {
  ask(list_limits);
  keeper_denies("too many lists at once");
  ASSERT_TRUE(answer_.has_value());
  ASSERT_FALSE(*answer_);
  EXPECT_NE(answer_->error().message.find("too many lists at once"), std::string::npos);
}

TEST_F(CommandsView, LimitsAreThoseInForceWithTheSourcesHeldToThem) {
  LimitsConfig& limits = view_.facts().limits;
  limits.source.packets = {1000, 200};
  limits.flow.bits = {8'000'000, 0};
  SourceRow row;
  row.source = parse_ip_prefix("2001:db8::/64").value();
  row.last_seen = clock_.time - kNsPerSecond / 4;
  row.packets_refused = 17;
  row.packets_left = 3;
  row.worker = 1;
  ask(list_limits);
  keeper_answers(RequestKind::list_sources, SourceRows{0, {row}});
  ASSERT_TRUE(answer_ && *answer_);
  const json& answer = **answer_;
  ASSERT_EQ(answer["limits"].size(), 2U);
  EXPECT_EQ(
      answer["limits"][1],
      (json{{"name", "source.packets"}, {"rate", 1000}, {"burst", 200}, {"unit", "packets/s"}}));
  EXPECT_EQ(answer["items"][0]["source"], "2001:db8::/64");
  EXPECT_EQ(answer["items"][0]["packets_refused"], 17);
  EXPECT_EQ(answer["items"][0]["idle_seconds"], 0.25);
}

TEST_F(CommandsView, TopHasTheLargestFlows) {
  wire_.workers[0].dropped[static_cast<std::size_t>(DropReason::denied_prefix)] = 4;
  wire_.workers[0].rx_packets = 40;
  wire_.timings[0].latency[5] = 9;
  second();
  ask(show_top, {{"flows", 3U}});
  const RowQuery query = keeper_answers(RequestKind::list_flows, FlowRows{0, {some_flow()}});
  EXPECT_TRUE(query.largest);
  EXPECT_EQ(query.most, 3U);
  ASSERT_TRUE(answer_ && *answer_);
  const json& top = **answer_;
  EXPECT_EQ(top["flows"].size(), 1U);
  EXPECT_EQ(top["rates"]["received_pps"], 40.0);
  EXPECT_EQ(top["drops"][0]["reason"], "denied_prefix");
  EXPECT_EQ(top["latency"]["packets"], 9);
  EXPECT_EQ(top["workers"].size(), 2U);
  EXPECT_TRUE(top["headroom"]["seconds_to_full"].is_null());
  EXPECT_EQ(top["health"]["state"], "healthy");
  EXPECT_EQ(top["generation"], 1);
}

TEST_F(CommandsView, TopDoesWithoutFlows) {
  const json quick = answer(show_top, {{"flows", 0U}});
  EXPECT_EQ(quick["flows"], json::array());
  ask(show_top);
  keeper_denies("not now");
  ASSERT_TRUE(answer_ && *answer_);
  EXPECT_EQ((**answer_)["flows"], json::array());
  EXPECT_NE((**answer_)["flows_error"].get<std::string>().find("not now"), std::string::npos);
}

}  // namespace
}  // namespace sluice
