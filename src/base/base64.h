// The digits of base64 (RFC 4648, 4). Where a text may end, and what may stand between them, each
// of its readers knows. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

inline constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline constexpr std::array<std::int8_t, 256> kBase64Values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<std::uint8_t>(kBase64Digits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

/// 0 to 63; -1 of what is no digit.
[[nodiscard]] constexpr int base64_value(std::uint8_t digit) noexcept {
  return kBase64Values[digit];
}

}  // namespace sluice
