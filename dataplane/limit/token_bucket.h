// Token buckets by which every limit of sluice is measured. Pure functions on plain levels: flows,
// sources and shared meters keep the levels, workers bring the time. Worker thread.
//
// RFC 2697 words: a bucket fills at the committed information rate (CIR) up to the committed burst
// size (CBS); a packet conforms while the bucket holds its tokens, and only the excess is refused.
//
// A level says what is *missing* to a full bucket, in tokens times 10^9. Tokens come by
// elapsed_ns * rate / 10^9, so that in this unit a refill is the whole number elapsed_ns * rate:
// nothing is rounded, and refilling in a thousand steps gives what one step gives. Zero is a full
// bucket: memory that was just cleared is a fresh bucket, and so is one that was idle long enough.
//
// A datagram larger than the whole burst conforms to a full bucket and leaves it in debt: it cannot
// be starved for ever, and the rate over any long time is still the committed one.
//
// Bounds: 64 bits hold bursts up to 2^33 tokens (1 GiB counted in bits); elapsed time is cut at the
// time to full, before it could overflow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/clock.h"

namespace sluice {

inline constexpr std::uint64_t kTokenScale = 1'000'000'000;
inline constexpr std::uint64_t kBurstTokensMax = 1ULL << 33;
inline constexpr std::uint64_t kRateMax = 1'000'000'000'000;  ///< tokens per second
/// As much as any datagram has with all its fragments' headers; a capture that claims more is
/// charged this much.
inline constexpr std::uint32_t kChargedBytesMax = 128U << 10;
inline constexpr std::uint32_t kChargedFramesMax = 1024;
inline constexpr std::uint64_t kBitCostMax = std::uint64_t{kChargedBytesMax} * 8 * kTokenScale;
inline constexpr std::uint64_t kPacketCostMax = kChargedFramesMax * kTokenScale;

/// One bucket's promise. Rate 0 = no limit: everything conforms and the level stays 0.
struct TokenRate {
  std::uint64_t rate = 0;                   ///< CIR, tokens per second
  std::uint64_t burst = ~std::uint64_t{0};  ///< CBS, scaled
  std::uint64_t deepest = 0;                ///< no level is above: the burst, or the largest packet
  DurationNs full_after = 0;                ///< idle time after which any level is 0; longer is cut

  [[nodiscard]] constexpr bool is_set() const noexcept { return rate != 0; }
};

/// `burst_tokens` is not scaled, at least 1; `cost_max` is scaled: the most that one packet costs.
[[nodiscard]] constexpr TokenRate token_rate(std::uint64_t rate, std::uint64_t burst_tokens,
                                             std::uint64_t cost_max = kBitCostMax) noexcept {
  if (rate == 0) return {};
  const std::uint64_t burst = std::min(burst_tokens, kBurstTokensMax) * kTokenScale;
  const std::uint64_t deepest = std::max(burst, cost_max);
  return {rate, burst, deepest, deepest / rate + 1};
}

/// The level after `elapsed` without packets. A level from a larger limit, which the policy had
/// before, is cut to what this one can miss.
[[nodiscard]] constexpr std::uint64_t refilled(const TokenRate& limit, std::uint64_t level,
                                               DurationNs elapsed) noexcept {
  const std::uint64_t gained = std::min(elapsed, limit.full_after) * limit.rate;
  const std::uint64_t missing = std::min(level, limit.deepest);
  return missing - std::min(missing, gained);
}

/// Whether a packet of `cost` scaled tokens may pass now.
[[nodiscard]] constexpr bool conforms(const TokenRate& limit, std::uint64_t level,
                                      std::uint64_t cost) noexcept {
  return level <= limit.burst - std::min(cost, limit.burst);
}

/// Packets and bits are limited side by side: a packet needs tokens of both.
struct TokenPair {
  std::uint64_t packets = 0;
  std::uint64_t bits = 0;
};

struct RatePair {
  TokenRate packets;
  TokenRate bits;
  [[nodiscard]] constexpr bool is_set() const noexcept { return packets.is_set() || bits.is_set(); }
  [[nodiscard]] constexpr DurationNs full_after() const noexcept {
    return std::max(packets.full_after, bits.full_after);
  }
};
static_assert(std::is_trivially_copyable_v<RatePair> && sizeof(RatePair) == 64);

/// What a packet costs: its frames, and the bits of their layer 2 without FCS.
[[nodiscard]] constexpr TokenPair cost_of(std::uint32_t frames, std::uint32_t wire_bytes) noexcept {
  return {std::min(frames, kChargedFramesMax) * kTokenScale,
          std::min(wire_bytes, kChargedBytesMax) * (8 * kTokenScale)};
}

/// `kCountsBits` false: the caller knows that no limit at hand counts bits, and nothing of their
/// bucket is computed.
template <bool kCountsBits = true>
[[nodiscard]] constexpr TokenPair refilled(const RatePair& limit, const TokenPair& level,
                                           DurationNs elapsed) noexcept {
  return {refilled(limit.packets, level.packets, elapsed),
          kCountsBits ? refilled(limit.bits, level.bits, elapsed) : 0};
}

template <bool kCountsBits = true>
[[nodiscard]] constexpr bool conforms(const RatePair& limit, const TokenPair& level,
                                      const TokenPair& cost) noexcept {
  // Both are computed: which of the two refuses cannot be predicted.
  const bool packets_conform = conforms(limit.packets, level.packets, cost.packets);
  const bool bits_conform = !kCountsBits || conforms(limit.bits, level.bits, cost.bits);
  return packets_conform & bits_conform;
}

/// Scaled tokens that stand in the buckets; 0 in one without a limit or in debt.
[[nodiscard]] constexpr TokenPair left_in(const RatePair& limit, const TokenPair& level) noexcept {
  const auto left = [](const TokenRate& rate, std::uint64_t missing) {
    return rate.is_set() ? rate.burst - std::min(missing, rate.burst) : 0;
  };
  return {left(limit.packets, level.packets), left(limit.bits, level.bits)};
}

/// Only after `conforms`. A bucket without a limit keeps its level at 0.
template <bool kCountsBits = true>
[[nodiscard]] constexpr TokenPair charged(const RatePair& limit, const TokenPair& level,
                                          const TokenPair& cost) noexcept {
  return {limit.packets.is_set() ? level.packets + cost.packets : 0,
          kCountsBits && limit.bits.is_set() ? level.bits + cost.bits : 0};
}

}  // namespace sluice
