// Answers as people read them: from JSON to text, nothing else. Whatever is missing in an answer
// shows as nothing or zero. Pure.
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "ctl/paper.h"
#include "ctl/table.h"

namespace sluice {

// views_state.cc
[[nodiscard]] std::string show_version(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_status(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_stats(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_drops(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_health(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] int exit_code_of_health(const nlohmann::json& result);

// views_rows.cc
[[nodiscard]] std::span<const Column> flow_columns() noexcept;
[[nodiscard]] std::span<const Column> source_columns() noexcept;
[[nodiscard]] std::span<const Column> block_columns() noexcept;
[[nodiscard]] std::span<const Column> audit_columns() noexcept;
[[nodiscard]] std::string show_limits(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_block_count(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_bypasses(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_configs(const nlohmann::json& result, const Paper& paper);
/// One line of `events follow`: of an event, in the nesting of EVE.
[[nodiscard]] std::string show_event(const nlohmann::json& event, const Paper& paper);

// views_rules.cc
[[nodiscard]] std::span<const Column> rule_columns() noexcept;
[[nodiscard]] std::string show_rule_count(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_rule_ranking(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_staged(const nlohmann::json& result, const Paper& paper);

// views_sets.cc
[[nodiscard]] std::span<const Column> set_columns() noexcept;
[[nodiscard]] std::span<const Column> set_entry_columns() noexcept;
[[nodiscard]] std::string show_set_summary(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_set_change(const nlohmann::json& result, const Paper& paper);

// views_change.cc
[[nodiscard]] std::string show_added_blocks(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_removed(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_bypass(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_check(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] int exit_code_of_check(const nlohmann::json& result);
[[nodiscard]] std::string show_difference(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_reload(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_confirmed(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_reverted(const nlohmann::json& result, const Paper& paper);
[[nodiscard]] std::string show_mode(const nlohmann::json& result, const Paper& paper);

}  // namespace sluice
