#include "ctl/paper.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr unsigned kColumnsMin = 20, kColumnsMax = 1000;
constexpr unsigned kRowsMin = 5, kRowsMax = 1000;
constexpr std::string_view kEllipsis = "…";

unsigned columns_asked(unsigned otherwise) {
  const char* text = std::getenv("COLUMNS");
  if (text == nullptr) return otherwise;
  const std::string_view digits = text;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  return is_number && value > 0 ? value : otherwise;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool can_colour() {
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  return !is_dumb && !is_set("NO_COLOR");
}

std::string_view code_of(Colour colour) noexcept {
  switch (colour) {
    case Colour::bold:
      return "1";
    case Colour::dim:
      return "2";
    case Colour::red:
      return "31";
    case Colour::green:
      return "32";
    case Colour::yellow:
      return "33";
    case Colour::none:
      break;
  }
  return {};
}

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Bytes of the first `width` characters.
std::size_t bytes_of_first(std::string_view text, std::size_t width) noexcept {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_continuation(text[at])) continue;
    if (width == 0) break;
    --width;
  }
  return at;
}

}  // namespace

Paper paper_of(int fd) {
  Paper paper;
  paper.is_terminal = isatty(fd) == 1;
  winsize size{};
  if (paper.is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    paper.columns = size.ws_col;
    paper.rows = size.ws_row;
  } else {
    paper.columns = columns_asked(paper.columns);
  }
  paper.columns = std::clamp(paper.columns, kColumnsMin, kColumnsMax);
  paper.rows = std::clamp(paper.rows, kRowsMin, kRowsMax);
  paper.has_colours = paper.is_terminal && can_colour();
  return paper;
}

std::string paint(const Paper& paper, Colour colour, std::string_view text) {
  const std::string_view code = code_of(colour);
  if (!paper.has_colours || code.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

Colour colour_of_state(std::string_view word) noexcept {
  if (word == "healthy" || word == "enforce" || word == "up") return Colour::green;
  if (word == "degraded" || word == "monitor") return Colour::yellow;
  if (word == "unhealthy" || word == "down") return Colour::red;
  return Colour::none;
}

std::size_t width_of(std::string_view text) noexcept {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::string cut(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  if (width == 0) return {};
  return std::string(text.substr(0, bytes_of_first(text, width - 1))).append(kEllipsis);
}

std::string cut_middle(std::string_view text, std::size_t width) {
  const std::size_t whole = width_of(text);
  if (whole <= width || width < 3) return cut(text, width);
  const std::size_t behind = (width - 1) / 2;
  const std::size_t front = width - 1 - behind;
  return std::string(text.substr(0, bytes_of_first(text, front)))
      .append(kEllipsis)
      .append(text.substr(bytes_of_first(text, whole - behind)));
}

void Output::put(std::string_view text) {
  while (!text.empty() && error_ == 0) {
    const ssize_t written = write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

bool Output::is_closed() const noexcept { return error_ == EPIPE; }

}  // namespace sluice
