// What stands around deflate in gzip (RFC 1952) and zlib (RFC 1950), read as its bytes come: a head
// in front, a sum of what was made behind. Takes and refuses what zlib does. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

class GzipFrame {
 public:
  enum class Kind : std::uint8_t { none, zlib, gzip };
  enum class State : std::uint8_t { more, ended, bad };
  struct Piece {
    std::size_t consumed;
    State state;
  };

  void begin(Kind kind) noexcept;
  [[nodiscard]] Piece read_head(std::span<const std::uint8_t> bytes) noexcept;
  /// To be told all that was made between head and trailer.
  void add(std::span<const std::uint8_t> made) noexcept;
  [[nodiscard]] Piece read_trailer(std::span<const std::uint8_t> bytes) noexcept;

 private:
  enum class Step : std::uint8_t { fixed, extra_size, extra, name, comment, sum, ended };

  [[nodiscard]] std::size_t read_part(std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] std::size_t read_text(std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] bool is_good_so_far() const noexcept;
  [[nodiscard]] bool has_step() const noexcept;
  void begin_next_step() noexcept;

  Kind kind_ = Kind::none;
  Step step_ = Step::ended;
  bool is_bad_ = false;
  std::uint8_t flags_ = 0;
  std::uint8_t have_ = 0;  ///< of field_
  std::uint16_t extra_left_ = 0;
  std::uint32_t sum_ = 0;  ///< of the head; then of what was made
  std::uint32_t made_ = 0;
  std::array<std::uint8_t, 10> field_{};
};

}  // namespace sluice
