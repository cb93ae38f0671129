// Files of prefixes: one a line, in CIDR form or an address alone, blank lines and "# comments"
// allowed. Strict: everything else is an error with file, line and column, all of them at once.
// A million lines are ordinary. Control threads and short-lived children only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "config/line_findings.h"

namespace sluice {

inline constexpr std::uint64_t kListFileBytesMax = 64ULL << 20;
inline constexpr std::uint32_t kListEntriesMax = 1'000'000;

struct ListLine {
  IpPrefix prefix;
  std::uint32_t line = 0;
};

struct ListFile {
  std::vector<ListLine> lines;  ///< ordered by prefix, each prefix once, with its first line
  std::uint64_t duplicates = 0;
};

/// What `text`, the content of the file `name`, says. Lines with errors are left out.
[[nodiscard]] ListFile parse_list(std::string_view text, const std::string& name,
                                  Diagnostics& findings);

/// Reads and parses a regular file of at most 64 MiB. The error says what stands in the way of the
/// file as a whole, without naming it; lines with errors become findings.
[[nodiscard]] Result<ListFile> read_list_file(const std::string& path, Diagnostics& findings);

}  // namespace sluice
