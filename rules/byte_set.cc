#include "rules/byte_set.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/siphash.h"

namespace sluice {
namespace {

// The rules' author chose what is in the set, and at most half of the slots are used: a name that
// was picked to collide costs a few probes. A fixed key keeps compiled rules the same everywhere.
constexpr SipKey kKey{0x736c756963652073, 0x6574206f66206279};

std::size_t slot_of(std::span<const std::uint8_t> bytes, std::size_t slots) noexcept {
  return siphash<1, 3>(kKey, bytes.data(), bytes.size()) & (slots - 1);
}

constexpr std::uint8_t lower(std::uint8_t byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

}  // namespace

ByteSet::ByteSet(std::span<const std::string> entries) {
  std::vector<std::string> sorted(entries.begin(), entries.end());
  std::ranges::sort(sorted);
  const auto repeated = std::ranges::unique(sorted);
  sorted.erase(repeated.begin(), repeated.end());
  for (const std::string& text : sorted) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  build_slots();
}

std::span<const std::uint8_t> ByteSet::entry(std::size_t index) const noexcept {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::span(bytes_).subspan(begin, ends_[index] - begin);
}

void ByteSet::build_slots() {
  slots_.assign(std::bit_ceil(ends_.size() * 2 + 1), 0);
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    std::size_t slot = slot_of(entry(i), slots_.size());
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

bool ByteSet::contains(std::span<const std::uint8_t> bytes) const noexcept {
  if (slots_.empty() || bytes.empty() || bytes.size() > kSetEntryBytesMax) return false;
  std::size_t slot = slot_of(bytes, slots_.size());
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (std::ranges::equal(entry(slots_[slot] - 1), bytes)) return true;
  }
  return false;
}

bool ByteSet::contains_domain_of(std::span<const std::uint8_t> name) const noexcept {
  std::array<std::uint8_t, kSetEntryBytesMax> folded;
  if (name.size() > folded.size()) return false;
  std::ranges::transform(name, folded.begin(), lower);
  auto rest = std::span<const std::uint8_t>(folded).first(name.size());
  while (!rest.empty()) {
    if (contains(rest)) return true;
    const auto dot = std::ranges::find(rest, std::uint8_t{'.'});
    if (dot == rest.end()) return false;
    rest = rest.subspan(static_cast<std::size_t>(dot - rest.begin()) + 1);
  }
  return false;
}

bool ByteSet::has_sound_ends() const noexcept {
  std::size_t begin = 0;
  for (const std::uint32_t end : ends_) {
    if (end <= begin || end - begin > kSetEntryBytesMax) return false;
    begin = end;
  }
  return begin == bytes_.size();
}

void code(PlainWriter& writer, ByteSet& set) {
  writer.sequence(set.ends_, kSetEntriesMax, [](std::uint32_t) {});
  writer.raw(set.ends_.data(), set.ends_.size() * sizeof set.ends_[0]);
  writer.sequence(set.bytes_, 0, [](std::uint8_t) {});
  writer.raw(set.bytes_.data(), set.bytes_.size());
}

void code(PlainReader& reader, ByteSet& set) {
  reader.sequence(set.ends_, kSetEntriesMax, [](std::uint32_t) {});
  reader.raw(set.ends_.data(), set.ends_.size() * sizeof set.ends_[0]);
  reader.sequence(set.bytes_, kSetEntriesMax * kSetEntryBytesMax, [](std::uint8_t) {});
  reader.raw(set.bytes_.data(), set.bytes_.size());
  if (reader.check(reader.is_good() && set.has_sound_ends())) set.build_slots();
}

}  // namespace sluice
