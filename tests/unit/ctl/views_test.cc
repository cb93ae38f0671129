#include "ctl/views.h"

#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/top_page.h"
#include "ctl/verbs.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr Paper kPlain{};
constexpr Paper kColoured{.has_colours = true};
constexpr Paper kWide{.columns = 200};

json flow() {
  return {{"proto", "TCP"},
          {"src_ip", "198.51.100.123"},
          {"src_port", 40001},
          {"dest_ip", "192.0.2.1"},
          {"dest_port", 443},
          {"state", "established"},
          {"pkts_toserver", 1200000},
          {"pkts_toclient", 34567},
          {"bytes_toserver", 5000},
          {"bytes_toclient", 99},
          {"dropped", 3},
          {"idle_seconds", 0.2},
          {"age_seconds", 3700},
          {"worker", 1},
          {"in_port", "uplink"},
          {"flow_id", 12345678}};
}

TEST(Figures, AreShortAndHonest) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(packet_rate_text(0), "0 pps");
  EXPECT_EQ(packet_rate_text(0.4), "0.4 pps");
  EXPECT_EQ(packet_rate_text(999.4), "999 pps");
  EXPECT_EQ(packet_rate_text(999.6), "1.00 kpps");
  EXPECT_EQ(packet_rate_text(12345678), "12.3 Mpps");
  EXPECT_EQ(bit_rate_text(4.56e9), "4.56 Gbit/s");
  EXPECT_EQ(si_text(1234567, ""), "1.23 M");
  EXPECT_EQ(packet_rate_text(-1), "0 pps");
  EXPECT_EQ(share_text(1, 4), "1 of 4 (25.0 %)");
  EXPECT_EQ(span_text(0.9), "0s");
  EXPECT_EQ(span_text(125), "2min 5s");
  EXPECT_EQ(span_text(3600), "1h");
  EXPECT_EQ(span_text(273600), "3d 4h");
  EXPECT_EQ(span_text(1e300), "11574074d 1h");
}

TEST(Fields, OfAnotherTypeReadAsNothing) {
  const json odd = {{"n", "text"}, {"t", {1, 2}}, {"f", 1}, {"big", 1e300}, {"neg", -5}};
  EXPECT_EQ(count_in(odd, "n"), 0U);
  EXPECT_EQ(count_in(odd, "big"), 0U);
  EXPECT_EQ(count_in(odd, "neg"), 0U);
  EXPECT_EQ(text_in(odd, "t"), "");
  EXPECT_FALSE(flag_in(odd, "f"));
  EXPECT_EQ(text_in(json::array(), "x"), "");
  EXPECT_EQ(count_in(json("x"), "y"), 0U);
}

TEST(Fields, EscapeWhatWouldSpeakToTheTerminal) {
  const json odd = {{"t", "a\x1b]0;x\a\nb\xc2\x9b\x7f"}};
  EXPECT_EQ(text_in(odd, "t"), "a\\x1b]0;x\\x07\\x0ab\\xc2\\x9b\\x7f");
  EXPECT_EQ(json_line(odd).find('\x1b'), std::string::npos);
  EXPECT_EQ(json_line({{"t", "\xff\x7f"}}), "{\"t\":\"\\ufffd\\u007f\"}\n");
}

TEST(Table, CutsWhatIsTooWideAndLeavesOutTheRest) {
  Table narrow(flow_columns(), kPlain);
  EXPECT_EQ(narrow.render(json::array({flow()})),
            "PROTO  FROM                  TO             STATE        PACKETS  REFUSED\n"
            "TCP    198.51.100.123:40001  192.0.2.1:443  established   1.23 M        3\n");
  Table wide(flow_columns(), kWide);
  EXPECT_NE(wide.render(json::array({flow()})).find("FLOW ID"), std::string::npos);
}

TEST(Table, CutsAddressesInTheMiddle) {
  json row = flow();
  row["src_ip"] = "2001:db8:1234:5678:9abc:def0:1234:5678";
  row["dest_ip"] = "2001:db8:1234:5678:9abc:def0:1234:9999";
  Table table(flow_columns(), kPlain);
  EXPECT_EQ(table.render(json::array({row})),
            "PROTO  FROM                  TO                    STATE        PACKETS  REFUSED\n"
            "TCP    [2001:db8:…78]:40001  [2001:db8:…9999]:443  established   1.23 M        3\n");
}

TEST(Table, KeepsItsColumnsFromPageToPage) {
  Table table(flow_columns(), kPlain);
  const std::string first = table.render(json::array({flow()}));
  const std::string second = table.render(json::array({flow()}));
  EXPECT_EQ(first.substr(first.find('\n') + 1), second);
  EXPECT_EQ(table.render(json::array()), "");
  EXPECT_EQ(table.render(json("no list")), "");
}

TEST(Table, PaintsOnlyWhereThePaperTakesColours) {
  Table plain(flow_columns(), kPlain);
  EXPECT_EQ(plain.render(json::array({flow()})).find('\x1b'), std::string::npos);
  Table coloured(flow_columns(), kColoured);
  EXPECT_NE(coloured.render(json::array({flow()})).find("\x1b[31m3\x1b[0m"), std::string::npos);
}

TEST(Views, ShowStatusAsItIs) {
  const json status = {
      {"program", "0.1.0"},
      {"uptime_seconds", 273600},
      {"mode", "enforce"},
      {"mode_in_file", "monitor"},
      {"mode_set_by", "root"},
      {"generation", 12},
      {"config",
       {{"path", "/etc/sluice/sluice.yaml"},
        {"digest", "3f2a9c1b0d4e77"},
        {"loaded_at", "2026-01-02T03:04:05.000006Z"},
        {"confirm", {{"seconds_left", 42.5}}}}},
      {"restart_pending", {"workers.count"}},
      {"workers", 2},
      {"ports", {{{"name", "uplink"}, {"link", "up"}, {"rx_pps", 12345678.9}, {"rx_bps", 9.87e9}}}},
      {"packets", {{"received", 123456789}, {"forwarded", 123456000}, {"dropped", 789}}},
      {"rates", {{"received_pps", 12345678.9}, {"received_bps", 9.87e9}}},
      {"flows", {{"active", 12345}, {"capacity", 1048576}, {"created_per_second", 321.4}}},
      {"blocks", {{"active", 3}, {"capacity", 1000000}}},
      {"bypasses", 1},
      {"shed_level", 2},
      {"health", {{"state", "degraded"}, {"score", 80}}},
      {"events", {{"written", 12345}, {"lost", 0}}}};
  EXPECT_EQ(show_status(status, kPlain),
            "health      degraded (80/100)\n"
            "mode        enforce (set by root; the file says monitor)\n"
            "program     sluice 0.1.0, 2 workers, generation 12, up 3d 4h\n"
            "config      /etc/sluice/sluice.yaml\n"
            "            digest 3f2a9c1b0d4e, loaded 2026-01-02 03:04:05 UTC\n"
            "            goes back in 42s unless `sluicectl confirm` comes\n"
            "restart     pending: workers.count\n"
            "flows       12,345 of 1,048,576 (1.2 %), 321/s new\n"
            "half-open   0\n"
            "blocks      3 of 1,000,000 (0.0 %)\n"
            "bypasses    1\n"
            "overload    work is shed, step 2\n"
            "events      12,345 written, 0 lost\n"
            "packets     received          123,456,789   12.3 Mpps    9.87 Gbit/s\n"
            "            forwarded         123,456,000       0 pps        0 bit/s\n"
            "            dropped                   789       0 pps\n"
            "            would_drop                  0\n"
            "            held                        0\n"
            "            bypassed                    0\n"
            "            generated                   0\n"
            "\n"
            "PORT    LINK         RX      RX BITS     TX  TX BITS  LOST RX  LOST TX\n"
            "uplink  up    12.3 Mpps  9.87 Gbit/s  0 pps  0 bit/s        0        0\n");
}

TEST(Views, ShowADifferenceLikeADiff) {
  const json diff = {
      {"errors", 0},
      {"changed",
       {{{"path", "flows.capacity"}, {"from", "1000"}, {"to", "2000"}, {"needs_restart", true}},
        {{"path", "pairs[1].name"}, {"from", nullptr}, {"to", "b"}}}},
      {"lists", {{"added", 3}, {"removed", 0}, {"added_examples", {"deny source 192.0.2.0/24"}}}}};
  EXPECT_EQ(show_difference(diff, kPlain),
            "- flows.capacity: 1000\n"
            "+ flows.capacity: 2000\n"
            "  takes a restart\n"
            "+ pairs[1].name: b\n"
            "+ deny source 192.0.2.0/24\n"
            "+ 2 more list entries\n");
  EXPECT_EQ(show_difference(json::object(), kPlain), "a reload would change nothing\n");
  EXPECT_EQ(show_difference({{"errors", 1}, {"findings", "a:1:1: error: x\n"}}, kPlain),
            "a:1:1: error: x\nthe file has 1 error: a reload would refuse it\n");
}

TEST(Views, SayWhatBecomesOfABlock) {
  const json result = {{"items",
                        {{{"id", 7},
                          {"what", "192.0.2.1"},
                          {"until", "2026-01-02T03:04:05.000006Z"},
                          {"replaced", 3},
                          {"allowed", true}}}},
                       {"notice", "a restart would not know of it"}};
  EXPECT_EQ(show_added_blocks(result, kPlain),
            "block 7: 192.0.2.1 until 2026-01-02 03:04:05 UTC (in place of block 3), "
            "but an allow prefix beats it\n"
            "notice: a restart would not know of it\n");
}

TEST(Views, SayHowToConfirmAReload) {
  const json result = {{"generation", 13},
                       {"changed", 2},
                       {"needs_restart", {"flows.capacity"}},
                       {"confirm_by_at", "2026-01-02T03:04:05.000006Z"}};
  EXPECT_EQ(show_reload(result, kPlain),
            "generation 13 is in force, 2 options changed\n"
            "takes a restart: flows.capacity\n"
            "goes back at 2026-01-02 03:04:05 UTC unless you run: sluicectl confirm\n");
}

/// Everything that answers are made of, with hostile texts and of the wrong types.
json hostile(const std::string& name) {
  const json text = fmt::format("\x1b[2J\n\xc2\x9b{:x<500}{}", "", name);
  return {{"items", {{{"reason", text}, {"what", text}, {"id", text}}, 5, "x", nullptr}},
          {"parts", {{{"name", text}, {"reason", text}}}},
          {"changed", {{{"path", text}, {"from", text}, {"to", text}}, 7}},
          {"lists", {{"added", 2}, {"added_examples", {text, 5}}}},
          {"ports", {{{"name", text}}}},
          {"totals", {{"\x1b[2J", 5}, {"deep", {{"er", {{"\x1b", 4}}}}}}},
          {"findings", text},
          {"notice", text},
          {"health", {{"state", text}}},
          {"mode", text},
          {"config", 5},
          {"flows", {{{"src_ip", text}, {"proto", text}}}},
          {"workers", {{{"worker", text}, {"busy_percent", 1e300}}}},
          {"drops", {{{"reason", text}}}},
          {"restart_pending", {text, 5, nullptr}},
          {"needs_restart", text}};
}

TEST(Views, LetNoTextSpeakToTheTerminal) {
  for (const VerbRow& row : verb_table()) {
    if (row.show == nullptr) continue;
    for (const json& result : {hostile("a"), json(5), json(nullptr), json::array({1})}) {
      const std::string text = row.show(result, kPlain);
      EXPECT_EQ(text.find('\x1b'), std::string::npos) << row.words;
      EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << row.words;
    }
  }
  EXPECT_EQ(show_event(hostile("b"), kPlain).find('\x1b'), std::string::npos);
}

TEST(Views, TellMessagesOfApplicationsInALine) {
  const json event = {
      {"event_type", "http"},
      {"timestamp", "2025-01-02T03:04:05.000006+0000"},
      {"src_ip", "192.0.2.1"},
      {"src_port", 5},
      {"dest_ip", "198.51.100.1"},
      {"dest_port", 80},
      {"proto", "TCP"},
      {"http",
       {{"http_method", "GET"}, {"hostname", "a.example"}, {"url", "/x"}, {"status", 404}}}};
  const std::string line = show_event(event, kPlain);
  EXPECT_NE(line.find("  GET a.example /x 404\n"), std::string::npos) << line;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

json top(std::size_t workers, std::size_t flows) {
  json value = {
      {"rates", {{"received_pps", 12345678.9}, {"received_bps", 9.87e9}}},
      {"latency", {{"p50_us", 10.2}, {"p95_us", 20.4}, {"p99_us", 99.9}, {"packets", 123456}}},
      {"drops", json::array()},
      {"headroom",
       {{"flow_table_percent", 1.2}, {"mbufs_free_low_percent", 88.8}, {"seconds_to_full", 3700}}},
      {"health", {{"state", "healthy"}, {"score", 100}}},
      {"mode", "enforce"},
      {"generation", 12}};
  for (std::size_t i = 0; i < workers; ++i) {
    value["workers"].push_back({{"worker", i}, {"busy_percent", 52.0}, {"pps", 3e6}});
  }
  for (std::size_t i = 0; i < flows; ++i) value["flows"].push_back(flow());
  for (int i = 0; i < 10; ++i) value["drops"].push_back({{"reason", "r"}, {"packets", i}});
  return value;
}

TEST(TopPage, ShowsLoadLatencyDropsAndFlows) {
  json value = top(1, 1);
  value["drops"] = {{{"reason", "denied_prefix"}, {"per_second", 12.0}, {"packets", 345}}};
  EXPECT_EQ(show_top(value, kPlain),
            "sluice  enforce  generation 12  healthy (100/100)\n"
            "received 12.3 Mpps, 9.87 Gbit/s  forwarded 0 pps  dropped 0 pps\n"
            "latency  p50 10.2 us  p95 20.4 us  p99 99.9 us  of 123,456 packets\n"
            "filled   flows 1.2 %  half-open 0.0 %  blocks 0.0 %  buffers 11.2 %\n"
            "at this pace the flow table is full in 1h 1min\n"
            "\n"
            "WORKER    BUSY                            PACKETS   FULL  FLOWS  SHED\n"
            "     0  52.0 %  [##########..........]  3.00 Mpps  0.0 %      0     0\n"
            "\n"
            "DROPPED FOR      RATE  PACKETS\n"
            "denied_prefix  12 pps      345\n"
            "\n"
            "PROTO  FROM                  TO             STATE        PACKETS  REFUSED\n"
            "TCP    198.51.100.123:40001  192.0.2.1:443  established   1.23 M        3\n");
}

TEST(TopPage, FitsEveryTerminal) {
  for (const unsigned columns : {20U, 80U, 200U}) {
    for (const unsigned rows : {5U, 10U, 24U, 100U}) {
      const Paper paper{.columns = columns, .rows = rows};
      for (const std::size_t count : {0U, 1U, 2U, 64U}) {
        const TopNotes notes{.uptime_seconds = 1e6, .trouble = std::string(300, 'x')};
        const auto lines = lines_of(show_top_page(top(count, count), notes, paper));
        EXPECT_LE(lines.size(), rows);
        for (const std::string& line : lines) EXPECT_LE(width_of(line), columns) << line;
      }
    }
  }
}

TEST(TopPage, LeavesRoomForFlowsAt80x24) {
  const auto lines = lines_of(show_top_page(top(4, 20), {}, kPlain));
  EXPECT_EQ(lines.size(), 24U);
  EXPECT_TRUE(lines.back().starts_with("TCP    198.51.100.123"));
}

TEST(TopPage, SaysWhyItIsOld) {
  const std::string page = show_top_page({}, {.uptime_seconds = 0, .trouble = "gone"}, kPlain);
  EXPECT_NE(page.find("gone"), std::string::npos);
}

TEST(Views, ShowTheStageOfARuleAndWhatWasWritten) {
  const json row = {{"id", 20031},   {"gid", 3},         {"stage", "shadow"},
                    {"hits", 1200},  {"refused", 0},     {"stage_written", "enforce"},
                    {"name", "SQL"}, {"action", "drop"}, {"exceptions", {"source 192.0.2.1"}}};
  Table table(rule_columns(), kWide);
  const std::string text = table.render(json::array({row}));
  EXPECT_NE(text.find("3:20031"), std::string::npos) << text;
  EXPECT_NE(text.find("shadow (not enforce)"), std::string::npos) << text;
  EXPECT_NE(text.find("1,200"), std::string::npos) << text;
  EXPECT_NE(text.find("source 192.0.2.1"), std::string::npos) << text;
}

TEST(Views, RankRulesWithTheirShare) {
  const json result = {{"by", "cost"},
                       {"items",
                        {{{"id", 7},
                          {"gid", 1},
                          {"stage", "alert"},
                          {"candidates", 5000},
                          {"cycles_per_look", 812.4},
                          {"share_percent", 12.25},
                          {"hits", 3},
                          {"name", "a word"}}}}};
  const std::string text = show_rule_ranking(result, kWide);
  EXPECT_NE(text.find("812"), std::string::npos) << text;
  EXPECT_NE(text.find("5,000"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice
