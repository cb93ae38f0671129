// Times and addresses as events show them, without allocation and without the C library. Called by
// the thread that formats.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace sluice {

/// "2025-01-02T03:04:05.000006+0000"; the part before the dot is kept per second.
class EveTime {
 public:
  using Text = std::array<char, 31>;
  [[nodiscard]] Text of(TimeNs time) noexcept;

 private:
  struct Second {
    std::uint64_t second = ~std::uint64_t{0};
    std::array<char, 19> text{};
  };
  std::array<Second, 64> seconds_{};
};

using AddressText = std::array<char, 48>;

/// The address in `text`: dotted quad, or RFC 5952 as base's to_string writes it.
[[nodiscard]] std::string_view address_text(const std::array<std::uint8_t, 16>& bytes,
                                            std::uint8_t version, AddressText& text) noexcept;

}  // namespace sluice
