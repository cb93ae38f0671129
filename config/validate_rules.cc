// What rules speak of by name, and where they are off: limits, sets and exceptions.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/date.h"
#include "base/rule_key.h"
#include "config/validate_checks.h"

namespace sluice {
namespace {

/// Each entry of a list has a name of its own, by which rules speak of it.
template <class Record>
void check_name(const std::vector<Record>& records, std::size_t i, std::string_view list,
                FindingWriter& findings) {
  const std::string& name = records[i].name;
  const std::string path = fmt::format("{}[{}]", list, i);
  const std::string name_path = path + ".name";
  if (findings.is_refused(name_path)) return;
  if (name.empty()) {
    return findings.error_at(path, path + " has no name: rules speak of it by one",
                             "write 'name: WORD'");
  }
  if (!is_word(name)) {
    return findings.error_at(
        name_path, fmt::format("{} is '{}': letters, digits, _ and - would do", name_path, name));
  }
  const auto same = std::ranges::find(records, name, &Record::name);
  const auto first = static_cast<std::size_t>(same - records.begin());
  if (first == i) return;
  findings.error_at(name_path, fmt::format("{} is '{}', as is {}[{}].name: each once", name_path,
                                           name, list, first));
}

void check_rule_limits(const std::vector<RuleLimitConfig>& limits, FindingWriter& findings) {
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const RuleLimitConfig& one = limits[i];
    const std::string path = fmt::format("rule_limits[{}]", i);
    if (findings.is_refused(path)) continue;
    check_name(limits, i, "rule_limits", findings);
    const bool has_rate = one.limit.packets.rate != 0 || one.limit.bits.rate != 0;
    const bool is_read =
        !findings.is_refused(path + ".packets") && !findings.is_refused(path + ".bits");
    if (!has_rate && is_read) {
      findings.error_at(path, path + " has no rate: it would limit nothing",
                        "write 'packets: 10/s' or 'bits: 1Mbit/s'");
    }
    check_limit(one.limit, path, 0, findings);
  }
}

void check_sets(const std::vector<SetConfig>& sets, FindingWriter& findings) {
  std::uint64_t capacity = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::string path = fmt::format("sets[{}]", i);
    if (findings.is_refused(path)) continue;
    check_name(sets, i, "sets", findings);
    capacity += sets[i].capacity;
    if (sets[i].nocase && sets[i].kind != SetKind::text) {
      findings.warning_at(path + ".nocase",
                          path + ".nocase says nothing: only a set of kind text asks for it");
    }
  }
  if (capacity <= kSetCapacitySumMax) return;
  findings.error_at("sets", fmt::format("sets have room for {} entries together, above the largest "
                                        "of {}: smaller values of capacity would do",
                                        capacity, kSetCapacitySumMax));
}

void check_exception_rules(const RuleExceptionConfig& exception, const std::string& path,
                           FindingWriter& findings) {
  for (std::size_t i = 0; i < exception.rules.size(); ++i) {
    const std::string own = fmt::format("{}.rules[{}]", path, i);
    if (const auto key = parse_rule_key(exception.rules[i]); !key) {
      findings.error_at(own, fmt::format("{}: {}", own, key.error().message));
    }
  }
  if (findings.is_refused(path + ".rules")) return;
  if (exception.rules.empty() == exception.class_name.empty()) {
    findings.error_at(path, fmt::format("{} has {}: exactly one of rules and class would do", path,
                                        exception.rules.empty() ? "neither rules nor class"
                                                                : "both rules and class"));
  }
}

void check_exception_scope(const RuleExceptionConfig& exception, const std::string& path,
                           FindingWriter& findings) {
  const bool has_refused =
      findings.is_refused(path + ".source") || findings.is_refused(path + ".destination");
  if (exception.source.empty() && exception.destination.empty() && exception.uri.empty() &&
      !has_refused) {
    findings.error_at(
        path, fmt::format("{} has no source, destination or uri: at least one would do", path),
        "`sluicectl rules stage ID shadow` takes a rule back everywhere");
  }
  const bool is_uri =
      exception.uri.empty() || exception.uri.front() == '/' || exception.uri.front() == '*';
  if (is_uri) return;
  findings.error_at(path + ".uri",
                    fmt::format("{}.uri is '{}', which no URI begins with: one that begins with / "
                                "or * would do",
                                path, exception.uri.substr(0, 64)));
}

void check_exceptions(const std::vector<RuleExceptionConfig>& exceptions, FindingWriter& findings) {
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    const RuleExceptionConfig& exception = exceptions[i];
    const std::string path = fmt::format("rules.exceptions[{}]", i);
    if (findings.is_refused(path)) continue;
    check_exception_rules(exception, path, findings);
    check_exception_scope(exception, path, findings);
    if (exception.owner.empty() || exception.reason.empty()) {
      findings.error_at(path, fmt::format("{} has no {}: who answers for it, and why it is there",
                                          path, exception.owner.empty() ? "owner" : "reason"));
    }
    if (exception.expires.empty()) continue;
    if (const auto date = parse_date(exception.expires); !date) {
      findings.error_at(path + ".expires",
                        fmt::format("{}.expires: {}", path, date.error().message));
    }
  }
}

}  // namespace

void check_named_by_rules(const Config& config, FindingWriter& findings) {
  check_rule_limits(config.rule_limits, findings);
  check_sets(config.sets, findings);
  check_exceptions(config.rules.exceptions, findings);
}

}  // namespace sluice
