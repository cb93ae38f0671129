// Undoes deflate (RFC 1951) as its bytes come, cut anywhere: bits that are not yet a whole symbol
// wait for more. Takes and refuses what zlib does, and makes the same bytes up to where it
// refuses. What it makes stands behind what it made before, where matches are copied from.
// Worker thread only.
//
// A symbol is read from 64 bits at hand by one look-up, rarely two (inflate_codes.h). As long as
// there are sixteen bytes to come and room for the longest match, nothing is checked but codes and
// distances, and copies go in whole blocks beyond their end; near the ends each step is checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/inspect/inflate_codes.h"

namespace sluice {

class Inflate {
 public:
  /// So far back matches reach.
  static constexpr std::size_t kReach = 32'768;
  /// So far beyond what was asked for bytes may be made, and others be overwritten.
  static constexpr std::size_t kOverrun = 320;

  enum class State : std::uint8_t { more, ended, bad };
  struct Piece {
    std::size_t consumed;
    std::size_t made;
    State state;
    bool is_cut;  ///< more can be made of the same bytes: call again, even without others
  };
  /// Where bytes are made.
  struct Room {
    std::uint8_t* begin;
    std::size_t behind;  ///< what was made of the stream in front of `begin` and still stands there
    std::size_t most;    ///< at least 1; kOverrun more are the callee's
  };

  /// Of blocks with codes of their own, so many were read since there is this one. Their tables
  /// cost as much as two thousand bytes that are made, and a block may make none.
  [[nodiscard]] std::uint64_t heads() const noexcept { return heads_; }
  /// A stream begins, whatever was before.
  void begin() noexcept;
  /// Not to be called again once ended or bad.
  [[nodiscard]] Piece next(std::span<const std::uint8_t> bytes, const Room& room) noexcept;

 private:
  enum class Mode : std::uint8_t { block, stored_size, stored, counts, order, lengths, symbols };
  enum class Turn : std::uint8_t { go_on, wants_bytes, full, ended, bad };
  struct Run;

  [[nodiscard]] Turn take_turn(Run& run) noexcept;
  [[nodiscard]] Turn begin_block(Run& run) noexcept;
  [[nodiscard]] Turn end_block() noexcept;
  [[nodiscard]] Turn read_stored_size(Run& run) noexcept;
  [[nodiscard]] Turn copy_stored(Run& run) noexcept;
  [[nodiscard]] Turn read_counts(Run& run) noexcept;
  [[nodiscard]] Turn read_order(Run& run) noexcept;
  [[nodiscard]] Turn read_lengths(Run& run) noexcept;
  [[nodiscard]] Turn build_tables() noexcept;
  [[nodiscard]] Turn read_symbols(Run& run) noexcept;
  [[nodiscard]] Turn read_symbol(Run& run) noexcept;
  [[nodiscard]] Turn read_fast(Run& run) noexcept;

  void top_up(Run& run) noexcept;
  [[nodiscard]] bool has(Run& run, unsigned bits) noexcept;
  std::uint64_t take(unsigned bits) noexcept;
  void give_back(Run& run) noexcept;

  std::uint64_t heads_ = 0;
  std::uint64_t bits_ = 0;  ///< the next ones lowest; zeros above those that have come
  unsigned count_ = 0;      ///< of them
  Mode mode_ = Mode::block;
  bool is_last_ = false;  ///< block
  bool is_fixed_ = false;
  std::uint16_t stored_left_ = 0;
  std::uint16_t length_codes_ = 0;
  std::uint8_t distance_codes_ = 0;
  std::uint8_t order_codes_ = 0;
  std::uint16_t have_ = 0;  ///< of the code lengths that are read
  std::array<std::uint8_t, kLengthCodes + kDistanceCodes> lengths_;
  InflateTables tables_;
};

}  // namespace sluice
