// SipHash-1-3 of four messages side by side, one in each 64-bit lane of an AVX2 register: the same
// values as siphash13 and siphash13_128, at about half of their cost per message. Each round waits
// for the one before, so that two registers of messages (Groups = 2) take hardly longer than one.
// For the decoder, which hashes whole bursts; worker thread only.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/siphash.h"

namespace sluice {

/// One word of four messages per group: lane k belongs to message k.
template <std::size_t Groups>
using Lanes = std::array<std::uint64_t, 4 * Groups>;
using LanesX4 = Lanes<1>;
/// N words of each message, wherever they stand: each points at 4 * Groups lanes.
template <std::size_t N>
using LaneWords = std::array<const std::uint64_t*, N>;

template <std::size_t Groups>
struct Hash128Lanes {
  Lanes<Groups> lo;
  Lanes<Groups> hi;
};
using Hash128X4 = Hash128Lanes<1>;

namespace detail {

/// One register per group: as a template argument, __m256i would lose its attributes.
template <std::size_t Groups>
struct Vectors {
  __m256i group[Groups];

  [[nodiscard]] static Vectors at(const std::uint64_t* lanes) noexcept {
    Vectors loaded;
    for (std::size_t g = 0; g < Groups; ++g) {
      loaded.group[g] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes + 4 * g));
    }
    return loaded;
  }
  [[nodiscard]] Lanes<Groups> lanes() const noexcept {
    Lanes<Groups> stored;
    for (std::size_t g = 0; g < Groups; ++g) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(stored.data() + 4 * g), group[g]);
    }
    return stored;
  }
};

[[nodiscard]] inline __m256i broadcast(std::uint64_t word) noexcept {
  return _mm256_set1_epi64x(static_cast<long long>(word));
}

class SipStateX4 {
 public:
  SipStateX4() = default;
  explicit SipStateX4(const SipKey& key) noexcept {
    const SipState one(key);
    v0_ = broadcast(one.v0);
    v1_ = broadcast(one.v1);
    v2_ = broadcast(one.v2);
    v3_ = broadcast(one.v3);
  }

  void absorb(__m256i word) noexcept {
    v3_ = _mm256_xor_si256(v3_, word);
    round();
    v0_ = _mm256_xor_si256(v0_, word);
  }
  void mark_v1(std::uint64_t bits) noexcept { v1_ = _mm256_xor_si256(v1_, broadcast(bits)); }
  void mark_v2(std::uint64_t bits) noexcept { v2_ = _mm256_xor_si256(v2_, broadcast(bits)); }
  void round() noexcept {
    v0_ = _mm256_add_epi64(v0_, v1_);
    v2_ = _mm256_add_epi64(v2_, v3_);
    v1_ = _mm256_xor_si256(rotate<13>(v1_), v0_);
    v3_ = _mm256_xor_si256(rotate<16>(v3_), v2_);
    v0_ = rotate<32>(v0_);
    v0_ = _mm256_add_epi64(v0_, v3_);
    v2_ = _mm256_add_epi64(v2_, v1_);
    v3_ = _mm256_xor_si256(rotate<21>(v3_), v0_);
    v1_ = _mm256_xor_si256(rotate<17>(v1_), v2_);
    v2_ = rotate<32>(v2_);
  }
  [[nodiscard]] __m256i folded() const noexcept {
    return _mm256_xor_si256(_mm256_xor_si256(v0_, v1_), _mm256_xor_si256(v2_, v3_));
  }

 private:
  template <int Bits>
  static __m256i rotate(__m256i v) noexcept {
    if constexpr (Bits == 32) {
      return _mm256_shuffle_epi32(v, 0xb1);
    } else if constexpr (Bits == 16) {
      const __m256i order = _mm256_broadcastsi128_si256(
          _mm_set_epi8(13, 12, 11, 10, 9, 8, 15, 14, 5, 4, 3, 2, 1, 0, 7, 6));
      return _mm256_shuffle_epi8(v, order);
    } else {
      return _mm256_or_si256(_mm256_slli_epi64(v, Bits), _mm256_srli_epi64(v, 64 - Bits));
    }
  }

  __m256i v0_;
  __m256i v1_;
  __m256i v2_;
  __m256i v3_;
};

/// One state per group, all taken through each step together.
template <std::size_t Groups>
class SipStates {
 public:
  explicit SipStates(const SipKey& key) noexcept {
    for (SipStateX4& state : states_) state = SipStateX4(key);
  }

  template <std::size_t N>
  void absorb(const LaneWords<N>& words) noexcept {
    for (const std::uint64_t* lanes : words) {
      const auto word = Vectors<Groups>::at(lanes);
      for (std::size_t g = 0; g < Groups; ++g) states_[g].absorb(word.group[g]);
    }
  }
  void absorb_length(std::size_t bytes) noexcept {
    for (SipStateX4& state : states_) state.absorb(broadcast(std::uint64_t{bytes} << 56));
  }
  void mark_v1(std::uint64_t bits) noexcept {
    for (SipStateX4& state : states_) state.mark_v1(bits);
  }
  void mark_v2(std::uint64_t bits) noexcept {
    for (SipStateX4& state : states_) state.mark_v2(bits);
  }
  [[nodiscard]] Vectors<Groups> squeeze() noexcept {
    for (int i = 0; i < 3; ++i) {
      for (SipStateX4& state : states_) state.round();
    }
    Vectors<Groups> out;
    for (std::size_t g = 0; g < Groups; ++g) out.group[g] = states_[g].folded();
    return out;
  }

 private:
  SipStateX4 states_[Groups];
};

template <std::size_t N>
[[nodiscard]] inline LaneWords<N> words_at(const std::array<LanesX4, N>& lanes) noexcept {
  LaneWords<N> words;
  for (std::size_t i = 0; i < N; ++i) words[i] = lanes[i].data();
  return words;
}

}  // namespace detail

/// siphash13 of N words of each message.
template <std::size_t Groups, std::size_t N>
[[nodiscard]] inline Lanes<Groups> siphash13_lanes(const SipKey& key,
                                                   const LaneWords<N>& words) noexcept {
  detail::SipStates<Groups> states(key);
  states.absorb(words);
  states.absorb_length(8 * N);
  states.mark_v2(0xff);
  return states.squeeze().lanes();
}
template <std::size_t N>
[[nodiscard]] inline LanesX4 siphash13_x4(const SipKey& key,
                                          const std::array<LanesX4, N>& words) noexcept {
  return siphash13_lanes<1>(key, detail::words_at(words));
}

/// siphash13_128 of N words of each message.
template <std::size_t Groups, std::size_t N>
[[nodiscard]] inline Hash128Lanes<Groups> siphash13_128_lanes(const SipKey& key,
                                                              const LaneWords<N>& words) noexcept {
  detail::SipStates<Groups> states(key);
  states.mark_v1(0xee);
  states.absorb(words);
  states.absorb_length(8 * N);
  states.mark_v2(0xee);
  const detail::Vectors<Groups> lo = states.squeeze();
  states.mark_v1(0xdd);
  return {lo.lanes(), states.squeeze().lanes()};
}
template <std::size_t N>
[[nodiscard]] inline Hash128X4 siphash13_128_x4(const SipKey& key,
                                                const std::array<LanesX4, N>& words) noexcept {
  return siphash13_128_lanes<1>(key, detail::words_at(words));
}

}  // namespace sluice
