#include "import_sets.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "config/list_file.h"
#include "config/set_entry.h"
#include "config/text_file.h"
#include "whole_file.h"

namespace sluice {
namespace {

constexpr std::uint64_t kCapacityMin = 1'024;

[[nodiscard]] std::string file_of(const ImportedSet& set, const std::string& pack) {
  std::filesystem::path path = std::filesystem::absolute(pack);
  path.replace_extension();
  path += fmt::format(".{}.txt", set.name);
  return path.string();
}

/// A quarter to spare for what comes with the next list, or live.
[[nodiscard]] std::uint64_t capacity_for(std::uint64_t entries) {
  return std::clamp(entries + entries / 4, kCapacityMin, kSetCapacityMax);
}

[[nodiscard]] Result<WrittenSet> write_set(const ImportedSet& set, const std::string& pack) {
  WrittenSet written{set, {}, {}, {}, kCapacityMin};
  if (set.list.empty()) {
    written.missing = "the rules name no list";
    return written;
  }
  const auto from = std::filesystem::path(set.rule_file).parent_path() / set.list;
  const auto text = read_text_file(from.string(), kListFileBytesMax);
  if (!text) {
    written.missing = fmt::format("{}: {}", from.string(), text.error().message);
    return written;
  }
  written.list = convert_dataset_list(set.type, *text);
  written.capacity = capacity_for(written.list.entries);
  written.file = file_of(set, pack);
  if (auto done = write_whole(written.file, written.list.text); !done) {
    return tl::unexpected<Error>(done.error());
  }
  written.list.text.clear();
  return written;
}

[[nodiscard]] std::string entry_of(const WrittenSet& one) {
  const std::string file =
      one.file.empty() ? std::string() : fmt::format(", file: '{}'", escape_control(one.file));
  return fmt::format("  - {{name: {}, kind: {}{}, capacity: {}}}\n", one.set.name,
                     name_of(kind_of(one.set.type)), file, one.capacity);
}

}  // namespace

Result<std::vector<WrittenSet>> write_sets(const std::vector<ImportedSet>& sets,
                                           const std::string& pack) {
  std::vector<WrittenSet> written;
  for (const ImportedSet& set : sets) {
    auto one = write_set(set, pack);
    if (!one) return tl::unexpected<Error>(one.error());
    written.push_back(std::move(*one));
  }
  return written;
}

std::string render_sets(const std::vector<WrittenSet>& sets) {
  if (sets.empty()) return {};
  std::string text = "the configuration needs these sets:\nsets:\n";
  for (const WrittenSet& one : sets) text += entry_of(one);
  for (const WrittenSet& one : sets) {
    if (!one.missing.empty()) {
      text += fmt::format("{}: {}: the set is empty until it has a file\n", one.set.name,
                          escape_control(one.missing));
    }
    if (one.list.refused_lines == 0) continue;
    text +=
        fmt::format("{}: {} lines of {} are left out, the first of them {}: {}\n", one.set.name,
                    one.list.refused_lines, escape_control(one.set.list),
                    one.list.refused.front().line, escape_control(one.list.refused.front().reason));
  }
  return text;
}

}  // namespace sluice
