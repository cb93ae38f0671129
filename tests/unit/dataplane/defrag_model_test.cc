// Random fragmentations against the byte-array model, and against every limit at once.
#include "dataplane/decode/defrag.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fragment_pieces.h"

namespace sluice::test {
namespace {

/// Random fragmentations: most datagrams honest, some with duplicates, changed bytes, shifted
/// pieces or a second end; several at a time; time passing.
class RandomFragments {
 public:
  explicit RandomFragments(std::uint64_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  DatagramSpec datagram() {
    DatagramSpec spec;
    spec.version = below(2) == 0 ? 4 : 6;
    spec.id = below(1000);
    spec.source = static_cast<std::uint8_t>(below(3));
    spec.vlan_tags = static_cast<std::uint8_t>(below(3));
    spec.with_hop_by_hop = below(4) == 0;
    return spec;
  }

  std::vector<FragmentSpec> fragments() {
    const Data data = counted(9 + below(400), static_cast<std::uint8_t>(below(256)));
    auto pieces = pieces_of(data, 8 * (1 + below(8)));
    if (below(3) == 0) pieces.push_back(pieces[below(static_cast<std::uint32_t>(pieces.size()))]);
    if (below(4) == 0) spoil(pieces[below(static_cast<std::uint32_t>(pieces.size()))]);
    if (below(2) == 0) std::shuffle(pieces.begin(), pieces.end(), random_);
    return pieces;
  }

 private:
  void spoil(FragmentSpec& piece) {
    switch (below(5)) {
      case 0:
        piece.first += 8;
        break;
      case 1:
        piece.more = !piece.more;
        break;
      case 2:
        piece.data.pop_back();
        break;
      case 3:
        piece.data.resize(piece.data.size() + 8);
        break;
      default:
        piece.data[0] ^= 1;
    }
  }

  std::mt19937_64 random_;
};

bool is_atomic(const FragmentSpec& piece) { return piece.first == 0 && !piece.more; }

TEST(Defragmenter, AgreesWithAByteArrayModel) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomFragments random(seed);
    FragmentConfig config;
    config.fragments_per_datagram = 20;
    if (seed % 2 == 0) config.exception_policy = ExceptionPolicy::drop_flow;
    DefragStation station({}, config);
    FragmentOracle oracle(config);
    std::vector<std::pair<DatagramSpec, std::vector<FragmentSpec>>> running;
    std::uint32_t completed = 0;
    for (int step = 0; step < 1500; ++step) {
      if (running.size() < 6) running.push_back({random.datagram(), random.fragments()});
      const auto at = random.below(static_cast<std::uint32_t>(running.size()));
      auto& [datagram, pieces] = running[at];
      const FragmentSpec piece = pieces.back();
      pieces.pop_back();
      if (!is_atomic(piece)) {
        const Expected expected = oracle.judge(datagram, piece, station.now);
        const Packet& packet = station.take(datagram, piece);
        ASSERT_TRUE(agrees(packet, expected)) << "seed " << seed << " step " << step;
        if (expected == Expected::completes) {
          ASSERT_EQ(packet.frames, oracle.frames);
          ASSERT_EQ(bytes_of(packet), oracle.whole);
          ++completed;
        }
      }
      if (pieces.empty()) running.erase(running.begin() + at);
      station.now += random.below(40) * kNsPerMs;
      station.expire();
      oracle.expire(station.now);
    }
    EXPECT_GT(completed, 20U);
    station.finish();
  }
}

TEST(Defragmenter, LosesNoFrameUnderEveryLimitAtOnce) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    RandomFragments random(seed);
    FragmentConfig config;
    config.fragments_per_datagram = 5;
    config.exception_policy = static_cast<ExceptionPolicy>(seed % 3);
    DefragStation station({.datagrams = 6, .frames_held_max = 16, .assembly_bytes = 900}, config);
    for (int step = 0; step < 1500; ++step) {
      const DatagramSpec datagram = random.datagram();
      for (const FragmentSpec& piece : random.fragments()) {
        if (station.burst.count == kBurstMax) station.start_burst();
        if (!is_atomic(piece)) station.add(datagram, piece);
        if (station.burst.count == kBurstMax) station.collect();
      }
      if (station.burst.count > 0 && station.burst.count < kBurstMax) station.collect();
      station.start_burst();
      station.now += random.below(1000) * kNsPerMs;
      if (random.below(40) == 0) station.mode = static_cast<Mode>(random.below(2));
      if (random.below(3) != 0) station.expire();
    }
    station.finish();
  }
}

}  // namespace
}  // namespace sluice::test
