#include "ctl/top_page.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/table.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kUnlimited = 100'000;

Cell as_bar(const json& row, std::string_view field) {
  const double percent = std::clamp(number_in(row, field), 0.0, 100.0);
  const auto full = static_cast<std::size_t>(std::lround(percent * kBarWidth / 100));
  const Colour colour = percent >= 90   ? Colour::red
                        : percent >= 70 ? Colour::yellow
                                        : Colour::green;
  return {fmt::format("[{}{}]", std::string(full, '#'), std::string(kBarWidth - full, '.')),
          colour};
}

constexpr Column kWorkerColumns[] = {
    {"WORKER", "worker", as_count, true},
    {"BUSY", "busy_percent", as_percent, true},
    {"", "busy_percent", as_bar},
    {"PACKETS", "pps", as_packet_rate, true},
    {"FULL", "full_burst_percent", as_percent, true},
    {"FLOWS", "flows", as_count, true},
    {"SHED", "shed_level", as_count, true},
};

constexpr Column kDropColumns[] = {
    {"DROPPED FOR", "reason", as_text, false, Fit::cut},
    {"RATE", "per_second", as_packet_rate, true},
    {"PACKETS", "packets", as_count, true},
};

void add_lines(Lines& lines, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

/// Parts in their colours, as far as the paper is wide.
class PaintedLine {
 public:
  explicit PaintedLine(const Paper& paper) : paper_(paper), left_(paper.columns) {}
  void add(std::string_view part, Colour colour = Colour::none) {
    const std::string shown = cut(part, left_);
    left_ -= width_of(shown);
    text_ += paint(paper_, colour, shown);
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  const Paper& paper_;
  std::size_t left_;
  std::string text_;
};

std::string head_line(const json& top, const TopNotes& notes, const Paper& paper) {
  const json& health = member(top, "health");
  const std::string mode = text_in(top, "mode");
  const std::string state = text_in(health, "state");
  PaintedLine line(paper);
  line.add("sluice", Colour::bold);
  line.add("  ");
  line.add(mode, colour_of_state(mode));
  line.add(fmt::format("  generation {}  ", count_in(top, "generation")));
  line.add(state, colour_of_state(state));
  line.add(fmt::format(" ({}/100)", count_in(health, "score")));
  if (notes.uptime_seconds > 0) line.add("  up " + span_text(notes.uptime_seconds));
  return line.text();
}

std::string rate_line(const json& top, const Paper& paper) {
  const json& rates = member(top, "rates");
  return cut(fmt::format("received {}, {}  forwarded {}  dropped {}",
                         packet_rate_text(number_in(rates, "received_pps")),
                         bit_rate_text(number_in(rates, "received_bps")),
                         packet_rate_text(number_in(rates, "forwarded_pps")),
                         packet_rate_text(number_in(rates, "dropped_pps"))),
             paper.columns);
}

std::string latency_line(const json& top, const Paper& paper) {
  const json& latency = member(top, "latency");
  if (count_in(latency, "packets") == 0) return cut("latency  no packets", paper.columns);
  return cut(fmt::format("latency  p50 {:.1f} us  p95 {:.1f} us  p99 {:.1f} us  of {} packets",
                         number_in(latency, "p50_us"), number_in(latency, "p95_us"),
                         number_in(latency, "p99_us"), grouped(count_in(latency, "packets"))),
             paper.columns);
}

std::string headroom_line(const json& top, const Paper& paper) {
  const json& headroom = member(top, "headroom");
  const std::string line =
      fmt::format("filled   flows {}  half-open {}  blocks {}  buffers {}",
                  percent_text(number_in(headroom, "flow_table_percent")),
                  percent_text(number_in(headroom, "half_open_percent")),
                  percent_text(number_in(headroom, "block_percent")),
                  percent_text(100 - number_in(headroom, "mbufs_free_low_percent")));
  return cut(line, paper.columns);
}

/// Empty where the flow table is not filling up.
std::string forecast_line(const json& top, const Paper& paper) {
  const json& headroom = member(top, "headroom");
  if (!member(headroom, "seconds_to_full").is_number()) return {};
  return paint(paper, Colour::yellow,
               cut("at this pace the flow table is full in " +
                       span_text(number_in(headroom, "seconds_to_full")),
                   paper.columns));
}

/// At most `rows` lines of a table, an empty line in front.
void add_table(Lines& lines, const json& items, std::span<const Column> columns, const Paper& paper,
               std::size_t rows) {
  if (rows < 3) return;
  Table table(columns, paper);
  Lines shown;
  add_lines(shown, table.render(items));
  if (shown.empty()) return;
  lines.emplace_back();
  shown.resize(std::min(shown.size(), rows - 1));
  lines.insert(lines.end(), shown.begin(), shown.end());
}

std::size_t length_of(const json& items) { return items.is_array() ? items.size() : 0; }

Lines page_lines(const json& top, const TopNotes& notes, const Paper& paper, std::size_t rows) {
  Lines lines{head_line(top, notes, paper), rate_line(top, paper), latency_line(top, paper),
              headroom_line(top, paper)};
  const auto left = [&lines, rows] { return rows > lines.size() ? rows - lines.size() : 0; };
  if (std::string line = forecast_line(top, paper); !line.empty()) lines.push_back(std::move(line));
  if (!notes.trouble.empty()) {
    lines.push_back(paint(paper, Colour::red, cut(notes.trouble, paper.columns)));
  }
  add_table(lines, member(top, "workers"), kWorkerColumns, paper,
            std::max<std::size_t>(left() / 3, 3));
  const std::size_t drops = length_of(member(top, "drops"));
  add_table(lines, member(top, "drops"), kDropColumns, paper,
            std::min(std::max<std::size_t>(left() / 2, 3), drops + 2));
  add_table(lines, member(top, "flows"), flow_columns(), paper, left());
  const std::string missing = text_in(top, "flows_error");
  if (!missing.empty()) lines.push_back(cut("flows: " + missing, paper.columns));
  if (lines.size() > rows) lines.resize(rows);
  return lines;
}

std::string joined(const Lines& lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

}  // namespace

std::string show_top_page(const json& top, const TopNotes& notes, const Paper& paper) {
  return joined(page_lines(top, notes, paper, paper.rows));
}

std::string show_top(const json& top, const Paper& paper) {
  return joined(page_lines(top, {}, paper, kUnlimited)) + "\n";
}

}  // namespace sluice
