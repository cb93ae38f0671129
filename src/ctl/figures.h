// Numbers as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

[[nodiscard]] std::string grouped(std::uint64_t number);                     ///< "1,234,567"
[[nodiscard]] std::string si_text(double value, std::string_view unit);      ///< "12.3 Mpps"
[[nodiscard]] std::string bit_rate_text(double bits_per_second);             ///< "4.56 Gbit/s"
[[nodiscard]] std::string packet_rate_text(double packets_per_second);       ///< "12.3 Mpps"
[[nodiscard]] std::string percent_text(double percent);                      ///< "12.3 %"
[[nodiscard]] std::string share_text(std::uint64_t part, std::uint64_t of);  ///< "1 of 4 (25.0 %)"
/// The two largest units: "3d 4h", "2min 5s", "0s".
[[nodiscard]] std::string span_text(double seconds);

}  // namespace sluice
