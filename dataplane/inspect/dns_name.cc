#include "dataplane/inspect/dns_name.h"

#include <cstring>

#include "base/endian.h"

namespace sluice {
namespace {

constexpr std::uint8_t kPointer = 0xc0;
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kBlock = kLabelBytesMax + 1;
static_assert(kDnsNameBytesMax + kBlock <= sizeof(DnsNameText));

/// In a whole block where the message goes on that far.
void copy_label(ByteSpan message, std::size_t at, std::size_t bytes, std::uint8_t* to) noexcept {
  if (message.size() - at >= kBlock) [[likely]] {
    std::memcpy(to, message.data() + at, kBlock);
  } else {
    std::memcpy(to, message.data() + at, bytes);
  }
}

[[nodiscard]] DnsName faulty(DnsNameFault fault, std::size_t text_bytes) noexcept {
  return {0, static_cast<std::uint16_t>(text_bytes - (text_bytes > 0)), fault};
}

}  // namespace

DnsName read_dns_name(ByteSpan message, std::size_t at, DnsNameText& text) noexcept {
  constexpr unsigned kPointersMax = 255;  // as many as a name may have labels, and more
  unsigned pointers = 0;
  std::size_t written = 0;  // with a dot behind each label
  std::size_t run = at;     // where the labels that follow each other began
  std::size_t end = 0;
  for (;;) {
    if (at >= message.size()) return faulty(DnsNameFault::malformed, written);
    const std::size_t length = message[at];
    if (length == 0) break;
    if (length >= kPointer) {
      if (message.size() - at < 2) return faulty(DnsNameFault::malformed, written);
      const std::size_t target = load_be16(message.data() + at) & 0x3fffU;
      const bool is_within = target >= run && target <= at;
      if (is_within || ++pointers > kPointersMax) {
        return faulty(DnsNameFault::pointer_loop, written);
      }
      if (end == 0) end = at + 2;
      run = at = target;
      continue;
    }
    if (length > kLabelBytesMax || message.size() - at <= length) {
      return faulty(DnsNameFault::malformed, written);
    }
    // Its length byte, and behind it that of the root.
    if (written + length + 2 > kDnsNameBytesMax) return faulty(DnsNameFault::too_long, written);
    copy_label(message, at + 1, length, text.data() + written);
    written += length + 1;
    text[written - 1] = '.';
    at += length + 1;
  }
  const std::size_t behind = end == 0 ? at + 1 : end;
  return {static_cast<std::uint32_t>(behind), static_cast<std::uint16_t>(written - (written > 0)),
          DnsNameFault::none};
}

DnsName skip_dns_name(ByteSpan message, std::size_t at) noexcept {
  std::size_t wire_bytes = 1;
  while (at < message.size()) {
    const std::size_t length = message[at];
    if (length == 0) return {static_cast<std::uint32_t>(at + 1), 0, DnsNameFault::none};
    if (length >= kPointer) {
      if (message.size() - at < 2) break;
      return {static_cast<std::uint32_t>(at + 2), 0, DnsNameFault::none};
    }
    if (length > kLabelBytesMax) break;
    wire_bytes += length + 1;
    if (wire_bytes > kDnsNameBytesMax) return {0, 0, DnsNameFault::too_long};
    at += length + 1;
  }
  return {0, 0, DnsNameFault::malformed};
}

}  // namespace sluice
