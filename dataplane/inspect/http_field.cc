#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/endian.h"
#include "dataplane/inspect/http_head.h"

namespace sluice {
namespace {

using enum HttpField;

/// First and last bytes of a name as one or two words, with the bits that make its letters lower
/// case; they overlap in names below 16 bytes.
struct Row {
  HttpField field = other;
  std::size_t bytes = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t first_case = 0;
  std::uint64_t last_case = 0;
};

constexpr std::uint64_t word_of(std::string_view text) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(text[i])) << (8 * i);
  }
  return word;
}

constexpr std::uint64_t case_of(std::string_view text) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '-') bits |= std::uint64_t{0x20} << (8 * i);
  }
  return bits;
}

constexpr Row row(HttpField field, std::string_view name) {
  const std::size_t width = name.size() < 8 ? 4 : 8;
  const std::string_view first = name.substr(0, width);
  const std::string_view last = name.substr(name.size() - width);
  return {field, name.size(), word_of(first), word_of(last), case_of(first), case_of(last)};
}

/// By length.
constexpr std::array kRows = {
    row(host, "host"),
    row(cookie, "cookie"),
    row(accept, "accept"),
    row(server, "server"),
    row(referer, "referer"),
    row(location, "location"),
    row(user_agent, "user-agent"),
    row(connection, "connection"),
    row(set_cookie, "set-cookie"),
    row(content_type, "content-type"),
    row(content_length, "content-length"),
    row(accept_language, "accept-language"),
    row(accept_encoding, "accept-encoding"),
    row(content_encoding, "content-encoding"),
    row(transfer_encoding, "transfer-encoding"),
};
constexpr std::size_t kLongest = 17;

/// Where the names of a length begin in kRows.
consteval std::array<std::uint8_t, kLongest + 2> starts() {
  std::array<std::uint8_t, kLongest + 2> out{};
  for (std::size_t bytes = 0; bytes < out.size(); ++bytes) {
    while (out[bytes] < kRows.size() && kRows[out[bytes]].bytes < bytes) ++out[bytes];
  }
  return out;
}
constexpr std::array<std::uint8_t, kLongest + 2> kStarts = starts();

}  // namespace

HttpField field_named(ByteSpan name) noexcept {
  if (name.size() < 4 || name.size() > kLongest) return other;
  const std::size_t begin = kStarts[name.size()];
  const std::size_t end = kStarts[name.size() + 1];
  if (begin == end) return other;
  const bool is_short = name.size() < 8;
  const std::uint8_t* tail = name.data() + name.size();
  const std::uint64_t first =
      is_short ? load<std::uint32_t>(name.data()) : load<std::uint64_t>(name.data());
  const std::uint64_t last =
      is_short ? load<std::uint32_t>(tail - 4) : load<std::uint64_t>(tail - 8);
  for (std::size_t i = begin; i < end; ++i) {
    const Row& row = kRows[i];
    if ((first | row.first_case) == row.first && (last | row.last_case) == row.last) {
      return name.size() < kLongest || name[8] == '-' ? row.field : other;
    }
  }
  return other;
}

}  // namespace sluice
