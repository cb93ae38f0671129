// Sets of ordered values (ports, addresses) as sorted ranges, and the algebra of them that address
// expressions need. Plain values; looking up is noexcept and may be done by a worker.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace sluice {

/// `high` is included.
template <class T>
struct ValueRange {
  T low{};
  T high{};
  friend constexpr auto operator<=>(const ValueRange&, const ValueRange&) noexcept = default;
};

/// An IPv6 address in network order; compares like the number that it is.
using Ipv6Bytes = std::array<std::uint8_t, 16>;

template <std::unsigned_integral T>
[[nodiscard]] constexpr T largest_value(T) noexcept {
  return std::numeric_limits<T>::max();
}
[[nodiscard]] constexpr Ipv6Bytes largest_value(Ipv6Bytes value) noexcept {
  value.fill(0xff);
  return value;
}

/// The next value; of the largest one it is the smallest.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T value_behind(T value) noexcept {
  return static_cast<T>(value + 1);
}
[[nodiscard]] constexpr Ipv6Bytes value_behind(Ipv6Bytes value) noexcept {
  for (std::size_t i = value.size(); i-- > 0;) {
    if (++value[i] != 0) break;
  }
  return value;
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr T value_before(T value) noexcept {
  return static_cast<T>(value - 1);
}
[[nodiscard]] constexpr Ipv6Bytes value_before(Ipv6Bytes value) noexcept {
  for (std::size_t i = value.size(); i-- > 0;) {
    if (value[i]-- != 0) break;
  }
  return value;
}

/// Sorted, disjoint and not adjacent: two sets are equal where their ranges are.
template <class T>
using ValueRanges = std::vector<ValueRange<T>>;

template <class T>
[[nodiscard]] ValueRanges<T> whole_range() {
  return {{T{}, largest_value(T{})}};
}

/// Any ranges, in any order, as a set. O(n log n).
template <class T>
[[nodiscard]] ValueRanges<T> merged(ValueRanges<T> ranges) {
  std::ranges::sort(ranges);
  ValueRanges<T> out;
  for (const ValueRange<T>& range : ranges) {
    const bool joins = !out.empty() && (out.back().high == largest_value(T{}) ||
                                        range.low <= value_behind(out.back().high));
    if (joins) {
      out.back().high = std::max(out.back().high, range.high);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

/// Everything that is not in the set `ranges`. O(n).
template <class T>
[[nodiscard]] ValueRanges<T> inverse(const ValueRanges<T>& ranges) {
  ValueRanges<T> out;
  T next{};
  for (const ValueRange<T>& range : ranges) {
    if (range.low > next) out.push_back({next, value_before(range.low)});
    if (range.high == largest_value(T{})) return out;
    next = value_behind(range.high);
  }
  out.push_back({next, largest_value(T{})});
  return out;
}

/// What is in the set `kept` and not in the set `removed`. O(n log n).
template <class T>
[[nodiscard]] ValueRanges<T> without(const ValueRanges<T>& kept, const ValueRanges<T>& removed) {
  ValueRanges<T> outside = inverse(kept);
  outside.insert(outside.end(), removed.begin(), removed.end());
  return inverse(merged(std::move(outside)));
}

/// O(log n).
template <class T>
[[nodiscard]] bool has_value(const ValueRanges<T>& ranges, const T& value) noexcept {
  const auto behind = std::ranges::upper_bound(ranges, value, {}, &ValueRange<T>::low);
  return behind != ranges.begin() && value <= (behind - 1)->high;
}

}  // namespace sluice
