#include "base/diagnostic.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"

namespace sluice {
namespace {

// A line of a hostile file may be a megabyte long; people read the first screen of it.
constexpr std::size_t kSourceLineBytesMax = 160;

std::string location(const Finding& finding) {
  if (finding.position.line == 0) return escape_control(finding.file);
  if (finding.position.column == 0) {
    return fmt::format("{}:{}", escape_control(finding.file), finding.position.line);
  }
  return fmt::format("{}:{}:{}", escape_control(finding.file), finding.position.line,
                     finding.position.column);
}

/// What a terminal shows for the character at the front of `line`, and how wide that is.
struct ShownCharacter {
  std::string text;
  std::size_t bytes;
  std::size_t columns;
};
ShownCharacter shown_character(std::string_view line) {
  if (line.front() == '\t') return {" ", 1, 1};
  const std::size_t bytes = std::max<std::size_t>(1, utf8_sequence_bytes(line));
  std::string text = escape_control(line.substr(0, bytes));
  const std::size_t columns = text == line.substr(0, bytes) ? 1 : text.size();
  return {std::move(text), bytes, columns};
}

/// The line, and a caret under the column where a terminal shows it.
std::string quoted_source(const Finding& finding) {
  const std::string_view line =
      std::string_view(finding.source_line).substr(0, kSourceLineBytesMax);
  std::string shown;
  std::size_t caret_columns = 0;
  for (std::size_t i = 0; i < line.size();) {
    const ShownCharacter character = shown_character(line.substr(i));
    shown += character.text;
    i += character.bytes;
    if (i < finding.position.column) caret_columns += character.columns;
  }
  const bool is_cut = line.size() < finding.source_line.size();
  std::string out = fmt::format("  {}{}\n", shown, is_cut ? "..." : "");
  const bool has_caret = finding.position.column > 0 && finding.position.column <= line.size() + 1;
  if (has_caret) out += fmt::format("  {}^\n", std::string(caret_columns, ' '));
  return out;
}

}  // namespace

void Diagnostics::add(Finding finding) {
  if (finding.severity == Severity::error) ++errors_;
  findings_.push_back(std::move(finding));
}

std::vector<Finding> Diagnostics::sorted() const {
  std::vector<Finding> findings = findings_;
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.file, a.position, a.message) < std::tie(b.file, b.position, b.message);
  });
  return findings;
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Finding& finding : sorted()) {
    const char* severity = finding.severity == Severity::error ? "error" : "warning";
    out +=
        fmt::format("{}: {}: {}\n", location(finding), severity, escape_control(finding.message));
    if (!finding.source_line.empty()) out += quoted_source(finding);
    if (!finding.hint.empty()) out += fmt::format("  hint: {}\n", escape_control(finding.hint));
  }
  return out;
}

}  // namespace sluice
