#include "control/store/config_history.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "control/store/checked_file.h"

namespace sluice {
namespace {

constexpr std::uint32_t kEntryVersion = 1;
constexpr std::size_t kNameMax = 256;
constexpr std::size_t kFilesLookedAt = 1000;
constexpr std::uint64_t kIdMax = std::uint64_t{1} << 53;  // a JSON number

template <class Archive>
void code_all(Archive& io, ConfigEntry& entry) {
  std::uint32_t version = kEntryVersion;
  io.number(version, kEntryVersion, kEntryVersion);
  io.number(entry.id, 1, kIdMax);
  io.number(entry.loaded_at);
  io.text(entry.by, kNameMax);
  io.number(entry.changed);
  code(io, entry.digest);
}

/// Of "17.entry" it is 17; 0 of any other name.
std::uint64_t id_of(const std::string& name) noexcept {
  std::uint64_t id = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  const std::string_view rest(stop, static_cast<std::size_t>(name.data() + name.size() - stop));
  return error == std::errc() && rest == ".entry" && id <= kIdMax ? id : 0;
}

bool is_file(const std::string& path) noexcept {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Status move(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot be written: {}", to, std::strerror(errno)));
}

}  // namespace

std::vector<std::byte> encode_entry(const ConfigEntry& entry) {
  return write_plain(entry, [](auto& io, ConfigEntry& all) { code_all(io, all); });
}

Result<ConfigEntry> decode_entry(std::span<const std::byte> bytes) {
  return read_plain<ConfigEntry>(bytes, "configuration entry",
                                 [](auto& io, ConfigEntry& all) { code_all(io, all); });
}

void ConfigHistory::load() {
  entries_.clear();
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) {
    log(LogLevel::warning, fmt::format("configurations: {}: cannot be made: {}: none can be "
                                       "restored",
                                       directory_, error.message()));
    return;
  }
  std::size_t seen = 0;
  for (auto file = std::filesystem::directory_iterator(directory_, error);
       !error && file != std::filesystem::directory_iterator() && seen < kFilesLookedAt;
       file.increment(error), ++seen) {
    const std::uint64_t id = id_of(file->path().filename().string());
    if (id == 0) continue;
    auto entry = read(id);
    if (entry) {
      entries_.push_back(std::move(*entry));
    } else {
      log(LogLevel::warning, fmt::format("configurations: {}: left out", entry.error().message));
    }
  }
  std::ranges::sort(entries_, {}, &ConfigEntry::id);
}

Result<ConfigEntry> ConfigHistory::read(std::uint64_t id) const {
  const std::string path = path_of(id, "entry");
  auto bytes = read_checked_file(path);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  auto entry = decode_entry(*bytes);
  if (!entry) return with_context(path, entry.error());
  if (entry->id != id) {
    return fail(ErrorKind::invalid, fmt::format("{}: holds entry {}", path, entry->id));
  }
  entry->can_be_restored = is_file(path_of(id, "parts"));
  return entry;
}

std::uint64_t ConfigHistory::add(ConfigEntry entry, std::span<const std::uint64_t> needed) {
  entry.id = entries_.empty() ? 1 : entries_.back().id + 1;
  entry.digest.findings.clear();
  entry.digest.has_list_difference = false;
  entry.digest.lists = {};
  const auto stored = store(entry);
  entry.can_be_restored = stored.has_value();
  if (!stored) {
    log(LogLevel::warning, fmt::format("configurations: {}: configuration {} cannot be restored",
                                       stored.error().message, entry.id));
  }
  entries_.push_back(std::move(entry));
  forget_oldest(needed);
  return entries_.back().id;
}

/// The entry comes last: what it speaks of is there.
Status ConfigHistory::store(const ConfigEntry& entry) const {
  if (!entry.digest.is_staged) return fail(ErrorKind::io, entry.digest.staging_error);
  for (const char* kind : {"yaml", "parts"}) {
    if (auto moved = move(staging_path() + "." + kind, path_of(entry.id, kind)); !moved) {
      return moved;
    }
  }
  return write_checked_file(path_of(entry.id, "entry"), encode_entry(entry));
}

void ConfigHistory::forget_oldest(std::span<const std::uint64_t> needed) {
  for (std::size_t i = 0; entries_.size() > kConfigsKept && i + 1 < entries_.size();) {
    const std::uint64_t id = entries_[i].id;
    if (std::ranges::find(needed, id) != needed.end()) {
      ++i;
      continue;
    }
    for (const char* kind : {"entry", "yaml"}) unlink(path_of(id, kind).c_str());
    // Removing a large file takes its time. The next child writes over this one.
    std::rename(parts_path(id).c_str(), (staging_path() + ".parts").c_str());
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

const ConfigEntry* ConfigHistory::find(std::uint64_t id) const noexcept {
  const auto found = std::ranges::find(entries_, id, &ConfigEntry::id);
  return found == entries_.end() ? nullptr : &*found;
}

std::string ConfigHistory::parts_path(std::uint64_t id) const { return path_of(id, "parts"); }

std::string ConfigHistory::path_of(std::uint64_t id, const char* kind) const {
  return fmt::format("{}/{}.{}", directory_, id, kind);
}

}  // namespace sluice
