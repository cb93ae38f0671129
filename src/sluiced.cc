// sluiced: the gateway, and the tools that work without one. This file is the table of contents;
// each verb is a few lines that call the folder which does the work.
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/log.h"
#include "config/check.h"
#include "control/config_child.h"
#include "control/control_plane.h"
#include "control/rules_child.h"
#include "dataplane/doctor.h"
#include "dataplane/wire.h"
#include "doctor_report.h"
#include "exit_code.h"
#include "render.h"
#include "replay_verb.h"
#include "rules_verbs.h"
#include "wire_start.h"

namespace sluice {
namespace {

constexpr const char* kVersion = SLUICE_VERSION;

int check(const std::string& path) {
  const CheckedConfig checked = check_for_start(path);
  fmt::print(stderr, "{}", checked.findings.render());
  return checked.findings.has_errors() ? kAskedWrongly : kDone;
}

int plan(const std::string& path, bool as_json) {
  const CheckedConfig checked = check_for_start(path);
  fmt::print(stderr, "{}", checked.findings.render());
  if (checked.findings.has_errors()) return kAskedWrongly;
  const auto answer = plan_host(checked);
  if (!answer) {
    print_error(answer.error());
    return answer.error().kind == ErrorKind::invalid ? kAskedWrongly : kCouldNot;
  }
  fmt::print("{}", as_json ? render_plan_json(*answer) : render_plan_table(*answer));
  return kDone;
}

int doctor(const std::string& path, bool as_json) {
  CheckedConfig checked;
  HostNeeds needs;
  if (!path.empty()) {
    checked = check_for_start(path);
    fmt::print(stderr, "{}", checked.findings.render());
    if (checked.findings.has_errors()) return kAskedWrongly;
    needs = host_needs(checked, path);
  }
  const std::vector<HostFinding> findings = examine_host(real_host(), needs);
  fmt::print("{}", as_json ? render_findings_json(findings) : render_findings_table(findings));
  return exit_code_of(findings);
}

int run_verb(int argc, char** argv) {
  CLI::App app{"sluiced: an inline security gateway, and the tools that work without one"};
  app.set_version_flag("--version", fmt::format("sluiced {}", kVersion));
  app.require_subcommand(1);
  std::string path;
  bool as_json = false;

  CLI::App* run = app.add_subcommand("run", "forward, until SIGTERM (in the foreground)");
  run->add_option("--config", path, "configuration file")->default_val("/etc/sluice/sluice.yaml");
  run->footer("example: sluiced run --config /etc/sluice/sluice.yaml");

  CLI::App* check_app = app.add_subcommand("check", "judge a configuration: 0 good, 2 findings");
  check_app->add_option("--config", path, "configuration file")->required();
  check_app->footer("example: sluiced check --config sluice.yaml");

  CLI::App* plan_app = app.add_subcommand("plan", "what would be started: lcores, memory, tables");
  plan_app->add_option("--config", path, "configuration file")->required();
  plan_app->add_flag("--json", as_json, "for scripts");
  plan_app->footer("example: sluiced plan --config sluice.yaml --json");

  std::string examined;
  CLI::App* doctor_app =
      app.add_subcommand("doctor", "is this host ready: 0 yes, 1 with warnings, 2 no");
  doctor_app->add_option("--config", examined, "configuration file");
  doctor_app->add_flag("--json", as_json, "for scripts");
  doctor_app->footer("example: sluiced doctor --config sluice.yaml");

  int exit_code = kDone;
  add_replay_verb(app, exit_code);
  add_rules_verbs(app, exit_code);

  // The control process starts this one to have a configuration read; nobody types it.
  ConfigChildRequest read;
  CLI::App* digest = app.add_subcommand("digest-config", "")->group("");
  digest->add_option("--config", read.config_path);
  digest->add_option("--restore", read.restore);
  digest->add_option("--compare", read.compare);
  digest->add_option("--stage", read.stage);
  digest->add_flag("--publish", read.publishes);
  digest->add_option("--known-lists", read.known_lists);

  // It starts this one to have rules compiled.
  RulesRequest compiled;
  CLI::App* compile = app.add_subcommand("compile-rules", "")->group("");
  compile->add_option("--config", compiled.config_path)->required();
  compile->add_option("--cache", compiled.cache)->required();
  compile->add_option("--digest", compiled.digest)->required();

  // The keeper starts the control process under this name; nobody types it.
  CLI::App* control = app.add_subcommand("control", "")->group("");
  control->add_option("--config", path)->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kAskedWrongly;
  }
  if (*run) return run_gateway(path);
  if (*check_app) return check(path);
  if (*plan_app) return plan(path, as_json);
  if (*digest) {
    limit_child(kConfigChild);
    return run_config_child(read, check_for_start, kDigestFd, kListsFd);
  }
  if (*compile) {
    limit_child(kRulesChild);
    return run_rules_child(compiled, std::array{kAnswerFd, kAnswerFd + 1, kAnswerFd + 2});
  }
  if (*doctor_app) return doctor(examined, as_json);
  if (*control) {
    ControlSetup setup;
    setup.config_path = path;
    setup.version = kVersion;
    return run_control(setup);
  }
  return exit_code;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::run_verb(argc, argv); }
