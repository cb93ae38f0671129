// What the gateway is and does: status, counters, refused packets, health.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kLabelWidth = 12;
constexpr std::size_t kDigestShown = 12;

std::string labelled(const Paper& paper, std::string_view label, const std::string& text) {
  const std::string padded = fmt::format("{:<{}}", label, kLabelWidth);
  // A part that is painted is shorter than it looks; such texts are short anyway.
  const bool is_painted = text.find('\x1b') != std::string::npos;
  const std::string shown = is_painted ? text : cut(text, paper.columns - kLabelWidth);
  return paint(paper, Colour::dim, padded) + shown + "\n";
}

std::string painted_word(const Paper& paper, const json& object, std::string_view name) {
  const std::string word = text_in(object, name);
  return paint(paper, colour_of_state(word), word);
}

std::string health_text(const json& health, const Paper& paper) {
  return fmt::format("{} ({}/100)", painted_word(paper, health, "state"),
                     count_in(health, "score"));
}

std::string mode_text(const json& status, const Paper& paper) {
  std::string text = painted_word(paper, status, "mode");
  const std::string by = text_in(status, "mode_set_by");
  if (!by.empty()) {
    text += fmt::format(" (set by {}; the file says {})", by, text_in(status, "mode_in_file"));
  }
  return text;
}

std::string config_lines(const json& status, const Paper& paper) {
  const json& config = member(status, "config");
  std::string text = labelled(paper, "config", text_in(config, "path"));
  text += labelled(
      paper, "",
      fmt::format("digest {}, loaded {}", text_in(config, "digest").substr(0, kDigestShown),
                  time_in(config, "loaded_at")));
  const json& confirm = member(config, "confirm");
  if (confirm.is_object()) {
    text += labelled(paper, "",
                     paint(paper, Colour::yellow,
                           fmt::format("goes back in {} unless `sluicectl confirm` comes",
                                       span_text(number_in(confirm, "seconds_left")))));
  }
  const std::string restart = texts_in(status, "restart_pending");
  if (!restart.empty()) text += labelled(paper, "restart", "pending: " + restart);
  return text;
}

/// What stands over them, where something does.
std::string rules_set(const json& rules) {
  std::string text;
  const std::uint64_t stages = count_in(rules, "stages_set");
  const std::uint64_t exceptions = count_in(rules, "exceptions");
  if (stages > 0) text += fmt::format(", {} with another stage", grouped(stages));
  if (exceptions > 0) text += fmt::format(", {} exceptions", grouped(exceptions));
  return text;
}

/// Empty where the configuration names no rules.
std::string rules_line(const json& status, const Paper& paper) {
  const json& rules = member(status, "rules");
  const std::string state = text_in(rules, "state");
  if (state.empty() || state == "none") return {};
  if (state != "in_force") return labelled(paper, "rules", paint(paper, Colour::yellow, state));
  const bool is_compiling = flag_in(rules, "is_compiling");
  return labelled(paper, "rules",
                  fmt::format("{} in force{}{}", grouped(count_in(rules, "count")),
                              rules_set(rules), is_compiling ? ", others are being compiled" : ""));
}

std::string tables_lines(const json& status, const Paper& paper) {
  const json& flows = member(status, "flows");
  const json& blocks = member(status, "blocks");
  const std::uint64_t shed = count_in(status, "shed_level");
  std::string text = labelled(
      paper, "flows",
      fmt::format("{}, {}/s new",
                  share_text(count_in(flows, "active"), count_in(flows, "capacity")),
                  grouped(static_cast<std::uint64_t>(number_in(flows, "created_per_second")))));
  text += labelled(paper, "half-open",
                   share_text(count_in(flows, "half_open"), count_in(flows, "half_open_capacity")));
  text += labelled(paper, "blocks",
                   share_text(count_in(blocks, "active"), count_in(blocks, "capacity")));
  text += rules_line(status, paper);
  text += labelled(paper, "bypasses", grouped(count_in(status, "bypasses")));
  text += labelled(
      paper, "overload",
      shed == 0 ? "no" : paint(paper, Colour::yellow, fmt::format("work is shed, step {}", shed)));
  const json& events = member(status, "events");
  text += labelled(paper, "events",
                   fmt::format("{} written, {} lost", grouped(count_in(events, "written")),
                               grouped(count_in(events, "lost"))));
  return text;
}

std::string packet_line(const Paper& paper, std::string_view label, const json& status,
                        std::string_view name, const std::string& rates) {
  return labelled(paper, label,
                  fmt::format("{:<10} {:>18}{}", name,
                              grouped(count_in(member(status, "packets"), name)), rates));
}

std::string packet_lines(const json& status, const Paper& paper) {
  const json& rates = member(status, "rates");
  const auto pps = [&rates](std::string_view name) {
    return fmt::format("  {:>10}", packet_rate_text(number_in(rates, name)));
  };
  const auto bps = [&rates](std::string_view name) {
    return fmt::format("  {:>13}", bit_rate_text(number_in(rates, name)));
  };
  std::string text =
      packet_line(paper, "packets", status, "received", pps("received_pps") + bps("received_bps"));
  text += packet_line(paper, "", status, "forwarded", pps("forwarded_pps") + bps("forwarded_bps"));
  text += packet_line(paper, "", status, "dropped", pps("dropped_pps"));
  for (const std::string_view name : {"would_drop", "held", "bypassed", "generated"}) {
    text += packet_line(paper, "", status, name, "");
  }
  return text;
}

constexpr Column kPortColumns[] = {
    {"PORT", "name", as_text, false, Fit::cut},
    {"LINK", "link", as_state},
    {"RX", "rx_pps", as_packet_rate, true},
    {"RX BITS", "rx_bps", as_bit_rate, true},
    {"TX", "tx_pps", as_packet_rate, true},
    {"TX BITS", "tx_bps", as_bit_rate, true},
    {"LOST RX", "lost_before_receive", as_count, true},
    {"LOST TX", "lost_after_transmit", as_count, true},
    {"RX PACKETS", "rx_packets", as_count, true, Fit::leave_out},
    {"TX PACKETS", "tx_packets", as_count, true, Fit::leave_out},
};

constexpr Column kDropColumns[] = {
    {"REASON", "reason", as_text},
    {"STATION", "station", as_text, false, Fit::leave_out},
    {"PACKETS", "packets", as_count, true},
    {"RATE", "per_second", as_packet_rate, true},
    {"WOULD DROP", "would_drop", as_count, true},
    {"MEANING", "meaning", as_text, false, Fit::cut},
};

constexpr Column kPartColumns[] = {
    {"PART", "name", as_text},
    {"STATE", "state", as_state},
    {"FAILURES", "failures", as_count, true},
    {"SINCE", "since_at", as_time},
    {"REASON", "reason", as_text, false, Fit::cut},
};

/// "dropped.denied_prefix" and so on, in the order of their names; zeros stay out. As deep as a
/// reply may be.
void add_counters(std::string& text, const json& counters, const std::string& prefix) {
  for (const auto& entry : counters.items()) {
    const std::string name = prefix + entry.key();
    const std::uint64_t count = count_in(counters, entry.key());
    if (entry.value().is_object()) add_counters(text, entry.value(), name + ".");
    if (count > 0) {
      text += fmt::format("{:<50} {:>26}\n", cut(escape_control(name), 50), grouped(count));
    }
  }
}

}  // namespace

std::string show_version(const json& result, const Paper&) {
  return fmt::format("sluiced {}, protocol {}\nsluicectl {}\n", text_in(result, "program"),
                     count_in(result, "protocol"), SLUICE_VERSION);
}

std::string show_status(const json& result, const Paper& paper) {
  std::string text = labelled(paper, "health", health_text(member(result, "health"), paper));
  text += labelled(paper, "mode", mode_text(result, paper));
  text += labelled(
      paper, "program",
      fmt::format("sluice {}, {} workers, generation {}, up {}", text_in(result, "program"),
                  count_in(result, "workers"), count_in(result, "generation"),
                  span_text(number_in(result, "uptime_seconds"))));
  text += config_lines(result, paper);
  text += tables_lines(result, paper);
  text += packet_lines(result, paper);
  Table ports(kPortColumns, paper);
  const std::string rows = ports.render(member(result, "ports"));
  return rows.empty() ? text : text + "\n" + rows;
}

std::string show_stats(const json& result, const Paper& paper) {
  const json& totals = member(result, "totals");
  std::string text = paint(paper, Colour::bold, "COUNTER (zeros are left out)") + "\n";
  if (totals.is_object()) add_counters(text, totals, "");
  return text;
}

std::string show_drops(const json& result, const Paper& paper) {
  Table table(kDropColumns, paper);
  const std::string rows = table.render(member(result, "items"));
  return rows.empty() ? "no packet was refused\n" : rows;
}

std::string show_health(const json& result, const Paper& paper) {
  std::string text = health_text(result, paper) + "\n";
  Table parts(kPartColumns, paper);
  const std::string rows = parts.render(member(result, "parts"));
  return rows.empty() ? text : text + "\n" + rows;
}

int exit_code_of_health(const json& result) {
  const std::string state = text_in(result, "state");
  return state == "healthy" || state == "degraded" ? 0 : 1;
}

}  // namespace sluice
