// Which refused packets are told to the control side: all of one in so many flows and directions,
// by a keyed fold of addresses and ports. Nobody outside can choose a flow that is never reported,
// and it needs no decoded packet, so that a flood can be refused before it is decoded. Worker
// thread.
#pragma once

#include <bit>
#include <cstdint>

#include "base/endian.h"
#include "base/siphash.h"

namespace sluice {

/// What stands for the two addresses of an IPv6 packet.
[[nodiscard]] inline std::uint64_t v6_sample(const std::uint8_t* source,
                                             const std::uint8_t* destination) noexcept {
  return load<std::uint64_t>(source) ^ std::rotl(load<std::uint64_t>(source + 8), 17) ^
         std::rotl(load<std::uint64_t>(destination), 31) ^
         std::rotl(load<std::uint64_t>(destination + 8), 47);
}

class DropSampler {
 public:
  explicit DropSampler(const SipKey& key) noexcept : key_(key) {}

  /// `one_in` 0 = none, 1 = all. Equal arguments give equal answers on every worker.
  [[nodiscard]] bool is_sampled(std::uint64_t addresses, std::uint64_t ports,
                                std::uint32_t one_in) const noexcept {
    if (one_in <= 1) return one_in == 1;
    // A 128-bit multiply and fold; spread enough for sampling, not for a table.
    __extension__ using Uint128 = unsigned __int128;
    const Uint128 product = static_cast<Uint128>(addresses ^ key_.k0) * (ports ^ key_.k1);
    const auto folded =
        static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    return (folded >> 32) * one_in >> 32 == 0;
  }

 private:
  SipKey key_;
};

}  // namespace sluice
