#include "import_verb.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "config/text_file.h"
#include "exit_code.h"
#include "import_report.h"
#include "import_sets.h"
#include "rules/address_set.h"
#include "rules/print.h"
#include "rules/suricata_import.h"
#include "whole_file.h"

namespace sluice {
namespace {

struct ImportArguments {
  std::vector<std::string> files;
  std::vector<std::string> variables;  ///< NAME=VALUE
  std::string pack;
  std::string report;
  bool is_as_is = false;
};

[[nodiscard]] Result<ImportOptions> options_of(const ImportArguments& arguments) {
  RuleVariables variables;
  for (const std::string& assignment : arguments.variables) {
    if (auto added = add_variable(assignment, variables); !added) {
      return with_context("--var", added.error());
    }
  }
  ImportOptions options;
  options.is_as_is = arguments.is_as_is;
  options.variables.insert(variables.addresses.begin(), variables.addresses.end());
  options.variables.insert(variables.ports.begin(), variables.ports.end());
  return options;
}

[[nodiscard]] Result<std::vector<ImportFile>> read_files(const std::vector<std::string>& names) {
  std::vector<ImportFile> files;
  for (const std::string& name : names) {
    auto text = read_text_file(name, kImportFileBytesMax);
    if (!text) return with_context(name, text.error());
    files.push_back({name, std::move(*text)});
  }
  return files;
}

/// Of the pack: the name of its file without what is behind the dot.
[[nodiscard]] std::string pack_name(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

/// What is told of it.
struct Imported {
  ImportReport report;
  std::vector<WrittenSet> sets;
};

[[nodiscard]] Result<Imported> import_files(const ImportArguments& arguments) {
  auto options = options_of(arguments);
  if (!options) return tl::unexpected<Error>(options.error());
  auto files = read_files(arguments.files);
  if (!files) return tl::unexpected<Error>(files.error());
  ImportResult result = import_suricata(*files, *options);
  const std::string pack = print_rules(pack_name(arguments.pack), 1, result.rules);
  if (auto written = write_whole(arguments.pack, pack); !written) {
    return tl::unexpected<Error>(written.error());
  }
  auto sets = write_sets(result.sets, arguments.pack);
  if (!sets) return tl::unexpected<Error>(sets.error());
  const std::string report = render_import_report(result.report, *sets);
  if (auto written = write_whole(arguments.report, report); !written) {
    return tl::unexpected<Error>(written.error());
  }
  return Imported{std::move(result.report), std::move(*sets)};
}

int import_rules(const ImportArguments& arguments) {
  const auto imported = import_files(arguments);
  if (!imported) {
    print_error(imported.error());
    return imported.error().kind == ErrorKind::invalid ? kAskedWrongly : kCouldNot;
  }
  const ImportReport& report = imported->report;
  fmt::print("{} rules, {} of them enabled: {} imported, {} refused\n{}", report.counts.rules_total,
             report.counts.rules_enabled, report.counts.imported, report.refused.size(),
             render_sets(imported->sets));
  return kDone;
}

}  // namespace

void add_import_verb(CLI::App& rules, int& exit_code) {
  const auto arguments = std::make_shared<ImportArguments>();
  CLI::App* import = rules.add_subcommand("import", "rule files of others become a pack");
  import->require_subcommand(1);
  CLI::App* verb = import->add_subcommand("suricata", "rule files of Suricata");
  verb->add_option("FILE", arguments->files, "rule file")->required();
  verb->add_option("--out", arguments->pack, "pack to write (YAML)")->required();
  verb->add_option("--report", arguments->report, "what became of each rule (JSON)")->required();
  verb->add_option("--var", arguments->variables, "NAME=VALUE, in place of $NAME")
      ->allow_extra_args(false);
  verb->add_flag("--as-is", arguments->is_as_is, "written actions, at stage enforce");
  verb->footer("example: sluiced rules import suricata et.rules --out et.yaml --report et.json");
  verb->callback([arguments, &exit_code] { exit_code = import_rules(*arguments); });
}

}  // namespace sluice
