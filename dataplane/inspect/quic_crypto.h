// The CRYPTO stream of Initial packets, put in order: pieces come in any order and more than once;
// the first copy of a byte counts. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// A stream that goes further is not read.
inline constexpr std::uint32_t kQuicCryptoBytesMax = 32 * 1024;

/// A piece that lies further behind all others is not kept: what nobody has sent takes no memory.
inline constexpr std::uint32_t kQuicGapMax = 4096;

class QuicCrypto {
 public:
  enum class Added : std::uint8_t { yes, too_long, too_many_pieces, no_memory };

  [[nodiscard]] Added add(ChunkPool& pool, std::uint64_t offset, ByteSpan bytes) noexcept;
  /// What has come without a gap from the start on.
  [[nodiscard]] ByteSpan front() const noexcept;
  void release(ChunkPool& pool) noexcept;

 private:
  struct Stream;
  [[nodiscard]] bool make_room(ChunkPool& pool, std::uint32_t end) noexcept;

  Stream* stream_ = nullptr;
};

}  // namespace sluice
