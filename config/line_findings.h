// Findings about the lines of a list file: the first ones are told one by one, the rest is summed
// up in one more. Control threads and short-lived children only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace sluice {

inline constexpr std::uint32_t kListFindingsMax = 50;

class LineFindings {
 public:
  LineFindings(const std::string& name, Diagnostics& findings) : name_(name), findings_(findings) {}
  ~LineFindings() {
    if (errors_ <= kListFindingsMax) return;
    add({}, fmt::format("{} more lines with errors", errors_ - kListFindingsMax), {}, {});
  }
  LineFindings(const LineFindings&) = delete;
  LineFindings& operator=(const LineFindings&) = delete;

  void error(SourcePosition position, std::string_view line, std::string message,
             std::string hint) {
    if (++errors_ <= kListFindingsMax) add(position, std::move(message), std::move(hint), line);
  }

 private:
  static constexpr std::size_t kSourceLineBytesMax = 160;

  void add(SourcePosition position, std::string message, std::string hint, std::string_view line) {
    Finding finding;
    finding.file = name_;
    finding.position = position;
    finding.message = std::move(message);
    finding.hint = std::move(hint);
    finding.source_line = std::string(line.substr(0, kSourceLineBytesMax));
    findings_.add(std::move(finding));
  }

  const std::string& name_;
  Diagnostics& findings_;
  std::uint64_t errors_ = 0;
};

}  // namespace sluice
