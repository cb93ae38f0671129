// What a set of the configuration holds, and the bounds of sets: rules ask for its entries by the
// set's name. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace sluice {

inline constexpr std::size_t kSetsMax = 32;
inline constexpr std::size_t kSetNameMax = 31;
inline constexpr std::size_t kSetKeyBytesMax = 255;
inline constexpr std::uint64_t kSetCapacityMax = 1'000'000;
inline constexpr std::uint64_t kSetCapacitySumMax = 2'097'152;
/// Entries of all sets that operators may have added at once: they travel with every policy.
inline constexpr std::size_t kLiveSetEntriesMax = 8'192;

/// domain: a name stands for itself and every name below it; text: exact bytes; address: prefixes.
enum class SetKind : std::uint8_t { domain, text, address };

struct NamedSet {
  std::string name;
  SetKind kind = SetKind::domain;
  bool nocase = false;  ///< of text: upper and lower case of ASCII letters are the same
  friend bool operator==(const NamedSet&, const NamedSet&) = default;
};

/// `key` is what workers compare; set_entry.h makes it of what people write.
struct SetEntry {
  std::string key;
  TimeNs until = 0;  ///< 0 = without an end
  friend bool operator==(const SetEntry&, const SetEntry&) = default;
};

struct SetContents {
  NamedSet set;
  std::vector<SetEntry> entries;
  friend bool operator==(const SetContents&, const SetContents&) = default;
};

}  // namespace sluice
