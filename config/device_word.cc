#include "config/device_word.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/suggest.h"

namespace sluice {
namespace {

struct KindRow {
  DeviceKind kind;
  std::string_view word;
  std::size_t name_bytes_max;
};
constexpr KindRow kKinds[] = {
    {DeviceKind::af_packet, "af_packet", 15},  // IFNAMSIZ without its zero
    {DeviceKind::af_xdp, "af_xdp", 15},       {DeviceKind::tap, "tap", 15},
    {DeviceKind::ring, "ring", 20},           {DeviceKind::null, "null", 4},
};

constexpr std::uint32_t kNullBytesMin = 14;
constexpr std::uint32_t kNullBytesMax = 2048;
// One page less the headers of mbuf and mempool in front of the frame and the kernel's own XDP
// headroom; veth refuses a program above 3,520 bytes of MTU.
constexpr std::uint32_t kAfXdpMtuMax = 3498;
constexpr std::uint32_t kJumboMtuMax = 9216;

constexpr std::string_view kForms =
    "write a PCI address as 0000:3b:00.0, or af_packet:IFACE, af_xdp:IFACE, tap:IFACE, ring:NAME, "
    "null:SIZE";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_name_character(char c) noexcept {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || is_digit(c) || c == '_' || c == '.' || c == '-' || c == '@';
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether `text` has the form: x a hexadecimal digit, d a function number, others themselves.
bool has_form(std::string_view text, std::string_view form) noexcept {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(), [](char c, char f) {
    if (f == 'x') return is_hex(c);
    if (f == 'd') return c >= '0' && c <= '7';
    return c == f;
  });
}

tl::unexpected<Error> refuse(std::string_view word, std::string_view why,
                             std::string hint = std::string(kForms)) {
  return fail(ErrorKind::invalid, fmt::format("device '{}' {}", word.substr(0, 64), why),
              std::move(hint));
}

tl::unexpected<Error> refuse_kind(std::string_view word, std::string_view kind) {
  if (has_form(word, "xx:xx.d")) {
    return refuse(word, "lacks its PCI domain", fmt::format("write 0000:{}", word));
  }
  const bool is_bare_name = kind.size() == word.size() && !word.empty() && word.size() <= 15 &&
                            std::ranges::all_of(word, is_name_character);
  if (is_bare_name) {
    return refuse(word, "does not say how to open it",
                  fmt::format("write af_packet:{0} or af_xdp:{0}", word));
  }
  std::array<std::string_view, std::size(kKinds)> words;
  std::ranges::transform(kKinds, words.begin(), &KindRow::word);
  const std::string_view near = nearest_word(kind, words);
  return refuse(word, "is of no known kind",
                near.empty() ? std::string(kForms) : fmt::format("did you mean '{}:'?", near));
}

// No zero in front: the driver would read an octal number.
bool is_null_size(std::string_view text) noexcept {
  if (text.starts_with('0')) return false;
  std::uint32_t bytes = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, bytes);
  return error == std::errc() && stop == end && bytes >= kNullBytesMin && bytes <= kNullBytesMax;
}

}  // namespace

std::string DeviceWord::exclusive_name() const {
  switch (kind) {
    case DeviceKind::null:
      return {};
    case DeviceKind::pci:
      return "pci " + name;
    case DeviceKind::ring:
      return "ring " + name;
    case DeviceKind::af_packet:
    case DeviceKind::af_xdp:
    case DeviceKind::tap:
      break;
  }
  return "interface " + name;
}

Result<DeviceWord> parse_device_word(std::string_view word) {
  if (has_form(word, "xxxx:xx:xx.d")) {
    DeviceWord device{DeviceKind::pci, std::string(word)};
    std::ranges::transform(device.name, device.name.begin(), lower);
    return device;
  }
  const std::size_t colon = word.find(':');
  const std::string_view kind = word.substr(0, colon);
  const auto row = std::ranges::find(kKinds, kind, &KindRow::word);
  if (colon == std::string_view::npos || row == std::end(kKinds)) return refuse_kind(word, kind);
  const std::string_view name = word.substr(colon + 1);
  if (row->kind == DeviceKind::null && !is_null_size(name)) {
    return refuse(word, "makes frames of no size between 14 and 2048",
                  "write null:64 for frames of 64 bytes");
  }
  const bool is_plain =
      !name.empty() && name != "." && name != ".." && std::ranges::all_of(name, is_name_character);
  if (!is_plain) return refuse(word, "has no plain name behind the colon");
  if (name.size() > row->name_bytes_max) {
    return refuse(word, fmt::format("has a name of more than {} letters", row->name_bytes_max));
  }
  return DeviceWord{row->kind, std::string(name)};
}

std::uint32_t mtu_max(DeviceKind kind) noexcept {
  return kind == DeviceKind::af_xdp ? kAfXdpMtuMax : kJumboMtuMax;
}

std::string_view name_of(DeviceKind kind) noexcept {
  const auto row = std::ranges::find(kKinds, kind, &KindRow::kind);
  return row == std::end(kKinds) ? "pci" : row->word;
}

}  // namespace sluice
