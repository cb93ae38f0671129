#include "dataplane/inspect/inflate_codes.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr unsigned kBitsMax = 15;
constexpr InflateEntry kBad = kInflateSpecial;

/// What a symbol becomes, but for the bits of its code.
template <std::size_t kCount>
using Symbols = std::array<InflateEntry, kCount>;

constexpr InflateEntry with_value(unsigned value, unsigned extra_bits) noexcept {
  return value << 16 | extra_bits;
}

// Four lengths share a number of extra bits, two distances; the last length is one of its own.
constexpr Symbols<kLengthCodes> make_length_symbols() noexcept {
  Symbols<kLengthCodes> out{};
  for (unsigned i = 0; i < 256; ++i) out[i] = with_value(i, 0) | kInflateLiteral;
  out[256] = kInflateSpecial | kInflateEnd;
  unsigned length = 3;
  for (unsigned i = 257; i < 285; ++i) {
    const unsigned extra = i < 265 ? 0 : (i - 261) / 4;
    out[i] = with_value(length, extra);
    length += 1U << extra;
  }
  out[285] = with_value(258, 0);
  out[286] = out[287] = kBad;
  return out;
}

constexpr Symbols<kDistanceCodes> make_distance_symbols() noexcept {
  Symbols<kDistanceCodes> out{};
  unsigned distance = 1;
  for (unsigned i = 0; i < 30; ++i) {
    const unsigned extra = i < 4 ? 0 : (i - 2) / 2;
    out[i] = with_value(distance, extra);
    distance += 1U << extra;
  }
  out[30] = out[31] = kBad;
  return out;
}

constexpr Symbols<kOrderCodes> make_order_symbols() noexcept {
  Symbols<kOrderCodes> out{};
  for (unsigned i = 0; i < kOrderCodes; ++i) out[i] = with_value(i, 0);
  return out;
}

constexpr Symbols<kLengthCodes> kLengthSymbols = make_length_symbols();
constexpr Symbols<kDistanceCodes> kDistanceSymbols = make_distance_symbols();
constexpr Symbols<kOrderCodes> kOrderSymbols = make_order_symbols();

/// The next code of so many bits; deflate sends codes from their first bit on, so what counts is
/// the number that they are when read backwards.
constexpr unsigned next_code(unsigned code, unsigned bits) noexcept {
  unsigned bit = 1U << (bits - 1);
  while ((code & bit) != 0) bit >>= 1;
  return bit == 0 ? 0 : (code & (bit - 1)) | bit;
}

class Builder {
 public:
  constexpr Builder(std::span<const std::uint8_t> bits, std::span<const InflateEntry> symbols,
                    std::span<InflateEntry> table, unsigned root) noexcept
      : symbols_(symbols), table_(table), root_(root) {
    for (const std::uint8_t length : bits) ++counts_[length];
    counts_[0] = 0;
    sort(bits);
  }
  [[nodiscard]] constexpr bool build(bool may_be_single) noexcept;
  constexpr void fill_with_bad() noexcept { fill(kBad); }

 private:
  constexpr void sort(std::span<const std::uint8_t> bits) noexcept;
  [[nodiscard]] constexpr InflateEntry next_entry(unsigned bits) noexcept {
    return symbols_[sorted_[at_++]] + (bits << 8) + bits;
  }
  constexpr void fill(InflateEntry entry) noexcept {
    std::fill_n(table_.begin(), std::size_t{1} << root_, entry + (1U << 8) + 1);
  }
  constexpr void build_root() noexcept;
  [[nodiscard]] constexpr bool build_links() noexcept;
  [[nodiscard]] constexpr unsigned bits_behind(unsigned bits, unsigned left) const noexcept;

  std::span<const InflateEntry> symbols_;
  std::span<InflateEntry> table_;
  unsigned root_;
  std::array<std::uint16_t, kBitsMax + 1> counts_{};
  std::array<std::uint16_t, kLengthCodes> sorted_;  ///< symbols by the number of bits
  std::size_t at_ = 0;
  unsigned code_ = 0;
};

constexpr void Builder::sort(std::span<const std::uint8_t> bits) noexcept {
  std::array<std::uint16_t, kBitsMax + 1> places{};
  for (unsigned i = 1; i < kBitsMax; ++i) {
    places[i + 1] = static_cast<std::uint16_t>(places[i] + counts_[i]);
  }
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] != 0) sorted_[places[bits[i]]++] = static_cast<std::uint16_t>(i);
  }
}

constexpr bool Builder::build(bool may_be_single) noexcept {
  int left = 1;
  unsigned symbols = 0;
  for (unsigned bits = 1; bits <= kBitsMax; ++bits) {
    left = left * 2 - counts_[bits];
    if (left < 0) return false;
    symbols += counts_[bits];
  }
  if (left > 0) {
    if (!may_be_single || symbols != 1 || counts_[1] != 1) return false;
    fill_with_bad();
    const InflateEntry entry = next_entry(1);
    for (std::size_t i = 0; i < std::size_t{1} << root_; i += 2) table_[i] = entry;
    return true;
  }
  build_root();
  return build_links();
}

// What is there of the table repeats itself behind it whenever codes grow by a bit.
constexpr void Builder::build_root() noexcept {
  table_[0] = kBad;
  std::size_t size = 1;
  for (unsigned bits = 1; bits <= root_; ++bits) {
    std::copy_n(table_.begin(), size, table_.begin() + static_cast<std::ptrdiff_t>(size));
    size *= 2;
    for (unsigned i = counts_[bits]; i > 0; --i) {
      table_[code_] = next_entry(bits);
      code_ = next_code(code_, bits);
    }
  }
}

// Codes that begin with the same bits follow each other and share a table.
constexpr bool Builder::build_links() noexcept {
  const unsigned mask = (1U << root_) - 1;
  std::size_t end = std::size_t{1} << root_;
  std::size_t begin = end;
  unsigned behind = 0;
  unsigned prefix = ~0U;
  for (unsigned bits = root_ + 1; bits <= kBitsMax; ++bits) {
    for (unsigned left = counts_[bits]; left > 0; --left) {
      if ((code_ & mask) != prefix) {
        prefix = code_ & mask;
        behind = bits_behind(bits, left);
        begin = end;
        end += std::size_t{1} << behind;
        if (end > table_.size()) return false;
        table_[prefix] = kInflateSpecial | kInflateLink | static_cast<InflateEntry>(begin << 16) |
                         behind << 8 | root_;
      }
      const InflateEntry entry = next_entry(bits);
      for (std::size_t i = begin + (code_ >> root_); i < end;
           i += std::size_t{1} << (bits - root_)) {
        table_[i] = entry;
      }
      code_ = next_code(code_, bits);
    }
  }
  return true;
}

/// How many bits the table has that begins with the next code, of which `left` have `bits` bits:
/// so many that the codes to come fill it.
constexpr unsigned Builder::bits_behind(unsigned bits, unsigned left) const noexcept {
  unsigned used = left;
  while (used < 1U << (bits - root_) && bits < kBitsMax) {
    ++bits;
    used = used * 2 + counts_[bits];
  }
  return bits - root_;
}

constexpr InflateTables make_fixed_tables() noexcept {
  InflateTables tables{};
  std::array<std::uint8_t, kLengthCodes> bits{};
  for (unsigned i = 0; i < kLengthCodes; ++i) {
    bits[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  }
  static_cast<void>(Builder(bits, kLengthSymbols, tables.lengths, kLengthRoot).build(false));
  std::array<std::uint8_t, kDistanceCodes> distance_bits{};
  distance_bits.fill(5);
  static_cast<void>(
      Builder(distance_bits, kDistanceSymbols, tables.distances, kDistanceRoot).build(false));
  return tables;
}
constexpr InflateTables kFixedTables = make_fixed_tables();

}  // namespace

bool build_lengths(std::span<const std::uint8_t> bits, InflateTables& tables) noexcept {
  return Builder(bits, kLengthSymbols, tables.lengths, kLengthRoot).build(true);
}

bool build_distances(std::span<const std::uint8_t> bits, InflateTables& tables) noexcept {
  Builder builder(bits, kDistanceSymbols, tables.distances, kDistanceRoot);
  if (std::all_of(bits.begin(), bits.end(), [](std::uint8_t length) { return length == 0; })) {
    builder.fill_with_bad();
    return true;
  }
  return builder.build(true);
}

// Without any code zlib reads a length of none from each bit, so that the block lacks its end.
bool build_order(std::span<const std::uint8_t> bits, InflateTables& tables) noexcept {
  Builder builder(bits, kOrderSymbols, tables.distances, kOrderRoot);
  if (std::all_of(bits.begin(), bits.end(), [](std::uint8_t length) { return length == 0; })) {
    std::fill_n(tables.distances.begin(), std::size_t{1} << kOrderRoot, (1U << 8) + 1);
    return true;
  }
  return builder.build(false);
}

const InflateTables& fixed_tables() noexcept { return kFixedTables; }

}  // namespace sluice
