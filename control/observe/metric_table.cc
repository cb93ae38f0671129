#include "control/observe/metric_table.h"

#include <cstddef>

#include <fmt/format.h>

#include "control/observe/metric_fills.h"

namespace sluice {
namespace {

using namespace metric_fills;
using prometheus::MetricType;
constexpr MetricType kCounter = MetricType::Counter;
constexpr MetricType kGauge = MetricType::Gauge;

constexpr MetricRow kMetrics[] = {
    {"sluice_build_info", kGauge, "version", "always 1; the label is the program's version",
     [](const MetricInputs& in, Samples& out) {
       out.add(true, {{"version", in.facts.version}});
     }},
    {"sluice_start_time_seconds", kGauge, "", "when the wire process started, since the Unix epoch",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.wire.started)); }},
    {"sluice_control_start_time_seconds", kGauge, "",
     "when this control process started, since the Unix epoch",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.facts.started)); }},
    {"sluice_workers", kGauge, "", "workers",
     [](const MetricInputs& in, Samples& out) { out.add(in.wire.workers.size()); }},

    // Packets. received = forwarded + dropped + held, at every moment.
    {"sluice_received_packets_total", kCounter, "", "packets received",
     total<&WorkerCounters::rx_packets>},
    {"sluice_received_bytes_total", kCounter, "", "layer-2 bytes received, without FCS",
     total<&WorkerCounters::rx_bytes>},
    {"sluice_forwarded_packets_total", kCounter, "", "packets forwarded",
     total<&WorkerCounters::forwarded>},
    {"sluice_forwarded_bytes_total", kCounter, "", "layer-2 bytes forwarded",
     total<&WorkerCounters::forwarded_bytes>},
    {"sluice_held_packets", kGauge, "", "fragments that wait for the rest of their datagram",
     total<&WorkerCounters::held>},
    {"sluice_bypassed_packets_total", kCounter, "",
     "packets forwarded uninspected because of a bypass; also in forwarded",
     total<&WorkerCounters::bypassed>},
    {"sluice_bypassed_bytes_total", kCounter, "", "their layer-2 bytes",
     total<&WorkerCounters::bypassed_bytes>},
    {"sluice_generated_packets_total", kCounter, "", "packets that sluice made itself",
     total<&WorkerCounters::generated>},
    {"sluice_dropped_packets_total", kCounter, "reason, station",
     "packets refused, by reason (reference/drop_reasons.md)", by_reason<&WorkerCounters::dropped>},
    {"sluice_would_drop_packets_total", kCounter, "reason, station",
     "packets that mode monitor forwarded and mode enforce would have refused",
     by_reason<&WorkerCounters::would_drop>},
    {"sluice_capacity_events_total", kCounter, "event",
     "times that a limit of sluice itself was hit", capacity_events},

    // Ports.
    {"sluice_port_received_packets_total", kCounter, "port", "packets received on the port",
     by_port<&PortCounters::rx_packets>},
    {"sluice_port_received_bytes_total", kCounter, "port", "layer-2 bytes received on the port",
     by_port<&PortCounters::rx_bytes>},
    {"sluice_port_transmitted_packets_total", kCounter, "port", "packets given to the port",
     by_port<&PortCounters::tx_packets>},
    {"sluice_port_transmitted_bytes_total", kCounter, "port", "layer-2 bytes given to the port",
     by_port<&PortCounters::tx_bytes>},
    {"sluice_port_lost_before_receive_packets_total", kCounter, "port",
     "packets lost in front of sluice: no buffer, ring full, frame cut",
     of_port<&PortReading::lost_before_receive>},
    {"sluice_port_lost_after_transmit_packets_total", kCounter, "port",
     "packets that the port took and did not send", of_port<&PortReading::lost_after_transmit>},
    {"sluice_port_link_up", kGauge, "port", "1 where the port has carrier",
     of_port<&PortReading::has_carrier>},

    // Flows.
    {"sluice_flows_active", kGauge, "", "flows in the tables",
     total<&WorkerCounters::flows_active>},
    {"sluice_flows_capacity", kGauge, "", "flows that the tables can hold",
     wire<&WireReading::flow_capacity>},
    {"sluice_flows_created_total", kCounter, "", "flows made",
     total<&WorkerCounters::flows_created>},
    {"sluice_flows_ended_total", kCounter, "", "flows ended", total<&WorkerCounters::flows_ended>},
    {"sluice_half_open_active", kGauge, "", "TCP handshakes that wait for their answer",
     total<&WorkerCounters::half_open_active>},
    {"sluice_half_open_capacity", kGauge, "", "handshakes that can wait",
     wire<&WireReading::half_open_capacity>},
    {"sluice_sources_capacity", kGauge, "", "sources whose rates can be tracked",
     wire<&WireReading::source_capacity>},
    {"sluice_out_of_state_packets_total", kCounter, "",
     "TCP packets that fit no state, whatever became of them",
     total<&WorkerCounters::out_of_state>},
    {"sluice_midstream_flows_total", kCounter, "", "flows picked up without their handshake",
     total<&WorkerCounters::midstream>},
    {"sluice_handed_out_packets_total", kCounter, "",
     "packets put on the ring of the worker that owns their flow",
     total<&WorkerCounters::handed_out>},
    {"sluice_handed_in_packets_total", kCounter, "", "packets taken from such rings",
     total<&WorkerCounters::handed_in>},

    // Workers.
    {"sluice_worker_received_packets_total", kCounter, "worker", "packets received by the worker",
     by_worker<&WorkerCounters::rx_packets>},
    {"sluice_worker_flows_active", kGauge, "worker", "flows in the worker's table",
     by_worker<&WorkerCounters::flows_active>},
    {"sluice_worker_busy_seconds_total", kCounter, "worker",
     "time spent in turns that received something", busy_seconds},
    {"sluice_worker_polls_total", kCounter, "worker", "turns", by_worker<&WorkerCounters::polls>},
    {"sluice_worker_busy_polls_total", kCounter, "worker", "turns that received something",
     by_worker<&WorkerCounters::busy_polls>},
    {"sluice_worker_full_bursts_total", kCounter, "worker",
     "bursts that came full: the worker is behind", by_worker<&WorkerCounters::full_bursts>},
    {"sluice_worker_shed_level", kGauge, "worker", "steps of shedding in force",
     by_worker<&WorkerCounters::shed_level>},
    {"sluice_worker_shed_steps_total", kCounter, "worker",
     "times that a step of shedding was taken", by_worker<&WorkerCounters::shed_steps>},
    {"sluice_alerts_total", kCounter, "", "rules that held and were reported",
     total<&WorkerCounters::alerts>},
    {"sluice_transactions_total", kCounter, "", "messages of applications that were reported",
     total<&WorkerCounters::transactions>},
    {"sluice_anomalies_total", kCounter, "",
     "anomalies that were found; beyond a number a second they are counted, not reported",
     total<&WorkerCounters::anomalies>},
    {"sluice_rule_candidates_total", kCounter, "",
     "rules that were looked at because a pattern of theirs was found",
     total<&WorkerCounters::rule_candidates>},
    {"sluice_rule_hits_total", kCounter, "", "rules that held, whatever their stage",
     total<&WorkerCounters::rule_hits>},
    {"sluice_rule_hits_shadowed_total", kCounter, "",
     "of these, those of rules at stage shadow: counted and nothing else",
     total<&WorkerCounters::rules_shadowed>},
    {"sluice_top_rule_hits_total", kCounter, "rule, name",
     "hits of each of the 50 rules with the most, read every 5 s; `other`: of all others. A rule "
     "that "
     "becomes one of the 50 brings hits that `other` has already: the sum may be above "
     "sluice_rule_hits_total",
     rule_hits},
    {"sluice_rules_excepted_total", kCounter, "",
     "rules that would have held, where an exception has them off",
     total<&WorkerCounters::rules_excepted>},
    {"sluice_rule_window_exhausted_total", kCounter, "",
     "looks at a rule that asked for a byte of a stream that is kept no longer: it stays "
     "undecided, "
     "and the packet goes on",
     total<&WorkerCounters::window_exhausted>},
    {"sluice_inspected_bytes_total", kCounter, "", "payload that was scanned for patterns",
     total<&WorkerCounters::inspected_bytes>},
    {"sluice_stream_gap_bytes_total", kCounter, "",
     "bytes of TCP streams that their receivers have and nobody inspected",
     total<&WorkerCounters::stream_gap_bytes>},
    {"sluice_uninspected_packets_total", kCounter, "",
     "packets that passed before the first ruleset was in force; also in forwarded",
     total<&WorkerCounters::uninspected>},
    {"sluice_rules", kGauge, "", "rules of the ruleset in force", keeper<&KeeperReading::rules>},
    {"sluice_rules_state", kGauge, "state",
     "1 for the state that holds: none configured, compiling (the first), in_force, or missing",
     rules_states},
    {"sluice_rules_failed", kGauge, "",
     "1 where rules that are configured could not be compiled or put into force",
     [](const MetricInputs& in, Samples& out) { out.add(!in.facts.rules.error.empty()); }},
    {"sluice_rule_stages_set", kGauge, "", "rules whose stage an operator set",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.rules.stages_set); }},
    {"sluice_inspected_flows", kGauge, "", "TCP connections with state of inspection",
     total<&WorkerCounters::inspected_flows>},
    {"sluice_inspection_memory_bytes", kGauge, "",
     "memory of streams, kept bytes and parsers in use", total<&WorkerCounters::inspection_memory>},
    {"sluice_inspection_shed_flows_total", kCounter, "",
     "flows that rules no longer looked at because work was shed",
     total<&WorkerCounters::flows_shed>},
    {"sluice_records_shed_total", kCounter, "",
     "flow and drop records not made because work was shed", total<&WorkerCounters::records_shed>},
    {"sluice_worker_generation", kGauge, "worker", "generation of the policy that the worker obeys",
     by_worker<&WorkerCounters::generation>},
    {"sluice_worker_heartbeats_total", kCounter, "worker",
     "polls in which the worker showed that it lives", worker_heartbeats},
    {"sluice_worker_heartbeat_age_seconds", kGauge, "worker",
     "since the heartbeat last moved, as the control process saw it", worker_heartbeat_age},

    // Time and stations.
    {"sluice_latency_seconds", MetricType::Histogram, "",
     "time of packets from receive to transmit",
     [](const MetricInputs& in, Samples& out) { out.histogram(in.wire.timings); }},
    {"sluice_station_cycles_total", kCounter, "station",
     "cycles spent in the station, of the bursts that were measured (1 in 1024)",
     by_station<&WorkerTimings::station_cycles>},
    {"sluice_station_packets_total", kCounter, "station", "packets of these bursts",
     by_station<&WorkerTimings::station_packets>},

    // Packet buffers.
    {"sluice_mbufs", kGauge, "pair", "packet buffers of the pair of ports",
     by_pair<&PoolReading::mbufs>},
    {"sluice_mbufs_free", kGauge, "pair", "of these, free", by_pair<&PoolReading::free>},
    {"sluice_mbufs_free_low", kGauge, "pair", "least that were ever free",
     by_pair<&PoolReading::free_low>},

    // Events.
    {"sluice_lane_records", kGauge, "worker, lane",
     "records that wait in the lane to the control process", lane_records},
    {"sluice_lane_records_lost_total", kCounter, "lane", "records that found their lane full",
     lane_records_lost},
    {"sluice_events_written_total", kCounter, "", "event lines written",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.events.written); }},
    {"sluice_events_lost_total", kCounter, "cause",
     "events not written: the recorder's queue was full, or the file did not take them",
     events_lost},

    // Policy.
    {"sluice_generation", kGauge, "", "generation of the policy in force, obeyed by every worker",
     keeper<&KeeperReading::generation>},
    {"sluice_policies_refused_total", kCounter, "", "policies that the wire process did not take",
     keeper<&KeeperReading::policies_refused>},
    {"sluice_mode_enforce", kGauge, "", "1 in mode enforce, 0 in mode monitor",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.mode == Mode::enforce); }},
    {"sluice_reloads_total", kCounter, "result",
     "reloads, by result: ok, invalid (the file had errors), failed", reloads},
    {"sluice_reload_last_ok", kGauge, "", "1 where the last reload was taken, or there was none",
     [](const MetricInputs& in, Samples& out) { out.add(!in.facts.reloads.has_last_failed); }},
    {"sluice_reload_last_time_seconds", kGauge, "",
     "when the last reload ended, since the Unix epoch; 0 = none",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.facts.reloads.last_at)); }},
    {"sluice_set_entries", kGauge, "set, origin",
     "entries of a set that rules ask for: of its file, or added by operators", set_entries},
    {"sluice_set_changes_total", kCounter, "", "times that entries of a set were added or removed",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.set_changes); }},
    {"sluice_confirm_pending", kGauge, "",
     "1 where a reload waits to be confirmed and else reverts",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.config.confirm_by != 0); }},
    {"sluice_restart_pending", kGauge, "", "reasons for which a restart would change something",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.config.restart_pending.size()); }},
    {"sluice_blocks_active", kGauge, "", "blocks in force", keeper<&KeeperReading::blocks_active>},
    {"sluice_blocks_capacity", kGauge, "", "blocks that can be in force at once",
     wire<&WireReading::block_capacity>},
    {"sluice_blocks_expired_total", kCounter, "", "blocks that ran out",
     keeper<&KeeperReading::blocks_expired>},
    {"sluice_block_journal_failures_total", kCounter, "",
     "writes to the blocks' journal that failed", fact<&ControlFacts::journal_failures>},
    {"sluice_rule_blocks_total", kCounter, "", "blocks that rules asked for and that were made",
     fact<&ControlFacts::rule_blocks>},
    {"sluice_rule_blocks_refused_total", kCounter, "",
     "blocks that rules asked for and that were not made: over a bound, or allowed",
     fact<&ControlFacts::rule_blocks_refused>},
    {"sluice_bypasses_active", kGauge, "", "bypasses in force", fact<&ControlFacts::bypasses>},

    // Processes.
    {"sluice_keeper_turns_total", kCounter, "", "turns of the wire process's keeper",
     keeper<&KeeperReading::heartbeat>},
    {"sluice_keeper_heartbeat_age_seconds", kGauge, "",
     "since the keeper last moved, as the control process saw it",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.facts.keeper_quiet)); }},
    {"sluice_control_starts_total", kCounter, "", "times that the control process was started",
     keeper<&KeeperReading::control_starts>},
    {"sluice_control_turns_total", kCounter, "", "turns of the control thread",
     fact<&ControlFacts::turns>},
    {"sluice_control_turn_late_seconds", kGauge, "",
     "by how much its latest turns came late at worst",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.facts.turn_late)); }},
    {"sluice_control_turn_seconds_max", kGauge, "",
     "the longest time, since it started, that it was away from its event loop",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.facts.longest_turn)); }},
    {"sluice_control_long_turns_total", kCounter, "", "times that it was away for more than 1 ms",
     fact<&ControlFacts::long_turns>},
    {"sluice_control_turn_age_seconds", kGauge, "", "since its last turn",
     [](const MetricInputs& in, Samples& out) {
       out.add(in.now > in.facts.turned_at ? seconds(in.now - in.facts.turned_at) : 0.0);
     }},
    {"sluice_control_clients", kGauge, "", "clients of the control socket",
     fact<&ControlFacts::clients>},
    {"sluice_control_clients_refused_total", kCounter, "",
     "clients turned away because there were too many", fact<&ControlFacts::clients_refused>},
    {"sluice_control_requests_total", kCounter, "", "requests over the control socket",
     fact<&ControlFacts::requests>},
    {"sluice_event_followers", kGauge, "", "clients that follow events",
     fact<&ControlFacts::followers>},
    {"sluice_event_followers_lost_total", kCounter, "", "events that followers were too slow for",
     fact<&ControlFacts::followers_lost>},
    {"sluice_audit_failures_total", kCounter, "", "writes to the audit log that failed",
     fact<&ControlFacts::audit_failures>},

    // Health.
    {"sluice_health_score", kGauge, "", "100 = every part is healthy",
     [](const MetricInputs& in, Samples& out) { out.add(double{1} * in.facts.health.score); }},
    {"sluice_health_state", kGauge, "state",
     "1 for the state that holds: healthy, degraded or unhealthy", health_states},
    {"sluice_health_part", kGauge, "part", "0 healthy, 1 degraded, 2 unhealthy", health_parts},
    {"sluice_ready", kGauge, "", "1 while packets are forwarded under a policy",
     [](const MetricInputs& in, Samples& out) { out.add(in.facts.health.is_ready); }},
    {"sluice_http_scrapes_total", kCounter, "", "answers to /metrics before this one",
     [](const MetricInputs& in, Samples& out) { out.add(in.scrapes); }},
    {"sluice_http_scrape_seconds", kGauge, "", "time that the last of them took",
     [](const MetricInputs& in, Samples& out) { out.add(seconds(in.last_scrape_took)); }},
};

std::string_view word_of(MetricType type) noexcept {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::string label_text(std::string_view labels) {
  std::string text;
  while (!labels.empty()) {
    const std::size_t comma = labels.find(", ");
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", labels.substr(0, comma));
    labels = comma == std::string_view::npos ? std::string_view() : labels.substr(comma + 2);
  }
  return text;
}

}  // namespace

std::span<const MetricRow> metric_table() noexcept { return kMetrics; }

std::string render_metric_reference() {
  std::string page =
      "# Metrics\n\n"
      "What `/metrics` says, written from the table in `control/observe/metric_table.cc`; a test\n"
      "compares the two. No label holds an address, a flow or any other text from a packet.\n"
      "Counters start at 0 with the wire process; those of the control process (events, reloads,\n"
      "clients, requests, failures, scrapes) also when it is started again.\n\n"
      "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricRow& row : metric_table()) {
    page += fmt::format("| `{}` | {} | {} | {} |\n", row.name, word_of(row.type),
                        label_text(row.labels), row.help);
  }
  return page;
}

}  // namespace sluice
