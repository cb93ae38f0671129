// The text of a file that a person wrote, and where in it each option stands, so that a finding of
// any later check can point at its line. Control threads only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace sluice {

class Source {
 public:
  Source(std::string file, std::string text);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// Line `number` from 1 without its end; empty where there is none. O(1).
  [[nodiscard]] std::string_view line(std::uint32_t number) const noexcept;

  /// The first note of a path stands.
  void note(std::string path, SourcePosition position);
  /// What is written there was not understood: the value is a default, and not to be judged.
  void note_refused(std::string path);
  /// So for the option itself or a section around it.
  [[nodiscard]] bool is_refused(std::string_view path) const;
  /// Where the option or section stands; else its nearest section that is written; else {0, 0}.
  [[nodiscard]] SourcePosition position_of(std::string_view path) const;

 private:
  std::string file_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
  std::map<std::string, SourcePosition, std::less<>> positions_;
  std::set<std::string, std::less<>> refused_;
};

/// Puts findings about one source into `diagnostics`, with file and source line filled in. A file
/// with more than `kFindingsMax` mistakes is not described to its end.
class FindingWriter {
 public:
  static constexpr std::size_t kFindingsMax = 200;

  FindingWriter(const Source& source, Diagnostics& diagnostics) noexcept
      : source_(source), diagnostics_(diagnostics) {}

  void error(SourcePosition position, std::string message, std::string hint = {});
  void error_at(std::string_view path, std::string message, std::string hint = {});
  void warning_at(std::string_view path, std::string message, std::string hint = {});
  [[nodiscard]] bool is_refused(std::string_view path) const { return source_.is_refused(path); }
  /// Further findings would not be listed.
  [[nodiscard]] bool is_full() const noexcept { return written_ >= kFindingsMax; }

 private:
  void add(Severity severity, SourcePosition position, std::string message, std::string hint);

  const Source& source_;
  Diagnostics& diagnostics_;
  std::size_t written_ = 0;
};

}  // namespace sluice
