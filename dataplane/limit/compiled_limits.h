// The limits of the configuration in the form that workers compute with. Part of a `Policy`; built
// where policies are built, read by workers.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/result.h"
#include "config/config.h"
#include "dataplane/limit/token_bucket.h"

namespace sluice {

struct CompiledLimits {
  RatePair flow;
  RatePair source;
  std::uint64_t source_mask_v6_high = ~std::uint64_t{0};  ///< of the address as two numbers
  std::uint64_t source_mask_v6_low = 0;
  std::uint32_t source_mask_v4 = ~std::uint32_t{0};  ///< host order
  std::uint16_t exempt_flags = 0;                    ///< PacketFlag: packets that no limit touches

  [[nodiscard]] bool counts_bits() const noexcept {
    return flow.bits.is_set() || source.bits.is_set();
  }
  [[nodiscard]] bool is_set() const noexcept { return flow.is_set() || source.is_set(); }
};
static_assert(std::is_trivially_copyable_v<CompiledLimits>);

/// A burst of 0 becomes a tenth of a second of the rate. Every burst is held between one packet (or
/// one 1,500-byte MTU with its layer-2 header) and what a bucket can hold. Fails (invalid) on
/// prefix lengths and rates that no valid configuration has.
[[nodiscard]] Result<CompiledLimits> compile_limits(const LimitsConfig& limits,
                                                    const DecodeConfig& decode);

}  // namespace sluice
