#include "config/list_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/endian.h"
#include "config/line_findings.h"
#include "config/text_file.h"

namespace sluice {
namespace {

constexpr std::string_view kBlank = " \t";

/// A dotted quad with an optional length, which is nearly every line; anything else, right or
/// wrong, is for the general parser. Saves the copy into a C string and inet_pton: a million lines
/// a second faster on a slow host.
std::optional<IpPrefix> plain_v4(std::string_view word) noexcept {
  std::array<std::uint32_t, 5> parts{0, 0, 0, 0, 32};
  std::size_t part = 0;
  std::size_t at = 0;
  while (true) {
    const std::size_t start = at;
    std::uint32_t value = 0;
    for (; at < word.size() && at - start < 3 && word[at] >= '0' && word[at] <= '9'; ++at) {
      value = value * 10 + static_cast<std::uint32_t>(word[at] - '0');
    }
    const bool has_leading_zero = at - start > 1 && word[start] == '0';
    if (at == start || has_leading_zero || value > (part < 4 ? 255U : 32U)) return std::nullopt;
    parts[part++] = value;
    if (at == word.size()) break;
    if (part == 5 || word[at] != (part < 4 ? '.' : '/')) return std::nullopt;
    ++at;
  }
  if (part < 4) return std::nullopt;
  const std::uint32_t address = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3];
  const std::uint64_t host_bits = 0xffffffffULL >> parts[4];
  if ((address & host_bits) != 0) return std::nullopt;
  return IpPrefix{IpAddress::from_v4(address), static_cast<std::uint8_t>(parts[4])};
}

Result<IpPrefix> parse_prefix(std::string_view word) {
  if (const auto prefix = plain_v4(word)) return *prefix;
  return parse_ip_prefix(word);
}

/// The words of a line before its comment, without the blanks around them.
std::string_view content_of(std::string_view line) noexcept {
  line = line.substr(0, line.find('#'));
  const std::size_t last = line.find_last_not_of(" \t\r");
  line = line.substr(0, last == std::string_view::npos ? 0 : last + 1);
  return line;
}

void parse_line(std::string_view line, std::uint32_t number, ListFile& file,
                LineFindings& findings) {
  const std::string_view content = content_of(line);
  const std::size_t start = content.find_first_not_of(kBlank);
  if (start == std::string_view::npos) return;
  const std::size_t end = std::min(content.find_first_of(kBlank, start), content.size());
  const std::string_view word = content.substr(start, end - start);
  auto prefix = parse_prefix(word);
  if (!prefix) {
    findings.error({number, static_cast<std::uint32_t>(start + 1)}, line,
                   std::move(prefix.error().message), std::move(prefix.error().hint));
    return;
  }
  if (end < content.size()) {
    const std::size_t next = content.find_first_not_of(kBlank, end);
    findings.error({number, static_cast<std::uint32_t>(next + 1)}, line,
                   "more than one word: a list has one prefix a line", "put comments behind a '#'");
    return;
  }
  file.lines.push_back({*prefix, number});
}

/// Addresses as four words of the network's order, so that sorting a million is a matter of number
/// comparisons.
struct SortKey {
  std::uint64_t high;
  std::uint64_t low;
  std::uint64_t rest;  ///< version, length, line: distinct for every line
  friend constexpr auto operator<=>(const SortKey&, const SortKey&) noexcept = default;
};

SortKey key_of(const ListLine& line) noexcept {
  const auto& bytes = line.prefix.address.bytes;
  return {load_be64(bytes.data()), load_be64(bytes.data() + 8),
          std::uint64_t{line.prefix.address.version} << 40 |
              std::uint64_t{line.prefix.length} << 32 | line.line};
}

ListLine line_of(const SortKey& key) noexcept {
  ListLine line;
  store(line.prefix.address.bytes.data(), byte_swap(key.high));
  store(line.prefix.address.bytes.data() + 8, byte_swap(key.low));
  line.prefix.address.version = static_cast<std::uint8_t>(key.rest >> 40);
  line.prefix.length = static_cast<std::uint8_t>(key.rest >> 32);
  line.line = static_cast<std::uint32_t>(key.rest);
  return line;
}

bool is_same_prefix(const SortKey& a, const SortKey& b) noexcept {
  return a.high == b.high && a.low == b.low && a.rest >> 32 == b.rest >> 32;
}

/// Orders by prefix and keeps the first line of each; returns how many went.
std::uint64_t sort_and_remove_duplicates(std::vector<ListLine>& lines) {
  std::vector<SortKey> keys;
  keys.reserve(lines.size());
  for (const ListLine& line : lines) keys.push_back(key_of(line));
  if (!std::is_sorted(keys.begin(), keys.end())) std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end(), is_same_prefix), keys.end());
  const std::uint64_t removed = lines.size() - keys.size();
  lines.clear();
  for (const SortKey& key : keys) lines.push_back(line_of(key));
  return removed;
}

}  // namespace

ListFile parse_list(std::string_view text, const std::string& name, Diagnostics& findings) {
  ListFile file;
  LineFindings list_findings(name, findings);
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    parse_line(text.substr(0, end), ++number, file, list_findings);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (file.lines.size() > kListEntriesMax) {
      list_findings.error({number, 0}, {}, fmt::format("more than {} prefixes", kListEntriesMax),
                          "split the list, or merge neighbouring prefixes");
      file.lines.pop_back();
      break;
    }
  }
  file.duplicates = sort_and_remove_duplicates(file.lines);
  return file;
}

Result<ListFile> read_list_file(const std::string& path, Diagnostics& findings) {
  // A list is read again at every reload, which a pipe would not survive.
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!error && std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return fail(ErrorKind::invalid, "is not a regular file");
  }
  const auto text = read_text_file(path, kListFileBytesMax);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_list(*text, path, findings);
}

}  // namespace sluice
