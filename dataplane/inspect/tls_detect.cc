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

/// What servers pass over in front of a hello: records with nothing in them, a ChangeCipherSpec of
/// one byte. Bytes of such a record, or 0.
std::size_t passed_over(ByteSpan bytes) noexcept {
  constexpr std::size_t kHeader = 5;
  constexpr std::uint8_t kFirstType = 20, kLastType = 24;
  if (bytes.size() < kHeader || bytes[0] < kFirstType || bytes[0] > kLastType || bytes[1] != 3) {
    return 0;
  }
  const std::size_t length = static_cast<std::size_t>(bytes[3] << 8 | bytes[4]);
  if (length == 0) return kHeader;
  const bool is_change = bytes[0] == kFirstType && length == 1;
  return is_change && bytes.size() > kHeader && bytes[kHeader] == 1 ? kHeader + 1 : 0;
}

/// As far as they go the bytes are those of a record that is passed over.
bool may_be_passed_over(ByteSpan bytes) noexcept {
  constexpr std::array<Allowed, 6> kChange{{{20, 20}, {3, 3}, {0, 255}, {0, 0}, {1, 1}, {1, 1}}};
  constexpr std::array<Allowed, 5> kEmpty{{{20, 24}, {3, 3}, {0, 255}, {0, 0}, {0, 0}}};
  return begins_as(kChange, bytes) == Likeness::need_more ||
         begins_as(kEmpty, bytes) == Likeness::need_more;
}

}  // namespace

Likeness looks_like_tls(ByteSpan bytes) noexcept {
  const bool is_full = bytes.size() >= kBytesMax;
  while (const std::size_t count = passed_over(bytes)) bytes = bytes.subspan(count);
  Likeness likeness = best_of(begins_as(kHello, bytes),
                              best_of(begins_as(kAlert, bytes), begins_as(kOldHello, bytes)));
  if (likeness == Likeness::no && may_be_passed_over(bytes)) likeness = Likeness::need_more;
  return is_full && likeness == Likeness::need_more ? Likeness::no : likeness;
}

}  // namespace sluice
