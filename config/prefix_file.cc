#include "config/prefix_file.h"

#include <cstdint>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr std::size_t kSourceLineBytesMax = 512;

/// What a line says: without its comment and the space around it.
std::string_view content_of(std::string_view line) noexcept {
  line = line.substr(0, line.find('#'));
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::vector<IpPrefix> read_prefix_lines(const std::string& file, std::string_view text,
                                        Diagnostics& findings) {
  std::vector<IpPrefix> prefixes;
  std::size_t refused = 0;
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view content = content_of(line);
    if (content.empty()) continue;
    if (prefixes.size() == kPrefixFileEntriesMax) {
      findings.add({Severity::error,
                    file,
                    {number, 0},
                    fmt::format("more than {} prefixes", kPrefixFileEntriesMax),
                    "split the list, or merge neighbouring prefixes",
                    {}});
      break;
    }
    const auto prefix = parse_ip_prefix(content);
    if (prefix) {
      prefixes.push_back(*prefix);
    } else if (++refused <= kPrefixFileFindingsMax) {
      const auto column = static_cast<std::uint32_t>(content.data() - line.data() + 1);
      findings.add({Severity::error,
                    file,
                    {number, column},
                    prefix.error().message,
                    prefix.error().hint,
                    std::string(line.substr(0, kSourceLineBytesMax))});
    }
  }
  if (refused > kPrefixFileFindingsMax) {
    findings.add({Severity::error,
                  file,
                  {},
                  fmt::format("{} lines are not prefixes: the first {} are listed", refused,
                              kPrefixFileFindingsMax),
                  {},
                  {}});
  }
  return prefixes;
}

}  // namespace sluice
