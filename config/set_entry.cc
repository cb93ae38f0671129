#include "config/set_entry.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/hex.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 64;
constexpr std::size_t kLabelBytesMax = 63;

std::string_view shown(std::string_view text) { return text.substr(0, kShownBytesMax); }

std::string in_lower_case(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return folded;
}

bool is_printable(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f;
}

tl::unexpected<Error> no_domain(std::string_view entry, std::string hint = {}) {
  return fail(ErrorKind::invalid, fmt::format("'{}' is no domain", shown(entry)), std::move(hint));
}

bool is_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= kLabelBytesMax && std::ranges::all_of(label, [](char c) {
    return is_printable(c) && c != ' ' && c != '/' && c != '*';
  });
}

Result<std::string> domain_key(std::string_view entry) {
  std::string_view name = entry;
  if (name.starts_with("*.")) {
    return no_domain(
        entry, fmt::format("write '{}', which covers every name below it", shown(name.substr(2))));
  }
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kSetKeyBytesMax) return no_domain(entry);
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return no_domain(entry);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return in_lower_case(name);
}

/// What stands between bars, in pairs of digits with blanks between them or not.
std::optional<std::string> bytes_between_bars(std::string_view entry) {
  if (entry.size() < 4 || !entry.starts_with('|') || !entry.ends_with('|')) return std::nullopt;
  std::string bytes;
  std::string_view digits = entry.substr(1, entry.size() - 2);
  while (!digits.empty()) {
    const int byte = digits.size() < 2 ? -1 : hex_byte(digits[0], digits[1]);
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    digits.remove_prefix(2);
    if (digits.size() > 1 && digits[0] == ' ') digits.remove_prefix(1);
  }
  return bytes;
}

std::string between_bars(std::string_view bytes) {
  std::string text = "|";
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text + "|";
}

bool is_line_of_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    if (bytes == 0 || !is_printable(text[0])) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

Result<std::string> text_key(bool nocase, std::string_view entry) {
  if (auto bytes = bytes_between_bars(entry); bytes && bytes->size() <= kSetKeyBytesMax) {
    return nocase ? in_lower_case(*bytes) : std::move(*bytes);
  }
  if (entry.empty() || entry.size() > kSetKeyBytesMax) {
    return fail(ErrorKind::invalid, fmt::format("an entry has {} bytes: 1 to {} would do",
                                                entry.size(), kSetKeyBytesMax));
  }
  if (!std::ranges::all_of(entry, is_printable)) {
    return fail(ErrorKind::invalid, "an entry has a control character",
                "write its bytes in hexadecimal between bars, as in '|0d 0a|'");
  }
  return nocase ? in_lower_case(entry) : std::string(entry);
}

}  // namespace

Result<std::string> set_key(const NamedSet& set, std::string_view entry) {
  if (set.kind == SetKind::domain) return domain_key(entry);
  if (set.kind == SetKind::text) return text_key(set.nocase, entry);
  const auto prefix = parse_ip_prefix(entry);
  if (!prefix) return tl::unexpected<Error>(prefix.error());
  const AddressKey key = address_key(prefix->address, prefix->length);
  return std::string(key.bytes.begin(), key.bytes.begin() + static_cast<std::ptrdiff_t>(key.size));
}

std::string set_entry_text(SetKind kind, std::string_view key) {
  if (kind == SetKind::text && (!is_line_of_text(key) || bytes_between_bars(key))) {
    return between_bars(key);
  }
  if (kind != SetKind::address || !is_address_key(key)) return std::string(key);
  IpPrefix prefix;
  prefix.address.version = static_cast<std::uint8_t>(key[0]);
  prefix.length = static_cast<std::uint8_t>(key[1]);
  std::memcpy(prefix.address.bytes.data(), key.data() + AddressKey::kHeadBytes,
              key.size() - AddressKey::kHeadBytes);
  return prefix.length == prefix.address.bits() ? to_string(prefix.address) : to_string(prefix);
}

std::string set_file_text(SetKind kind, std::string_view key) {
  if (kind != SetKind::text) return set_entry_text(kind, key);
  const std::size_t last = key.find_last_of(" \t");
  const bool has_end =
      last != std::string_view::npos && key.substr(last + 1).starts_with(kSetUntilWord);
  const bool reads_otherwise =
      key.starts_with('#') || key.starts_with(' ') || key.ends_with(' ') || has_end;
  return reads_otherwise ? between_bars(key) : set_entry_text(kind, key);
}

AddressKey address_key(const IpAddress& address, unsigned length) noexcept {
  AddressKey key;
  key.bytes[0] = address.version;
  key.bytes[1] = static_cast<std::uint8_t>(length);
  key.size = AddressKey::kHeadBytes + address.bits() / 8;
  for (unsigned i = 0; i * 8 < length; ++i) {
    const unsigned kept = std::min(length - i * 8, 8U);
    key.bytes[AddressKey::kHeadBytes + i] =
        static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> kept));
  }
  return key;
}

bool is_address_key(std::string_view key) noexcept {
  if (key.size() < AddressKey::kHeadBytes || (key[0] != 4 && key[0] != 6)) return false;
  IpAddress address;
  address.version = static_cast<std::uint8_t>(key[0]);
  const auto length = static_cast<std::uint8_t>(key[1]);
  if (key.size() != AddressKey::kHeadBytes + address.bits() / 8 || length > address.bits()) {
    return false;
  }
  std::memcpy(address.bytes.data(), key.data() + AddressKey::kHeadBytes,
              key.size() - AddressKey::kHeadBytes);
  const AddressKey canonical = address_key(address, length);
  return std::memcmp(canonical.bytes.data(), key.data(), key.size()) == 0;
}

std::string_view name_of(SetKind kind) noexcept {
  constexpr std::string_view kNames[] = {"domain", "text", "address"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace sluice
