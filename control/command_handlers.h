// The handlers of the command table, by the file that holds them. Control thread only; each answers
// through `reply` exactly once and blocks no longer than a millisecond.
#pragma once

#include "control/commands.h"

namespace sluice {

/// Rows of one answer, whatever the client asks for: some tenths of a millisecond. Its cursor goes
/// on.
inline constexpr std::uint64_t kRowsPerPage = 100;

// commands_view.cc
void show_version(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_status(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_stats(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_drops(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_top(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_health(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void list_flows(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void list_limits(Services&, const Caller&, const nlohmann::json& args, Reply reply);

// commands_change.cc
void check_configuration(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_difference(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void reload_configuration(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void confirm_configuration(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void revert_configuration(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void list_configurations(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void set_mode(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void start_bypass(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void end_bypass(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_bypasses(Services&, const Caller&, const nlohmann::json& args, Reply reply);

// commands_blocks.cc
void list_blocks(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void add_blocks(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void remove_blocks(Services&, const Caller&, const nlohmann::json& args, Reply reply);

// commands_rules.cc
void list_rules(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void rank_rules(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void set_stages(Services&, const Caller&, const nlohmann::json& args, Reply reply);

// commands_sets.cc
void list_sets(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void show_set(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void add_to_set(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void remove_from_set(Services&, const Caller&, const nlohmann::json& args, Reply reply);

// commands_events.cc
void follow_events(Services&, const Caller&, const nlohmann::json& args, Reply reply);
void list_audit(Services&, const Caller&, const nlohmann::json& args, Reply reply);

}  // namespace sluice
