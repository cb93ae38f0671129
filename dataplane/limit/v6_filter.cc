// A Bloom filter of one 64-bit word per key (Putze, Sanders, Singler 2007), three bits in it, asked
// for four addresses at a time.
//
// The hash is a keyed sum of products of the address's four 32-bit words. Only the word in which a
// prefix ends differs from length to length: the products of the words before are summed once per
// address, so that each further length costs one multiplication. The sum is folded to 32 bits; two
// more multiplications give the place of the word and the bits in it. It is no strong hash and need
// not be: what the filter lets through is compared in full. The scalar code below is the
// definition; AVX2 computes the same.
#include "dataplane/limit/v6_filter.h"

#include <algorithm>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sluice {
namespace {

constexpr std::size_t kBitsPerPrefix = 16;
constexpr std::uint64_t kLow32 = 0xffffffff;
// A filter that stays in the caches is not prefetched.
constexpr std::size_t kCachedWords = 64U << 10 >> 3;
constexpr std::uint64_t kSpread = 0x9e3779b1;  // odd, near 2^32 divided by the golden ratio

std::uint64_t word_of(const V6Address& address, std::size_t index) noexcept {
  const std::uint64_t half = index < 2 ? address.high : address.low;
  return index % 2 == 0 ? half >> 32 : half & kLow32;
}

/// The word in which a prefix of `length` bits ends, and which of its bits count.
struct End {
  std::size_t word;
  std::uint64_t mask;
};
End end_of(unsigned length) noexcept {
  if (length == 0) return {0, 0};
  const unsigned word = (length - 1) / 32;
  return {word, kLow32 << (32 * (word + 1) - length) & kLow32};
}

std::uint64_t folded(std::uint64_t sum) noexcept { return (sum ^ sum >> 32) & kLow32; }

std::uint64_t place_of(std::uint64_t hash, std::size_t words) noexcept {
  return hash * words >> 32;
}

std::uint64_t bits_of(std::uint64_t spread) noexcept {
  return 1ULL << (spread >> 14 & 63) | 1ULL << (spread >> 20 & 63) | 1ULL << (spread >> 26 & 63);
}

}  // namespace

Result<V6Filter> V6Filter::create(std::size_t prefixes, const SipKey& key, MemoryArena& arena) {
  V6Filter filter;
  const std::size_t words = prefixes * kBitsPerPrefix / 64 + 1;
  auto bits = arena.allocate_array<std::uint64_t>(whole_pages(words));
  if (!bits) return tl::unexpected<Error>(bits.error());
  filter.bits_ = bits->first(words);
  for (std::uint64_t i = 0; i < filter.keys_.size(); ++i) {
    const std::uint64_t random = siphash13(key, std::array<std::uint64_t, 2>{i, 3});
    filter.keys_[i] = static_cast<std::uint32_t>(random) | 1;
  }
  for (std::uint64_t i = 0; i < filter.addends_.size(); ++i) {
    filter.addends_[i] = siphash13(key, std::array<std::uint64_t, 2>{i, 4});
  }
  return filter;
}

void V6Filter::add(const V6Address& address, unsigned length) noexcept {
  const End end = end_of(length);
  std::uint64_t sum = addends_[length];
  for (std::size_t i = 0; i <= end.word; ++i) sum += word_of(address, i) * keys_[i];
  const std::uint64_t hash = folded(sum);
  bits_[place_of(hash, bits_.size())] |= bits_of(hash * kSpread);
}

void V6Filter::prepare(std::span<const V6Address> addresses, Batch& batch) const noexcept {
  batch.count = addresses.size();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    std::uint64_t sum = 0;
    for (std::size_t word = 0; word < 4; ++word) {
      const std::uint64_t value = word_of(addresses[i], word);
      batch.words[word][i] = value;
      batch.sums[word][i] = sum;
      sum += value * keys_[word];
    }
  }
  // Whole vectors are read: what is behind the last address is defined, and its answers are cut.
  for (std::size_t i = addresses.size(); i % 4 != 0; ++i) {
    for (std::size_t word = 0; word < 4; ++word) batch.words[word][i] = batch.sums[word][i] = 0;
  }
}

#if defined(__AVX2__)

namespace {

__m256i all(std::uint64_t value) noexcept {
  return _mm256_set1_epi64x(static_cast<long long>(value));
}
__m256i four_of(const V6Filter::Row& row, std::size_t first) noexcept {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(&row[first]));
}
void keep_four(V6Filter::Row& row, std::size_t first, __m256i values) noexcept {
  _mm256_store_si256(reinterpret_cast<__m256i*>(&row[first]), values);
}
__m256i bit_by(__m256i spread, int shift) noexcept {
  return _mm256_sllv_epi64(all(1), _mm256_and_si256(_mm256_srli_epi64(spread, shift), all(63)));
}

}  // namespace

void V6Filter::aim(const Batch& batch, unsigned length, Probes& probes) const noexcept {
  const End end = end_of(length);
  const __m256i mask = all(end.mask);
  const __m256i key = all(keys_[end.word]);
  const __m256i addend = all(addends_[length]);
  const __m256i words = all(bits_.size());
  const __m256i spread_by = all(kSpread);
  for (std::size_t i = 0; i < batch.count; i += 4) {
    const __m256i last = _mm256_and_si256(four_of(batch.words[end.word], i), mask);
    const __m256i before = _mm256_add_epi64(four_of(batch.sums[end.word], i), addend);
    const __m256i sum = _mm256_add_epi64(before, _mm256_mul_epu32(last, key));
    const __m256i hash = _mm256_xor_si256(sum, _mm256_srli_epi64(sum, 32));  // low half counts
    keep_four(probes.places, i, _mm256_srli_epi64(_mm256_mul_epu32(hash, words), 32));
    keep_four(probes.spreads, i, _mm256_mul_epu32(hash, spread_by));
  }
  prefetch(probes, batch.count);
}

std::uint32_t V6Filter::may_cover(const Probes& probes, std::size_t count) const noexcept {
  const auto* filter = reinterpret_cast<const long long*>(bits_.data());
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; i += 4) {
    const __m256i spread = four_of(probes.spreads, i);
    const __m256i bits = _mm256_or_si256(_mm256_or_si256(bit_by(spread, 14), bit_by(spread, 20)),
                                         bit_by(spread, 26));
    const __m256i word = _mm256_i64gather_epi64(filter, four_of(probes.places, i), 8);
    const __m256i hit = _mm256_cmpeq_epi64(_mm256_and_si256(word, bits), bits);
    found |= static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(hit))) << i;
  }
  return found & static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}

#else

void V6Filter::aim(const Batch& batch, unsigned length, Probes& probes) const noexcept {
  const End end = end_of(length);
  for (std::size_t i = 0; i < batch.count; ++i) {
    const std::uint64_t last = (batch.words[end.word][i] & end.mask) * keys_[end.word];
    const std::uint64_t hash = folded(batch.sums[end.word][i] + addends_[length] + last);
    probes.places[i] = place_of(hash, bits_.size());
    probes.spreads[i] = hash * kSpread;
  }
  prefetch(probes, batch.count);
}

std::uint32_t V6Filter::may_cover(const Probes& probes, std::size_t count) const noexcept {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = bits_of(probes.spreads[i]);
    const bool hit = (bits_[probes.places[i]] & bits) == bits;
    found |= static_cast<std::uint32_t>(hit) << i;
  }
  return found;
}

#endif

void V6Filter::prefetch(const Probes& probes, std::size_t count) const noexcept {
  if (bits_.size() <= kCachedWords) return;
  for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(&bits_[probes.places[i]]);
}

}  // namespace sluice
