// Datagrams cut into the fragments that the tests of the defragmenter send.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "dataplane/packet.h"
#include "tests/support/fragment_model.h"

namespace sluice::test {

using Data = std::vector<std::uint8_t>;

inline Data counted(std::size_t bytes, std::uint8_t start = 0) {
  Data data(bytes);
  std::iota(data.begin(), data.end(), start);
  return data;
}

/// `data` in pieces of `piece_bytes`, in order.
inline std::vector<FragmentSpec> pieces_of(const Data& data, std::size_t piece_bytes) {
  std::vector<FragmentSpec> pieces;
  for (std::size_t at = 0; at < data.size(); at += piece_bytes) {
    const std::size_t end = std::min(at + piece_bytes, data.size());
    pieces.push_back({.first = static_cast<std::uint32_t>(at),
                      .more = end < data.size(),
                      .data = Data(data.begin() + static_cast<std::ptrdiff_t>(at),
                                   data.begin() + static_cast<std::ptrdiff_t>(end))});
  }
  return pieces;
}

inline Data bytes_of(const Packet& packet) {
  return Data(packet.bytes, packet.bytes + packet.bytes_at_hand);
}

inline constexpr DatagramSpec kV4{};
inline constexpr DatagramSpec kV6{.version = 6};
inline const FragmentSpec kHead{.first = 0, .more = true, .data = counted(16)};
inline const FragmentSpec kTail{.first = 16, .more = false, .data = counted(5)};
inline const FragmentSpec kMiddle{.first = 16, .more = true, .data = counted(16, 7)};

}  // namespace sluice::test
