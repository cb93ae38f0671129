#include <algorithm>

#include "tests/support/frame_bytes.h"
#include "tests/support/packet_builder.h"

namespace sluice::test {
namespace {

Bytes v4_fragment(const Bytes& frame, std::span<const std::uint8_t> piece, std::size_t offset,
                  bool more, std::uint32_t id) {
  const std::size_t header_bytes = (frame.at(14) & 0x0fU) * 4U;
  Bytes header(frame.begin() + 14, frame.begin() + 14 + static_cast<std::ptrdiff_t>(header_bytes));
  put16(header, 2, static_cast<std::uint32_t>(header_bytes + piece.size()));
  put16(header, 4, id & 0xffff);
  put16(header, 6, (more ? 0x2000U : 0U) | static_cast<std::uint32_t>(offset / 8));
  put16(header, 10, 0);
  put16(header, 10, internet_checksum(header));
  Bytes out(frame.begin(), frame.begin() + 14);
  append(out, header);
  append(out, piece);
  return out;
}

Bytes v6_fragment(const Bytes& frame, std::span<const std::uint8_t> piece, std::size_t offset,
                  bool more, std::uint32_t id) {
  Bytes out(frame.begin(), frame.begin() + 54);
  put16(out, 18, static_cast<std::uint32_t>(8 + piece.size()));
  const std::uint8_t inner = out.at(20);
  out.at(20) = 44;
  append(out, Bytes{inner, 0});
  append16(out, static_cast<std::uint32_t>(offset) | (more ? 1U : 0U));
  append32(out, id);
  append(out, piece);
  return out;
}

}  // namespace

std::vector<Bytes> split_into_fragments(const Bytes& frame, std::size_t piece_bytes,
                                        std::uint32_t id) {
  check(piece_bytes % 8 == 0 && piece_bytes > 0, "pieces are multiples of 8");
  const bool v4 = frame.at(14) >> 4 == 4;
  const std::size_t payload_at = 14 + (v4 ? (frame.at(14) & 0x0fU) * 4U : 40U);
  const std::span<const std::uint8_t> payload = std::span(frame).subspan(payload_at);
  std::vector<Bytes> fragments;
  for (std::size_t offset = 0; offset < payload.size(); offset += piece_bytes) {
    const std::size_t size = std::min(piece_bytes, payload.size() - offset);
    const bool more = offset + size < payload.size();
    const auto piece = payload.subspan(offset, size);
    fragments.push_back(v4 ? v4_fragment(frame, piece, offset, more, id)
                           : v6_fragment(frame, piece, offset, more, id));
  }
  return fragments;
}

}  // namespace sluice::test
