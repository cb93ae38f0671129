// List files of datasets: a text is written in base64 there and as it is in the file of a set, or
// between bars where it could not stand on a line.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/ip_address.h"
#include "config/set_entry.h"
#include "rules/suricata_datasets.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

constexpr std::size_t kMd5Bytes = 16;
constexpr std::size_t kSha256Bytes = 32;
constexpr std::array<std::uint8_t, 12> kMappedHead{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// With or without what fills up the last four.
std::optional<std::string> decode_base64(std::string_view text) {
  for (int fill = 0; fill < 2 && text.ends_with('='); ++fill) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = base64_value(static_cast<std::uint8_t>(c));
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

Result<std::string> text_entry(std::string_view line) {
  const auto bytes = decode_base64(line);
  if (!bytes || bytes->empty()) return fail(ErrorKind::invalid, "is no text in base64");
  if (bytes->size() > kSetKeyBytesMax) {
    return fail(ErrorKind::invalid,
                fmt::format("has {} bytes: at most {} would do", bytes->size(), kSetKeyBytesMax));
  }
  return set_file_text(SetKind::text, *bytes);
}

Result<std::string> digest_entry(std::string_view line, std::size_t bytes) {
  const auto digest = read_hex(line);
  if (!digest || digest->size() != bytes || line.size() != bytes * 2) {
    return fail(ErrorKind::invalid,
                fmt::format("is no digest of {} bytes in hexadecimal digits", bytes));
  }
  return set_file_text(SetKind::text, *digest);
}

/// IPv4 within IPv6 is IPv4, as on the wire.
Result<std::string> address_entry(std::string_view line) {
  const auto address = parse_ip_address(line);
  if (!address) return tl::unexpected<Error>(address.error());
  const bool is_mapped = address->version == 6 &&
                         std::equal(kMappedHead.begin(), kMappedHead.end(), address->bytes.begin());
  if (!is_mapped) return to_string(*address);
  IpAddress inner;
  inner.version = 4;
  std::memcpy(inner.bytes.data(), address->bytes.data() + kMappedHead.size(), 4);
  return to_string(inner);
}

Result<std::string> entry_of(DatasetType type, std::string_view line) {
  switch (type) {
    case DatasetType::text:
      return text_entry(line);
    case DatasetType::md5:
      return digest_entry(line, kMd5Bytes);
    case DatasetType::sha256:
      return digest_entry(line, kSha256Bytes);
    case DatasetType::address:
      return address_entry(line);
  }
  return fail(ErrorKind::invalid, "is of no type");
}

}  // namespace

DatasetList convert_dataset_list(DatasetType type, std::string_view text) {
  DatasetList list;
  const auto refuse = [&list](std::uint32_t line, std::string reason) {
    ++list.refused_lines;
    if (list.refused.size() < kDatasetFaultsMax) list.refused.push_back({line, std::move(reason)});
  };
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim_blanks(line.substr(0, line.find(',')));
    if (line.empty()) continue;
    const auto entry = entry_of(type, line);
    if (!entry) {
      refuse(number, entry.error().message);
    } else if (list.entries == kSetCapacityMax) {
      refuse(number, fmt::format("stands behind {} entries, the most of a set", kSetCapacityMax));
    } else {
      list.text += *entry + '\n';
      ++list.entries;
    }
  }
  return list;
}

}  // namespace sluice
