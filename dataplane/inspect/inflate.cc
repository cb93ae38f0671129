#include "dataplane/inspect/inflate.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kBlockBytes = 16;  // of a copy
constexpr std::ptrdiff_t kFastBytes = 16;
constexpr std::size_t kLine = 64;
/// Other flows had their turn since the last bytes: where so many come, what they will need is
/// asked for in one go, the tables and the nearest of what matches reach.
constexpr std::size_t kBytesToAskFor = 256;
constexpr std::size_t kReachToAskFor = 8192;

static_assert(std::endian::native == std::endian::little);

[[nodiscard]] std::uint64_t load(const std::uint8_t* from) noexcept {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void ask_for(const void* first, std::size_t bytes) noexcept {
  const auto* at = static_cast<const std::uint8_t*>(first);
  for (std::size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(at + i);
}

void copy_block(std::uint8_t* to, const std::uint8_t* from) noexcept {
  std::array<std::uint8_t, kBlockBytes> block;
  std::memcpy(block.data(), from, kBlockBytes);
  std::memcpy(to, block.data(), kBlockBytes);
}

[[nodiscard]] constexpr std::uint64_t low(std::uint64_t bits, unsigned count) noexcept {
  return bits & ((std::uint64_t{1} << count) - 1);
}

/// Base and extra bits, which stand behind the code.
[[nodiscard]] unsigned number_of(InflateEntry entry, std::uint64_t bits) noexcept {
  return value_of(entry) + static_cast<unsigned>(low(bits, taken_bits(entry)) >> code_bits(entry));
}

[[nodiscard]] InflateEntry look_up(std::span<const InflateEntry> table, unsigned root,
                                   std::uint64_t bits) noexcept {
  const InflateEntry entry = table[low(bits, root)];
  if ((entry & kInflateLink) == 0) [[likely]]
    return entry;
  return table[value_of(entry) + low(bits >> root, code_bits(entry))];
}

/// Writes up to two blocks beyond the match. Nearer matches than a block repeat what they write:
/// each copy doubles what there is of it.
std::uint8_t* copy_match(std::uint8_t* out, std::size_t distance, std::size_t length) noexcept {
  std::uint8_t* const end = out + length;
  const std::uint8_t* from = out - distance;
  while (distance < kBlockBytes) {
    copy_block(out, from);
    if (length <= distance) return end;
    length -= distance;
    out += distance;
    distance *= 2;
  }
  copy_block(out, from);
  copy_block(out + kBlockBytes, from + kBlockBytes);
  for (std::size_t at = 2 * kBlockBytes; at < length; at += kBlockBytes) {
    copy_block(out + at, from + at);
  }
  return end;
}

/// Those at hand, kept in registers. What is loaded above `count` comes again with the next refill.
struct Bits {
  const std::uint8_t* in;
  std::uint64_t bits;
  unsigned count;

  /// Then there are 56 at least.
  void refill() noexcept {
    bits |= load(in) << count;
    in += (63 - count) >> 3;
    count |= 56;
  }
  void drop(unsigned taken) noexcept {
    bits >>= taken;
    count -= taken;
  }
};
/// So many literals leave enough bits for a look-up, one less for a length: 56 - 2 * 11 >= 20.
constexpr unsigned kLiteralsMax = 3;

}  // namespace

struct Inflate::Run {
  const std::uint8_t* begin;
  const std::uint8_t* in;
  const std::uint8_t* end;
  std::uint8_t* out;
  std::uint8_t* stop;   ///< full from there on
  std::uint8_t* floor;  ///< no match reaches further back
};

void Inflate::begin() noexcept {
  bits_ = 0;
  count_ = 0;
  mode_ = Mode::block;
  is_last_ = false;
}

Inflate::Piece Inflate::next(std::span<const std::uint8_t> bytes, const Room& room) noexcept {
  Run run{bytes.data(), bytes.data(),           bytes.data() + bytes.size(),
          room.begin,   room.begin + room.most, room.begin - room.behind};
  if (bytes.size() >= kBytesToAskFor && mode_ == Mode::symbols) {
    if (!is_fixed_) {
      ask_for(&tables_.lengths, sizeof(InflateEntry) << kLengthRoot);
      ask_for(&tables_.distances, sizeof(InflateEntry) << kDistanceRoot);
    }
    const std::size_t behind = std::min(room.behind, kReachToAskFor);
    ask_for(room.begin - behind, behind);
  }
  Turn turn = Turn::go_on;
  while (turn == Turn::go_on) turn = take_turn(run);
  if (turn != Turn::wants_bytes) give_back(run);
  const State state = turn == Turn::ended ? State::ended
                      : turn == Turn::bad ? State::bad
                                          : State::more;
  return {static_cast<std::size_t>(run.in - run.begin),
          static_cast<std::size_t>(run.out - room.begin), state, turn == Turn::full};
}

Inflate::Turn Inflate::take_turn(Run& run) noexcept {
  switch (mode_) {
    case Mode::block:
      return begin_block(run);
    case Mode::stored_size:
      return read_stored_size(run);
    case Mode::stored:
      return copy_stored(run);
    case Mode::counts:
      return read_counts(run);
    case Mode::order:
      return read_order(run);
    case Mode::lengths:
      return read_lengths(run);
    case Mode::symbols:
      return read_symbols(run);
  }
  return Turn::bad;
}

// --- bits ---------------------------------------------------------------------------------------

void Inflate::top_up(Run& run) noexcept {
  while (count_ <= 56 && run.in < run.end) {
    bits_ |= std::uint64_t{*run.in++} << count_;
    count_ += 8;
  }
}

bool Inflate::has(Run& run, unsigned bits) noexcept {
  if (count_ < bits) top_up(run);
  return count_ >= bits;
}

std::uint64_t Inflate::take(unsigned bits) noexcept {
  const std::uint64_t taken = low(bits_, bits);
  bits_ >>= bits;
  count_ -= bits;
  return taken;
}

// Whole bytes only. They are of this run: what was at hand before it was no whole symbol.
void Inflate::give_back(Run& run) noexcept {
  const std::ptrdiff_t bytes = std::min<std::ptrdiff_t>(count_ / 8, run.in - run.begin);
  run.in -= bytes;
  count_ -= static_cast<unsigned>(bytes) * 8;
  bits_ = low(bits_, count_);
}

// --- blocks -------------------------------------------------------------------------------------

Inflate::Turn Inflate::begin_block(Run& run) noexcept {
  if (!has(run, 3)) return Turn::wants_bytes;
  is_last_ = take(1) != 0;
  const std::uint64_t kind = take(2);
  is_fixed_ = kind == 1;
  if (kind == 3) return Turn::bad;
  mode_ = kind == 0 ? Mode::stored_size : is_fixed_ ? Mode::symbols : Mode::counts;
  if (kind == 0) static_cast<void>(take(count_ % 8));
  return Turn::go_on;
}

Inflate::Turn Inflate::end_block() noexcept {
  mode_ = Mode::block;
  return is_last_ ? Turn::ended : Turn::go_on;
}

Inflate::Turn Inflate::read_stored_size(Run& run) noexcept {
  if (!has(run, 32)) return Turn::wants_bytes;
  const std::uint64_t size = take(16);
  if ((size ^ 0xffff) != take(16)) return Turn::bad;
  give_back(run);
  stored_left_ = static_cast<std::uint16_t>(size);
  mode_ = Mode::stored;
  return Turn::go_on;
}

Inflate::Turn Inflate::copy_stored(Run& run) noexcept {
  if (stored_left_ == 0) return end_block();
  if (run.in == run.end) return Turn::wants_bytes;
  if (run.out >= run.stop) return Turn::full;
  const std::ptrdiff_t count =
      std::min({std::ptrdiff_t{stored_left_}, run.end - run.in, run.stop - run.out});
  std::memcpy(run.out, run.in, static_cast<std::size_t>(count));
  run.in += count;
  run.out += count;
  stored_left_ = static_cast<std::uint16_t>(stored_left_ - count);
  return Turn::go_on;
}

Inflate::Turn Inflate::read_counts(Run& run) noexcept {
  if (!has(run, 14)) return Turn::wants_bytes;
  length_codes_ = static_cast<std::uint16_t>(take(5) + 257);
  distance_codes_ = static_cast<std::uint8_t>(take(5) + 1);
  order_codes_ = static_cast<std::uint8_t>(take(4) + 4);
  if (length_codes_ > 286 || distance_codes_ > 30) return Turn::bad;
  have_ = 0;
  std::fill_n(lengths_.begin(), kOrderCodes, std::uint8_t{0});
  mode_ = Mode::order;
  return Turn::go_on;
}

Inflate::Turn Inflate::read_order(Run& run) noexcept {
  static constexpr std::array<std::uint8_t, kOrderCodes> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
  for (; have_ < order_codes_; ++have_) {
    if (!has(run, 3)) return Turn::wants_bytes;
    lengths_[kOrder[have_]] = static_cast<std::uint8_t>(take(3));
  }
  if (!build_order(std::span(lengths_).first(kOrderCodes), tables_)) return Turn::bad;
  have_ = 0;
  mode_ = Mode::lengths;
  return Turn::go_on;
}

// Lengths of literals and lengths, then of distances, in one row; a run may go from the ones into
// the others.
Inflate::Turn Inflate::read_lengths(Run& run) noexcept {
  const unsigned all = length_codes_ + distance_codes_;
  while (have_ < all) {
    top_up(run);
    const InflateEntry entry = tables_.distances[low(bits_, kOrderRoot)];
    const unsigned symbol = value_of(entry);
    const unsigned code = code_bits(entry);
    const unsigned extra = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    if (code + extra > count_) return Turn::wants_bytes;
    static_cast<void>(take(code));
    if (symbol < 16) {
      lengths_[have_++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && have_ == 0) return Turn::bad;
    const std::uint8_t repeated = symbol == 16 ? lengths_[have_ - 1U] : std::uint8_t{0};
    const unsigned times = static_cast<unsigned>(take(extra)) + (symbol == 18 ? 11 : 3);
    if (have_ + times > all) return Turn::bad;
    std::fill_n(lengths_.begin() + have_, times, repeated);
    have_ = static_cast<std::uint16_t>(have_ + times);
  }
  return build_tables();
}

Inflate::Turn Inflate::build_tables() noexcept {
  constexpr std::size_t kEnd = 256;
  ++heads_;
  const std::span<const std::uint8_t> lengths = std::span(lengths_).first(length_codes_);
  const auto distances = std::span(lengths_).subspan(length_codes_, distance_codes_);
  if (lengths[kEnd] == 0 || !build_lengths(lengths, tables_)) return Turn::bad;
  if (!build_distances(distances, tables_)) return Turn::bad;
  mode_ = Mode::symbols;
  return Turn::go_on;
}

// --- symbols ------------------------------------------------------------------------------------

Inflate::Turn Inflate::read_symbols(Run& run) noexcept {
  if (run.end - run.in >= kFastBytes && run.out < run.stop) {
    const Turn turn = read_fast(run);
    if (turn != Turn::go_on || mode_ != Mode::symbols) return turn;
  }
  return run.out >= run.stop ? Turn::full : read_symbol(run);
}

// Nothing is taken before the whole symbol is there; but what is bad is so at once.
Inflate::Turn Inflate::read_symbol(Run& run) noexcept {
  const InflateTables& tables = is_fixed_ ? fixed_tables() : tables_;
  top_up(run);
  const InflateEntry entry = look_up(tables.lengths, kLengthRoot, bits_);
  if (code_bits(entry) > count_) return Turn::wants_bytes;
  if ((entry & kInflateLiteral) != 0) {
    *run.out++ = static_cast<std::uint8_t>(value_of(entry));
    static_cast<void>(take(code_bits(entry)));
    return Turn::go_on;
  }
  if ((entry & kInflateSpecial) != 0) {
    if ((entry & kInflateEnd) == 0) return Turn::bad;
    static_cast<void>(take(code_bits(entry)));
    return end_block();
  }
  const unsigned taken = taken_bits(entry);
  if (taken > count_) return Turn::wants_bytes;
  const std::uint64_t behind = bits_ >> taken;
  const InflateEntry far = look_up(tables.distances, kDistanceRoot, behind);
  if (taken + code_bits(far) > count_) return Turn::wants_bytes;
  if ((far & kInflateSpecial) != 0) return Turn::bad;
  if (taken + taken_bits(far) > count_) return Turn::wants_bytes;
  const unsigned distance = number_of(far, behind);
  if (distance > run.out - run.floor) return Turn::bad;
  run.out = copy_match(run.out, distance, number_of(entry, bits_));
  static_cast<void>(take(taken + taken_bits(far)));
  return Turn::go_on;
}

/// Ends with the block, where something is bad, and where either end is near.
Inflate::Turn Inflate::read_fast(Run& run) noexcept {
  const InflateTables& tables = is_fixed_ ? fixed_tables() : tables_;
  const std::uint8_t* const last = run.end - kFastBytes;
  std::uint8_t* out = run.out;
  Bits bits{run.in, bits_, count_};
  Turn turn = Turn::go_on;
  bits.refill();
  InflateEntry entry = tables.lengths[low(bits.bits, kLengthRoot)];
  do {
    bits.refill();
    unsigned literals = 0;
    for (; (entry & kInflateLiteral) != 0 && literals < kLiteralsMax; ++literals) {
      *out++ = static_cast<std::uint8_t>(value_of(entry));
      bits.drop(taken_bits(entry));
      entry = tables.lengths[low(bits.bits, kLengthRoot)];
    }
    if (literals == kLiteralsMax) continue;
    if ((entry & kInflateSpecial) != 0) [[unlikely]] {
      entry = look_up(tables.lengths, kLengthRoot, bits.bits);
      if ((entry & kInflateSpecial) != 0) {
        turn = Turn::bad;
        if ((entry & kInflateEnd) == 0) break;
        bits.drop(taken_bits(entry));
        turn = end_block();
        break;
      }
      if ((entry & kInflateLiteral) != 0) {
        *out++ = static_cast<std::uint8_t>(value_of(entry));
        bits.drop(taken_bits(entry));
        entry = tables.lengths[low(bits.bits, kLengthRoot)];
        continue;
      }
    }
    const unsigned length = number_of(entry, bits.bits);
    bits.drop(taken_bits(entry));
    bits.refill();
    const InflateEntry far = look_up(tables.distances, kDistanceRoot, bits.bits);
    const unsigned distance = number_of(far, bits.bits);
    if ((far & kInflateSpecial) != 0 || distance > out - run.floor) [[unlikely]] {
      turn = Turn::bad;
      break;
    }
    bits.drop(taken_bits(far));
    entry = tables.lengths[low(bits.bits, kLengthRoot)];
    out = copy_match(out, distance, length);
  } while (bits.in <= last && out < run.stop);
  run.in = bits.in;
  run.out = out;
  bits_ = low(bits.bits, bits.count);
  count_ = bits.count;
  return turn;
}

}  // namespace sluice
