// Rows of an answer as aligned columns that fit the paper, page after page. One thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ctl/paper.h"

namespace sluice {

struct Cell {
  std::string text;  ///< escaped already
  Colour colour = Colour::none;
};

/// How a column gives way where the paper is too narrow.
enum class Fit : std::uint8_t { keep, cut, cut_middle, leave_out };

struct Column {
  std::string_view heading;
  std::string_view field;
  Cell (*cell)(const nlohmann::json& row, std::string_view field);
  bool is_right = false;
  Fit fit = Fit::keep;
};

// The usual cells.
[[nodiscard]] Cell as_text(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_state(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_count(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_packet_rate(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_bit_rate(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_percent(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_span(const nlohmann::json& row, std::string_view field);
[[nodiscard]] Cell as_time(const nlohmann::json& row, std::string_view field);

class Table {
 public:
  Table(std::span<const Column> columns, const Paper& paper);
  /// The rows as lines, in front of the first ones the heading. Columns grow from page to page, as
  /// far as the paper allows. `rows` that are no list are none.
  [[nodiscard]] std::string render(const nlohmann::json& rows);

 private:
  using Cells = std::vector<Cell>;
  void widen_to(const Cells& cells);
  void fit();
  void leave_out_until_it_fits();
  void narrow(std::size_t excess);
  [[nodiscard]] std::size_t width() const noexcept;
  [[nodiscard]] std::string line(const Cells& cells) const;

  Paper paper_;
  std::vector<Column> columns_;
  std::vector<std::size_t> natural_;  ///< as wide as the widest cell so far
  std::vector<std::size_t> widths_;   ///< what the paper allows of it
  bool has_heading_ = false;
};

}  // namespace sluice
