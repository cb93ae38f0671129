#include "control/ruleset_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "config/text_file.h"
#include "control/ruleset_build.h"
#include "control/synced_file.h"
#include "rules/ruleset_codec.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kDirectoryMode = 0750;

[[nodiscard]] std::optional<std::vector<std::byte>> read_bytes(const std::string& path) {
  const auto text = read_text_file(path, kRulesetBytesMax);
  if (!text) return std::nullopt;
  const auto bytes = std::as_bytes(std::span(text->data(), text->size()));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

[[nodiscard]] Status write_whole(const std::string& path, std::span<const std::byte> bytes) {
  const std::string unfinished = path + ".new";
  if (auto written = write_synced(unfinished, bytes); !written) return written;
  if (std::rename(unfinished.c_str(), path.c_str()) == 0) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

}  // namespace

std::string RulesetCache::path_of(const std::string& digest, const char* kind) const {
  return fmt::format("{}/{}.{}", directory_, digest, kind);
}

std::optional<CompiledBytes> RulesetCache::find(const std::string& digest) const {
  auto ruleset = read_bytes(path_of(digest, "ruleset"));
  auto texts = read_bytes(path_of(digest, "texts"));
  if (!ruleset || !texts) return std::nullopt;
  const auto parts = decode_ruleset(*ruleset);
  const auto decoded = decode_rule_texts(*texts);
  if (!parts || !decoded || text_of(parts->ruleset.digest) != digest ||
      decoded->digest != parts->ruleset.digest) {
    return std::nullopt;
  }
  utimensat(AT_FDCWD, path_of(digest, "ruleset").c_str(), nullptr, 0);
  return CompiledBytes{std::move(*ruleset), std::move(*texts), parts->ruleset.rules.size()};
}

std::optional<Ruleset> RulesetCache::find_ruleset(const std::string& digest) const {
  const auto bytes = read_bytes(path_of(digest, "ruleset"));
  if (!bytes) return std::nullopt;
  auto parts = decode_ruleset(*bytes);
  if (!parts || text_of(parts->ruleset.digest) != digest) return std::nullopt;
  return std::move(parts->ruleset);
}

Status RulesetCache::store(const std::string& digest, const CompiledBytes& bytes) const {
  if (mkdir(directory_.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be made: {}", directory_, std::strerror(errno)));
  }
  if (auto written = write_whole(path_of(digest, "texts"), bytes.texts); !written) return written;
  auto written = write_whole(path_of(digest, "ruleset"), bytes.ruleset);
  forget_oldest();
  return written;
}

void RulesetCache::forget_oldest() const {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != ".ruleset") continue;
    found.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::ranges::sort(found, std::greater{});
  for (std::size_t i = kRulesetsKept; i < found.size(); ++i) {
    fs::path path = found[i].second;
    fs::remove(path, error);
    fs::remove(path.replace_extension(".texts"), error);
  }
}

}  // namespace sluice
