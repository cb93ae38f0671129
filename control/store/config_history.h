// The last ten configurations that were in force: STATE_DIR/configs/ID.entry (who, when, settings),
// ID.yaml (normal form, for people) and ID.parts (what was published). The large two are written
// and synced by the child that read the configuration; here they only get their names. Control
// thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/config_digest.h"

namespace sluice {

inline constexpr std::size_t kConfigsKept = 10;

struct ConfigEntry {
  std::uint64_t id = 0;
  TimeNs loaded_at = 0;
  std::string by;
  std::uint64_t changed = 0;     ///< options and list entries, against the one before
  ConfigDigest digest;           ///< without findings and differences
  bool can_be_restored = false;  ///< its parts are in the history
};

[[nodiscard]] std::vector<std::byte> encode_entry(const ConfigEntry& entry);
[[nodiscard]] Result<ConfigEntry> decode_entry(std::span<const std::byte> bytes);

class ConfigHistory {
 public:
  explicit ConfigHistory(const std::string& state_dir) : directory_(state_dir + "/configs") {}

  /// Reads what there is and makes the directory where there is none. What is damaged is skipped
  /// with a warning.
  void load();

  /// Takes over the staged files under a new id, and forgets the oldest but those in `needed`. The
  /// entry is kept in memory also where it cannot be stored, which is a warning in the log.
  std::uint64_t add(ConfigEntry entry, std::span<const std::uint64_t> needed);

  [[nodiscard]] std::span<const ConfigEntry> entries() const noexcept { return entries_; }
  /// Null where there is none.
  [[nodiscard]] const ConfigEntry* find(std::uint64_t id) const noexcept;
  /// For ConfigChildRequest::stage.
  [[nodiscard]] std::string staging_path() const { return directory_ + "/staged"; }
  [[nodiscard]] std::string parts_path(std::uint64_t id) const;
  [[nodiscard]] std::string text_path(std::uint64_t id) const { return path_of(id, "yaml"); }

 private:
  [[nodiscard]] std::string path_of(std::uint64_t id, const char* kind) const;
  [[nodiscard]] Result<ConfigEntry> read(std::uint64_t id) const;
  [[nodiscard]] Status store(const ConfigEntry& entry) const;
  void forget_oldest(std::span<const std::uint64_t> needed);

  std::string directory_;
  std::vector<ConfigEntry> entries_;  ///< by id
};

}  // namespace sluice
