// SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; 64- and 128-bit
// output). Every table whose keys an attacker can choose hashes with SipHash-1-3 and a random
// per-boot key, so that collisions cannot be prepared. Pure functions; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice {

struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

struct Hash128 {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend constexpr bool operator==(const Hash128&, const Hash128&) noexcept = default;
};

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  constexpr explicit SipState(const SipKey& key) noexcept
      : v0(key.k0 ^ 0x736f6d6570736575ULL),
        v1(key.k1 ^ 0x646f72616e646f6dULL),
        v2(key.k0 ^ 0x6c7967656e657261ULL),
        v3(key.k1 ^ 0x7465646279746573ULL) {}

  constexpr void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13);
    v1 ^= v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16);
    v3 ^= v2;
    v0 += v3;
    v3 = std::rotl(v3, 21);
    v3 ^= v0;
    v2 += v1;
    v1 = std::rotl(v1, 17);
    v1 ^= v2;
    v2 = std::rotl(v2, 32);
  }
  template <int Rounds>
  constexpr void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    for (int i = 0; i < Rounds; ++i) round();
    v0 ^= word;
  }
  template <int Rounds>
  [[nodiscard]] constexpr std::uint64_t squeeze() noexcept {
    for (int i = 0; i < Rounds; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

template <int Rounds>
inline void absorb_bytes(SipState& state, const void* data, std::size_t size) noexcept {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  std::size_t left = size;
  for (; left >= 8; left -= 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    state.absorb<Rounds>(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(size & 0xff) << 56;
  for (std::size_t i = 0; i < left; ++i) last |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  state.absorb<Rounds>(last);
}

}  // namespace detail

/// SipHash-c-d over any bytes, 64-bit output.
template <int C, int D>
[[nodiscard]] inline std::uint64_t siphash(const SipKey& key, const void* data,
                                           std::size_t size) noexcept {
  detail::SipState state(key);
  detail::absorb_bytes<C>(state, data, size);
  state.v2 ^= 0xff;
  return state.squeeze<D>();
}

/// SipHash-c-d over any bytes, 128-bit output.
template <int C, int D>
[[nodiscard]] inline Hash128 siphash128(const SipKey& key, const void* data,
                                        std::size_t size) noexcept {
  detail::SipState state(key);
  state.v1 ^= 0xee;
  detail::absorb_bytes<C>(state, data, size);
  state.v2 ^= 0xee;
  Hash128 out;
  out.lo = state.squeeze<D>();
  state.v1 ^= 0xdd;
  out.hi = state.squeeze<D>();
  return out;
}

/// SipHash-1-3 of N whole words, 64-bit output: the same value as `siphash<1, 3>` over their 8*N
/// bytes, without the byte loop. This is the hash of the hot path.
template <std::size_t N>
[[nodiscard]] constexpr std::uint64_t siphash13(
    const SipKey& key, const std::array<std::uint64_t, N>& words) noexcept {
  detail::SipState state(key);
  for (const std::uint64_t word : words) state.absorb<1>(word);
  state.absorb<1>(static_cast<std::uint64_t>(8 * N) << 56);
  state.v2 ^= 0xff;
  return state.squeeze<3>();
}

/// The same with 128-bit output.
template <std::size_t N>
[[nodiscard]] constexpr Hash128 siphash13_128(const SipKey& key,
                                              const std::array<std::uint64_t, N>& words) noexcept {
  detail::SipState state(key);
  state.v1 ^= 0xee;
  for (const std::uint64_t word : words) state.absorb<1>(word);
  state.absorb<1>(static_cast<std::uint64_t>(8 * N) << 56);
  state.v2 ^= 0xee;
  Hash128 out;
  out.lo = state.squeeze<3>();
  state.v1 ^= 0xdd;
  out.hi = state.squeeze<3>();
  return out;
}

}  // namespace sluice
