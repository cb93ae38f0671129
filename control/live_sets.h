// Entries of sets that operators added, with an end each: by whom and when. A value: a change is
// made on a copy, published, and kept when it is in force. They outlive reloads and restarts, also
// where their set is not in the configuration at the moment. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/config_digest.h"

namespace sluice {

struct LiveSetEntry {
  std::string set;
  std::string entry;  ///< as `set_entry_text` writes it
  TimeNs until = 0;   ///< 0 = without an end
  TimeNs added = 0;
  std::string owner;
};

/// Entries of a set that find nothing: it is not in the configuration, or they are none of its
/// kind.
struct IdleSetEntries {
  std::string set;
  std::uint64_t entries = 0;
  bool is_configured = false;
  friend bool operator==(const IdleSetEntries&, const IdleSetEntries&) = default;
};

[[nodiscard]] std::string idle_set_text(const IdleSetEntries& idle);

class LiveSets {
 public:
  LiveSets() = default;
  explicit LiveSets(std::vector<LiveSetEntry> entries);

  /// All of them or none; one that is there takes the new end. They are of `set`. Errors: limit,
  /// where the set's capacity or kLiveSetEntriesMax is reached.
  [[nodiscard]] Status add(const SetSummary& set, std::vector<LiveSetEntry> entries, TimeNs now);
  /// All of them or none. Errors: not_found.
  [[nodiscard]] Status remove(const std::string& set, std::span<const std::string> entries);
  /// Forgets what has ended; returns how many.
  std::uint64_t expire(TimeNs now);

  [[nodiscard]] std::span<const LiveSetEntry> entries() const noexcept { return entries_; }
  /// Of one set, ordered by entry. O(log n).
  [[nodiscard]] std::span<const LiveSetEntry> entries_of(const std::string& set) const noexcept;
  /// For a policy: those of `sets`, as far as they are entries of their kind.
  [[nodiscard]] std::vector<SetContents> contents(std::span<const SetSummary> sets) const;
  /// What `contents` leaves out, ordered by set.
  [[nodiscard]] std::vector<IdleSetEntries> idle(std::span<const SetSummary> sets) const;

 private:
  std::vector<LiveSetEntry> entries_;  ///< sorted by set and entry
};

}  // namespace sluice
