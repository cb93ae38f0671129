#include "dataplane/limit/compiled_limits.h"

#include <algorithm>

#include <fmt/format.h>

#include "dataplane/packet.h"

namespace sluice {
namespace {

constexpr std::uint64_t kDefaultBurstsPerSecond = 10;
// A frame of the usual MTU with Ethernet header and two VLAN tags. A smaller bucket would let such
// frames through only by its debt.
constexpr std::uint64_t kFrameBitsMin = (1500 + 14 + 8) * 8;

// `bits` leading ones.
std::uint64_t mask_of_64(std::uint32_t bits) noexcept {
  return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - bits);
}

TokenRate compile_packets(const RateConfig& config) noexcept {
  const std::uint64_t burst =
      config.burst != 0 ? config.burst : config.rate / kDefaultBurstsPerSecond;
  return token_rate(config.rate, std::max<std::uint64_t>(burst, 1), kPacketCostMax);
}

TokenRate compile_bits(const RateConfig& config) noexcept {
  const std::uint64_t configured = std::min(config.burst, kBurstTokensMax / 8) * 8;
  const std::uint64_t burst = configured != 0 ? configured : config.rate / kDefaultBurstsPerSecond;
  return token_rate(config.rate, std::max(burst, kFrameBitsMin), kBitCostMax);
}

Status check_rate(const char* name, const RateConfig& config) {
  if (config.rate <= kRateMax) return {};
  return fail(ErrorKind::invalid, fmt::format("{}.rate is {}, above the largest rate of {}", name,
                                              config.rate, kRateMax));
}

Status check_limits(const LimitsConfig& limits) {
  if (limits.source_prefix_v4 > 32) {
    return fail(ErrorKind::invalid,
                fmt::format("limits.source_prefix_v4 is {}, above 32", limits.source_prefix_v4));
  }
  if (limits.source_prefix_v6 > 128) {
    return fail(ErrorKind::invalid,
                fmt::format("limits.source_prefix_v6 is {}, above 128", limits.source_prefix_v6));
  }
  if (auto ok = check_rate("limits.flow.packets", limits.flow.packets); !ok) return ok;
  if (auto ok = check_rate("limits.flow.bits", limits.flow.bits); !ok) return ok;
  if (auto ok = check_rate("limits.source.packets", limits.source.packets); !ok) return ok;
  return check_rate("limits.source.bits", limits.source.bits);
}

}  // namespace

Result<CompiledLimits> compile_limits(const LimitsConfig& limits, const DecodeConfig& decode) {
  if (auto ok = check_limits(limits); !ok) return tl::unexpected<Error>(ok.error());
  CompiledLimits compiled;
  compiled.flow = {compile_packets(limits.flow.packets), compile_bits(limits.flow.bits)};
  compiled.source = {compile_packets(limits.source.packets), compile_bits(limits.source.bits)};
  const std::uint32_t v6 = limits.source_prefix_v6;
  compiled.source_mask_v6_high = mask_of_64(std::min(v6, 64U));
  compiled.source_mask_v6_low = v6 > 64 ? mask_of_64(v6 - 64) : 0;
  compiled.source_mask_v4 = static_cast<std::uint32_t>(mask_of_64(limits.source_prefix_v4) >> 32);
  compiled.exempt_flags = kMustPass;
  if (decode.exempt_control_protocols) {
    compiled.exempt_flags = static_cast<std::uint16_t>(kMustPass | kControlProtocol);
  }
  return compiled;
}

}  // namespace sluice
