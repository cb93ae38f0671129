#include "tests/golden/case_run.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/verdict.h"
#include "config/check.h"
#include "control/policy_builder.h"
#include "control/replay_driver.h"
#include "control/ruleset_build.h"
#include "dataplane/io/capture_file.h"
#include "dataplane/io/capture_writer.h"
#include "dataplane/replay.h"
#include "rules/compile.h"
#include "rules/load.h"
#include "rules/validate.h"
#include "tests/golden/reply_text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Small tables are made quickly, and a case that means to fill one says how large it is.
constexpr std::uint64_t kCaseBudgetBytes = 32ULL << 20;

CheckedConfig config_of(const GoldenCase& golden) {
  CheckedConfig checked;
  if (!golden.config_text.empty()) {
    checked =
        check_text(golden.directory + "/sluice.yaml", golden.config_text, ConfigPurpose::replay);
    if (checked.findings.has_errors()) throw std::runtime_error(checked.findings.render());
  }
  Config& config = checked.config;
  if (!golden.rules_text.empty()) config.rules.files = {"rules.yaml"};
  if (config.memory.budget_bytes == 0) config.memory.budget_bytes = kCaseBudgetBytes;
  // Every refused packet is to be seen, unless the case is about sampling.
  if (golden.config_text.find("drop_sample") == std::string::npos) config.events.drop_sample = 1;
  return checked;
}

ReplayRules rules_of(const GoldenCase& golden, const Config& config, std::uint32_t workers) {
  if (golden.rules_text.empty()) return {};
  Diagnostics findings;
  const Source source(golden.name + "/rules.yaml", golden.rules_text);
  const std::vector<Rule> rules = load_rules(source, findings);
  CompileOptions options;
  options.variables = rule_variables(config.rules.variables, config.sets).value();
  validate_rules(rules, options.variables, findings);
  CompileReport report;
  auto parts = compile_ruleset(rules, {}, options, findings, report);
  if (findings.has_errors()) throw std::runtime_error(findings.render());
  if (!parts) throw std::runtime_error(parts.error().message);
  auto made = make_replay_rules(std::move(*parts), workers);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

std::vector<std::string> write_captures(const GoldenCase& golden, const fs::path& scratch) {
  std::vector<std::string> paths;
  for (const auto& packets : golden.captures) {
    paths.push_back(scratch / fmt::format("capture{}.pcap", paths.size() + 1));
    auto writer = CaptureWriter::create(paths.back());
    if (!writer) throw std::runtime_error(writer.error().message);
    for (const CasePacket& packet : packets) {
      writer->write(packet.timestamp, packet.frame.wire_bytes, packet.frame.bytes);
    }
    if (const Status closed = writer->close(); !closed)
      throw std::runtime_error(closed.error().message);
  }
  return paths;
}

/// "bytes 24-25: 0000 -> 1c46", or empty where nothing differs.
std::string edit_between(std::span<const std::uint8_t> before,
                         std::span<const std::uint8_t> after) {
  if (before.size() != after.size()) {
    return fmt::format("{} bytes -> {} bytes", before.size(), after.size());
  }
  const auto [first, other] = std::mismatch(before.begin(), before.end(), after.begin());
  if (first == before.end()) return {};
  auto from = static_cast<std::size_t>(first - before.begin());
  std::size_t end = before.size();
  while (before[end - 1] == after[end - 1]) --end;
  return fmt::format("bytes {}-{}: {:02x} -> {:02x}", from, end - 1,
                     fmt::join(before.subspan(from, end - from), ""),
                     fmt::join(after.subspan(from, end - from), ""));
}

class OutcomeObserver final : public ReplayObserver {
 public:
  explicit OutcomeObserver(std::span<const CasePacket> packets)
      : packets_(packets), outcomes_(packets.size()), edits_(packets.size()) {}

  void tick(TimeNs) override {}
  void drain() override {}
  void forwarded(std::uint32_t packet_number, std::span<const std::uint8_t> bytes) override {
    settle(packet_number, "forwarded");
    edits_[packet_number - 1] = edit_between(packets_[packet_number - 1].frame.bytes, bytes);
  }
  void refused(std::uint32_t packet_number, DropReason reason) override {
    settle(packet_number, std::string(name_of(reason)));
  }

  void generated(TimeNs when, std::span<const std::uint8_t> bytes) override {
    replies_.push_back(reply_text(when - kCaseStart, bytes));
  }

  void append_to(CaseResult& result) const {
    result.outcomes.insert(result.outcomes.end(), outcomes_.begin(), outcomes_.end());
    result.edits.insert(result.edits.end(), edits_.begin(), edits_.end());
    result.replies.insert(result.replies.end(), replies_.begin(), replies_.end());
  }

 private:
  /// A packet leaves once: a second outcome shows in the text.
  void settle(std::uint32_t packet_number, const std::string& outcome) {
    std::string& settled = outcomes_.at(packet_number - 1);
    settled += settled.empty() ? outcome : " and " + outcome;
  }

  std::span<const CasePacket> packets_;
  std::vector<std::string> outcomes_;
  std::vector<std::string> edits_;
  std::vector<std::string> replies_;
};

void observe_outcomes(const GoldenCase& golden, const ReplayRequest& request, CaseResult& result) {
  for (const auto& packets : golden.captures) {
    std::vector<ReplayFrame> frames;
    for (const CasePacket& packet : packets) {
      frames.push_back({packet.timestamp, packet.frame.wire_bytes, packet.frame.bytes});
    }
    const ReplaySetup setup{.workers = request.workers,
                            .repeat = request.repeat,
                            .config = request.config,
                            .parts = request.parts,
                            .blocks = request.blocks,
                            .ruleset = request.ruleset,
                            .faults = request.faults};
    auto replay = Replay::create(setup, frames);
    if (!replay) throw std::runtime_error(replay.error().message);
    OutcomeObserver observer(packets);
    static_cast<void>((*replay)->run(frames, observer));
    observer.append_to(result);
  }
}

void flatten(const std::string& name, const Json& value, CaseResult& result) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      flatten(name.empty() ? key : name + "." + key, inner, result);
    }
  } else if (value.is_number_unsigned() && value.get<std::uint64_t>() != 0) {
    result.counters[name] = value.get<std::uint64_t>();
  } else if (value.is_string()) {
    result.error = value.get<std::string>();
  }
}

// --- the text -----------------------------------------------------------------------------------

/// Keyed hashes, what says where the test ran, and what every line of a case says alike.
bool is_left_out(std::string_view key) {
  constexpr std::array<std::string_view, 9> kLeftOut{"flow_id",    "community_id", "in_iface",
                                                     "event_type", "generation",   "src_ip",
                                                     "src_port",   "dest_ip",      "dest_port"};
  return std::find(kLeftOut.begin(), kLeftOut.end(), key) != kLeftOut.end();
}

bool says_nothing(const Json& value) {
  return value == Json(false) || value == Json(0U) || value == Json("");
}

/// "2025-01-02T03:04:05.250000+0000" as "+0.250000": since the case's first second.
std::string since_start(const std::string& date) {
  std::tm parts{};
  const char* rest = ::strptime(date.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return date;
  const auto seconds = static_cast<std::int64_t>(::timegm(&parts));
  const std::int64_t elapsed = seconds - static_cast<std::int64_t>(kCaseStart / kNsPerSecond);
  return fmt::format("{:+}{}", elapsed, std::string_view(rest).substr(0, 7));
}

std::string end_text(const Json& event, const char* address, const char* port) {
  std::string text = event.value(address, "");
  if (event.contains(port)) text += fmt::format(" {}", event[port].get<unsigned>());
  return text;
}

void append_fields(const Json& object, std::string& line) {
  for (const auto& [key, value] : object.items()) {
    if (is_left_out(key) || says_nothing(value)) continue;
    if (value.is_object()) {
      append_fields(value, line);
    } else if (key == "timestamp" || key == "start" || key == "end") {
      line += fmt::format(" {}={}", key, since_start(value.get<std::string>()));
    } else {
      line +=
          fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

/// The closing record of counters says what stands under "counters" already.
std::string event_text(const std::string& line) {
  const Json event = Json::parse(line);
  const std::string type = event.value("event_type", "");
  if (type == "stats") return {};
  std::string text = fmt::format("{} {} > {}", type, end_text(event, "src_ip", "src_port"),
                                 end_text(event, "dest_ip", "dest_port"));
  append_fields(event, text);
  return text + '\n';
}

/// A flood is told by its first events and a number.
std::string event_lines(const std::vector<std::string>& events) {
  constexpr std::size_t kShownMax = 24;
  std::string text;
  std::size_t shown = 0;
  std::map<std::string, std::uint64_t> others;
  for (const std::string& line : events) {
    if (shown < kShownMax) {
      const std::string one = event_text(line);
      shown += one.empty() ? 0 : 1;
      text += one;
      continue;
    }
    const Json event = Json::parse(line);
    ++others[event.value("event_type", "")];
  }
  others.erase("stats");
  for (const auto& [type, count] : others) text += fmt::format("and {} more of {}\n", count, type);
  return text;
}

bool is_timing(const std::string& name) {
  return name == "seconds" || name == "packets_per_second" || name == "cycles_per_packet" ||
         name == "generation";
}

}  // namespace

bool CaseResult::has_capacity_events() const {
  return std::any_of(counters.begin(), counters.end(), [](const auto& counter) {
    return counter.first.starts_with("capacity_events.");
  });
}

bool CaseResult::refuses(const std::string& reason) const {
  return counters.contains("dropped_by_reason." + reason) ||
         counters.contains("would_drop_by_reason." + reason);
}

CaseResult run_case(const GoldenCase& golden, std::uint32_t workers, const fs::path& scratch) {
  ReplayRequest request;
  const CheckedConfig checked = config_of(golden);
  request.config = checked.config;
  request.parts = build_policy_parts(checked);
  request.blocks = golden.blocks;
  PolicySettings& settings = request.parts.settings;
  std::copy(golden.bypasses.begin(), golden.bypasses.end(), settings.bypasses.begin());
  settings.bypass_count = static_cast<std::uint32_t>(golden.bypasses.size());
  request.captures = write_captures(golden, scratch);
  request.out_dir = scratch / "out";
  request.workers = workers;
  ReplayRules rules = rules_of(golden, checked.config, workers);
  request.ruleset = std::move(rules.ruleset);
  request.rule_texts = std::move(rules.texts);
  request.repeat = golden.repeat;
  request.faults = {.transmit_most = golden.faults.transmit_most,
                    .handoff_ring = golden.faults.handoff_ring,
                    .frame_bytes_max = golden.faults.frame_bytes_max};
  request.separate_blocks = true;

  CaseResult result;
  const ReplayOutcome outcome = replay_captures(request);
  std::ifstream summary(scratch / "out" / "summary.json");
  flatten("", Json::parse(summary), result);
  result.error = outcome.message;
  std::ifstream eve(scratch / "out" / "eve.json");
  for (std::string line; std::getline(eve, line);) result.events.push_back(line);
  observe_outcomes(golden, request, result);
  return result;
}

std::string render_outcomes(const std::vector<std::string>& outcomes) {
  std::string text;
  for (std::size_t first = 0; first < outcomes.size();) {
    std::size_t end = first + 1;
    while (end < outcomes.size() && outcomes[end] == outcomes[first]) ++end;
    text += end - first == 1 ? fmt::format("#{}", end) : fmt::format("#{}-{}", first + 1, end);
    text += ' ' + (outcomes[first].empty() ? "lost" : outcomes[first]) + '\n';
    first = end;
  }
  return text;
}

std::string render(const CaseResult& result) {
  std::string text = "packets\n" + render_outcomes(result.outcomes);
  for (std::size_t i = 0; i < result.edits.size(); ++i) {
    if (!result.edits[i].empty()) text += fmt::format("#{} edited, {}\n", i + 1, result.edits[i]);
  }
  if (!result.replies.empty()) {
    text += fmt::format("\nreplies\n{}\n", fmt::join(result.replies, "\n"));
  }
  text += "\ncounters\n";
  for (const auto& [name, value] : result.counters) {
    if (!is_timing(name)) text += fmt::format("{} {}\n", name, value);
  }
  text += "\nevents\n" + event_lines(result.events);
  if (!result.error.empty()) text += "\nerror\n" + result.error + '\n';
  return text;
}

}  // namespace sluice::test
