// Words of commands and codes of replies, as lines of SMTP and FTP begin with them. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// In any case of letters; `word` is in lower case.
[[nodiscard]] inline bool starts_with_letters(ByteSpan text, std::string_view word) noexcept {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(text[i]) != static_cast<std::uint8_t>(word[i])) return false;
  }
  return true;
}

/// The line's first word is that, in any case of letters.
[[nodiscard]] inline bool is_word(ByteSpan line, std::string_view word) noexcept {
  return starts_with_letters(line, word) &&
         (line.size() == word.size() || is_blank(line[word.size()]));
}

/// The three digits that a line begins with, as a number; 0 where there are none.
[[nodiscard]] inline unsigned leading_code(ByteSpan line) noexcept {
  unsigned code = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (i >= line.size() || line[i] < '0' || line[i] > '9') return 0;
    code = code * 10 + (line[i] - '0');
  }
  return code;
}

/// More lines of the same reply follow.
[[nodiscard]] inline bool has_dash_behind_code(ByteSpan line) noexcept {
  return line.size() > 3 && line[3] == '-';
}

/// The number that the last line of a reply begins with; 0 where more lines follow, or none is
/// there.
[[nodiscard]] inline unsigned reply_code(ByteSpan line) noexcept {
  return has_dash_behind_code(line) ? 0 : leading_code(line);
}

}  // namespace sluice
