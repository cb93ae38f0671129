// Quantities as operators write them: "10Mbit/s", "64KiB", "30s". Parsed with the configuration and
// printed in the normal form, so that parse(print(x)) == x for every value. Control threads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

/// "512", "64KiB", "2MiB", "1GiB" (binary) and "64kB", "2MB", "1GB" (decimal) -> bytes.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);
/// "250ns", "10us", "5ms", "30s", "2h", "1d", and sums of them from large to small such as
/// "2h4min" -> nanoseconds. A bare number is an error that names the missing unit.
[[nodiscard]] Result<DurationNs> parse_duration(std::string_view text);
/// "10Mbit/s", "1.5Gbit/s", "800kbit/s", "9600bit/s" -> bits per second. Decimal multiples; a
/// fraction that is not a whole number of bits is an error.
[[nodiscard]] Result<std::uint64_t> parse_bit_rate(std::string_view text);
/// "1000/s", "20k/s", "1.5M/s" -> events (packets, flows) per second.
[[nodiscard]] Result<std::uint64_t> parse_event_rate(std::string_view text);

[[nodiscard]] std::string print_bytes(std::uint64_t bytes);
[[nodiscard]] std::string print_duration(DurationNs duration);
[[nodiscard]] std::string print_bit_rate(std::uint64_t bits_per_second);
[[nodiscard]] std::string print_event_rate(std::uint64_t events_per_second);

}  // namespace sluice
