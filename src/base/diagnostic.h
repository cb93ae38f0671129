// What is wrong with a file that a person wrote: a position, the reason, a suggestion. Loaders
// collect all findings and print them at once, sorted by position. Control threads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

enum class Severity : std::uint8_t { error, warning };

struct SourcePosition {
  std::uint32_t line = 0;    ///< from 1; 0 = the file as a whole
  std::uint32_t column = 0;  ///< from 1; 0 = the line as a whole
  friend constexpr auto operator<=>(const SourcePosition&,
                                    const SourcePosition&) noexcept = default;
};

struct Finding {
  Severity severity = Severity::error;
  std::string file;
  SourcePosition position;
  std::string message;
  std::string hint;         ///< empty, or one sentence: "did you mean 'exception_policy'?"
  std::string source_line;  ///< the line the finding is on, or empty
};

/// Findings of one load. Nothing is printed before all are known.
class Diagnostics {
 public:
  void add(Finding finding);
  [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
  [[nodiscard]] std::size_t error_count() const noexcept { return errors_; }
  [[nodiscard]] bool empty() const noexcept { return findings_.empty(); }
  /// Sorted by file, then position, then message.
  [[nodiscard]] std::vector<Finding> sorted() const;
  /// "file:line:column: error: message", the source line with a caret under the column, and
  /// "  hint: ..." per finding; control characters in quoted text are escaped.
  [[nodiscard]] std::string render() const;

 private:
  std::vector<Finding> findings_;
  std::size_t errors_ = 0;
};

}  // namespace sluice
