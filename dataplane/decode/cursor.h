// The one way to read untrusted headers: a position in a frame that hands out blocks of bytes only
// after it has checked that they are there. No other file of the decoder computes with pointers.
// Worker thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/endian.h"

namespace sluice {

/// All headers of a frame, tunnels included, must stand in its first bytes. Every ordinary chain
/// fits (Ethernet, IPv6, UDP, Geneve with all options, Ethernet, IPv4 and TCP with all options take
/// 484), and a fixed bound makes the verdict independent of how a driver cuts frames into segments.
inline constexpr std::uint32_t kHeaderBytesMax = 512;

/// N bytes that are known to be there, or nothing. Field offsets are checked while compiling.
template <std::size_t N>
class Block {
 public:
  constexpr explicit Block(const std::uint8_t* bytes) noexcept : bytes_(bytes) {}
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return bytes_ != nullptr; }

  template <std::size_t At>
  [[nodiscard]] std::uint8_t u8() const noexcept {
    static_assert(At + 1 <= N);
    return bytes_[At];
  }
  template <std::size_t At>
  [[nodiscard]] std::uint16_t be16() const noexcept {
    static_assert(At + 2 <= N);
    return load_be16(bytes_ + At);
  }
  template <std::size_t At>
  [[nodiscard]] std::uint32_t be32() const noexcept {
    static_assert(At + 4 <= N);
    return load_be32(bytes_ + At);
  }
  template <std::size_t At>
  [[nodiscard]] std::uint64_t be64() const noexcept {
    static_assert(At + 8 <= N);
    return load_be64(bytes_ + At);
  }
  /// As the bytes stand in memory, for comparing, summing and hashing.
  template <class T, std::size_t At>
  [[nodiscard]] T raw() const noexcept {
    static_assert(At + sizeof(T) <= N);
    return load<T>(bytes_ + At);
  }
  /// M of the bytes, for a field that is longer than a word.
  template <std::size_t At, std::size_t M>
  [[nodiscard]] constexpr Block<M> part() const noexcept {
    static_assert(At + M <= N);
    return Block<M>(bytes_ + At);
  }

 private:
  const std::uint8_t* bytes_;
};

/// The first N of `count` bytes, or nothing if there are fewer. `bytes` is not null; to know so
/// spares the test whether the block is there, once the count was compared.
template <std::size_t N>
[[nodiscard]] inline Block<N> leading(const std::uint8_t* bytes, std::uint32_t count) noexcept {
  static_assert(N <= kHeaderBytesMax);
  if (bytes == nullptr) __builtin_unreachable();
  return Block<N>(count >= N ? bytes : nullptr);
}

/// Why a block could not be had.
enum class Shortage : std::uint8_t {
  past_end,      ///< the enclosing header, or the frame, ends before
  past_bound,    ///< it would end behind kHeaderBytesMax
  not_captured,  ///< it exists on the wire, but not in the capture
};

/// `end` is where the enclosing layer ends by its own length; `readable` is what is at hand.
class Cursor {
 public:
  Cursor(const std::uint8_t* base, std::uint32_t at_hand, std::uint32_t end) noexcept
      : base_(base), readable_(std::min(at_hand, kHeaderBytesMax)), end_(end) {}

  [[nodiscard]] std::uint32_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::uint32_t left() const noexcept { return end_ > offset_ ? end_ - offset_ : 0; }
  [[nodiscard]] bool has(std::uint32_t count) const noexcept {
    return offset_ + count <= std::min(readable_, end_);
  }

  /// The next N bytes, without moving.
  template <std::size_t N>
  [[nodiscard]] Block<N> peek() const noexcept {
    return Block<N>(has(N) ? base_ + offset_ : nullptr);
  }
  /// N bytes at an offset from the start of the frame, wherever the cursor and its end are.
  template <std::size_t N>
  [[nodiscard]] Block<N> at(std::uint32_t offset) const noexcept {
    return Block<N>(offset + N <= readable_ ? base_ + offset : nullptr);
  }
  /// For `count` bytes that `has` denied.
  [[nodiscard]] Shortage shortage(std::uint32_t count) const noexcept {
    if (offset_ + count > end_) return Shortage::past_end;
    return offset_ + count > kHeaderBytesMax ? Shortage::past_bound : Shortage::not_captured;
  }

  /// Moves on; may pass what is readable, which the next look finds out.
  void advance(std::uint32_t count) noexcept { offset_ += count; }
  /// The layer ends `count` bytes from here, if not before.
  void narrow(std::uint32_t count) noexcept { end_ = std::min(end_, offset_ + count); }

  /// A cursor over `count` bytes that start `ahead` of here, for options.
  [[nodiscard]] Cursor slice(std::uint32_t ahead, std::uint32_t count) const noexcept {
    Cursor part = *this;
    part.advance(ahead);
    part.narrow(count);
    return part;
  }

 private:
  const std::uint8_t* base_;
  std::uint32_t readable_;
  std::uint32_t end_;
  std::uint32_t offset_ = 0;
};

}  // namespace sluice
