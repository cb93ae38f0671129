#include "dataplane/inspect/inflate.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/zlib_oracle.h"

namespace sluice {
namespace {

using test::by_inflate;
using test::by_zlib;
using test::deflated;
using test::Inflated;
using test::StreamEnd;

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Words of few letters, runs, and bytes of any kind.
std::string text_of(std::mt19937& random, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    switch (random() % 4) {
      case 0:
        out.append(1 + random() % 300, static_cast<char>('a' + random() % 3));
        break;
      case 1:
        for (int i = 0; i < 20; ++i) out += static_cast<char>(random());
        break;
      default:
        out += out.substr(out.size() - std::min<std::size_t>(out.size(), random() % 40'000), 50);
        for (int i = 0; i < 6; ++i) out += static_cast<char>('a' + random() % 26);
    }
  }
  return out;
}

/// Writes bits as deflate does: numbers from their lowest bit on.
class BitWriter {
 public:
  BitWriter& add(unsigned value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i, ++at_) {
      if (at_ % 8 == 0) bytes.push_back(0);
      bytes.back() = static_cast<std::uint8_t>(bytes.back() | (value >> i & 1) << (at_ % 8));
    }
    return *this;
  }
  std::vector<std::uint8_t> bytes;

 private:
  std::size_t at_ = 0;
};

/// The head of a last block whose code lengths are sent one by one, each in 4 bits: `lengths` are
/// of 257 literals and lengths and of one distance.
BitWriter block_with(std::span<const std::uint8_t> lengths, unsigned length_codes = 257,
                     unsigned distance_codes = 1) {
  BitWriter out;
  out.add(1, 1).add(2, 2).add(length_codes - 257, 5).add(distance_codes - 1, 5).add(15, 4);
  constexpr std::array<unsigned, 19> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
  for (const unsigned symbol : kOrder) out.add(symbol < 16 ? 4 : 0, 3);
  for (const std::uint8_t length : lengths) {
    unsigned turned = 0;
    for (unsigned i = 0; i < 4; ++i) turned |= (length >> i & 1U) << (3 - i);
    out.add(turned, 4);
  }
  return out;
}

std::vector<std::uint8_t> lengths_with(std::initializer_list<std::pair<unsigned, unsigned>> codes,
                                       std::uint8_t distance) {
  std::vector<std::uint8_t> out(258);
  for (const auto& [symbol, bits] : codes) out[symbol] = static_cast<std::uint8_t>(bits);
  out[257] = distance;
  return out;
}

TEST(Inflate, UndoesEveryLevelAndStrategyHoweverItIsCut) {
  std::mt19937 random(1);
  const std::string text = text_of(random, 120'000);
  for (int level = 0; level <= 9; ++level) {
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
      const auto bytes =
          bytes_of(deflated(text, test::kRawDeflate, {level, strategy, std::max(level, 1)}));
      for (const std::size_t push : {std::size_t{1448}, bytes.size()}) {
        const Inflated made = by_inflate(bytes, push, 8192);
        ASSERT_EQ(made.end, StreamEnd::ended) << level << ' ' << strategy << ' ' << push;
        ASSERT_EQ(made.made, text) << level << ' ' << strategy << ' ' << push;
      }
    }
  }
}

TEST(Inflate, CutAtEveryByteAndAfterEveryByteItMakesTheSame) {
  std::mt19937 random(2);
  const std::string text = text_of(random, 3'000);
  for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY}) {
    const std::string stream = deflated(text, test::kRawDeflate, {6, strategy, 1});
    // As inflate_fuzz takes it: bytes a push, bytes a piece, kind of frame.
    test::keep_seed("inflate_fuzz", std::string{'\x8b', '\x80', '\0'} + stream);
    const auto bytes = bytes_of(stream + "behind");
    for (std::size_t push = 1; push <= 40; ++push) {
      const Inflated made = by_inflate(bytes, push, push % 7 == 0 ? 1 : 8192);
      ASSERT_EQ(made.made, text) << push;
      ASSERT_EQ(made.left, 6U) << push;
    }
  }
}

TEST(Inflate, DamagedAndTruncatedStreamsEndAsWithZlib) {
  std::mt19937 random(3);
  const std::string text = text_of(random, 4'000);
  unsigned bad = 0;
  for (unsigned i = 0; i < 3'000; ++i) {
    auto bytes = bytes_of(deflated(text, test::kRawDeflate,
                                   {static_cast<int>(random() % 10), Z_DEFAULT_STRATEGY, 1}));
    const std::size_t reach = i % 2 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 90);
    bytes[random() % reach] ^= static_cast<std::uint8_t>(1U << random() % 8);
    if (i % 3 == 0) bytes.resize(1 + random() % bytes.size());
    const Inflated expected = by_zlib(bytes, test::kRawDeflate);
    ASSERT_EQ(by_inflate(bytes, 1 + random() % 200, 1 + random() % 8192), expected) << i;
    bad += expected.end == StreamEnd::bad ? 1 : 0;
  }
  EXPECT_GT(bad, 300U);
}

TEST(Inflate, RefusesWhatNoBlockIs) {
  EXPECT_EQ(by_inflate(BitWriter().add(7, 3).bytes, 10, 100).end, StreamEnd::bad);
  const auto stored = BitWriter().add(1, 8).add(5, 16).add(5, 16).bytes;
  EXPECT_EQ(by_inflate(stored, 10, 100).end, StreamEnd::bad);
  const auto lengths = BitWriter().add(1, 1).add(2, 2).add(30, 5).add(0, 9).bytes;
  EXPECT_EQ(by_inflate(lengths, 10, 100).end, StreamEnd::bad);
  const auto distances = BitWriter().add(1, 1).add(2, 2).add(0, 5).add(30, 5).add(0, 4).bytes;
  EXPECT_EQ(by_inflate(distances, 10, 100).end, StreamEnd::bad);
}

TEST(Inflate, CodesThatSayTooMuchOrTooLittleAreBad) {
  const auto end_of = [](const std::vector<std::uint8_t>& lengths) {
    const auto bytes = block_with(lengths).bytes;
    const Inflated made = by_inflate(bytes, 3, 100);
    EXPECT_EQ(made, by_zlib(bytes, test::kRawDeflate));
    return made.end;
  };
  EXPECT_EQ(end_of(lengths_with({{'a', 1}, {'b', 1}, {256, 1}}, 1)), StreamEnd::bad);  // too much
  EXPECT_EQ(end_of(lengths_with({{'a', 2}, {256, 2}}, 1)), StreamEnd::bad);            // too little
  EXPECT_EQ(end_of(lengths_with({{'a', 1}, {'b', 1}}, 1)), StreamEnd::bad);            // no end
  EXPECT_EQ(end_of(lengths_with({{'a', 1}, {256, 1}}, 2)), StreamEnd::bad);  // half a distance
  EXPECT_EQ(end_of(lengths_with({{'a', 1}, {256, 1}}, 1)), StreamEnd::open);
  EXPECT_EQ(end_of(lengths_with({{'a', 1}, {256, 1}}, 0)), StreamEnd::open);
  EXPECT_EQ(end_of(lengths_with({{256, 1}}, 0)), StreamEnd::ended);  // the byte's other bits
}

TEST(Inflate, DistancesThatNoCodeHasOrNobodyMadeAreBad) {
  // Codes as they are sent, first bit first: a 0, end 1 0, a length of three 1 1; of distances 0 is
  // one byte, if there is one at all.
  const auto made_of = [](std::initializer_list<unsigned> bits, std::uint8_t distance) {
    std::vector<std::uint8_t> lengths(259);
    lengths['a'] = 1;
    lengths[256] = lengths[257] = 2;
    lengths[258] = distance;
    BitWriter out = block_with(lengths, 258);
    for (const unsigned bit : bits) out.add(bit, 1);
    const Inflated made = by_inflate(out.bytes, 1'000, 100);
    EXPECT_EQ(made, by_zlib(out.bytes, test::kRawDeflate));
    return made;
  };
  EXPECT_EQ(made_of({0, 1, 1, 0, 1, 0}, 1), (Inflated{"aaaa", StreamEnd::ended, 0}));
  EXPECT_EQ(made_of({0, 1, 1, 1, 1, 0}, 1), (Inflated{"a", StreamEnd::bad, 0}));
  EXPECT_EQ(made_of({0, 1, 1, 0, 1, 0}, 0), (Inflated{"a", StreamEnd::bad, 0}));
  EXPECT_EQ(made_of({1, 1, 0, 1, 0}, 1), (Inflated{"", StreamEnd::bad, 0}));
}

TEST(Inflate, NothingInFrontOfTheStreamIsReached) {
  std::vector<std::uint8_t> room(64 + Inflate::kOverrun, 'x');
  Inflate inflate;
  for (const std::size_t behind : {std::size_t{0}, std::size_t{32}}) {
    // A match 4 bytes back, behind nothing or behind 32 bytes of the stream.
    const auto match = BitWriter().add(1, 1).add(1, 2).add(0x40, 7).add(0x18, 5).bytes;
    inflate.begin();
    const auto piece = inflate.next(match, {room.data() + 32, behind, 16});
    EXPECT_EQ(piece.state == Inflate::State::bad, behind == 0) << behind;
  }
}

TEST(Inflate, BeginsAnewAfterAnyEnd) {
  Inflate inflate;
  std::vector<std::uint8_t> room(4'096 + Inflate::kOverrun);
  const auto good =
      bytes_of(deflated("good morning", test::kRawDeflate, {6, Z_DEFAULT_STRATEGY, 8}));
  for (const std::vector<std::uint8_t>& first : {std::vector<std::uint8_t>{7}, good, {5}}) {
    inflate.begin();
    static_cast<void>(inflate.next(first, {room.data(), 0, 4'096}));
    inflate.begin();
    const auto piece = inflate.next(good, {room.data(), 0, 4'096});
    EXPECT_EQ(piece.state, Inflate::State::ended);
    EXPECT_EQ(std::string(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(piece.made)),
              "good morning");
  }
}

TEST(Inflate, LongestCodesAreReadByTheSecondTable) {
  // As Fibonacci's numbers grow, so do the codes: up to 15 bits.
  std::string text;
  for (unsigned i = 0, few = 1, many = 1; i < 20; ++i) {
    text.append(few, static_cast<char>('A' + i));
    many += std::exchange(few, many);
  }
  std::shuffle(text.begin(), text.end(), std::mt19937(4));
  const auto bytes = bytes_of(deflated(text, test::kRawDeflate, {9, Z_HUFFMAN_ONLY, 9}));
  EXPECT_EQ(by_inflate(bytes, bytes.size(), 8192).made, text);
  EXPECT_EQ(by_inflate(bytes, 5, 8192).made, text);
}

/// Bits of a complete code of so many symbols: one code is split in two until there are enough.
std::vector<std::uint8_t> complete_code(std::mt19937& random, std::size_t symbols) {
  std::vector<std::uint8_t> bits{1, 1};
  const unsigned reach = 1 + random() % 4;
  while (bits.size() < symbols) {
    const std::size_t at = bits.size() - 1 - random() % std::min<std::size_t>(reach, bits.size());
    std::swap(bits[at], bits.back());
    if (bits.back() == 15) std::swap(*std::min_element(bits.begin(), bits.end()), bits.back());
    bits.push_back(++bits.back());
  }
  std::shuffle(bits.begin(), bits.end(), random);
  return bits;
}

TEST(InflateCodes, AnyCompleteCodeFitsTheTables) {
  std::mt19937 random(5);
  InflateTables tables;
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(build_lengths(complete_code(random, 286), tables)) << i;
    ASSERT_TRUE(build_distances(complete_code(random, 30), tables)) << i;
  }
}

}  // namespace
}  // namespace sluice
