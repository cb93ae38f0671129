// Entries of sets as people write them, and the keys under which workers look for them. Control
// threads and short-lived children; `address_key` on any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"
#include "config/set_kind.h"

namespace sluice {

/// A domain loses a dot in front or behind, and its upper case, as a text does where the set is
/// `nocase`; a prefix has no bits set behind its length. A text of hexadecimal digits between bars,
/// "|0d 0a|", stands for these bytes, whatever they are. Errors: invalid, with the entry.
[[nodiscard]] Result<std::string> set_key(const NamedSet& set, std::string_view entry);

/// The entry of a key, as `set_key` would read it: UTF-8 without control characters.
[[nodiscard]] std::string set_entry_text(SetKind kind, std::string_view key);
/// The same as a line of a set's file.
[[nodiscard]] std::string set_file_text(SetKind kind, std::string_view key);

/// Behind an entry in a file, in front of the date when it ends.
inline constexpr std::string_view kSetUntilWord = "until=";

/// A key of kind address: version and length, a byte each, then the address.
struct AddressKey {
  static constexpr std::size_t kHeadBytes = 2;
  std::array<std::uint8_t, kHeadBytes + 16> bytes{};
  std::size_t size = 0;

  [[nodiscard]] std::span<const std::uint8_t> span() const noexcept { return {bytes.data(), size}; }
};
/// Bits behind `length` are cleared; it is at most `address.bits()`.
[[nodiscard]] AddressKey address_key(const IpAddress& address, unsigned length) noexcept;
/// The key is one that `address_key` makes.
[[nodiscard]] bool is_address_key(std::string_view key) noexcept;

[[nodiscard]] std::string_view name_of(SetKind kind) noexcept;

}  // namespace sluice
