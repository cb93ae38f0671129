// Integers in network byte order. The order is in the type, so that a value read from a packet
// cannot be used as a number without saying so.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice {

static_assert(std::endian::native == std::endian::little, "sluice runs on little-endian hosts");

[[nodiscard]] constexpr std::uint16_t byte_swap(std::uint16_t v) noexcept {
  return __builtin_bswap16(v);
}
[[nodiscard]] constexpr std::uint32_t byte_swap(std::uint32_t v) noexcept {
  return __builtin_bswap32(v);
}
[[nodiscard]] constexpr std::uint64_t byte_swap(std::uint64_t v) noexcept {
  return __builtin_bswap64(v);
}

/// `T` as it stands in a packet: unaligned-safe only when copied out with `load`.
template <class T>
class BigEndian {
 public:
  BigEndian() = default;
  constexpr explicit BigEndian(T host) noexcept : wire_(byte_swap(host)) {}

  [[nodiscard]] constexpr T host() const noexcept { return byte_swap(wire_); }
  /// The bytes as they stand on the wire, for hashing and comparing only.
  [[nodiscard]] constexpr T raw() const noexcept { return wire_; }
  [[nodiscard]] static constexpr BigEndian from_raw(T wire) noexcept {
    BigEndian b;
    b.wire_ = wire;
    return b;
  }
  friend constexpr bool operator==(BigEndian, BigEndian) noexcept = default;

 private:
  T wire_ = 0;
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

/// Reads a `T` from bytes of any alignment; the caller has checked that sizeof(T) bytes are there.
template <class T>
[[nodiscard]] inline T load(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
inline void store(void* to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

[[nodiscard]] inline std::uint16_t load_be16(const void* from) noexcept {
  return byte_swap(load<std::uint16_t>(from));
}
[[nodiscard]] inline std::uint32_t load_be32(const void* from) noexcept {
  return byte_swap(load<std::uint32_t>(from));
}
[[nodiscard]] inline std::uint64_t load_be64(const void* from) noexcept {
  return byte_swap(load<std::uint64_t>(from));
}

}  // namespace sluice
