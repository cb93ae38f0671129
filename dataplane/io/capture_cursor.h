// Numbers out of a capture file in the byte order its writer had. Every read is checked against the
// end by the reader beforehand; used by the two readers of capture files only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/endian.h"

namespace sluice {

struct CaptureNumbers {
  std::span<const std::uint8_t> bytes;
  bool is_swapped = false;

  [[nodiscard]] bool has(std::size_t offset, std::size_t count) const noexcept {
    return offset <= bytes.size() && count <= bytes.size() - offset;
  }
  [[nodiscard]] std::uint16_t u16(std::size_t offset) const { return read<std::uint16_t>(offset); }
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const { return read<std::uint32_t>(offset); }
  [[nodiscard]] std::uint64_t u64(std::size_t offset) const { return read<std::uint64_t>(offset); }

 private:
  template <class T>
  [[nodiscard]] T read(std::size_t offset) const {
    SLUICE_CHECK(has(offset, sizeof(T)), "a reader asks for room before it reads");
    const T value = load<T>(bytes.data() + offset);
    return is_swapped ? byte_swap(value) : value;
  }
};

}  // namespace sluice
