// What answers are written on: how wide it is, whether it takes colours, and the descriptor behind
// it. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

struct Paper {
  unsigned columns = 80;
  unsigned rows = 24;
  bool has_colours = false;
  bool is_terminal = false;
};
/// Of a terminal its size; else $COLUMNS or 80 columns. Colours only on a terminal, and not where
/// NO_COLOR is set or TERM is `dumb`.
[[nodiscard]] Paper paper_of(int fd);

enum class Colour : std::uint8_t { none, bold, dim, red, green, yellow };
/// `text` as it is where the paper takes no colours.
[[nodiscard]] std::string paint(const Paper& paper, Colour colour, std::string_view text);
/// healthy, enforce and up are green, degraded and monitor yellow, unhealthy and down red.
[[nodiscard]] Colour colour_of_state(std::string_view word) noexcept;

/// Columns that `text` takes: one for each character of UTF-8.
[[nodiscard]] std::size_t width_of(std::string_view text) noexcept;
/// No wider than `width`: what is left out has `…` in its place, at the end or in the middle.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);
[[nodiscard]] std::string cut_middle(std::string_view text, std::size_t width);

/// Whole texts to a descriptor. Once it takes no more, nothing is written any longer.
class Output {
 public:
  explicit Output(int fd) noexcept : fd_(fd) {}
  void put(std::string_view text);
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Whoever read it has gone: `... | head` had enough.
  [[nodiscard]] bool is_closed() const noexcept;
  [[nodiscard]] bool is_usable() const noexcept { return error_ == 0; }
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int fd_;
  int error_ = 0;
};

}  // namespace sluice
