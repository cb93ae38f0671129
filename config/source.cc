#include "config/source.h"

#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

// Enough for what is shown of it; a file may be one line of a megabyte.
constexpr std::size_t kSourceLineBytesMax = 512;

/// The section around an option: of "pairs[0].mtu" it is "pairs[0]", of that "pairs".
std::string_view parent_of(std::string_view path) noexcept {
  const std::size_t last = path.find_last_of(".[");
  return path.substr(0, last == std::string_view::npos ? 0 : last);
}

}  // namespace

Source::Source(std::string file, std::string text)
    : file_(std::move(file)), text_(std::move(text)), line_starts_{0} {
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

std::string_view Source::line(std::uint32_t number) const noexcept {
  if (number == 0 || number > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[number - 1];
  const bool is_last = number == line_starts_.size();
  const std::size_t end = is_last ? text_.size() : line_starts_[number] - 1;
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void Source::note(std::string path, SourcePosition position) {
  positions_.try_emplace(std::move(path), position);
}

void Source::note_refused(std::string path) { refused_.insert(std::move(path)); }

bool Source::is_refused(std::string_view path) const {
  for (; !path.empty(); path = parent_of(path)) {
    if (refused_.contains(path)) return true;
  }
  return false;
}

SourcePosition Source::position_of(std::string_view path) const {
  for (; !path.empty(); path = parent_of(path)) {
    if (const auto found = positions_.find(path); found != positions_.end()) return found->second;
  }
  return {};
}

void FindingWriter::error(SourcePosition position, std::string message, std::string hint) {
  add(Severity::error, position, std::move(message), std::move(hint));
}

void FindingWriter::error_at(std::string_view path, std::string message, std::string hint) {
  add(Severity::error, source_.position_of(path), std::move(message), std::move(hint));
}

void FindingWriter::warning_at(std::string_view path, std::string message, std::string hint) {
  add(Severity::warning, source_.position_of(path), std::move(message), std::move(hint));
}

void FindingWriter::add(Severity severity, SourcePosition position, std::string message,
                        std::string hint) {
  if (is_full()) return;
  ++written_;
  Finding finding;
  finding.severity = severity;
  finding.file = source_.file();
  finding.position = position;
  finding.message = std::move(message);
  finding.hint = std::move(hint);
  finding.source_line = std::string(source_.line(position.line).substr(0, kSourceLineBytesMax));
  diagnostics_.add(std::move(finding));
  if (is_full()) {
    diagnostics_.add({Severity::error,
                      source_.file(),
                      {},
                      fmt::format("only the first {} findings are listed", kFindingsMax),
                      {},
                      {}});
  }
}

}  // namespace sluice
