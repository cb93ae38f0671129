// Text of a file, a peer or a person as it may stand on a terminal and in a log. Any thread but a
// worker.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// `text` with every control character (C0, DEL, and C1 as UTF-8) and every byte that is not valid
/// UTF-8 written as \xNN, so that it stays on its line and cannot speak to the terminal.
[[nodiscard]] std::string escape_control(std::string_view text);

/// The length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629), or 0.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view text) noexcept;

}  // namespace sluice
