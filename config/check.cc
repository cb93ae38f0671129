#include "config/check.h"

#include <filesystem>
#include <utility>

#include "config/load.h"
#include "config/set_file.h"
#include "config/text_file.h"
#include "config/yaml_tree.h"

namespace sluice {
namespace {

/// Puts the directory of the configuration in front of the names of its list, set and rule files.
void resolve_files(const std::string& config_path, Config& config) {
  const std::filesystem::path directory = std::filesystem::path(config_path).parent_path();
  ListConfig& lists = config.lists;
  for (auto* files :
       {&lists.allow_source_files, &lists.allow_destination_files, &lists.deny_source_files,
        &lists.deny_destination_files, &config.rules.files}) {
    for (std::string& file : *files) file = (directory / file).string();
  }
  for (SetConfig& set : config.sets) {
    if (!set.file.empty()) set.file = (directory / set.file).string();
  }
}

}  // namespace

CheckedConfig check_text(const std::string& path, std::string text, ConfigPurpose purpose) {
  LoadedConfig loaded = load_config(path, std::move(text));
  CheckedConfig checked;
  checked.findings = std::move(loaded.findings);
  // After a mistake of form the defaults in its place would be judged, too, so that only what the
  // file does say is checked further: a text that is no YAML says nothing.
  if (loaded.is_readable) {
    resolve_files(path, loaded.config);
    validate_config(loaded.config, loaded.source, purpose, checked.findings);
    checked.lists = read_prefix_lists(loaded.config.lists, loaded.source, checked.findings);
    checked.sets = read_set_files(loaded.config.sets, loaded.source, checked.findings);
  }
  checked.config = std::move(loaded.config);
  checked.source = std::move(loaded.source);
  return checked;
}

CheckedConfig check_file(const std::string& path, ConfigPurpose purpose) {
  auto text = read_text_file(path, kYamlBytesMax);
  if (text) return check_text(path, std::move(*text), purpose);
  CheckedConfig checked;
  checked.findings.add({Severity::error, path, {}, text.error().message, {}, {}});
  return checked;
}

}  // namespace sluice
