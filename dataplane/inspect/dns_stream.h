// DNS over TCP (RFC 7766): messages behind their lengths of two bytes, cut anywhere. Worker thread
// only.
//
// A message that lies whole within a push is read where it stands; else it is gathered in a chunk
// of the pool that grows with what has come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/dns_message.h"

namespace sluice {

class DnsStream {
 public:
  /// Pool and workspace outlive it; `release` comes before its end.
  DnsStream(ChunkPool& pool, DnsWorkspace& workspace) noexcept
      : pool_(&pool), workspace_(&workspace) {}
  DnsStream(const DnsStream&) = delete;
  DnsStream& operator=(const DnsStream&) = delete;

  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// The direction is left alone: where the next message begins is not known.
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
    std::uint8_t* gathered = nullptr;  ///< of the message that is under way, without its length
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::uint32_t message = 0;
    std::uint16_t wanted = 0;       ///< its length, as far as it has come
    std::uint8_t length_bytes = 0;  ///< how many of the two have come
    bool has_left = false;
  };

  [[nodiscard]] std::size_t read_length(Side& side, ByteSpan bytes) noexcept;
  [[nodiscard]] bool append(Side& side, ByteSpan bytes) noexcept;
  void tell(unsigned direction, ByteSpan message, const AppSink& sink) noexcept;
  void give(Side& side) noexcept;

  ChunkPool* pool_;
  DnsWorkspace* workspace_;
  std::array<Side, 2> sides_;
};
static_assert(sizeof(DnsStream) <= 192);

}  // namespace sluice
