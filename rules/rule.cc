#include "rules/rule.h"

#include <tuple>

namespace sluice {
namespace {

[[nodiscard]] auto compared(const Rule& rule) {
  return std::tie(rule.id, rule.gid, rule.rev, rule.name, rule.class_name, rule.severity,
                  rule.stage, rule.action, rule.is_silent, rule.reports_pass, rule.when,
                  rule.headers, rule.match, rule.flags, rule.counters, rule.threshold,
                  rule.references, rule.metadata, rule.tests);
}

}  // namespace

bool is_same(const Rule& a, const Rule& b) { return compared(a) == compared(b); }

}  // namespace sluice
