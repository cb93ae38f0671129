#include "ctl/verbs.h"

#include "ctl/top_page.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using enum OptionKind;

constexpr OptionRow kTouching{"--touching", "touching", text, "PREFIX",
                              "only what has an address in this prefix"};
constexpr OptionRow kRefused{"--refused", "refused", flag, "", "only what had packets refused"};
constexpr OptionRow kLimit{"--limit", "limit", number, "N", "at most so many (100 unless given)",
                           false,     true};
constexpr OptionRow kAll{"--all", "all", flag, "", "all of them", false, true};
constexpr OptionRow kFor{"--for", "for", duration, "DURATION", "how long: 90s, 10m, 1h30m", true};
constexpr OptionRow kReason{"--reason", "reason", text, "TEXT",
                            "why; kept with it and in the audit log"};

constexpr std::string_view kModes[] = {"monitor", "enforce"};
constexpr std::string_view kShells[] = {"bash", "zsh"};
constexpr std::string_view kStages[] = {"shadow", "alert", "enforce"};
constexpr std::string_view kRuleActions[] = {"alert", "drop", "reject", "pass", "limit", "block"};
constexpr std::string_view kRankings[] = {"cost", "hits"};
constexpr std::string_view kEventTypes[] = {"alert", "anomaly", "drop", "flow", "stats", "http",
                                            "dns",   "tls",     "ssh",  "smtp", "ftp",   "quic"};

constexpr OptionRow kTopOptions[] = {
    {"--once", "once", flag, "", "print it once, plainly", false, true},
    {"--interval", "interval", duration, "DURATION", "between two looks (1s unless given)", false,
     true},
    {"--flows", "flows", number, "N", "how many of the largest flows, at most 64"}};
constexpr OptionRow kDropOptions[] = {
    {"--all", "all", flag, "", "reasons that never occurred as well"}};
constexpr OptionRow kHealthOptions[] = {
    {"--detailed", "detailed", flag, "", "every part with its reason"}};
constexpr OptionRow kFlowOptions[] = {kTouching, kRefused, kLimit, kAll};
constexpr OptionRow kBlockListOptions[] = {kTouching, kLimit, kAll};
constexpr OptionRow kPageOptions[] = {kLimit, kAll};
constexpr OptionRow kBlockOptions[] = {
    {"WHAT", "what", words, "", "address, prefix or flow (tcp 192.0.2.1:80 192.0.2.2:99)"},
    {"--file", "file", file, "FILE", "one WHAT a line instead; - is the standard input", false,
     true},
    kFor,
    kReason};
constexpr OptionRow kUnblockOptions[] = {
    {"WHAT", "what", words, "", "as it was blocked, or the number of the block"},
    {"--id", "id", number, "N", "number of the block"},
    {"--all", "all", flag, "", "every block"}};
constexpr OptionRow kSetName{"SET", "set", text, "", "name of the set", true};
constexpr OptionRow kSetEntries{
    "ENTRY", "entries", several, "ENTRY...", "names, texts or prefixes, as the set holds", true};
constexpr OptionRow kSetShowOptions[] = {
    kSetName, {"--like", "like", text, "TEXT", "only entries with this in them"}, kLimit, kAll};
constexpr OptionRow kSetAddOptions[] = {
    kSetName,
    kSetEntries,
    {"--for", "for", duration, "DURATION", "how long: 90s, 10m, 1h30m; else until removed"}};
constexpr OptionRow kSetRemoveOptions[] = {kSetName, kSetEntries};
constexpr OptionRow kBypassOptions[] = {
    {"--pair", "pair", text, "NAME", "a port pair"},
    {"--vlan", "vlan", number, "ID", "a VLAN"},
    {"--prefix", "prefix", text, "PREFIX", "packets from it and to it"},
    {"--for", "for", duration, "DURATION", "how long, at most 24h", true},
    kReason};
constexpr OptionRow kRuleListOptions[] = {
    {"--class", "class", text, "CLASS", "only rules of this class"},
    {"--stage", "stage", text, "STAGE", "only rules at this stage", false, false, kStages},
    {"--action", "action", text, "ACTION", "only rules with this action", false, false,
     kRuleActions},
    {"--search", "search", text, "TEXT", "only rules with this in their id, name or class"},
    {"--changed", "changed", flag, "", "only rules whose stage was set"},
    kLimit,
    kAll};
constexpr OptionRow kRuleTopOptions[] = {
    {"--by", "by", text, "WHAT", "cost (unless given) or hits", false, false, kRankings},
    {"-n", "limit", number, "N", "how many, at most 100 (20 unless given)"}};
constexpr OptionRow kStageOptions[] = {
    {"ID", "rules", several, "ID... STAGE", "ids of rules, then shadow, alert or enforce", false,
     false, kStages},
    {"--clear", "clear", flag, "", "the stages that the rules were written with; ids alone"},
    {"--all", "all", flag, "", "with --clear: every rule whose stage was set"},
    kReason};
constexpr OptionRow kUnbypassOptions[] = {{"ID", "id", number, "", "number of the bypass"},
                                          {"--all", "all", flag, "", "every bypass"}};
constexpr OptionRow kFollowOptions[] = {{"--type", "types", list, "TYPE,...",
                                         "only these: alert, drop, http and so on", false, false,
                                         kEventTypes}};
constexpr OptionRow kReloadOptions[] = {{"--confirm-within", "confirm_within", duration, "DURATION",
                                         "goes back unless `confirm` comes in time; 5s to 1h"}};
constexpr OptionRow kRevertOptions[] = {
    {"--to", "to", number, "ID", "a configuration of `configs list`; else the one before"}};
constexpr OptionRow kModeOptions[] = {
    {"MODE", "mode", text, "", "monitor or enforce", true, false, kModes}};
constexpr OptionRow kCompletionOptions[] = {
    {"SHELL", "shell", text, "", "bash or zsh", true, true, kShells}};

constexpr VerbGroup kGroups[] = {
    {"flows", "flows that the workers track"},
    {"limits", "limits, and the sources held to them"},
    {"blocks", "temporary denies"},
    {"bypass", "traffic that goes uninspected for a time"},
    {"rules", "signatures, their stages and what they cost"},
    {"sets", "names, texts and addresses that rules ask for"},
    {"events", "what the gateway reports"},
    {"configs", "configurations that are kept"},
    {"audit", "who changed what"},
};

const VerbRow kVerbs[] = {
    {"status",
     "status",
     Shape::answer,
     "what is running and in force, with rates and counts",
     "sluicectl status",
     {},
     show_status},
    {"top", "top", Shape::live, "load, latency, drops and largest flows, live; q quits",
     "sluicectl top --interval 2s", kTopOptions, show_top},
    {"stats",
     "stats",
     Shape::answer,
     "every counter that is not zero",
     "sluicectl --json stats | jq .totals.rx_packets",
     {},
     show_stats},
    {"drops", "drops", Shape::answer, "refused packets by reason, the most frequent first",
     "sluicectl drops --all", kDropOptions, show_drops},
    {"health",
     "health",
     Shape::answer,
     "whether all parts do what they should",
     "sluicectl health --detailed",
     kHealthOptions,
     show_health,
     {},
     {},
     exit_code_of_health},
    {"flows list", "flows.list", Shape::pages, "flows that the workers track",
     "sluicectl flows list --touching 192.0.2.0/24 --limit 20", kFlowOptions, nullptr,
     flow_columns(), "no flows"},
    {"limits list", "limits.list", Shape::pages, "limits, and the sources that are held to them",
     "sluicectl limits list --refused", kFlowOptions, show_limits, source_columns(), "no sources"},
    {"blocks list", "blocks.list", Shape::pages, "temporary denies in force",
     "sluicectl blocks list --all", kBlockListOptions, show_block_count, block_columns(),
     "no blocks"},
    {"blocks add", "blocks.add", Shape::block, "denies an address, a prefix or a flow for a time",
     "sluicectl blocks add 198.51.100.7 --for 10m --reason 'scans ports'", kBlockOptions,
     show_added_blocks},
    {"blocks remove", "blocks.remove", Shape::answer, "ends one block, or all",
     "sluicectl blocks remove 198.51.100.7", kUnblockOptions, show_removed},
    {"bypass on", "bypass.on", Shape::answer,
     "forwards a pair, a VLAN or a prefix uninspected for a time",
     "sluicectl bypass on --pair uplink --for 10m --reason 'is it us?'", kBypassOptions,
     show_bypass},
    {"bypass off", "bypass.off", Shape::answer, "ends one bypass, or all",
     "sluicectl bypass off --all", kUnbypassOptions, show_removed},
    {"bypass status",
     "bypass.status",
     Shape::answer,
     "bypasses in force",
     "sluicectl bypass status",
     {},
     show_bypasses},
    {"rules list", "rules.list", Shape::pages, "rules in force, with stages and counts",
     "sluicectl rules list --stage shadow --search 'union select'", kRuleListOptions,
     show_rule_count, rule_columns(), "no such rules"},
    {"rules top", "rules.top", Shape::answer, "the most costly rules, or the most frequent",
     "sluicectl rules top --by hits -n 10", kRuleTopOptions, show_rule_ranking},
    {"rules stage", "rules.stage", Shape::answer, "sets the stage of rules, at once",
     "sluicectl rules stage 20031 20032 shadow --reason 'false positives'", kStageOptions,
     show_staged},
    {"sets list", "sets.list", Shape::pages,
     "sets that rules ask for, and how many entries they hold", "sluicectl sets list", kPageOptions,
     nullptr, set_columns(), "no sets"},
    {"sets show", "sets.show", Shape::pages, "entries that were added to a set",
     "sluicectl sets show bad-domains --like evil", kSetShowOptions, show_set_summary,
     set_entry_columns(), "no such entries"},
    {"sets add", "sets.add", Shape::answer, "adds entries to a set, at once",
     "sluicectl sets add bad-domains evil.example --for 2h", kSetAddOptions, show_set_change},
    {"sets remove", "sets.remove", Shape::answer, "takes entries back that were added",
     "sluicectl sets remove bad-domains evil.example", kSetRemoveOptions, show_set_change},
    {"events follow", "events.follow", Shape::stream, "prints events as they happen",
     "sluicectl events follow --type drop", kFollowOptions},
    {"check",
     "check",
     Shape::answer,
     "judges the configuration file; exit code 2 on errors",
     "sluicectl check && sluicectl reload",
     {},
     show_check,
     {},
     {},
     exit_code_of_check},
    {"diff",
     "diff",
     Shape::answer,
     "what a reload would change",
     "sluicectl diff",
     {},
     show_difference},
    {"reload", "reload", Shape::answer, "puts the configuration file as it is now in force",
     "sluicectl reload --confirm-within 60s", kReloadOptions, show_reload},
    {"confirm",
     "confirm",
     Shape::answer,
     "keeps a configuration that waits for confirmation",
     "sluicectl confirm",
     {},
     show_confirmed},
    {"revert", "revert", Shape::answer, "puts an earlier configuration in force",
     "sluicectl revert --to 12", kRevertOptions, show_reverted},
    {"configs list",
     "configs.list",
     Shape::answer,
     "the configurations that are kept",
     "sluicectl configs list",
     {},
     show_configs},
    {"mode", "mode", Shape::answer, "only reports what would be refused, or refuses it",
     "sluicectl mode enforce", kModeOptions, show_mode},
    {"audit list", "audit.list", Shape::pages, "who changed what, the newest first",
     "sluicectl audit list --limit 20", kPageOptions, nullptr, audit_columns(), "no changes"},
    {"version",
     "version",
     Shape::answer,
     "versions of daemon, protocol and client",
     "sluicectl version",
     {},
     show_version},
    {"completion", "", Shape::completion, "prints a completion script for a shell",
     "sluicectl completion bash > /etc/bash_completion.d/sluicectl", kCompletionOptions},
};

}  // namespace

std::span<const VerbRow> verb_table() noexcept { return kVerbs; }
std::span<const VerbGroup> verb_groups() noexcept { return kGroups; }

}  // namespace sluice
