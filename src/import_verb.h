// `sluiced rules import`: rule files of others become a pack of sluice.
#pragma once

namespace CLI {
class App;
}

namespace sluice {

/// Adds the verb below `rules`, as add_rules_verbs does.
void add_import_verb(CLI::App& rules, int& exit_code);

}  // namespace sluice
