#include "control/replay_driver.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/control_tick.h"
#include "control/store/eve_log.h"
#include "dataplane/io/capture_file.h"
#include "dataplane/io/capture_writer.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

/// The files of one output directory, over all captures.
struct OutputFiles {
  EveWriter eve;
  CaptureWriter forwarded;
  CaptureWriter dropped;
  CaptureWriter generated;
};

[[nodiscard]] EveContext replay_context(const Config& config) {
  EveContext context;
  context.is_replay = true;
  context.mode = config.mode;
  return context;
}

[[nodiscard]] Result<std::unique_ptr<OutputFiles>> open_outputs(const ReplayRequest& request) {
  std::error_code failure;
  fs::create_directories(request.out_dir, failure);
  if (failure) return fail(ErrorKind::io, request.out_dir + ": " + failure.message());
  auto forwarded = CaptureWriter::create(request.out_dir + "/forwarded.pcap");
  if (!forwarded) return tl::unexpected<Error>(forwarded.error());
  auto dropped = CaptureWriter::create(request.out_dir + "/dropped.pcap");
  if (!dropped) return tl::unexpected<Error>(dropped.error());
  auto generated = CaptureWriter::create(request.out_dir + "/generated.pcap");
  if (!generated) return tl::unexpected<Error>(generated.error());
  EveFileOptions eve;
  eve.path = request.out_dir + "/eve.json";
  eve.starts_empty = true;
  return std::unique_ptr<OutputFiles>(
      new OutputFiles{.eve = EveWriter(eve, replay_context(request.config)),
                      .forwarded = std::move(*forwarded),
                      .dropped = std::move(*dropped),
                      .generated = std::move(*generated)});
}

/// Counts alerts on their way to the file.
class AlertCounts final : public EventSink {
 public:
  AlertCounts(EventSink& next, std::map<std::uint32_t, std::uint64_t>& by_rule)
      : next_(next), by_rule_(by_rule) {}

  void flow(const FlowRecord& record) noexcept override { next_.flow(record); }
  void drop(const DropRecord& record) noexcept override { next_.drop(record); }
  void inspection(const InspectRecord& record) noexcept override {
    if (record.kind == InspectKind::alert) ++by_rule_[record.rule_id];
    next_.inspection(record);
  }
  void stats(const StatsSnapshot& snapshot) noexcept override { next_.stats(snapshot); }
  void end_turn(TimeNs now) noexcept override { next_.end_turn(now); }
  [[nodiscard]] EventCounts counts() const noexcept override { return next_.counts(); }

 private:
  EventSink& next_;
  std::map<std::uint32_t, std::uint64_t>& by_rule_;
};

/// Sums over all captures.
struct Sums {
  ReplayTotals totals;
  std::map<std::uint32_t, std::uint64_t> alerts_by_rule;
  bool trusted_checksums = false;
};

/// Writes what the data plane lets go of, and gives the control side its turns.
class Recording final : public ReplayObserver {
 public:
  Recording(const Capture& capture, OutputFiles& outputs, Sums& sums,
            std::vector<WorkerWindow*> windows, const ControlTickOptions& options)
      : capture_(capture),
        outputs_(outputs),
        events_(outputs.eve, sums.alerts_by_rule),
        control_(std::move(windows), events_, options),
        last_tick_(options.started) {}

  void tick(TimeNs now) override {
    last_tick_ = now;
    control_.drain(now);
  }
  void drain() override { control_.collect(); }

  void forwarded(std::uint32_t packet_number, std::span<const std::uint8_t> bytes) override {
    const CapturedPacket& packet = capture_.packets[packet_number - 1];
    // A frame of several segments is shown whole: it is the capture's own.
    const bool is_edited = bytes.data() != packet.bytes.data();
    outputs_.forwarded.write(packet.timestamp, packet.wire_bytes, is_edited ? bytes : packet.bytes);
  }
  void generated(TimeNs when, std::span<const std::uint8_t> bytes) override {
    outputs_.generated.write(when, static_cast<std::uint32_t>(bytes.size()), bytes);
  }
  void refused(std::uint32_t packet_number, DropReason) override {
    const CapturedPacket& packet = capture_.packets[packet_number - 1];
    outputs_.dropped.write(packet.timestamp, packet.wire_bytes, packet.bytes);
  }

  void finish() { control_.finish(last_tick_); }

 private:
  const Capture& capture_;
  OutputFiles& outputs_;
  AlertCounts events_;
  ControlTick control_;
  TimeNs last_tick_;
};

[[nodiscard]] std::vector<ReplayFrame> frames_of(const Capture& capture) {
  std::vector<ReplayFrame> frames;
  frames.reserve(capture.packets.size());
  for (const CapturedPacket& packet : capture.packets) {
    frames.push_back({packet.timestamp, packet.wire_bytes, packet.bytes});
  }
  return frames;
}

[[nodiscard]] Status replay_one(const ReplayRequest& request, const Capture& capture,
                                OutputFiles& outputs, Sums& sums) {
  const std::vector<ReplayFrame> frames = frames_of(capture);
  ReplaySetup setup{.workers = request.workers,
                    .repeat = request.repeat,
                    .config = request.config,
                    .parts = request.parts,
                    .blocks = request.blocks,
                    .ruleset = request.ruleset,
                    .faults = request.faults};
  auto replay = Replay::create(setup, frames);
  if (!replay) return tl::unexpected<Error>(replay.error());
  const auto windows = (*replay)->windows();
  Recording recording(capture, outputs, sums, {windows.begin(), windows.end()},
                      {.started = frames.empty() ? 0 : frames.front().timestamp,
                       .stats_interval = frames.empty() ? 0 : request.config.events.stats_interval,
                       .is_replay = true});
  const ReplayTotals totals = (*replay)->run(frames, recording);
  recording.finish();
  sums.totals.packets += totals.packets;
  sums.totals.bytes += totals.bytes;
  sums.totals.counters += totals.counters;
  sums.totals.seconds += totals.seconds;
  sums.totals.cycles += totals.cycles;
  sums.trusted_checksums |= totals.trusted_checksums;
  return {};
}

template <class Counts, class Name>
[[nodiscard]] nlohmann::ordered_json by_name(const Counts& counts, Name name) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) object[std::string(name(i))] = counts[i];
  }
  return object;
}

[[nodiscard]] nlohmann::ordered_json summary_of(const ReplayRequest& request, const Sums& sums,
                                                const OutputFiles& outputs,
                                                const std::string& error) {
  const ReplayTotals& totals = sums.totals;
  const WorkerCounters& counters = totals.counters;
  const auto reason = [](std::size_t i) { return name_of(static_cast<DropReason>(i)); };
  const auto event = [](std::size_t i) { return name_of(static_cast<CapacityEvent>(i)); };
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : counters.dropped) dropped += count;
  const double packets = static_cast<double>(totals.packets);
  nlohmann::ordered_json summary;
  summary["packets"] = totals.packets;
  summary["bytes"] = totals.bytes;
  summary["forwarded"] = counters.forwarded;
  summary["dropped"] = dropped;
  summary["held"] = counters.held;
  summary["generated"] = counters.generated;
  summary["dropped_by_reason"] = by_name(counters.dropped, reason);
  summary["would_drop_by_reason"] = by_name(counters.would_drop, reason);
  summary["flows"] = counters.flows_created;
  std::uint64_t alerts = 0;
  nlohmann::ordered_json by_rule = nlohmann::ordered_json::object();
  for (const auto& [rule, count] : sums.alerts_by_rule) {
    alerts += count;
    by_rule[std::to_string(rule)] = count;
  }
  summary["alerts"] = alerts;
  summary["alerts_by_rule"] = std::move(by_rule);
  const EventCounts events = outputs.eve.counts();
  summary["events_lost"] = counters.flow_records_lost + counters.drop_records_lost +
                           inspect_records_lost(counters) + events.lost_queue + events.lost_file;
  summary["capacity_events"] = by_name(counters.capacity, event);
  summary["generation"] = request.parts.settings.generation;
  summary["rules"] = request.ruleset == nullptr ? 0 : request.ruleset->rules.rules.size();
  summary["seconds"] = totals.seconds;
  summary["packets_per_second"] = totals.seconds > 0 ? packets / totals.seconds : 0.0;
  summary["cycles_per_packet"] = packets > 0 ? static_cast<double>(totals.cycles) / packets : 0.0;
  if (!error.empty()) summary["error"] = error;
  return summary;
}

[[nodiscard]] Status write_summary(const std::string& path, const nlohmann::ordered_json& summary) {
  std::ofstream file(path, std::ios::trunc);
  // Names come from our own tables, the error text from a file name: replace what is not UTF-8.
  file << summary.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  file.close();
  if (!file) return fail(ErrorKind::io, path + ": cannot be written");
  return {};
}

void note_problem(ReplayOutcome& outcome, int exit_code, const Error& error) {
  outcome.exit_code = std::max(outcome.exit_code, exit_code);
  if (!outcome.message.empty()) outcome.message += '\n';
  outcome.message += error.message;
  if (!error.hint.empty()) outcome.message += "\n  hint: " + error.hint;
}

void replay_file(const ReplayRequest& request, const std::string& path, OutputFiles& outputs,
                 Sums& sums, ReplayOutcome& outcome) {
  CaptureLimits limits;
  limits.separate_blocks = request.separate_blocks;
  auto capture = load_capture(path, limits);
  if (!capture) return note_problem(outcome, 1, capture.error());
  outputs.eve.formatter().use_capture(fs::path(path).filename().string());
  if (auto done = replay_one(request, *capture, outputs, sums); !done) {
    return note_problem(outcome, 1, done.error());
  }
  if (capture->damage) note_problem(outcome, 2, *capture->damage);
}

[[nodiscard]] Status close_outputs(OutputFiles& outputs) {
  if (auto closed = outputs.eve.finish(0); !closed) return closed;
  for (CaptureWriter* writer : {&outputs.forwarded, &outputs.dropped, &outputs.generated}) {
    if (auto closed = writer->close(); !closed) return closed;
  }
  return {};
}

}  // namespace

ReplayOutcome replay_captures(const ReplayRequest& request) {
  ReplayOutcome outcome;
  auto outputs = open_outputs(request);
  if (!outputs) {
    note_problem(outcome, 1, outputs.error());
    return outcome;
  }
  (*outputs)->eve.formatter().use_rules(request.rule_texts);
  Sums sums;
  for (const std::string& path : request.captures) {
    replay_file(request, path, **outputs, sums, outcome);
  }
  if (sums.trusted_checksums) {
    outcome.notice =
        "more than a tenth of the checksums are wrong: sums are trusted, as of a "
        "capture taken before offloading";
  }
  if (auto closed = close_outputs(**outputs); !closed) note_problem(outcome, 1, closed.error());
  const auto summary = summary_of(request, sums, **outputs, outcome.message);
  const std::string path = request.out_dir + "/summary.json";
  if (auto written = write_summary(path, summary); !written) {
    note_problem(outcome, 1, written.error());
  }
  return outcome;
}

}  // namespace sluice
