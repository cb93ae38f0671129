// Bytes in network order for the builders of frames, and what they insist on. Test code only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

namespace sluice::test {

using Bytes = std::vector<std::uint8_t>;

/// A test that asks for the impossible ends here.
inline void check(bool condition, const char* why) {
  if (condition) return;
  std::fprintf(stderr, "packet builder: %s\n", why);
  std::abort();
}

inline void append(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline void append16(Bytes& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
inline void append32(Bytes& to, std::uint32_t value) {
  append16(to, value >> 16);
  append16(to, value & 0xffff);
}
inline void put16(Bytes& to, std::size_t at, std::uint32_t value) {
  to.at(at) = static_cast<std::uint8_t>(value >> 8);
  to.at(at + 1) = static_cast<std::uint8_t>(value);
}

}  // namespace sluice::test
