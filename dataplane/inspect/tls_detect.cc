#include "dataplane/inspect/tls_detect.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

constexpr std::size_t kBytesMax = 512;

/// Of a byte of the beginning: what may stand there. Bytes of any value have the whole range.
struct Allowed {
  std::uint8_t from;
  std::uint8_t to;
};

/// As far as they go the bytes are as they may be.
template <std::size_t kSize>
Likeness begins_as(const std::array<Allowed, kSize>& beginning, ByteSpan bytes) noexcept {
  const std::size_t count = std::min(kSize, bytes.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes[i] < beginning[i].from || bytes[i] > beginning[i].to) return Likeness::no;
  }
  return count == kSize ? Likeness::yes : Likeness::need_more;
}

/// Record: type, any version 3, length up to 18,431; then the type of a message. The rest of the
/// message may be in further records.
constexpr std::array<Allowed, 6> kHello{{{22, 22}, {3, 3}, {0, 255}, {0, 0x47}, {0, 255}, {1, 2}}};
/// A record of two bytes, the level and what is the matter.
constexpr std::array<Allowed, 7> kAlert{
    {{21, 21}, {3, 3}, {0, 255}, {0, 0}, {2, 2}, {1, 2}, {0, 255}}};
/// Length, ClientHello, version, the length of the ciphers.
constexpr std::array<Allowed, 6> kOldHello{
    {{0x80, 0x8f}, {9, 255}, {1, 1}, {3, 3}, {0, 4}, {0, 15}}};

Likeness best_of(Likeness a, Likeness b) noexcept {
  if (a == Likeness::yes || b == Likeness::yes) return Likeness::yes;
  return a == Likeness::need_more || b == Likeness::need_more ? Likeness::need_more : Likeness::no;
}

/// Servers pass over records with nothing in them.
ByteSpan without_empty_records(ByteSpan bytes) noexcept {
  while (bytes.size() >= 5 && bytes[0] == 22 && bytes[1] == 3 && bytes[3] == 0 && bytes[4] == 0) {
    bytes = bytes.subspan(5);
  }
  return bytes;
}

}  // namespace

Likeness looks_like_tls(ByteSpan bytes) noexcept {
  const bool is_full = bytes.size() >= kBytesMax;
  bytes = without_empty_records(bytes);
  const Likeness likeness = best_of(begins_as(kHello, bytes),
                                    best_of(begins_as(kAlert, bytes), begins_as(kOldHello, bytes)));
  return is_full && likeness == Likeness::need_more ? Likeness::no : likeness;
}

}  // namespace sluice
