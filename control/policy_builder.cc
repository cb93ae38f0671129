#include "control/policy_builder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control/list_file.h"

namespace sluice {
namespace {

constexpr std::uint32_t kContradictionsToldMax = 20;

/// One list of the configuration: prefixes written there, and files of more.
struct ListSource {
  ListSide side;
  ListKind kind;
  const char* option;
  const std::vector<IpPrefix>& prefixes;
  const std::vector<std::string>& files;
};

void warn(Diagnostics& findings, const std::string& where, std::uint32_t line,
          std::string message) {
  Finding finding;
  finding.severity = Severity::warning;
  finding.file = where;
  finding.position.line = line;
  finding.message = std::move(message);
  findings.add(std::move(finding));
}

/// Everything one list holds; `line` is kept for the only file there is, else 0.
std::vector<ListLine> gather(const ListSource& source, Diagnostics& findings) {
  std::vector<ListLine> lines;
  for (const IpPrefix& prefix : source.prefixes) lines.push_back({prefix, 0});
  for (const std::string& path : source.files) {
    ListFile file = read_list_file(path, findings);
    if (file.duplicates != 0) {
      warn(findings, path, 0, fmt::format("{} lines repeat a prefix", file.duplicates));
    }
    const bool is_only = source.files.size() == 1;
    if (lines.empty() && is_only) {
      lines = std::move(file.lines);
      continue;
    }
    for (const ListLine& line : file.lines) lines.push_back({line.prefix, is_only ? line.line : 0});
  }
  sort_and_remove_duplicates(lines);
  return lines;
}

/// Both vectors are ordered by prefix. Allow wins, so the deny entry does nothing.
void warn_of_contradictions(const ListSource& deny, const std::vector<ListLine>& allowed,
                            const std::vector<ListLine>& denied, Diagnostics& findings) {
  std::vector<ListLine> both;
  auto allow = allowed.begin();
  auto refuse = denied.begin();
  const auto before = [](const IpPrefix& a, const IpPrefix& b) {
    if (a.address.bytes != b.address.bytes) return a.address.bytes < b.address.bytes;
    if (a.address.version != b.address.version) return a.address.version < b.address.version;
    return a.length < b.length;
  };
  while (allow != allowed.end() && refuse != denied.end()) {
    if (before(allow->prefix, refuse->prefix)) {
      ++allow;
    } else if (before(refuse->prefix, allow->prefix)) {
      ++refuse;
    } else {
      both.push_back(*refuse);
      ++allow;
      ++refuse;
    }
  }
  const std::string where = deny.files.size() == 1 ? deny.files.front() : std::string(deny.option);
  for (std::size_t i = 0; i < both.size() && i < kContradictionsToldMax; ++i) {
    const bool is_in_file = both[i].line != 0;
    warn(findings, is_in_file ? where : std::string(deny.option), both[i].line,
         fmt::format("'{}' is both allowed and denied: allow wins", to_string(both[i].prefix)));
  }
  if (both.size() > kContradictionsToldMax) {
    warn(findings, where, 0,
         fmt::format("{} more prefixes are both allowed and denied",
                     both.size() - kContradictionsToldMax));
  }
}

void append(std::vector<ListEntry>& lists, const ListSource& source,
            const std::vector<ListLine>& lines) {
  for (const ListLine& line : lines) lists.push_back({line.prefix, source.kind, source.side});
}

/// One side of the wire's lists: allow first, then deny.
void append_side(std::vector<ListEntry>& lists, const ListSource& allow, const ListSource& deny,
                 Diagnostics& findings) {
  const std::vector<ListLine> allowed = gather(allow, findings);
  const std::vector<ListLine> denied = gather(deny, findings);
  warn_of_contradictions(deny, allowed, denied, findings);
  lists.reserve(lists.size() + allowed.size() + denied.size());
  append(lists, allow, allowed);
  append(lists, deny, denied);
}

PolicySettings settings_of(const Config& config) {
  PolicySettings settings;
  settings.mode = config.mode;
  settings.decode = config.decode;
  settings.fragments = config.fragments;
  settings.flows = config.flows;
  settings.limits = config.limits;
  settings.drop_sample = config.events.drop_sample;
  settings.flow_records = config.events.flow_records;
  return settings;
}

}  // namespace

Result<PolicyParts> build_policy_parts(const Config& config, Diagnostics& findings) {
  const ListConfig& lists = config.lists;
  const std::size_t errors_before = findings.error_count();
  PolicyParts parts;
  parts.settings = settings_of(config);
  append_side(parts.lists,
              {ListSide::source, ListKind::allow, "lists.allow_source", lists.allow_source,
               lists.allow_source_files},
              {ListSide::source, ListKind::deny, "lists.deny_source", lists.deny_source,
               lists.deny_source_files},
              findings);
  append_side(parts.lists,
              {ListSide::destination, ListKind::allow, "lists.allow_destination",
               lists.allow_destination, lists.allow_destination_files},
              {ListSide::destination, ListKind::deny, "lists.deny_destination",
               lists.deny_destination, lists.deny_destination_files},
              findings);
  const std::size_t errors = findings.error_count() - errors_before;
  if (errors == 0) return parts;
  return fail(ErrorKind::invalid, fmt::format("lists: {} errors", errors));
}

PolicyParts build_policy_parts(const CheckedConfig& checked) {
  PolicyParts parts;
  parts.settings = settings_of(checked.config);
  const auto append = [&parts](std::vector<IpPrefix> prefixes, ListKind kind, ListSide side) {
    std::sort(prefixes.begin(), prefixes.end());
    prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
    for (const IpPrefix& prefix : prefixes) parts.lists.push_back({prefix, kind, side});
  };
  append(checked.lists.allow_source, ListKind::allow, ListSide::source);
  append(checked.lists.deny_source, ListKind::deny, ListSide::source);
  append(checked.lists.allow_destination, ListKind::allow, ListSide::destination);
  append(checked.lists.deny_destination, ListKind::deny, ListSide::destination);
  return parts;
}

}  // namespace sluice
