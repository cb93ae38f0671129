#include "control/config_build.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "config/print.h"
#include "config/text_file.h"
#include "control/policy_builder.h"
#include "control/privileges.h"
#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

constexpr rlim_t kProcessorSeconds = 30;
constexpr rlim_t kMemoryBytes = rlim_t{4} << 30;
constexpr int kChildOomScore = 500;

std::string cut_text(std::string text) {
  if (text.size() <= kFindingsTextMax) return text;
  constexpr std::string_view kMore = "(and more)\n";
  text.resize(kFindingsTextMax - kMore.size());
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  return text.append(kMore);
}

std::string digest_of_lists(const std::vector<ListEntry>& lists) {
  return digest_of(encode_parts({.settings = {}, .lists = lists, .keeps_lists = false}));
}

Result<PolicyParts> read_parts(const std::string& path) {
  auto bytes = read_text_file(path, kPartsBytesMax);
  if (!bytes) return with_context(path, bytes.error());
  auto parts = decode_parts(std::as_bytes(std::span(bytes->data(), bytes->size())));
  if (!parts) return with_context(path, parts.error());
  return parts;
}

/// Whole and on the disk, or an error.
Status write_synced(const std::string& path, std::span<const std::byte> bytes) {
  const auto failed = [&path] {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  };
  OwnedFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.is_open()) return failed();
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd()) != 0) return failed();
  return {};
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
  digest.list_entries = parts.lists.size();
  digest.lists_digest = digest_of_lists(parts.lists);
}

/// Empty lists have bytes too.
std::vector<std::byte> lists_to_publish(const ConfigChildRequest& request,
                                        const ConfigDigest& digest, PolicyParts parts) {
  if (!request.publishes || digest.lists_digest == request.known_lists) return {};
  return encode_lists(std::move(parts.lists));
}

BuiltConfig build_from_file(const ConfigChildRequest& request, const ConfigJudge& judge) {
  const CheckedConfig checked = judge(request.config_path);
  BuiltConfig built;
  ConfigDigest& digest = built.digest;
  for (const Finding& finding : checked.findings.sorted()) {
    ++(finding.severity == Severity::error ? digest.errors : digest.warnings);
  }
  digest.findings = cut_text(checked.findings.render());
  if (checked.findings.has_errors()) return built;
  PolicyParts parts = build_policy_parts(checked);
  describe_lists(parts, digest);
  digest.live = {.stats_interval = checked.config.events.stats_interval,
                 .block_duration_max = checked.config.blocks.duration_max};
  if (checked.lists.allow_source.size() <= kAllowSourcesKept) {
    digest.live.allow_sources = checked.lists.allow_source;
  }
  digest.options = option_texts(checked.config);
  const std::string text = print_config(checked.config);
  digest.digest = digest_of(text + digest.lists_digest);
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

void limit_config_child() noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(kConfigChildDeadline / kNsPerSecond);
  const rlimit processor{kProcessorSeconds, kProcessorSeconds};
  const rlimit memory{kMemoryBytes, kMemoryBytes};
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CPU, &processor);
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &none);
  prefer_to_be_killed(kChildOomScore);
}

Result<BuiltConfig> build_config(const ConfigChildRequest& request, const ConfigJudge& judge) {
  return request.restore.empty() ? build_from_file(request, judge) : build_from_history(request);
}

}  // namespace sluice
