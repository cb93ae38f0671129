// `sluiced replay`: its options, and what is made of them.
#pragma once

namespace CLI {
class App;
}

namespace sluice {

/// Adds the verb. Where it is asked for, parsing runs it and leaves its exit code; `exit_code`
/// outlives `app`.
void add_replay_verb(CLI::App& app, int& exit_code);

}  // namespace sluice
