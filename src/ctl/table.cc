#include "ctl/table.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kGap = 2;
constexpr std::size_t kWidthMin = 8;  // a column that is cut keeps so much

std::string fitted(const Column& column, std::string_view text, std::size_t width) {
  return column.fit == Fit::cut_middle ? cut_middle(text, width) : cut(text, width);
}

}  // namespace

Cell as_text(const json& row, std::string_view field) { return {text_in(row, field)}; }

Cell as_state(const json& row, std::string_view field) {
  std::string word = text_in(row, field);
  const Colour colour = colour_of_state(word);
  return {std::move(word), colour};
}

Cell as_count(const json& row, std::string_view field) { return {grouped(count_in(row, field))}; }

Cell as_packet_rate(const json& row, std::string_view field) {
  return {packet_rate_text(number_in(row, field))};
}

Cell as_bit_rate(const json& row, std::string_view field) {
  return {bit_rate_text(number_in(row, field))};
}

Cell as_percent(const json& row, std::string_view field) {
  return {percent_text(number_in(row, field))};
}

Cell as_span(const json& row, std::string_view field) { return {span_text(number_in(row, field))}; }

Cell as_time(const json& row, std::string_view field) { return {time_in(row, field)}; }

Table::Table(std::span<const Column> columns, const Paper& paper)
    : paper_(paper), columns_(columns.begin(), columns.end()) {
  for (const Column& column : columns_) natural_.push_back(width_of(column.heading));
}

std::string Table::render(const json& rows) {
  if (!rows.is_array() || rows.empty()) return {};
  std::vector<Cells> lines;
  for (const json& row : rows) {
    Cells& cells = lines.emplace_back();
    for (const Column& column : columns_) {
      cells.push_back(column.cell(row, column.field));
      if (cells.back().text.empty()) cells.back().text = "-";
    }
    widen_to(cells);
  }
  fit();
  std::string text;
  if (!has_heading_) {
    Cells heading;
    for (const Column& column : columns_) {
      heading.push_back({std::string(column.heading), Colour::bold});
    }
    text = line(heading);
    has_heading_ = true;
  }
  for (const Cells& cells : lines) text += line(cells);
  return text;
}

void Table::widen_to(const Cells& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    natural_[i] = std::max(natural_[i], width_of(cells[i].text));
  }
}

void Table::fit() {
  const bool is_first = widths_.empty();
  if (is_first) {
    widths_ = natural_;
    leave_out_until_it_fits();
  } else {
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      if (widths_[i] > 0) widths_[i] = natural_[i];
    }
  }
  if (width() > paper_.columns) narrow(width() - paper_.columns);
}

/// The last first. A column that is left out stays so on later pages: its width is 0.
void Table::leave_out_until_it_fits() {
  for (std::size_t i = widths_.size(); i-- > 0 && width() > paper_.columns;) {
    if (columns_[i].fit == Fit::leave_out) widths_[i] = 0;
  }
}

/// Takes from the widest column that may be cut, one character at a time.
void Table::narrow(std::size_t excess) {
  for (; excess > 0; --excess) {
    std::size_t widest = widths_.size();
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      const bool can_be_cut = columns_[i].fit == Fit::cut || columns_[i].fit == Fit::cut_middle;
      if (!can_be_cut || widths_[i] <= kWidthMin) continue;
      if (widest == widths_.size() || widths_[i] > widths_[widest]) widest = i;
    }
    if (widest == widths_.size()) return;
    --widths_[widest];
  }
}

std::size_t Table::width() const noexcept {
  std::size_t sum = 0;
  for (const std::size_t width : widths_) sum += width == 0 ? 0 : width + kGap;
  return sum == 0 ? 0 : sum - kGap;
}

std::string Table::line(const Cells& cells) const {
  std::string text;
  std::size_t padding = 0;
  std::size_t left = paper_.columns;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (widths_[i] == 0) continue;
    // Where even cut columns are too wide, the line ends at the edge of the paper.
    if (left <= padding) break;
    left -= padding;
    const std::size_t width = std::min(widths_[i], left);
    const std::string shown = fitted(columns_[i], cells[i].text, width);
    const std::size_t gap = width - width_of(shown);
    text.append(padding + (columns_[i].is_right ? gap : 0), ' ');
    text += paint(paper_, cells[i].colour, shown);
    padding = kGap + (columns_[i].is_right ? 0 : gap);
    left -= columns_[i].is_right ? width : width - gap;
  }
  return text + '\n';
}

}  // namespace sluice
