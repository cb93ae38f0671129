// The numbers behind what benchmarks send: seeded, and the same with every standard library, so
// that every run measures the same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::bench {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : state_(seed) {}

  [[nodiscard]] std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// From 0 to before `bound`.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }
  [[nodiscard]] bool percent(std::uint32_t share) noexcept { return below(100) < share; }
  template <class T, std::size_t N>
  [[nodiscard]] const T& one_of(const std::array<T, N>& values) noexcept {
    return values[below(static_cast<std::uint32_t>(N))];
  }
  template <class T>
  [[nodiscard]] const T& one_of(std::span<const T> values) noexcept {
    return values[below(static_cast<std::uint32_t>(values.size()))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::bench
