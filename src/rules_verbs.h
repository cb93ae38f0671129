// `sluiced rules`: the offline tools for rule files.
#pragma once

namespace CLI {
class App;
}

namespace sluice {

/// Adds the verbs. The one that is asked for is run by parsing and leaves its exit code;
/// `exit_code` outlives `app`.
void add_rules_verbs(CLI::App& app, int& exit_code);

}  // namespace sluice
