#include "replay_verb.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "config/check.h"
#include "control/policy_builder.h"
#include "control/replay_driver.h"
#include "control/ruleset_build.h"
#include "exit_code.h"

namespace sluice {
namespace {

struct ReplayArguments {
  std::string config;
  std::vector<std::string> rules;
  ReplayRequest request;
};

/// Compiles the rules and puts them into the request.
int compile_for(const Config& config, ReplayRequest& request) {
  Diagnostics findings;
  CompileReport report;
  auto parts = build_ruleset(config.rules, findings, report, config.sets, &config);
  fmt::print(stderr, "{}", findings.render());
  if (findings.has_errors()) return kAskedWrongly;
  if (!parts) {
    print_error(parts.error());
    return kAskedWrongly;
  }
  auto made = make_replay_rules(std::move(*parts), request.workers);
  if (!made) {
    print_error(made.error());
    return kCouldNot;
  }
  request.ruleset = std::move(made->ruleset);
  request.rule_texts = std::move(made->texts);
  return kDone;
}

int replay(ReplayArguments& arguments) {
  CheckedConfig checked;
  if (!arguments.config.empty()) {
    checked = check_file(arguments.config, ConfigPurpose::replay);
    fmt::print(stderr, "{}", checked.findings.render());
    if (checked.findings.has_errors()) return kAskedWrongly;
  } else {
    checked.config.events.drop_sample = 1;
  }
  ReplayRequest& request = arguments.request;
  RulesConfig& rules = checked.config.rules;
  rules.files.insert(rules.files.end(), arguments.rules.begin(), arguments.rules.end());
  if (!rules.files.empty()) {
    if (const int exit_code = compile_for(checked.config, request); exit_code != kDone)
      return exit_code;
  }
  request.config = checked.config;
  request.parts = build_policy_parts(checked);
  const ReplayOutcome outcome = replay_captures(request);
  if (!outcome.notice.empty()) fmt::print(stderr, "notice: {}\n", outcome.notice);
  if (!outcome.message.empty()) fmt::print(stderr, "{}\n", outcome.message);
  return outcome.exit_code;
}

}  // namespace

void add_replay_verb(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* verb = app.add_subcommand("replay", "captures through the same stations");
  verb->add_option("--config", arguments->config, "configuration file");
  verb->add_option("--rules", arguments->rules, "rule file (YAML), beside those of --config");
  verb->add_option("--in", arguments->request.captures, "capture (pcap or pcapng)")->required();
  verb->add_option("--out", arguments->request.out_dir, "directory for the results")->required();
  verb->add_option("--workers", arguments->request.workers, "workers")->check(CLI::Range(1, 16));
  verb->add_option("--repeat", arguments->request.repeat, "passes over the capture")
      ->check(CLI::Range(1, 1'000'000));
  verb->footer("example: sluiced replay --in attack.pcap --out result/");
  verb->callback([arguments, &exit_code] { exit_code = replay(*arguments); });
}

}  // namespace sluice
