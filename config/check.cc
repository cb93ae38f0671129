#include "config/check.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "config/load.h"
#include "config/prefix_file.h"
#include "config/text_file.h"
#include "config/yaml_tree.h"

namespace sluice {
namespace {

/// A list of the file: its own prefixes, its files, and where those stand.
struct ListSource {
  const std::vector<IpPrefix>& written;
  const std::vector<std::string>& files;
  std::string_view files_path;
};

class ListReader {
 public:
  ListReader(const Source& source, Diagnostics& diagnostics)
      : diagnostics_(diagnostics), findings_(source, diagnostics) {}

  [[nodiscard]] std::vector<IpPrefix> read(const ListSource& list) {
    std::vector<IpPrefix> prefixes = list.written;
    for (std::size_t i = 0; i < list.files.size(); ++i) {
      const std::string& file = list.files[i];
      const auto text = read_list(file);
      if (!text) {
        const std::string place = fmt::format("{}[{}]", list.files_path, i);
        findings_.error_at(place, fmt::format("{}: {} {}", place, file, text.error().message));
        continue;
      }
      const std::vector<IpPrefix> more = read_prefix_lines(file, *text, diagnostics_);
      prefixes.insert(prefixes.end(), more.begin(), more.end());
    }
    return prefixes;
  }

 private:
  // A list is read again at every reload, which a pipe would not survive.
  static Result<std::string> read_list(const std::string& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    const bool is_special =
        !error && std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    if (is_special) return fail(ErrorKind::invalid, "is not a regular file");
    return read_text_file(file, kPrefixFileBytesMax);
  }

  Diagnostics& diagnostics_;
  FindingWriter findings_;
};

/// Puts the directory of the configuration in front of the names of its list files.
void resolve_list_files(const std::string& config_path, ListConfig& lists) {
  const std::filesystem::path directory = std::filesystem::path(config_path).parent_path();
  for (auto* files : {&lists.allow_source_files, &lists.allow_destination_files,
                      &lists.deny_source_files, &lists.deny_destination_files}) {
    for (std::string& file : *files) file = (directory / file).string();
  }
}

PrefixLists read_lists(const ListConfig& lists, const Source& source, Diagnostics& diagnostics) {
  ListReader reader(source, diagnostics);
  PrefixLists out;
  out.allow_source =
      reader.read({lists.allow_source, lists.allow_source_files, "lists.allow.source_files"});
  out.allow_destination = reader.read(
      {lists.allow_destination, lists.allow_destination_files, "lists.allow.destination_files"});
  out.deny_source =
      reader.read({lists.deny_source, lists.deny_source_files, "lists.deny.source_files"});
  out.deny_destination = reader.read(
      {lists.deny_destination, lists.deny_destination_files, "lists.deny.destination_files"});
  return out;
}

}  // namespace

CheckedConfig check_text(const std::string& path, std::string text, ConfigPurpose purpose) {
  LoadedConfig loaded = load_config(path, std::move(text));
  CheckedConfig checked;
  checked.findings = std::move(loaded.findings);
  // After a mistake of form the defaults in its place would be judged, too, so that only what the
  // file does say is checked further: a text that is no YAML says nothing.
  if (loaded.is_readable) {
    resolve_list_files(path, loaded.config.lists);
    validate_config(loaded.config, loaded.source, purpose, checked.findings);
    checked.lists = read_lists(loaded.config.lists, loaded.source, checked.findings);
  }
  checked.config = std::move(loaded.config);
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
