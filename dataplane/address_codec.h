// Addresses and prefixes as bytes and back, for every structure that crosses between our processes
// with some in it. No DPDK here.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/ip_address.h"
#include "base/plain_codec.h"

namespace sluice {

template <class Archive>
void code_address(Archive& io, IpAddress& address) {
  io.raw(address.bytes.data(), address.bytes.size());
  io.number(address.version, 4, 6);
  io.check(address.version != 5);
}

/// The length fits the family, and no bit stands behind it.
[[nodiscard]] inline bool is_well_formed(const IpPrefix& prefix) noexcept {
  if (prefix.length > prefix.address.bits()) return false;
  const std::size_t whole = prefix.length / 8;
  const unsigned rest = prefix.length % 8;
  const auto& bytes = prefix.address.bytes;
  if (rest != 0 && (bytes[whole] & (0xffU >> rest)) != 0) return false;
  const auto behind = bytes.begin() + static_cast<std::ptrdiff_t>(whole + (rest != 0 ? 1 : 0));
  return std::all_of(behind, bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

template <class Archive>
void code_prefix(Archive& io, IpPrefix& prefix) {
  code_address(io, prefix.address);
  io.number(prefix.length, 0, 128);
  io.check(is_well_formed(prefix));
}

}  // namespace sluice
