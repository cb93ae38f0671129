// What each event holds: one table, read by the reference page and by the test that holds every
// event against it. The formatter writes the fields by hand, for speed; the test keeps them equal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

enum class EveType : std::uint8_t { text, number, flag, numbers, counts };

/// Which events have a field, and whether all of them do.
enum EveEvent : std::uint8_t {
  kInFlow = 1 << 0,
  kInDrop = 1 << 1,
  kInStats = 1 << 2,
  kInAlert = 1 << 3,
  kOptional = 1 << 4,  ///< only where it is known or means something
  kLiveOnly = 1 << 5,  ///< not in a replay
  kReplayOnly = 1 << 6,
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
