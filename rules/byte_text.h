// Bytes as rule files write them: printable UTF-8 as it is, everything else as an escape. So any
// content stands in a text file, and reads back as the same bytes. Control side only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

/// A backslash is written \\, a line end \n, a carriage return \r, a tab \t, and any other byte
/// that is no printable UTF-8 \xHH. read_escapes(escape_bytes(b)) == b.
[[nodiscard]] std::string escape_bytes(std::string_view bytes);

/// The bytes that `text` stands for. What is no escape stands for itself; an unknown escape is an
/// error that names it.
[[nodiscard]] Result<std::string> read_escapes(std::string_view text);

/// A YAML scalar in quotes on one line; `text` has no control characters. Single quotes where the
/// text has backslashes or double quotes, so that patterns stand in the file as they are.
[[nodiscard]] std::string quoted_scalar(std::string_view text);

}  // namespace sluice
