#include "config/set_file.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/date.h"
#include "config/line_findings.h"
#include "config/list_file.h"
#include "config/set_entry.h"
#include "config/text_file.h"

namespace sluice {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view without_blanks_behind(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kBlank);
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// One file while it is read.
class SetFileReader {
 public:
  SetFileReader(const std::string& name, const NamedSet& set, Diagnostics& findings)
      : set_(set), findings_(name, findings) {}

  void read_line(std::string_view line, std::uint32_t number) {
    const std::size_t start = line.find_first_not_of(kBlank);
    if (start == std::string_view::npos || line[start] == '#') return;
    std::string_view content = line.substr(start);
    if (set_.kind != SetKind::text) content = content.substr(0, content.find('#'));
    content = without_blanks_behind(content);
    SetEntry entry;
    const std::size_t blank = content.find_last_of(kBlank);
    if (blank != std::string_view::npos && content.substr(blank + 1).starts_with(kSetUntilWord)) {
      const auto column = static_cast<std::uint32_t>(start + blank + 2);
      const auto until = parse_date(content.substr(blank + 1 + kSetUntilWord.size()));
      if (!until) return refuse({number, column}, line, until.error());
      entry.until = std::max<TimeNs>(*until, 1);
      content = without_blanks_behind(content.substr(0, blank));
    }
    auto key = set_key(set_, content);
    if (!key) return refuse({number, static_cast<std::uint32_t>(start + 1)}, line, key.error());
    entry.key = std::move(*key);
    file_.entries.push_back(std::move(entry));
  }

  [[nodiscard]] bool is_full() const noexcept { return file_.entries.size() >= kSetCapacityMax; }

  [[nodiscard]] SetFile finish() && {
    auto& entries = file_.entries;
    const auto end_of = [](const SetEntry& entry) {
      return entry.until == 0 ? ~TimeNs{0} : entry.until;
    };
    std::ranges::sort(entries, [&](const SetEntry& a, const SetEntry& b) {
      return a.key != b.key ? a.key < b.key : end_of(a) > end_of(b);
    });
    const auto repeated = std::ranges::unique(entries, {}, &SetEntry::key);
    file_.duplicates = repeated.size();
    entries.erase(repeated.begin(), repeated.end());
    return std::move(file_);
  }

 private:
  void refuse(SourcePosition position, std::string_view line, Error error) {
    findings_.error(position, line, std::move(error.message), std::move(error.hint));
  }

  const NamedSet& set_;
  LineFindings findings_;
  SetFile file_;
};

Result<std::string> read_regular(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!error && std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return fail(ErrorKind::invalid, "is not a regular file");
  }
  return read_text_file(path, kListFileBytesMax);
}

std::vector<SetEntry> read_one(const SetConfig& config, const std::string& path,
                               FindingWriter& findings, Diagnostics& diagnostics) {
  const auto text = read_regular(config.file);
  if (!text) {
    findings.error_at(path, fmt::format("{}: {} {}", path, config.file, text.error().message),
                      text.error().hint);
    return {};
  }
  SetFile file = parse_set_file(*text, config.file, named_set(config), diagnostics);
  if (file.duplicates != 0) {
    diagnostics.add({Severity::warning,
                     config.file,
                     {},
                     fmt::format("{} lines repeat an entry", file.duplicates),
                     {},
                     {}});
  }
  if (file.entries.size() > config.capacity) {
    findings.error_at(path, fmt::format("{}: {} holds {} entries, above the set's capacity of {}",
                                        path, config.file, file.entries.size(), config.capacity));
  }
  return std::move(file.entries);
}

}  // namespace

SetFile parse_set_file(std::string_view text, const std::string& name, const NamedSet& set,
                       Diagnostics& findings) {
  SetFileReader reader(name, set, findings);
  std::uint32_t number = 0;
  while (!text.empty() && !reader.is_full()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read_line(text.substr(0, end), ++number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!text.empty() && text.find_first_not_of(" \t\r\n") != std::string_view::npos) {
    LineFindings(name, findings)
        .error({number + 1, 0}, {}, fmt::format("more than {} entries", kSetCapacityMax),
               "divide the list between several sets");
  }
  return std::move(reader).finish();
}

NamedSet named_set(const SetConfig& config) { return {config.name, config.kind, config.nocase}; }

std::vector<SetContents> read_set_files(const std::vector<SetConfig>& sets, const Source& source,
                                        Diagnostics& diagnostics) {
  FindingWriter findings(source, diagnostics);
  std::vector<SetContents> contents;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    contents.push_back({named_set(sets[i]), {}});
    if (sets[i].file.empty()) continue;
    contents.back().entries =
        read_one(sets[i], fmt::format("sets[{}].file", i), findings, diagnostics);
  }
  return contents;
}

}  // namespace sluice
