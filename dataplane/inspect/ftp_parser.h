// The control connection of FTP: each command, without what is of Telnet in it, and each line of a
// reply is a message. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/line_reader.h"

namespace sluice {

class FtpParser {
 public:
  /// The pool outlives the parser; `release` comes before its end.
  explicit FtpParser(ChunkPool& pool) noexcept : pool_(&pool) {}
  FtpParser(const FtpParser&) = delete;
  FtpParser& operator=(const FtpParser&) = delete;

  /// The reply 234 to AUTH makes the flow encrypted. Spans hold during the call.
  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// Reading goes on behind the next line end.
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  /// A line without its end is told as well.
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
    std::uint32_t message = 0;
    bool has_left = false;
    bool was_too_long = false;  ///< told once
  };

  void take_line(unsigned direction, ByteSpan line, const AppSink& sink) noexcept;
  [[nodiscard]] unsigned ended_reply(ByteSpan line) noexcept;
  void leave(Side& side) noexcept;

  ChunkPool* pool_;
  std::array<Side, 2> sides_;
  std::uint16_t open_reply_ = 0;  ///< code of the reply whose last line is to come
  bool has_asked_to_encrypt_ = false;
};
static_assert(sizeof(FtpParser) <= 192);

}  // namespace sluice
