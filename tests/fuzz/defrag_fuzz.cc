// Sequences of fragments, well formed and not, against the byte-array model: every verdict, every
// assembled byte, and the account of every frame. Raw frames with any bytes at the IP header run
// through a second station, where only the account is checked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "tests/support/fragment_model.h"

namespace sluice {
namespace {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  [[nodiscard]] bool is_empty() const { return left_ == 0; }
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::vector<std::uint8_t> bytes(std::size_t count) {
    count = std::min(count, left_);
    std::vector<std::uint8_t> out(data_, data_ + count);
    data_ += count;
    left_ -= count;
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

test::DatagramSpec read_datagram(Input& input) {
  const std::uint8_t bits = input.byte();
  test::DatagramSpec datagram;
  datagram.version = (bits & 1) != 0 ? 6 : 4;
  datagram.id = bits >> 1 & 1U;
  datagram.vlan_tags = bits >> 2 & 1U;
  datagram.with_hop_by_hop = (bits >> 3 & 1) != 0;
  datagram.protocol = (bits >> 4 & 1) != 0 ? 6 : 17;
  datagram.ipv4_option_words = (bits >> 5 & 1) != 0 ? 2 : 0;
  return datagram;
}

/// Small places and sizes, so that pieces meet; now and then one at the far end of a datagram.
test::FragmentSpec read_fragment_spec(Input& input) {
  const std::uint8_t bits = input.byte();
  test::FragmentSpec fragment;
  fragment.first = (bits & 0x0fU) * 8;
  fragment.more = (bits & 0x10) != 0;
  if ((bits & 0x20) != 0) fragment.first += 65'400;
  std::size_t bytes = (input.byte() & 7U) * 8;
  if ((bits & 0x40) != 0) bytes += bits & 7U;
  fragment.data.assign(bytes, static_cast<std::uint8_t>((bits & 0x80) != 0 ? input.byte() : 0x50));
  return fragment;
}

std::vector<std::uint32_t> read_segments(Input& input) {
  const std::uint8_t bits = input.byte();
  if (bits < 128) return {};
  return {bits & 63U, bits & 7U, 40};
}

void run_model(Input& input) {
  FragmentConfig config;
  config.fragments_per_datagram = 8;
  config.exception_policy =
      (input.byte() & 1) != 0 ? ExceptionPolicy::drop_packet : ExceptionPolicy::drop_flow;
  test::DefragStation station({.datagrams = 64, .frames_held_max = 1024}, config);
  test::FragmentOracle oracle(config);
  while (!input.is_empty()) {
    const test::DatagramSpec datagram = read_datagram(input);
    const test::FragmentSpec fragment = read_fragment_spec(input);
    const auto segments = read_segments(input);
    const bool is_whole = fragment.first == 0 && !fragment.more;
    if (is_whole || test::kept_header_bytes(datagram) + fragment.data.size() > 60'000) continue;
    const test::Expected expected = oracle.judge(datagram, fragment, station.now);
    station.start_burst();
    const Packet& packet = station.add(datagram, fragment, segments);
    station.collect();
    SLUICE_CHECK(test::agrees(packet, expected), "the station judges as the model does");
    if (expected == test::Expected::completes) {
      SLUICE_CHECK(packet.bytes_at_hand == oracle.whole.size() &&
                       std::equal(oracle.whole.begin(), oracle.whole.end(), packet.bytes),
                   "the datagram is what would have come without fragmentation");
      SLUICE_CHECK(packet.frames == oracle.frames, "all its fragments leave with it");
    }
    station.now += input.byte() * (kNsPerSecond / 64);
    station.expire();
    oracle.expire(station.now);
  }
  station.finish();
}

void run_raw(Input& input) {
  FragmentConfig config;
  config.fragments_per_datagram = 4;
  config.exception_policy = static_cast<ExceptionPolicy>(input.byte() % 3);
  test::DefragStation station({.datagrams = 4, .frames_held_max = 8, .assembly_bytes = 4096},
                              config);
  while (!input.is_empty()) {
    station.start_burst();
    const std::uint32_t count = 1 + input.byte() % 4U;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint16_t l3_offset = input.byte() & 31U;
      const auto segments = read_segments(input);
      std::vector<std::uint8_t> frame = input.bytes(input.byte());
      frame.resize(std::max<std::size_t>(frame.size(), 1));
      station.add_frame(frame, l3_offset, segments);
    }
    station.mode = (input.byte() & 7) == 7 ? Mode::monitor : Mode::enforce;
    station.collect();
    station.now += input.byte() * (kNsPerSecond / 64);
    if ((input.byte() & 1) != 0) station.expire();
  }
  station.finish();
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::Input input(data, size);
  if ((input.byte() & 1) != 0) {
    sluice::run_model(input);
  } else {
    sluice::run_raw(input);
  }
  return 0;
}
