#include "control/config_build.h"

#include <utility>

#include <fmt/format.h>

#include "config/print.h"
#include "config/text_file.h"
#include "control/policy_builder.h"
#include "control/ruleset_build.h"
#include "control/synced_file.h"
#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

std::string digest_of_lists(const PolicyParts& parts) {
  return digest_of(encode_parts({.settings = {},
                                 .lists = parts.lists,
                                 .keeps_lists = false,
                                 .overrides = {},
                                 .sets = parts.sets}));
}

Result<PolicyParts> read_parts(const std::string& path) {
  auto bytes = read_text_file(path, kPartsBytesMax);
  if (!bytes) return with_context(path, bytes.error());
  auto parts = decode_parts(std::as_bytes(std::span(bytes->data(), bytes->size())));
  if (!parts) return with_context(path, parts.error());
  return parts;
}

Status stage(const std::string& base, const std::string& text, std::span<const std::byte> parts) {
  const auto written =
      write_synced(base + ".yaml", std::as_bytes(std::span(text.data(), text.size())));
  return written ? write_synced(base + ".parts", parts) : written;
}

void compare_lists(const std::string& path, const std::vector<ListEntry>& lists,
                   ConfigDigest& digest) {
  if (path.empty()) return;
  const auto in_force = read_parts(path);
  if (!in_force) return;
  digest.has_list_difference = true;
  digest.lists = difference_of(in_force->lists, lists);
}

void describe_lists(const PolicyParts& parts, ConfigDigest& digest) {
  digest.settings = parts.settings;
  digest.exceptions = parts.overrides.exceptions;
  digest.list_entries = parts.lists.size();
  digest.lists_digest = digest_of_lists(parts);
  for (const SetContents& contents : parts.sets) {
    digest.sets.push_back({.set = contents.set, .file_entries = contents.entries.size()});
  }
}

/// Empty lists have bytes too.
std::vector<std::byte> lists_to_publish(const ConfigChildRequest& request,
                                        const ConfigDigest& digest, PolicyParts parts) {
  if (!request.publishes || digest.lists_digest == request.known_lists) return {};
  return encode_lists(std::move(parts.lists), std::move(parts.sets));
}

Result<BuiltConfig> build_from_file(const ConfigChildRequest& request, const ConfigJudge& judge) {
  const CheckedConfig checked = judge(request.config_path);
  BuiltConfig built;
  ConfigDigest& digest = built.digest;
  for (const Finding& finding : checked.findings.sorted()) {
    ++(finding.severity == Severity::error ? digest.errors : digest.warnings);
  }
  digest.findings = cut_findings(checked.findings.render());
  if (checked.findings.has_errors()) return built;
  PolicyParts parts = build_policy_parts(checked);
  describe_lists(parts, digest);
  digest.live = {.stats_interval = checked.config.events.stats_interval,
                 .block_duration_max = checked.config.blocks.duration_max};
  if (checked.lists.allow_source.size() <= kAllowSourcesKept) {
    digest.live.allow_sources = checked.lists.allow_source;
  }
  for (std::size_t i = 0; i < digest.sets.size(); ++i) {
    digest.sets[i].capacity = checked.config.sets[i].capacity;
    digest.sets[i].file = checked.config.sets[i].file;
  }
  digest.options = option_texts(checked.config);
  if (parts.settings.has_rules) {
    auto rules = rules_digest(checked.config.rules, checked.config.sets);
    if (!rules) return tl::unexpected<Error>(rules.error());
    digest.rules_digest = text_of(*rules);
  }
  const std::string text = print_config(checked.config);
  digest.digest = digest_of(text + digest.lists_digest + digest.rules_digest);
  compare_lists(request.compare, parts.lists, digest);
  if (!request.stage.empty()) {
    const auto staged = stage(request.stage, text, encode_parts(parts));
    digest.is_staged = staged.has_value();
    if (!staged) digest.staging_error = staged.error().message;
  }
  built.lists = lists_to_publish(request, digest, std::move(parts));
  return built;
}

Result<BuiltConfig> build_from_history(const ConfigChildRequest& request) {
  auto parts = read_parts(request.restore);
  if (!parts) return tl::unexpected<Error>(parts.error());
  BuiltConfig built;
  describe_lists(*parts, built.digest);
  built.lists = lists_to_publish(request, built.digest, std::move(*parts));
  return built;
}

}  // namespace

Result<BuiltConfig> build_config(const ConfigChildRequest& request, const ConfigJudge& judge) {
  return request.restore.empty() ? build_from_file(request, judge) : build_from_history(request);
}

}  // namespace sluice
