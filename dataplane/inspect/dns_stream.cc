#include "dataplane/inspect/dns_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kFirstRoom = 512;
constexpr std::uint8_t kLengthBytes = 2;

}  // namespace

void DnsStream::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  while (!bytes.empty() && !side.has_left) {
    if (side.length_bytes < kLengthBytes) {
      bytes = bytes.subspan(read_length(side, bytes));
      if (side.length_bytes < kLengthBytes) return;
    }
    const std::size_t count = std::min<std::size_t>(bytes.size(), side.wanted - side.size);
    const bool is_whole = side.size + count == side.wanted;
    if (is_whole && side.size == 0) {
      tell(direction, bytes.first(count), sink);
    } else if (!append(side, bytes.first(count))) {
      sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
      give(side);
      side.has_left = true;
    } else if (is_whole) {
      tell(direction, {side.gathered, side.size}, sink);
    }
    bytes = bytes.subspan(count);
  }
}

std::size_t DnsStream::read_length(Side& side, ByteSpan bytes) noexcept {
  std::size_t taken = 0;
  while (side.length_bytes < kLengthBytes && taken < bytes.size()) {
    side.wanted = static_cast<std::uint16_t>(side.wanted << 8 | bytes[taken++]);
    ++side.length_bytes;
  }
  return taken;
}

bool DnsStream::append(Side& side, ByteSpan bytes) noexcept {
  if (bytes.empty()) return true;
  const std::size_t needed = side.size + bytes.size();
  if (needed > side.room) {
    const std::size_t room = std::max(kFirstRoom, std::bit_ceil(needed));
    auto* chunk = static_cast<std::uint8_t*>(pool_->take(room));
    if (chunk == nullptr) return false;
    if (side.gathered != nullptr) {
      std::memcpy(chunk, side.gathered, side.size);
      pool_->give(side.gathered, side.room);
    }
    side.gathered = chunk;
    side.room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(side.gathered + side.size, bytes.data(), bytes.size());
  side.size = static_cast<std::uint32_t>(needed);
  return true;
}

void DnsStream::tell(unsigned direction, ByteSpan message, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  read_dns_message(direction, side.message++, message, *workspace_, sink);
  give(side);
}

void DnsStream::give(Side& side) noexcept {
  if (side.gathered != nullptr) pool_->give(side.gathered, side.room);
  side.gathered = nullptr;
  side.size = 0;
  side.room = 0;
  side.wanted = 0;
  side.length_bytes = 0;
}

void DnsStream::gap(unsigned direction, std::uint64_t, const AppSink&) noexcept {
  give(sides_[direction]);
  sides_[direction].has_left = true;
}

void DnsStream::end(unsigned direction, const AppSink&) noexcept {
  give(sides_[direction]);
  sides_[direction].has_left = true;
}

void DnsStream::release() noexcept {
  for (Side& side : sides_) {
    give(side);
    side.has_left = true;
  }
}

}  // namespace sluice
