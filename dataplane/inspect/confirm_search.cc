// Contents are short and buffers are a few hundred bytes to a few kilobytes, so that building
// tables per search costs more than it saves. 32 places are tested at a time: those where both the
// first and the last byte of the needle fit are compared in full. A letter is compared in lower
// case by setting bit 5 of what is read: only the two cases of that letter then equal it. What is
// left at the end is shorter than a block and is tested byte by byte. After W. Mula, "SIMD-friendly
// algorithms for substring searching".
#include "dataplane/inspect/confirm_search.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kBlock = 32;

/// A byte of the needle, and the bit that tells its two cases apart.
struct Probe {
  std::uint8_t byte;
  std::uint8_t case_bit;
};

constexpr Probe exact(std::uint8_t byte) noexcept { return {byte, 0}; }
constexpr Probe any_case(std::uint8_t byte) noexcept {
  return {byte, static_cast<std::uint8_t>(byte >= 'a' && byte <= 'z' ? 0x20 : 0)};
}

struct WideProbe {
  explicit WideProbe(Probe probe) noexcept
      : byte(_mm256_set1_epi8(static_cast<char>(probe.byte))),
        case_bit(_mm256_set1_epi8(static_cast<char>(probe.case_bit))) {}
  [[nodiscard]] __m256i matches(const std::uint8_t* place) const noexcept {
    const __m256i read = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(place));
    return _mm256_cmpeq_epi8(_mm256_or_si256(read, case_bit), byte);
  }
  __m256i byte;
  __m256i case_bit;
};

template <auto Equals>
std::size_t find(ByteSpan haystack, ByteSpan needle, Probe first, Probe last) noexcept {
  if (needle.size() > haystack.size()) return kNotFound;
  const std::size_t places = haystack.size() - needle.size() + 1;
  const std::uint8_t* front = haystack.data();
  const std::uint8_t* back = front + needle.size() - 1;
  const WideProbe wide_first(first);
  const WideProbe wide_last(last);
  std::size_t place = 0;
  for (; place + kBlock <= places; place += kBlock) {
    const __m256i both =
        _mm256_and_si256(wide_first.matches(front + place), wide_last.matches(back + place));
    auto bits = static_cast<unsigned>(_mm256_movemask_epi8(both));
    for (; bits != 0; bits &= bits - 1) {
      const std::size_t at = place + static_cast<std::size_t>(__builtin_ctz(bits));
      if (Equals(haystack.subspan(at, needle.size()), needle)) return at;
    }
  }
  for (; place < places; ++place) {
    if ((front[place] | first.case_bit) == first.byte &&
        Equals(haystack.subspan(place, needle.size()), needle)) {
      return place;
    }
  }
  return kNotFound;
}

}  // namespace

bool equals_bytes(ByteSpan bytes, ByteSpan needle) noexcept {
  return bytes.size() == needle.size() &&
         std::memcmp(bytes.data(), needle.data(), needle.size()) == 0;
}

bool equals_folded(ByteSpan bytes, ByteSpan needle) noexcept {
  return std::ranges::equal(bytes, needle, {}, folded);
}

std::size_t find_bytes(ByteSpan haystack, ByteSpan needle) noexcept {
  return find<equals_bytes>(haystack, needle, exact(needle.front()), exact(needle.back()));
}

std::size_t find_folded(ByteSpan haystack, ByteSpan needle) noexcept {
  return find<equals_folded>(haystack, needle, any_case(needle.front()), any_case(needle.back()));
}

}  // namespace sluice
