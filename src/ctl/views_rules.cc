// Rules as people read them.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

/// Behind its gid where that is not 1.
Cell as_rule(const json& row, std::string_view field) {
  const std::string id = text_in(row, field);
  const std::string gid = text_in(row, "gid");
  return {gid.empty() || gid == "1" ? id : fmt::format("{}:{}", gid, id)};
}

/// The stage in force; one that was set is yellow and has what was written behind it.
Cell as_stage(const json& row, std::string_view field) {
  const std::string stage = text_in(row, field);
  const std::string written = text_in(row, "stage_written");
  if (stage == written || written.empty()) return {stage};
  return {fmt::format("{} (not {})", stage, written), Colour::yellow};
}

Cell as_refused(const json& row, std::string_view field) {
  const std::uint64_t count = count_in(row, field);
  return {grouped(count), count > 0 ? Colour::red : Colour::none};
}

Cell as_texts(const json& row, std::string_view field) { return {texts_in(row, field)}; }

Cell as_cycles(const json& row, std::string_view field) {
  return {grouped(static_cast<std::uint64_t>(number_in(row, field)))};
}

constexpr Column kRuleColumns[] = {
    {"ID", "id", as_rule, true},
    {"STAGE", "stage", as_stage},
    {"ACTION", "action", as_text},
    {"HITS", "hits", as_count, true},
    {"REFUSED", "refused", as_refused, true},
    {"NAME", "name", as_text, false, Fit::cut},
    {"SEVERITY", "severity", as_text, false, Fit::leave_out},
    {"CLASS", "class", as_text, false, Fit::leave_out},
    {"EXCEPTED", "excepted", as_count, true, Fit::leave_out},
    {"PACK", "pack", as_text, false, Fit::leave_out},
    {"EXCEPTIONS", "exceptions", as_texts, false, Fit::leave_out},
};

constexpr Column kRankingColumns[] = {
    {"SHARE", "share_percent", as_percent, true},
    {"ID", "id", as_rule, true},
    {"STAGE", "stage", as_stage},
    {"LOOKS", "candidates", as_count, true},
    {"CYCLES", "cycles_per_look", as_cycles, true},
    {"HITS", "hits", as_count, true},
    {"REFUSED", "refused", as_refused, true, Fit::leave_out},
    {"NAME", "name", as_text, false, Fit::cut},
};

constexpr Column kStagedColumns[] = {
    {"ID", "id", as_rule, true},
    {"STAGE", "stage", as_stage},
    {"NAME", "name", as_text, false, Fit::cut},
};

}  // namespace

std::span<const Column> rule_columns() noexcept { return kRuleColumns; }

std::string show_rule_count(const json& result, const Paper&) {
  const std::uint64_t set = count_in(result, "stages_set");
  return fmt::format("{} rules in force{}\n", grouped(count_in(result, "rules")),
                     set == 0 ? "" : fmt::format(", {} with another stage", grouped(set)));
}

std::string show_rule_ranking(const json& result, const Paper& paper) {
  Table table(kRankingColumns, paper);
  const std::string rows = table.render(member(result, "items"));
  if (!rows.empty()) return rows;
  return text_in(result, "by") == "hits" ? "no rule has held yet\n" : "no rule was looked at yet\n";
}

std::string show_staged(const json& result, const Paper& paper) {
  Table table(kStagedColumns, paper);
  return table.render(member(result, "items")) +
         fmt::format("{} rules changed, in force with generation {}\n",
                     grouped(count_in(result, "changed")), text_in(result, "generation"));
}

}  // namespace sluice
