// The table of verbs, and the reference page that is made from it.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "control/command_handlers.h"
#include "control/commands.h"

namespace sluice {
namespace {

constexpr ArgumentRow kCursor{"cursor", "cursor", false, "continues a list: its `next`",
                              ~std::uint64_t{0}};
constexpr ArgumentRow kLimit{"limit", "number", false,
                             "items in one answer at most; none has more than 100", 1000};
constexpr ArgumentRow kTouching{"touching", "prefix", false,
                                "only what has an address in this prefix"};
constexpr ArgumentRow kRefused{"refused", "boolean", false, "only what had packets refused"};
constexpr ArgumentRow kReason{"reason", "text", false, "why; kept with it and in the audit log"};

constexpr ArgumentRow kDropArguments[] = {
    {"all", "boolean", false, "reasons that never occurred as well"}};
constexpr ArgumentRow kTopArguments[] = {
    {"flows", "number", false, "how many of the largest flows", 64}};
constexpr ArgumentRow kHealthArguments[] = {
    {"detailed", "boolean", false, "every part with its reason"}};
constexpr ArgumentRow kFlowArguments[] = {kCursor, kLimit, kTouching, kRefused};
constexpr ArgumentRow kBlockListArguments[] = {kCursor, kLimit, kTouching};
constexpr ArgumentRow kBlockArguments[] = {
    {"what", "text", false,
     "an address, a prefix, or both ends of a flow: `tcp 192.0.2.1:80 198.51.100.2:4242`"},
    {"for", "duration", false, "how long"},
    kReason,
    {"items", "objects", false,
     "several at once, each with `what`, `for` and `reason`; all or none", 100}};
constexpr ArgumentRow kUnblockArguments[] = {{"id", "number", false, "of the block"},
                                             {"what", "text", false, "as it was blocked"},
                                             {"all", "boolean", false, "every block"}};
constexpr ArgumentRow kRuleListArguments[] = {
    kCursor,
    kLimit,
    {"class", "text", false, "only rules of this class"},
    {"stage", "text", false, "only rules at this stage: `shadow`, `alert` or `enforce`"},
    {"action", "text", false,
     "only rules with this action: `alert`, `drop`, `reject`, `pass`, `limit` or `block`"},
    {"search", "text", false, "only rules with this in their id, name or class"},
    {"changed", "boolean", false, "only rules whose stage was set"}};
constexpr ArgumentRow kRuleTopArguments[] = {
    {"by", "text", false,
     "`cost`, unless given: cycles spent on deciding the rule, as measured of one look in 61; or "
     "`hits`"},
    {"limit", "number", false, "how many; 20 unless given", 100}};
constexpr ArgumentRow kStageArguments[] = {
    {"rules", "texts", false, "ids, each as `20031`, or `3:20031` with its gid", 100},
    {"stage", "text", false,
     "`shadow`: counted only; `alert`: reported; `enforce`: its action is applied"},
    {"clear", "boolean", false, "back to the stages that the rules were written with"},
    {"all", "boolean", false, "with `clear`: every rule whose stage was set"},
    kReason};
constexpr ArgumentRow kSetName{"set", "text", true, "name of the set"};
constexpr ArgumentRow kSetEntries{"entries", "texts", true, "of the set's kind; all or none", 100};
constexpr ArgumentRow kSetShowArguments[] = {
    kSetName, kCursor, kLimit, {"like", "text", false, "only entries with this in them"}};
constexpr ArgumentRow kSetAddArguments[] = {
    kSetName, kSetEntries, {"for", "duration", false, "how long; without it until removed"}};
constexpr ArgumentRow kSetRemoveArguments[] = {kSetName, kSetEntries};
constexpr ArgumentRow kBypassArguments[] = {
    {"pair", "text", false, "name of a port pair"},
    {"vlan", "number", false, "a VLAN id", 4094},
    {"prefix", "prefix", false, "packets from it and to it"},
    {"for", "duration", true, "how long; at most 24h"},
    kReason};
constexpr ArgumentRow kUnbypassArguments[] = {{"id", "number", false, "of the bypass"},
                                              {"all", "boolean", false, "every bypass"}};
constexpr ArgumentRow kReloadArguments[] = {
    {"confirm_within", "duration", false,
     "goes back by itself unless `confirm` comes in this time; 5s to 1h"}};
constexpr ArgumentRow kRevertArguments[] = {
    {"to", "number", false, "id of a kept configuration; without it the one before"}};
constexpr ArgumentRow kModeArguments[] = {{"mode", "text", true, "`monitor` or `enforce`"}};
constexpr ArgumentRow kFollowArguments[] = {
    {"types", "texts", false,
     "`flow`, `drop`, `stats`, `alert`, `anomaly`, `http`, `dns`, `tls`, `ssh`, `smtp`, `ftp`, "
     "`quic`; without it all of them",
     16}};
constexpr ArgumentRow kPageArguments[] = {kCursor, kLimit};

constexpr auto kViewer = Role::viewer;
constexpr auto kOperator = Role::operator_;
constexpr auto kAdmin = Role::admin;

constexpr CommandRow kCommands[] = {
    {"version", kViewer, false, "The version of the protocol and of the program", {}, show_version},
    {"status",
     kViewer,
     false,
     "What is running and in force, with rates and counts",
     {},
     show_status},
    {"stats", kViewer, false, "Every counter, in sum and by worker", {}, show_stats},
    {"drops", kViewer, false, "Refused packets by reason, the most frequent first", kDropArguments,
     show_drops},
    {"top", kViewer, false, "Load, latency, drops, headroom and the largest flows", kTopArguments,
     show_top},
    {"health", kViewer, false, "Whether all parts do what they should", kHealthArguments,
     show_health},
    {"flows.list", kViewer, false, "Flows that the workers track", kFlowArguments, list_flows},
    {"limits.list", kViewer, false, "Limits, and the sources that are held to them", kFlowArguments,
     list_limits},
    {"blocks.list", kViewer, false, "Temporary denies in force", kBlockListArguments, list_blocks},
    {"blocks.add", kOperator, true, "Denies an address, a prefix or a flow for a time",
     kBlockArguments, add_blocks},
    {"blocks.remove", kOperator, true, "Ends one block, or all", kUnblockArguments, remove_blocks},
    {"bypass.on", kOperator, true, "Forwards a pair, a VLAN or a prefix uninspected for a time",
     kBypassArguments, start_bypass},
    {"bypass.off", kOperator, true, "Ends one bypass, or all", kUnbypassArguments, end_bypass},
    {"bypass.status",
     kViewer,
     false,
     "Bypasses in force and what they let through",
     {},
     show_bypasses},
    {"rules.list", kViewer, false, "Rules in force with their stages and counts",
     kRuleListArguments, list_rules},
    {"rules.top", kViewer, false, "The most costly rules, or those that held most often",
     kRuleTopArguments, rank_rules},
    {"rules.stage", kOperator, true, "Sets the stage of rules at once, without compiling them",
     kStageArguments, set_stages},
    {"sets.list", kViewer, false, "Sets that rules ask for, and how many entries they hold",
     kPageArguments, list_sets},
    {"sets.show", kViewer, false, "Entries that were added to a set", kSetShowArguments, show_set},
    {"sets.add", kOperator, true, "Adds entries to a set at once, without compiling rules",
     kSetAddArguments, add_to_set},
    {"sets.remove", kOperator, true, "Takes entries back that were added to a set",
     kSetRemoveArguments, remove_from_set},
    {"check",
     kViewer,
     false,
     "Judges the configuration file as it is now",
     {},
     check_configuration},
    {"diff", kViewer, false, "What a reload would change", {}, show_difference},
    {"reload", kAdmin, true, "Puts the configuration file as it is now in force", kReloadArguments,
     reload_configuration},
    {"confirm",
     kAdmin,
     true,
     "Keeps a configuration that waits for confirmation",
     {},
     confirm_configuration},
    {"revert", kAdmin, true, "Puts an earlier configuration in force", kRevertArguments,
     revert_configuration},
    {"configs.list", kViewer, false, "The configurations that are kept", {}, list_configurations},
    {"mode", kAdmin, true, "Only reports what would be refused, or refuses it", kModeArguments,
     set_mode},
    {"events.follow", kViewer, false, "Streams events until the client closes", kFollowArguments,
     follow_events},
    {"audit.list", kViewer, false, "Who changed what, the newest first", kPageArguments,
     list_audit},
};

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string type_text(const ArgumentRow& row) {
  if (row.most >= ArgumentRow::kNumberMax) return std::string(row.type);
  return fmt::format("{}, at most {}", row.type, row.most);
}

std::string command_section(const CommandRow& row) {
  std::string text = fmt::format("\n## {}\n\n{}. Role: {}{}.\n", row.verb, row.help,
                                 name_of(row.role), row.is_change ? "; audited" : "");
  if (row.arguments.empty()) return text;
  text += "\n| argument | type | required | meaning |\n|---|---|---|---|\n";
  for (const ArgumentRow& argument : row.arguments) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", argument.name, type_text(argument),
                        argument.is_required ? "yes" : "", cell(argument.help));
  }
  return text;
}

}  // namespace

std::span<const CommandRow> command_table() noexcept { return kCommands; }

const CommandRow* find_command(std::string_view verb) noexcept {
  const auto* const found =
      std::find_if(std::begin(kCommands), std::end(kCommands),
                   [verb](const CommandRow& row) { return row.verb == verb; });
  return found == std::end(kCommands) ? nullptr : found;
}

std::string render_command_reference() {
  std::string text =
      "# Commands\n\n"
      "What the control socket understands, one JSON object per line:\n"
      "`{\"id\": 7, \"verb\": \"blocks.list\", \"args\": {\"limit\": 10}}`. `sluicectl` has the\n"
      "same verbs, with a space where a dot stands here. A viewer may use what asks for the role\n"
      "viewer, an operator that and what asks for operator, an administrator everything. A\n"
      "duration is a text such as `90s` or `1h30min`.\n"
      "\n| verb | role | what it does |\n|---|---|---|\n";
  for (const CommandRow& row : kCommands) {
    text += fmt::format("| `{}` | {} | {} |\n", row.verb, name_of(row.role), cell(row.help));
  }
  for (const CommandRow& row : kCommands) text += command_section(row);
  return text;
}

}  // namespace sluice
