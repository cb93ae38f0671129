// What each event holds: one table, read by the reference page and by the test that holds every
// event against it. The formatter writes the fields by hand, for speed; the test keeps them equal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

enum class EveType : std::uint8_t {
  text,
  number,
  flag,
  numbers,
  texts,
  texts_by_key,
  objects,
  counts
};

/// Which events have a field, and whether all of them do.
enum EveEvent : std::uint16_t {
  kInFlow = 1 << 0,
  kInDrop = 1 << 1,
  kInStats = 1 << 2,
  kInAlert = 1 << 3,
  kInAnomaly = 1 << 4,
  kInHttp = 1 << 5,
  kInDns = 1 << 6,
  kInTls = 1 << 7,
  kInSsh = 1 << 8,
  kInSmtp = 1 << 9,
  kInFtp = 1 << 10,
  kInQuic = 1 << 11,
  kOptional = 1 << 12,  ///< only where it is known or means something
  kLiveOnly = 1 << 13,  ///< not in a replay
  kReplayOnly = 1 << 14,
};

struct EveField {
  std::string_view path;  ///< "flow.bytes_toserver"
  EveType type;
  unsigned events;  ///< EveEvent
  std::string_view meaning;
};

[[nodiscard]] std::span<const EveField> eve_fields() noexcept;

/// The page docs/reference/events.md.
[[nodiscard]] std::string events_reference();

}  // namespace sluice
