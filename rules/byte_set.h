// A set of byte strings that is asked whether it holds a buffer, or a domain above the name in it.
// Made by the rule compiler, const afterwards; look-ups never allocate. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/plain_codec.h"

namespace sluice {

inline constexpr std::size_t kSetEntryBytesMax = 255;
inline constexpr std::size_t kSetEntriesMax = 1'000'000;

class ByteSet {
 public:
  ByteSet() = default;
  /// Entries of 1 to 255 bytes, at most a million; twice the same counts once.
  explicit ByteSet(std::span<const std::string> entries);

  [[nodiscard]] bool contains(std::span<const std::uint8_t> bytes) const noexcept;
  /// The name or one of the domains above it is an entry; entries are in lower case and begin with
  /// no dot. At most 127 look-ups, for a longer name than 255 bytes none.
  [[nodiscard]] bool contains_domain_of(std::span<const std::uint8_t> name) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }

  friend void code(PlainWriter& writer, ByteSet& set);
  /// The table is built anew, so that damaged bytes make another set and nothing worse.
  friend void code(PlainReader& reader, ByteSet& set);

 private:
  [[nodiscard]] std::span<const std::uint8_t> entry(std::size_t index) const noexcept;
  [[nodiscard]] bool has_sound_ends() const noexcept;
  void build_slots();

  std::vector<std::uint8_t> bytes_;   ///< all entries, one behind the other
  std::vector<std::uint32_t> ends_;   ///< of entry i in `bytes_`
  std::vector<std::uint32_t> slots_;  ///< index + 1; a power of two, at most half of it used
};

}  // namespace sluice
