// Where lines end and colons stand in the head of a message: two bitmaps made in one pass. Worker
// thread only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_limits.h"
#include "dataplane/inspect/http_scan.h"

namespace sluice {

class HttpLineMap {
 public:
  /// Of at most kHttpHeadBytesMax bytes.
  explicit HttpLineMap(ByteSpan bytes) noexcept : size_(bytes.size()) {
    std::uint32_t nuls = 0;
    for (std::size_t at = 0, word = 0; at < size_; at += 64, ++word) {
      const ScanBlock low(bytes, at);
      line_ends_[word] = low.places_of('\n');
      colons_[word] = low.places_of(':');
      nuls |= low.places_of('\0');
      if (at + 32 >= size_) break;
      const ScanBlock high(bytes, at + 32);
      line_ends_[word] |= std::uint64_t{high.places_of('\n')} << 32;
      colons_[word] |= std::uint64_t{high.places_of(':')} << 32;
      nuls |= high.places_of('\0');
    }
    has_nul_ = nuls != 0;
  }

  /// Lines end at CRs too that neither CR nor LF follows. `bytes` are those of the map.
  void end_lines_at_lone_crs(ByteSpan bytes) noexcept {
    for (std::size_t at = 0, word = 0; at < size_; at += 64, ++word) {
      std::uint64_t crs = ScanBlock(bytes, at).places_of('\r');
      if (at + 32 < size_) crs |= std::uint64_t{ScanBlock(bytes, at + 32).places_of('\r')} << 32;
      const std::size_t next = at + 64;
      const bool is_last_followed = next >= size_ || bytes[next] == '\n' || bytes[next] == '\r';
      const std::uint64_t ends = crs | line_ends_[word];
      line_ends_[word] |= crs & ~(ends >> 1 | std::uint64_t{is_last_followed} << 63);
    }
  }

  /// The first of its kind from `at` on; the size of the bytes where there is none.
  [[nodiscard]] std::size_t line_end(std::size_t at) const noexcept { return next(line_ends_, at); }
  [[nodiscard]] std::size_t colon(std::size_t at) const noexcept { return next(colons_, at); }
  [[nodiscard]] bool has_nul() const noexcept { return has_nul_; }

 private:
  using Bits = std::array<std::uint64_t, kHttpHeadBytesMax / 64>;

  [[nodiscard]] std::size_t next(const Bits& bits, std::size_t at) const noexcept {
    if (at >= size_) return size_;
    const std::uint64_t first = bits[at / 64] >> at % 64;
    if (first != 0) return at + static_cast<std::size_t>(std::countr_zero(first));
    for (std::size_t word = at / 64 + 1; word * 64 < size_; ++word) {
      if (bits[word] != 0)
        return word * 64 + static_cast<std::size_t>(std::countr_zero(bits[word]));
    }
    return size_;
  }

  std::size_t size_;
  bool has_nul_;
  Bits line_ends_;
  Bits colons_;
};
static_assert(kHttpHeadBytesMax % 64 == 0);

}  // namespace sluice
