// Lines out of bytes that come in pieces, for protocols of commands and replies. A line that lies
// whole within a push is shown where it stands; else it is gathered in a chunk of the pool, which
// goes back once the line was shown. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// Of a line without its LF. What is longer is shown as far as that and its rest is passed over.
inline constexpr std::size_t kLineBytesMax = 4096;

enum class LineStep : std::uint8_t { wants_more, line, cut_line, no_memory };

class LineReader {
 public:
  /// Takes bytes off the front of `bytes`, up to the end of a line or all of them.
  [[nodiscard]] LineStep read(ByteSpan& bytes, ChunkPool& pool) noexcept;
  /// The line that `read` has come to, without LF and a CR before it; until the next `read`.
  [[nodiscard]] ByteSpan line() const noexcept { return line_; }
  /// What has come of the next line, as it came.
  [[nodiscard]] ByteSpan gathered() const noexcept { return {gathered_, size_}; }
  /// The same as a line whose end will not come.
  [[nodiscard]] ByteSpan unfinished() const noexcept;
  /// Another line may begin here. Returns how much of the one at hand stands before; 0: none, or so
  /// much that no line is meant, and it is forgotten.
  [[nodiscard]] std::size_t split_line(ChunkPool& pool) noexcept;
  /// Takes what `bytes` have of the rest of a cut line, with its line end, off their front.
  [[nodiscard]] ByteSpan read_rest(ByteSpan& bytes) noexcept;
  /// Some of that rest is still to come; `end_rest`: what comes is no longer of that line.
  [[nodiscard]] bool has_rest() const noexcept { return is_passing_; }
  void end_rest() noexcept { is_passing_ = false; }
  /// Bytes are missing here: what follows is passed over up to the next line end.
  void lose_line(ChunkPool& pool) noexcept;
  void release(ChunkPool& pool) noexcept;

 private:
  [[nodiscard]] bool append(ByteSpan bytes, ChunkPool& pool) noexcept;

  ByteSpan line_;
  std::uint8_t* gathered_ = nullptr;
  std::uint16_t size_ = 0;
  std::uint16_t room_ = 0;
  bool was_shown_ = false;   ///< what is gathered
  bool is_passing_ = false;  ///< over the rest of a line that was too long
};

}  // namespace sluice
