// Sets as people read them.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

/// What has no end stays.
Cell as_left(const json& row, std::string_view field) {
  const json& left = member(row, field);
  return left.is_number() ? as_span(row, field) : Cell{"-"};
}

/// Where its entries come from, or why those that were added find nothing.
Cell as_file(const json& row, std::string_view field) {
  if (member(row, "configured") == false) return {"not in the configuration"};
  if (count_in(row, "idle_entries") != 0) {
    return {
        fmt::format("{} added before it was of this kind", grouped(count_in(row, "idle_entries")))};
  }
  return as_text(row, field);
}

constexpr Column kSetColumns[] = {
    {"SET", "name", as_text},
    {"KIND", "kind", as_text},
    {"FROM FILE", "file_entries", as_count, true},
    {"ADDED", "live_entries", as_count, true},
    {"CAPACITY", "capacity", as_count, true},
    {"FILE", "file", as_file, false, Fit::cut},
};

constexpr Column kEntryColumns[] = {
    {"ENTRY", "entry", as_text, false, Fit::cut_middle},
    {"LEFT", "seconds_left", as_left, true},
    {"OWNER", "owner", as_text, false, Fit::cut},
    {"SINCE", "added_at", as_time, false, Fit::leave_out},
};

}  // namespace

std::span<const Column> set_columns() noexcept { return kSetColumns; }
std::span<const Column> set_entry_columns() noexcept { return kEntryColumns; }

std::string show_set_summary(const json& result, const Paper&) {
  const std::uint64_t from_file = count_in(result, "file_entries");
  return fmt::format(
      "{} entries added to {}{}{}\n", grouped(count_in(result, "live_entries")),
      text_in(result, "name"),
      member(result, "configured") == false ? ", which is not in the configuration" : "",
      from_file == 0 ? "" : fmt::format(", besides {} from its file", grouped(from_file)));
}

std::string show_set_change(const json& result, const Paper&) {
  const bool is_added = !member(result, "added").is_null();
  const std::string until = text_in(result, "until").empty() ? "" : time_in(result, "until");
  return fmt::format("{} {} {}{}, in force with generation {}\n", is_added ? "added" : "removed",
                     grouped(count_in(result, is_added ? "added" : "removed")),
                     is_added ? fmt::format("to {}", text_in(result, "set"))
                              : fmt::format("from {}", text_in(result, "set")),
                     until.empty() ? "" : fmt::format(" until {}", until),
                     text_in(result, "generation"));
}

}  // namespace sluice
