#include "tests/bench/inspection_rows.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <rte_cycles.h>

#include "base/check.h"
#include "config/text_file.h"
#include "tests/bench/adversarial.h"
#include "tests/bench/bench_rules.h"
#include "tests/bench/conversation.h"
#include "tests/bench/inspection_lab.h"
#include "tests/bench/mixed_capture.h"
#include "tests/bench/rule_text.h"
#include "tests/bench/web_text.h"

namespace sluice::bench {
namespace {

constexpr std::uint32_t kRules = 1'000;
constexpr std::size_t kRuleFileMax = std::size_t{64} << 20;

/// The best of several runs that alternate with the bare loop: others can only make one slower.
struct Speed {
  double seconds = 1e18;
  double bare_seconds = 1e18;
  std::size_t packets = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] double packets_per_second() const { return static_cast<double>(packets) / seconds; }
  [[nodiscard]] double gbit_per_second() const {
    return static_cast<double>(bytes) * 8 / seconds / 1e9;
  }
  [[nodiscard]] double cycles() const { return cycles_of(seconds); }
  [[nodiscard]] double bare_cycles() const { return cycles_of(bare_seconds); }
  [[nodiscard]] Row row(std::string name, double goal, bool is_met) const {
    return {std::move(name),      cycles(),         bare_cycles(), goal, is_met,
            packets_per_second(), gbit_per_second()};
  }

 private:
  [[nodiscard]] double cycles_of(double time) const {
    return time * static_cast<double>(rte_get_tsc_hz()) / static_cast<double>(packets);
  }
};

void print_stations(InspectionLab& lab, std::span<const CaptureFrame> frames) {
  StationCosts costs{};
  lab.run_measured(frames, costs);
  fmt::print("  {:<16}{:>14}{:>16}\n", "station", "cycles/packet", "packets/call");
  for (const StationCost& cost : costs) {
    if (cost.calls == 0) continue;
    fmt::print("  {:<16}{:>14.1f}{:>16.1f}\n", cost.station,
               static_cast<double>(cost.cycles) / static_cast<double>(cost.packets),
               static_cast<double>(cost.packets) / static_cast<double>(cost.calls));
  }
}

class Rows {
 public:
  explicit Rows(const Options& options) : options_(options) {}
  [[nodiscard]] std::vector<Row> run();

 private:
  [[nodiscard]] BenchRules rules_of(const char* name, const RuleText& text);
  [[nodiscard]] LabSetup setup_of(const BenchRules& rules) const;
  [[nodiscard]] Speed speed_of(InspectionLab& lab, const Capture& capture) const;
  [[nodiscard]] Mix mixed() const;
  [[nodiscard]] bool found_all(const char* name, const InspectionLab& lab,
                               const MixedCapture& mix) const;
  void tell(const char* name, const char* what, const Speed& speed);

  void scan_efficiency(const char* name, std::size_t bytes, double goal, bool is_stream);
  void web_mix(const char* name, const RuleText& text, double goal);
  void hidden_mix();
  void mixed_capture(const char* name, const RuleText& text, double goal);
  void foreign_rules();
  void latency();
  void adversarial();

  const Options& options_;
  std::vector<Row> rows_;
  RuleText raw_ = raw_rules(kRules);
  RuleText web_ = web_rules(kRules);
  double web_packets_per_second_ = 0;
};

BenchRules Rows::rules_of(const char* name, const RuleText& text) {
  BenchRules rules = rules_in_force(name, text.text);
  SLUICE_CHECK(rules.rules == text.rules, "every rule made here is one that sluice knows");
  return rules;
}

LabSetup Rows::setup_of(const BenchRules& rules) const {
  LabSetup setup;
  setup.ruleset = rules.live;
  setup.settings.inspect.request_body = 128 << 10;
  setup.settings.inspect.response_body = 128 << 10;
  setup.hugepages = options_.hugepages;
  return setup;
}

Speed Rows::speed_of(InspectionLab& lab, const Capture& capture) const {
  Speed speed;
  speed.packets = capture.frames().size();
  speed.bytes = capture.wire_bytes();
  for (int i = options_.quick ? 3 : 7; i > 0; --i) {
    speed.bare_seconds = std::min(speed.bare_seconds, lab.run_bare(capture.frames()));
    speed.seconds = std::min(speed.seconds, lab.run(capture.frames()));
  }
  return speed;
}

void Rows::tell(const char* name, const char* what, const Speed& speed) {
  fmt::print(
      "\n{}: {}\n  {} packets of {:.0f} bytes: {:.2f} million/s, {:.2f} Gbit/s, {:.0f} "
      "cycles each, of which the bare loop {:.0f}\n",
      name, what, speed.packets,
      static_cast<double>(speed.bytes) / static_cast<double>(speed.packets),
      speed.packets_per_second() / 1e6, speed.gbit_per_second(), speed.cycles(),
      speed.bare_cycles());
}

Mix Rows::mixed() const {
  Mix mix;
  if (options_.quick) {
    mix.http /= 4;
    mix.tls /= 4;
    mix.dns /= 4;
  }
  return mix;
}

// Every text that was planted is found, as often as it was planted, and nothing else is.
bool Rows::found_all(const char* name, const InspectionLab& lab, const MixedCapture& mix) const {
  if (lab.alerts() == mix.planted) return true;
  for (const auto& [rule, count] : mix.planted) {
    const auto found = lab.alerts().find(rule);
    const std::uint64_t times = found == lab.alerts().end() ? 0 : found->second;
    if (times != count) fmt::print("  {}: rule {} found {} of {}\n", name, rule, times, count);
  }
  for (const auto& [rule, times] : lab.alerts()) {
    if (!mix.planted.contains(rule)) fmt::print("  {}: rule {} found {}\n", name, rule, times);
  }
  return false;
}

// --- P6 -----------------------------------------------------------------------------------------

struct Payloads {
  Capture capture;
  std::vector<std::string_view> payloads;
  std::vector<std::string> texts;
};

/// Texts of the web in datagrams, or in connections that go on and on.
[[nodiscard]] Payloads payloads_of(std::size_t bytes, bool is_stream) {
  constexpr std::size_t kTotal = std::size_t{24} << 20;
  constexpr std::uint32_t kFlows = 400;
  Payloads out;
  Dice dice(5);
  const std::size_t each = kTotal / kFlows / bytes * bytes;
  std::vector<Conversation> flows;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    const std::string& text = out.texts.emplace_back(html_page(dice, each));
    static_cast<void>(text);
  }
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    const FlowEnds ends{0x0a000001U + i, 0xac100001U, 20'000, 9'000};
    Conversation& flow = flows.emplace_back(ends, i);
    if (is_stream) flow.open();
    for (std::string_view text = out.texts[i]; !text.empty(); text.remove_prefix(bytes)) {
      const std::string_view piece = text.substr(0, bytes);
      out.payloads.push_back(piece);
      if (!is_stream) flow.datagram(Sender::client, piece);
    }
    if (is_stream) flow.send(Sender::client, out.texts[i], bytes);
  }
  for (std::size_t left = flows.front().steps(); left > 0; --left) {
    for (Conversation& flow : flows) flow.write_next(out.capture);
  }
  return out;
}

/// Processor seconds of the engine alone.
[[nodiscard]] double raw_scan_seconds(const ScanDatabase& database,
                                      std::shared_ptr<const LiveRuleset> live,
                                      const std::vector<std::string_view>& payloads) {
  const auto scratch = ScanScratch::create(live->databases);
  SLUICE_CHECK(scratch.has_value(), "there is memory for one scratch");
  const auto began = static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID));
  for (const std::string_view payload : payloads) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(payload.data());
    static_cast<void>((*scratch)->scan_block(database, {first, payload.size()}));
  }
  return (static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID)) - began) / 1e9;
}

void Rows::scan_efficiency(const char* name, std::size_t bytes, double goal, bool is_stream) {
  if (!options_.wants(name)) return;
  const BenchRules datagrams = rules_of("raw-udp", raw_rules(kRules, "udp"));
  const BenchRules rules = is_stream ? rules_of("raw", raw_) : datagrams;
  const Payloads sent = payloads_of(bytes, is_stream);
  LabSetup setup = setup_of(rules);
  setup.checksums_good = true;
  setup.settings.inspect.stream_depth = 0;
  InspectionLab lab(setup);
  Speed speed;
  speed.packets = sent.capture.frames().size();
  speed.bytes = sent.payloads.size() * bytes;
  double raw = 1e18;
  const ScanDatabase& database = datagram_database(*datagrams.live);
  for (int i = options_.quick ? 5 : 15; i > 0; --i) {
    speed.bare_seconds = std::min(speed.bare_seconds, lab.run_bare(sent.capture.frames()));
    speed.seconds = std::min(speed.seconds, lab.run(sent.capture.frames()));
    raw = std::min(raw, raw_scan_seconds(database, datagrams.live, sent.payloads));
  }
  const double efficiency = raw / speed.seconds;
  const bool is_met = efficiency >= goal;
  tell(name, is_stream ? "1,000 raw rules, segments of connections" : "1,000 raw rules, datagrams",
       speed);
  fmt::print(
      "  the engine alone {:.2f} Gbit/s of payload: {:.2f} of it, {}\n",
      static_cast<double>(speed.bytes) * 8 / raw / 1e9, efficiency,
      goal == 0 ? "no goal" : fmt::format("goal {:.2f}: {}", goal, is_met ? "met" : "not met"));
  print_stations(lab, sent.capture.frames());
  rows_.push_back(speed.row(name, goal, is_met));
}

// --- P7, P8, P9 ---------------------------------------------------------------------------------

void Rows::web_mix(const char* name, const RuleText& text, double goal) {
  const bool is_asked_for = options_.wants(name) || options_.wants("P8");
  if (!is_asked_for) return;
  Mix mix{.http = options_.quick ? 2'000U : 8'000U, .tls = 0, .dns = 0};
  mix.page_percent = 170;
  mix.seed = 2;
  const MixedCapture capture = make_mix(mix, text.plants);
  LabSetup setup = setup_of(rules_of(name, text));
  setup.checksums_good = true;
  InspectionLab lab(setup);
  const Speed speed = speed_of(lab, capture.capture);
  tell(name, "connections of HTTP", speed);
  const bool has_all = found_all(name, lab, capture);
  const bool is_met = has_all && speed.gbit_per_second() >= goal;
  fmt::print("  goal {} Gbit/s: {}\n", goal, is_met ? "met" : "not met");
  print_stations(lab, capture.capture.frames());
  web_packets_per_second_ = speed.packets_per_second();
  rows_.push_back(speed.row(name, goal, is_met));
}

void Rows::hidden_mix() {
  if (!options_.wants("P8")) return;
  const Mix mix{.http = 0, .tls = options_.quick ? 2'000U : 8'000U, .dns = 0};
  const MixedCapture capture = make_mix(mix, {});
  LabSetup setup = setup_of(rules_of("web", web_));
  setup.checksums_good = true;
  InspectionLab lab(setup);
  const Speed speed = speed_of(lab, capture.capture);
  tell("P8", "connections of TLS", speed);
  const double factor = speed.packets_per_second() / web_packets_per_second_;
  fmt::print("  {:.1f} times the packets of P7, goal 8: {}\n", factor,
             factor >= 8 ? "met" : "not met");
  print_stations(lab, capture.capture.frames());
  rows_.push_back(speed.row("P8", 8, factor >= 8));
}

void Rows::mixed_capture(const char* name, const RuleText& text, double goal) {
  if (!options_.wants(name)) return;
  const MixedCapture capture = make_mix(mixed(), text.plants);
  const BenchRules rules = rules_of(name, text);
  InspectionLab lab(setup_of(rules));
  const Speed speed = speed_of(lab, capture.capture);
  const bool has_all = found_all(name, lab, capture);
  tell(name,
       fmt::format("{} flows, {} rules, {} KiB of databases, {} bytes a stream at most",
                   capture.flows, rules.rules, rules.report.database_bytes >> 10,
                   rules.report.stream_bytes_max)
           .c_str(),
       speed);
  const bool is_met = has_all && speed.packets_per_second() >= goal;
  fmt::print("  {} planted texts {}; goal {:.1f} million packets a processor second: {}\n",
             mixed().planted, has_all ? "all found, and nothing else" : "not all found", goal / 1e6,
             is_met ? "met" : "not met");
  print_stations(lab, capture.capture.frames());
  rows_.push_back(speed.row(name, goal, is_met));
}

void Rows::foreign_rules() {
  if (options_.rules.empty()) return;
  auto text = read_text_file(options_.rules, kRuleFileMax);
  SLUICE_CHECK(text.has_value(), "the file of rules can be read");
  const MixedCapture capture = make_mix(mixed(), {});
  const BenchRules rules = rules_in_force(options_.rules, std::move(*text));
  InspectionLab lab(setup_of(rules));
  const Speed speed = speed_of(lab, capture.capture);
  tell("P9 foreign", fmt::format("{} flows, {} rules", capture.flows, rules.rules).c_str(), speed);
  for (const auto& [rule, times] : lab.alerts()) fmt::print("  rule {} found {}\n", rule, times);
  print_stations(lab, capture.capture.frames());
  rows_.push_back(speed.row("P9 foreign", 0, true));
}

// --- P11, P14 -----------------------------------------------------------------------------------

void Rows::latency() {
  if (!options_.wants("P11 rules")) return;
  constexpr double kLoad = 0.7;
  Mix mix = mixed();
  mix.http /= 4;
  mix.tls /= 4;
  mix.dns /= 4;
  const MixedCapture capture = make_mix(mix, web_.plants);
  InspectionLab lab(setup_of(rules_of("web", web_)));
  const Speed speed = speed_of(lab, capture.capture);
  const double hz = static_cast<double>(rte_get_tsc_hz());
  double p50 = 1e18;
  double p99 = 1e18;
  for (int i = options_.quick ? 3 : 9; i > 0; --i) {
    auto times =
        lab.run_paced(capture.capture.frames(), static_cast<std::uint64_t>(speed.cycles() / kLoad));
    std::sort(times.begin(), times.end());
    const double here = times[times.size() * 99 / 100] / hz * 1e6;
    if (here >= p99) continue;
    p99 = here;
    p50 = times[times.size() / 2] / hz * 1e6;
  }
  Row row = speed.row("P11 rules", 50, p50 <= 10 && p99 <= 50);
  tell("P11 rules", "the mixed capture, 1,000 web rules, arrivals at random at 70 % load", speed);
  fmt::print("  from arrival to transmit p50 {:.1f}, p99 {:.1f} us, goal 10 and 50: {}\n", p50, p99,
             *row.met ? "met" : "not met");
  rows_.push_back(std::move(row));
}

void Rows::adversarial() {
  if (!options_.wants("P14")) return;
  constexpr double kGoal = 0.4;
  InspectionLab lab(setup_of(rules_of("web", web_)));
  const MixedCapture benign = make_mix(mixed(), web_.plants);
  const double benign_rate = speed_of(lab, benign.capture).packets_per_second();
  fmt::print("\nP14: the mixed capture runs at {:.2f} million packets/s\n", benign_rate / 1e6);
  const std::uint32_t share = options_.quick ? 4 : 1;
  for (const AttackRow& attack : attack_table()) {
    Capture capture;
    attack.write(capture, share);
    const Speed speed = speed_of(lab, capture);
    fmt::print("  {:<24}{:>8.2f} million packets/s{:>8.1f} Gbit/s{:>8.0f} %\n", attack.name,
               speed.packets_per_second() / 1e6, speed.gbit_per_second(),
               speed.packets_per_second() / benign_rate * 100);
  }
  Capture all;
  write_attacks(all, share);
  const Speed speed = speed_of(lab, all);
  const double factor = speed.packets_per_second() / benign_rate;
  tell("P14", "all of these beside each other", speed);
  fmt::print("  {:.2f} of the benign rate, goal {:.1f}: {}\n", factor, kGoal,
             factor >= kGoal ? "met" : "not met");
  print_stations(lab, all.frames());
  rows_.push_back(speed.row("P14", kGoal, factor >= kGoal));
}

std::vector<Row> Rows::run() {
  scan_efficiency("P6 64 B", 64, 0.35, false);
  scan_efficiency("P6 1400 B", 1'400, 0.70, false);
  scan_efficiency("P6 stream 64 B", 64, 0, true);
  scan_efficiency("P6 stream 1400 B", 1'400, 0, true);
  web_mix("P7 raw", raw_, 6);
  web_mix("P7 web", web_, 9);
  hidden_mix();
  mixed_capture("P9 raw", raw_, 2.5e6);
  mixed_capture("P9 web", web_, 2.2e6);
  foreign_rules();
  latency();
  adversarial();
  return std::move(rows_);
}

}  // namespace

std::vector<Row> inspection_rows(const Options& options) { return Rows(options).run(); }

}  // namespace sluice::bench
