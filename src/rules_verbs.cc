#include "rules_verbs.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "config/check.h"
#include "control/rule_exam.h"
#include "control/ruleset_build.h"
#include "exit_code.h"
#include "import_verb.h"
#include "rules_report.h"

namespace sluice {
namespace {

struct RuleArguments {
  std::vector<std::string> files;
  std::vector<std::string> variables;  ///< NAME=VALUE
  std::string config;                  ///< whose variables, sets and limits rules may name
  bool as_json = false;
  std::size_t split_bytes_max = ExamOptions{}.split_bytes_max;
};

/// What rules may name; findings are printed. Nothing where the configuration has errors.
[[nodiscard]] std::optional<CheckedConfig> config_of(const RuleArguments& arguments) {
  CheckedConfig checked;
  if (arguments.config.empty()) return checked;
  checked = check_file(arguments.config, ConfigPurpose::replay);
  fmt::print(stderr, "{}", checked.findings.render());
  if (checked.findings.has_errors()) return std::nullopt;
  return checked;
}

[[nodiscard]] Result<RuleVariables> variables_of(const RuleArguments& arguments,
                                                 const Config& config) {
  auto variables = rule_variables(config.rules.variables, config.sets);
  if (!variables) return variables;
  for (const std::string& assignment : arguments.variables) {
    if (auto added = add_variable(assignment, *variables); !added) {
      return with_context("--var", added.error());
    }
  }
  return variables;
}

int fail_with(const Error& error) {
  print_error(error);
  return error.kind == ErrorKind::invalid ? kAskedWrongly : kCouldNot;
}

int check_rules(const RuleArguments& arguments) {
  const auto checked = config_of(arguments);
  if (!checked) return kAskedWrongly;
  const Config& config = checked->config;
  if (const auto variables = variables_of(arguments, config); !variables) {
    return fail_with(variables.error());
  }
  RulesConfig rules;
  rules.files = arguments.files;
  rules.variables = config.rules.variables;
  rules.variables.insert(rules.variables.end(), arguments.variables.begin(),
                         arguments.variables.end());
  Diagnostics findings;
  CompileReport report;
  const auto parts = build_ruleset(rules, findings, report, config.sets,
                                   arguments.config.empty() ? nullptr : &config);
  fmt::print(stderr, "{}", findings.render());
  if (!parts) return fail_with(parts.error());
  if (findings.has_errors()) return kAskedWrongly;
  fmt::print("{}",
             arguments.as_json ? render_compiled_json(report) : render_compiled_table(report));
  return kDone;
}

int test_rules(const RuleArguments& arguments) {
  ExamOptions options;
  options.split_bytes_max = arguments.split_bytes_max;
  auto checked = config_of(arguments);
  if (!checked) return kAskedWrongly;
  auto variables = variables_of(arguments, checked->config);
  if (!variables) return fail_with(variables.error());
  options.variables = std::move(*variables);
  options.sets = std::move(checked->sets);
  Diagnostics findings;
  const std::vector<Rule> rules = read_rules(arguments.files, options.variables, findings);
  Result<std::vector<ExamAnswer>> answers;
  if (!findings.has_errors()) answers = examine_rules(rules, options, findings);
  const bool is_invalid = findings.has_errors();
  if (answers) add_exam_findings(rules, *answers, findings);
  fmt::print(stderr, "{}", findings.render());
  if (is_invalid) return kAskedWrongly;
  if (!answers) return fail_with(answers.error());
  const ExamReport report = exam_report(rules, *answers);
  fmt::print("{}", arguments.as_json ? render_exam_json(report) : render_exam_table(report));
  return report.failed == 0 ? kDone : kCouldNot;
}

void add_rule_options(CLI::App& verb, RuleArguments& arguments) {
  verb.add_option("FILE", arguments.files, "rule file (YAML)")->required();
  verb.add_option("--var", arguments.variables, "NAME=VALUE, of a variable that rules name")
      ->allow_extra_args(false);
  verb.add_option("--config", arguments.config,
                  "configuration whose variables, sets and limits rules name");
  verb.add_flag("--json", arguments.as_json, "for scripts");
}

}  // namespace

void add_rules_verbs(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<RuleArguments>();
  CLI::App* rules = app.add_subcommand("rules", "offline tools for rule files");
  rules->require_subcommand(1);

  CLI::App* check = rules->add_subcommand("check", "judge and compile: 0 good, 2 findings");
  add_rule_options(*check, *arguments);
  check->footer("example: sluiced rules check web.yaml --var HOME_NET=192.0.2.0/24");
  check->callback([arguments, &exit_code] { exit_code = check_rules(*arguments); });

  CLI::App* test =
      rules->add_subcommand("test", "run the tests in the files: 0 all passed, 1 some failed");
  add_rule_options(*test, *arguments);
  test->add_option("--splits", arguments->split_bytes_max,
                   "divide messages of TCP up to so many bytes at every place; 0: none")
      ->check(CLI::Range(0, 65'000))
      ->capture_default_str();
  test->footer("example: sluiced rules test web.yaml");
  test->callback([arguments, &exit_code] { exit_code = test_rules(*arguments); });

  add_import_verb(*rules, exit_code);
}

}  // namespace sluice
