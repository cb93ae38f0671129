// Hexadecimal digits as people and protocols write them, in either case. Any thread.
#pragma once

#include <cstdint>

namespace sluice {

/// 0 to 15; -1 of what is no digit.
[[nodiscard]] constexpr int hex_value(std::uint8_t digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const int letter = digit | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}
[[nodiscard]] constexpr int hex_value(char digit) noexcept {
  return hex_value(static_cast<std::uint8_t>(digit));
}

/// The byte that two digits write, 0 to 255; -1 where either is none.
template <class Char>
[[nodiscard]] constexpr int hex_byte(Char high, Char low) noexcept {
  const int first = hex_value(high);
  const int second = hex_value(low);
  return first < 0 || second < 0 ? -1 : first << 4 | second;
}

}  // namespace sluice
