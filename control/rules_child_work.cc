// What the child does: finds or compiles, and remembers.
#include <utility>

#include <fmt/format.h>

#include "config/load.h"
#include "config/text_file.h"
#include "control/config_digest.h"
#include "control/rules_child.h"
#include "control/ruleset_build.h"
#include "control/ruleset_cache.h"
#include "rules/ruleset_codec.h"

namespace sluice {
namespace {

constexpr std::size_t kConfigBytesMax = 4U << 20;

struct Work {
  RulesAnswer answer;
  CompiledBytes compiled;  ///< empty where there is none
};

void tell(const Diagnostics& findings, RulesAnswer& answer) {
  for (const Finding& finding : findings.sorted()) {
    ++(finding.severity == Severity::error ? answer.errors : answer.warnings);
  }
  answer.findings = cut_findings(findings.render());
}

Result<Config> read_rules_config(const std::string& path) {
  auto text = read_text_file(path, kConfigBytesMax);
  if (!text) return with_context(path, text.error());
  const LoadedConfig loaded = load_config(path, std::move(*text));
  if (!loaded.findings.has_errors()) return loaded.config;
  return fail(ErrorKind::invalid, fmt::format("{}: was changed and is not valid", path));
}

tl::unexpected<Error> changed() {
  return fail(ErrorKind::unavailable, "rules: the files are not those that were asked for any more",
              "reload once more");
}

Result<Work> compile(const RulesRequest& request) {
  const auto config = read_rules_config(request.config_path);
  if (!config) return tl::unexpected<Error>(config.error());
  Diagnostics findings;
  CompileReport report;
  const auto parts = build_ruleset(config->rules, findings, report, config->sets);
  if (!parts) return tl::unexpected<Error>(parts.error());
  // A file that was changed while it was read must not stand in the cache under this digest.
  const auto after = rules_digest(config->rules, config->sets);
  if (text_of(parts->ruleset.digest) != request.digest || !after ||
      *after != parts->ruleset.digest) {
    return changed();
  }
  Work work;
  tell(findings, work.answer);
  work.answer.rules = parts->ruleset.rules.size();
  work.compiled = {encode_ruleset(*parts), encode_rule_texts(parts->texts),
                   parts->ruleset.rules.size()};
  return work;
}

Result<Work> find_or_compile(const RulesRequest& request) {
  const RulesetCache cache(request.cache);
  if (auto found = cache.find(request.digest)) {
    Work work;
    work.answer.rules = found->rules;
    work.answer.is_cached = true;
    work.compiled = std::move(*found);
    return work;
  }
  auto work = compile(request);
  if (work && work->answer.errors == 0) {
    if (auto stored = cache.store(request.digest, work->compiled); !stored) {
      fmt::print(stderr, "warning: {}\n", stored.error().message);
    }
  }
  return work;
}

}  // namespace

int run_rules_child(const RulesRequest& request, std::span<const int> answer_fds) {
  auto work = find_or_compile(request);
  if (!work) {
    if (work.error().kind != ErrorKind::unavailable && work.error().kind != ErrorKind::invalid &&
        work.error().kind != ErrorKind::limit) {
      fmt::print(stderr, "{}\n", work.error().message);
      return 1;
    }
    Work failed;
    failed.answer.errors = 1;
    failed.answer.findings = cut_findings(work.error().message + "\n");
    work = std::move(failed);
  }
  const CompiledBytes& compiled = work->compiled;
  if (!compiled.ruleset.empty() && (!write_and_seal(answer_fds[1], compiled.ruleset) ||
                                    !write_and_seal(answer_fds[2], compiled.texts))) {
    return 1;
  }
  return write_and_seal(answer_fds[0], encode_rules_answer(work->answer)) ? 0 : 1;
}

}  // namespace sluice
