// sluiced: the gateway, and the tools that work without one. This file is the table of contents;
// each verb is a few lines that call the folder which does the work.
#include <array>
#include <cstdio>
#include <memory>
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

void add_gateway_verbs(CLI::App& app, int& exit_code) {
  const auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("run", "forward, until SIGTERM (in the foreground)");
  verb->add_option("--config", *path, "configuration file")->default_val("/etc/sluice/sluice.yaml");
  verb->footer("example: sluiced run --config /etc/sluice/sluice.yaml");
  verb->callback([path, &exit_code] { exit_code = run_gateway(*path); });

  verb = app.add_subcommand("check", "judge a configuration: 0 good, 2 findings");
  verb->add_option("--config", *path, "configuration file")->required();
  verb->footer("example: sluiced check --config sluice.yaml");
  verb->callback([path, &exit_code] { exit_code = check(*path); });

  const auto as_json = std::make_shared<bool>(false);
  verb = app.add_subcommand("plan", "what would be started: lcores, memory, tables");
  verb->add_option("--config", *path, "configuration file")->required();
  verb->add_flag("--json", *as_json, "for scripts");
  verb->footer("example: sluiced plan --config sluice.yaml --json");
  verb->callback([path, as_json, &exit_code] { exit_code = plan(*path, *as_json); });

  const auto examined = std::make_shared<std::string>();
  verb = app.add_subcommand("doctor", "is this host ready: 0 yes, 1 with warnings, 2 no");
  verb->add_option("--config", *examined, "configuration file");
  verb->add_flag("--json", *as_json, "for scripts");
  verb->footer("example: sluiced doctor --config sluice.yaml");
  verb->callback([examined, as_json, &exit_code] { exit_code = doctor(*examined, *as_json); });
}

/// sluiced starts these itself; nobody types them.
void add_child_verbs(CLI::App& app, int& exit_code) {
  const auto read = std::make_shared<ConfigChildRequest>();
  CLI::App* verb = app.add_subcommand("digest-config", "")->group("");
  verb->add_option("--config", read->config_path);
  verb->add_option("--restore", read->restore);
  verb->add_option("--compare", read->compare);
  verb->add_option("--stage", read->stage);
  verb->add_flag("--publish", read->publishes);
  verb->add_option("--known-lists", read->known_lists);
  verb->callback([read, &exit_code] {
    limit_child(kConfigChild);
    const bool is_look = !read->publishes && read->stage.empty();
    exit_code = run_config_child(*read, is_look ? check_for_start : check_believing_cache,
                                 kDigestFd, kListsFd);
  });

  const auto compiled = std::make_shared<RulesRequest>();
  verb = app.add_subcommand("compile-rules", "")->group("");
  verb->add_option("--config", compiled->config_path)->required();
  verb->add_option("--cache", compiled->cache)->required();
  verb->add_option("--digest", compiled->digest)->required();
  verb->callback([compiled, &exit_code] {
    limit_child(kRulesChild);
    exit_code = run_rules_child(*compiled, std::array{kAnswerFd, kAnswerFd + 1, kAnswerFd + 2});
  });

  const auto setup = std::make_shared<ControlSetup>();
  setup->version = kVersion;
  verb = app.add_subcommand("control", "")->group("");
  verb->add_option("--config", setup->config_path)->required();
  verb->callback([setup, &exit_code] { exit_code = run_control(*setup); });
}

int run_verb(int argc, char** argv) {
  CLI::App app{"sluiced: an inline security gateway, and the tools that work without one"};
  app.set_version_flag("--version", fmt::format("sluiced {}", kVersion));
  app.require_subcommand(1);
  int exit_code = kDone;
  add_gateway_verbs(app, exit_code);
  add_replay_verb(app, exit_code);
  add_rules_verbs(app, exit_code);
  add_child_verbs(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kAskedWrongly;
  }
  return exit_code;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) { return sluice::run_verb(argc, argv); }
