// The banners of SSH (RFC 4253 4.2): protocol and software of both sides; and the first packet
// behind them, in which each side offers its algorithms (7.1), as the fingerprint HASSH has them.
// What comes then is not read. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/line_reader.h"

namespace sluice {

/// Lines that may come before a banner; clients give up then.
inline constexpr std::uint16_t kSshLinesMax = 1024;
/// Of a banner with its line end; a longer one is odd, and read.
inline constexpr std::size_t kSshBannerBytesMax = 255;

/// Of a packet with its length; a longer one, which few peers take, ends the reading.
inline constexpr std::size_t kSshPacketBytesMax = 35'000;

class SshParser {
 public:
  /// The pool outlives the parser; `release` comes before its end.
  explicit SshParser(ChunkPool& pool) noexcept : pool_(&pool) {}
  SshParser(const SshParser&) = delete;
  SshParser& operator=(const SshParser&) = delete;

  /// What a direction says is one message: its banner as it comes, and with its offer once more.
  /// Behind both offers, or what is none, the flow is encrypted, if their banners are what it
  /// begins with. Spans hold during the call.
  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  void end(unsigned direction, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// Nothing more will be read in this direction.
  [[nodiscard]] bool has_left(unsigned direction) const noexcept {
    return sides_[direction].has_left;
  }

 private:
  struct Side {
    LineReader lines;
    std::uint8_t* packet = nullptr;  ///< what has come of the one behind the banner
    std::uint8_t* banner = nullptr;  ///< as long as its offer may come
    std::uint32_t packet_bytes = 0;
    std::uint32_t packet_room = 0;
    std::uint16_t banner_bytes = 0;
    std::uint16_t lines_before = 0;
    bool has_left = false;
    bool has_banner = false;
  };

  void take_line(unsigned direction, ByteSpan line, const AppSink& sink) noexcept;
  [[nodiscard]] bool is_agreed() const noexcept;
  void tell_banner(unsigned direction, ByteSpan banner, const AppSink& sink) noexcept;
  void keep_banner(unsigned direction, ByteSpan banner, const AppSink& sink) noexcept;
  void read_packet(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  [[nodiscard]] bool append_to_packet(Side& side, ByteSpan bytes) noexcept;
  void tell_offer(unsigned direction, ByteSpan packet, const AppSink& sink) noexcept;
  /// Of a side that was read as far as it goes.
  void finish(unsigned direction, const AppSink& sink) noexcept;
  void leave(unsigned direction, const AppSink& sink) noexcept;
  void release(Side& side) noexcept;

  ChunkPool* pool_;
  std::array<Side, 2> sides_;
};
static_assert(sizeof(SshParser) <= 192);

}  // namespace sluice
