#include "doctor_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace sluice {
namespace {

constexpr std::size_t kColumnsMax = 80;
constexpr std::string_view kIndent = "  ";
constexpr std::string_view kFix = "  fix: ";
constexpr std::string_view kNextFix = "       ";
constexpr std::string_view kHeading = "{:<8} {:<14} {}\n";

std::size_t count(const std::vector<HostFinding>& findings, FindingState state) {
  return static_cast<std::size_t>(std::ranges::count(findings, state, &HostFinding::state));
}

/// `text` in lines no longer than the table, broken between words.
std::string wrap(std::string_view text) {
  std::string lines;
  std::string line(kIndent);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() > kIndent.size() && line.size() + 1 + word.size() > kColumnsMax) {
      lines += line + "\n";
      line = kIndent;
    }
    if (line.size() > kIndent.size()) line += ' ';
    line += word;
  }
  return lines + line + "\n";
}

std::string fix_lines(std::string_view fix) {
  std::string lines;
  std::string_view lead = kFix;
  while (!fix.empty()) {
    const std::size_t end = std::min(fix.find('\n'), fix.size());
    lines += std::string(lead) + escape_control(fix.substr(0, end)) + "\n";
    fix.remove_prefix(std::min(end + 1, fix.size()));
    lead = kNextFix;
  }
  return lines;
}

std::string render_finding(const HostFinding& finding) {
  return fmt::format(fmt::runtime(kHeading), name_of(finding.state), finding.area,
                     finding.subject.empty() ? "host" : escape_control(finding.subject)) +
         wrap(escape_control(finding.what)) + fix_lines(finding.fix);
}

}  // namespace

std::string render_findings_table(const std::vector<HostFinding>& findings) {
  std::string text;
  for (const FindingState state : {FindingState::failure, FindingState::warning}) {
    for (const HostFinding& finding : findings) {
      if (finding.state == state) text += render_finding(finding);
    }
  }
  if (!text.empty()) {
    text = fmt::format(fmt::runtime(kHeading), "STATE", "AREA", "SUBJECT") + text + "\n";
  }
  return text + fmt::format("{} ok, {} warnings, {} failures\n", count(findings, FindingState::ok),
                            count(findings, FindingState::warning),
                            count(findings, FindingState::failure));
}

std::string render_findings_json(const std::vector<HostFinding>& findings) {
  using nlohmann::ordered_json;
  ordered_json answer;
  answer["findings"] = ordered_json::array();
  for (const HostFinding& finding : findings) {
    answer["findings"].push_back({{"area", finding.area},
                                  {"subject", finding.subject},
                                  {"state", name_of(finding.state)},
                                  {"what", finding.what},
                                  {"fix", finding.fix}});
  }
  answer["ok"] = count(findings, FindingState::ok);
  answer["warnings"] = count(findings, FindingState::warning);
  answer["failures"] = count(findings, FindingState::failure);
  return answer.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

int exit_code_of(const std::vector<HostFinding>& findings) noexcept {
  if (count(findings, FindingState::failure) > 0) return 2;
  return count(findings, FindingState::warning) > 0 ? 1 : 0;
}

}  // namespace sluice
