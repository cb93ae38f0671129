// libpcap as the judge: random captures, whole, truncated and with flipped bits, must give the same
// packets and the same opinion on whether the file is damaged.
#include <pcap/pcap.h>

#include <cstdio>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using Random = std::mt19937_64;

struct OraclePacket {
  std::int64_t seconds;
  std::int64_t nanoseconds;
  std::uint32_t wire_bytes;
  Bytes bytes;
};

struct OracleCapture {
  std::vector<OraclePacket> packets;
  bool is_damaged = false;
};

OracleCapture read_with_libpcap(Bytes bytes) {
  OracleCapture capture;
  if (bytes.empty()) return {{}, true};
  std::FILE* stream = ::fmemopen(bytes.data(), bytes.size(), "rb");
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap =
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error);
  if (pcap == nullptr) {
    std::fclose(stream);
    return {{}, true};
  }
  pcap_pkthdr* header = nullptr;
  const unsigned char* frame = nullptr;
  int got = 0;
  while ((got = pcap_next_ex(pcap, &header, &frame)) == 1) {
    capture.packets.push_back(
        {header->ts.tv_sec, header->ts.tv_usec, header->len, Bytes(frame, frame + header->caplen)});
  }
  capture.is_damaged = got == PCAP_ERROR;
  pcap_close(pcap);
  return capture;
}

/// libpcap 1.10 takes times for signed 32-bit numbers and multiplies the fraction in 32 bits, so
/// only sensible times compare.
bool has_sensible_time(const CapturedPacket& packet) {
  return packet.timestamp / kNsPerSecond < 0x7fffffff;
}

void expect_same(const Bytes& file, bool compare_times) {
  const OracleCapture oracle = read_with_libpcap(file);
  const SeedPause pause;
  const Capture capture = parse(file);
  EXPECT_EQ(capture.damage.has_value(), oracle.is_damaged) << damage_of(capture);
  ASSERT_EQ(capture.packets.size(), oracle.packets.size()) << damage_of(capture);
  for (std::size_t i = 0; i < oracle.packets.size(); ++i) {
    const CapturedPacket& packet = capture.packets[i];
    const OraclePacket& expected = oracle.packets[i];
    ASSERT_EQ(copy_of(packet), expected.bytes);
    const auto captured = static_cast<std::uint32_t>(expected.bytes.size());
    ASSERT_EQ(packet.wire_bytes, std::max(expected.wire_bytes, captured));
    if (!compare_times || !has_sensible_time(packet)) continue;
    ASSERT_EQ(packet.timestamp, static_cast<TimeNs>(expected.seconds) * kNsPerSecond +
                                    static_cast<TimeNs>(expected.nanoseconds));
  }
}

Bytes random_frame(Random& random) {
  return frame_of(random() % (random() % 16 == 0 ? 2000 : 90), static_cast<std::uint8_t>(random()));
}

std::uint32_t random_wire_bytes(Random& random, const Bytes& frame) {
  return static_cast<std::uint32_t>(frame.size() + (random() % 3 == 0 ? random() % 1500 : 0));
}

Bytes random_pcap(Random& random, std::uint64_t packets) {
  constexpr std::uint32_t kMagics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};
  const std::uint32_t magic = kMagics[random() % 3];
  CaptureBuilder file(random() % 2 == 0);
  file.pcap_header(magic, 1);
  for (std::uint64_t i = 0; i < packets; ++i) {
    const Bytes frame = random_frame(random);
    file.u32(static_cast<std::uint32_t>(random() % 0x7fffffff));
    file.u32(static_cast<std::uint32_t>(random() % 1'000'000));
    file.u32(static_cast<std::uint32_t>(frame.size())).u32(random_wire_bytes(random, frame));
    if (magic == 0xa1b2cd34) file.u64(random());
    file.raw(frame);
  }
  return file.bytes();
}

/// As far as libpcap goes: interfaces of one link type and one snap length.
Bytes random_pcapng(Random& random, std::uint64_t packets) {
  CaptureBuilder file(random() % 2 == 0);
  file.section();
  const std::uint64_t interfaces = 1 + random() % 3;
  for (std::uint64_t i = 0; i < interfaces; ++i) {
    const int resolution = static_cast<int>(random() % 13) - 1;
    file.interface(1, 4096, resolution, static_cast<std::int64_t>(random() % 3) * 1000);
  }
  for (std::uint64_t i = 0; i < packets; ++i) {
    const Bytes frame = random_frame(random);
    const std::uint32_t wire = random_wire_bytes(random, frame);
    const std::uint64_t ticks = random() % 2'000'000'000;
    const auto interface = static_cast<std::uint16_t>(random() % interfaces);
    switch (random() % 4) {
      case 0:
        file.obsolete(interface, ticks, frame, wire);
        break;
      case 1:
        file.block(0x7000, [&](CaptureBuilder& b) { b.raw(frame); });
        break;
      default:
        file.enhanced(interface, ticks, frame, wire);
        break;
    }
  }
  return file.bytes();
}

TEST(CaptureOracle, AgreesOnRandomPcap) {
  Random random(1);
  for (int i = 0; i < 300; ++i) expect_same(random_pcap(random, random() % 40), true);
}

TEST(CaptureOracle, AgreesOnRandomPcapng) {
  Random random(2);
  for (int i = 0; i < 300; ++i) expect_same(random_pcapng(random, random() % 40), true);
}

TEST(CaptureOracle, AgreesOnFramesOfSixtyFourKibibytes) {
  CaptureBuilder file;
  const Bytes frame(65'550, 9);
  file.pcap_header(0xa1b2c3d4, 1).pcap_record(1, 2, frame, 65'550);
  expect_same(file.bytes(), true);
}

TEST(CaptureOracle, AgreesOnPcapTruncatedAtEveryLength) {
  Random random(3);
  const Bytes file = random_pcap(random, 6);
  for (std::size_t length = 0; length < file.size(); ++length) {
    expect_same(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)), true);
  }
}

TEST(CaptureOracle, AgreesOnPcapngTruncatedAtEveryLength) {
  const SeedPause pause;
  Random random(4);
  const Bytes file = random_pcapng(random, 6);
  // A section header alone has no interface: libpcap refuses it, to sluice it holds no packets.
  for (std::size_t length = 60; length < file.size(); ++length) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    if (!parse(cut).interfaces.empty()) expect_same(cut, true);
  }
}

/// Behind the file header: that one holds the link type, the version and the snap length, on which
/// the two readers differ by intention.
TEST(CaptureOracle, AgreesOnPcapWithFlippedBits) {
  Random random(5);
  for (int i = 0; i < 4000; ++i) {
    Bytes file = random_pcap(random, 1 + random() % 8);
    for (std::uint64_t flips = 1 + random() % 4; flips > 0 && file.size() > 24; --flips) {
      file[24 + random() % (file.size() - 24)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    }
    expect_same(file, false);
  }
}

TEST(CaptureOracle, FlippedBitsAnywhereNeverBreakTheReader) {
  const SeedPause pause;
  Random random(6);
  for (int i = 0; i < 20'000; ++i) {
    Bytes file = i % 2 == 0 ? random_pcap(random, 4) : random_pcapng(random, 4);
    for (std::uint64_t flips = 1 + random() % 8; flips > 0; --flips) {
      file[random() % std::min<std::size_t>(file.size(), 400)] ^=
          static_cast<std::uint8_t>(1U << random() % 8);
    }
    const Capture capture = parse(file);
    for (const CapturedPacket& packet : capture.packets) {
      ASSERT_LE(packet.bytes.size(), packet.wire_bytes);
      ASSERT_LT(packet.interface, capture.interfaces.size());
      ASSERT_LE(packet.timestamp, kCaptureTimeMax);
    }
  }
}

}  // namespace
}  // namespace sluice::test
