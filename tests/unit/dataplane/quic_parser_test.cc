#include "dataplane/inspect/quic_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "dataplane/inspect/quic_detect.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/quic_bytes.h"
#include "tests/unit/dataplane/tls_recorder.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using enum Buffer;

std::string hello_for(std::string_view name) {
  return client_hello(server_name(name) + protocols({"h3"}) + versions_offered({0x0304}));
}

void keep_frames_as_seed(const std::string& frames) {
  keep_seed("quic_fuzz", std::string{'\1'} + frames);
}

TEST(QuicParser, HelloInOnePacketIsTold) {
  QuicRecorder quic;
  const std::string datagram = quic_datagram({}, crypto_frame(0, hello_for("a.example")));
  keep_seed("quic_fuzz", std::string{'\0'} + datagram);
  quic.client(datagram);
  EXPECT_EQ(quic.told.asked(quic_sni), "a.example");
  EXPECT_EQ(quic.told.ends, 1);
  EXPECT_TRUE(quic.told.anomalies.empty());
  EXPECT_EQ(quic.bytes_in_use(), 0U);
}

TEST(QuicParser, AHelloThatNoServerTakesForQuicEncryptsNothing) {
  QuicRecorder quic;
  quic.server(quic_datagram({}, crypto_frame(0, "early")));
  quic.client(quic_datagram({}, crypto_frame(0, hello_for("a.example"))));
  quic.server("something else");
  EXPECT_EQ(quic.told.encrypted, 0);
  quic.server(quic_datagram({}, crypto_frame(0, "hello")));
  quic.server(quic_datagram({}, crypto_frame(5, "more")));
  EXPECT_EQ(quic.told.encrypted, 1);
}

TEST(QuicParser, PacketNumbersMayBeCutShort) {
  QuicRecorder quic;
  const std::string hello = hello_for("a.example");
  quic.client(quic_datagram({.number = 200}, crypto_frame(0, hello.substr(0, 40))));
  quic.client(
      quic_datagram({.number = 300, .number_bytes = 1}, crypto_frame(40, hello.substr(40))));
  EXPECT_EQ(quic.told.asked(quic_sni), "a.example");
}

TEST(QuicParser, BytesThatNobodySentTakeNoMemory) {
  QuicRecorder quic;
  quic.client(quic_datagram({}, crypto_frame(32'000, "x")));
  EXPECT_EQ(quic.bytes_in_use(), 0U);
  EXPECT_EQ(quic.told.count(AppAnomaly::tls_handshake_too_long), 1);
}

TEST(QuicParser, HelloInSeveralPacketsIsToldWithTheLastOne) {
  const std::string hello = hello_for("a.example");
  for (std::size_t cut = 1; cut < hello.size(); ++cut) {
    QuicRecorder quic;
    quic.client(quic_datagram({}, crypto_frame(cut, hello.substr(cut))));
    EXPECT_EQ(quic.told.ends, 0);
    quic.client(quic_datagram({.number = 3}, crypto_frame(0, hello.substr(0, cut))));
    EXPECT_EQ(quic.told.asked(quic_sni), "a.example") << cut;
    EXPECT_EQ(quic.bytes_in_use(), 0U);
  }
}

TEST(QuicParser, PiecesInAnyOrderAmongOtherFramesAreJoined) {
  const std::string hello = hello_for("shuffled.example");
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> frames = {"\x01", std::string(5, '\0'),
                                       std::string("\x02\x05\x00\x01\x00\x02\x03", 7),
                                       std::string("\x03\x05\x00\x00\x00\x01\x02\x03", 8)};
    for (std::size_t at = 0; at < hello.size();) {
      const std::size_t count = 1 + random() % 20;
      frames.push_back(crypto_frame(at, hello.substr(at, count)));
      at += random() % 3 == 0 ? std::max<std::size_t>(count / 2, 1) : count;  // some overlap
    }
    std::shuffle(frames.begin(), frames.end(), random);
    std::string all;
    for (const std::string& frame : frames) all += frame;
    keep_frames_as_seed(all);
    QuicRecorder quic;
    quic.client(quic_datagram({}, all));
    EXPECT_EQ(quic.told.asked(quic_sni), "shuffled.example");
    EXPECT_TRUE(quic.told.anomalies.empty());
  }
}

TEST(QuicParser, FirstCopyOfAByteCounts) {
  QuicRecorder quic;
  quic.client(quic_datagram({}, crypto_frame(4, hello_for("first.example").substr(4))));
  quic.client(quic_datagram({.number = 3}, crypto_frame(0, hello_for("other.example"))));
  EXPECT_EQ(quic.told.asked(quic_sni), "first.example");
}

TEST(QuicParser, LaterPacketsOfAConnectionKeepItsKeys) {
  QuicRecorder quic;
  const std::string hello = hello_for("a.example");
  quic.client(quic_datagram({}, crypto_frame(0, hello.substr(0, 40))));
  const InitialSpec later{
      .connection_id = "chosen by server", .keyed_by = InitialSpec{}.connection_id, .number = 3};
  quic.client(quic_datagram(later, crypto_frame(40, hello.substr(40))));
  EXPECT_EQ(quic.told.asked(quic_sni), "a.example");
}

TEST(QuicParser, AnotherConnectionOfTheSamePortsIsTheNextMessage) {
  QuicRecorder quic;
  quic.client(quic_datagram({}, crypto_frame(0, hello_for("decoy.example"))));
  quic.client(
      quic_datagram({.connection_id = "another one"}, crypto_frame(0, hello_for("meant.example"))));
  EXPECT_EQ(quic.told.text(kToServer, 0, quic_sni), "decoy.example");
  EXPECT_EQ(quic.told.text(kToServer, 1, quic_sni), "meant.example");
}

TEST(QuicParser, PacketsOfOneDatagramAreReadOneByOne) {
  QuicRecorder quic;
  const std::string hello = hello_for("a.example");
  quic.client(quic_initial({}, crypto_frame(0, hello.substr(0, 40))) +
              quic_initial({.number = 3}, crypto_frame(40, hello.substr(40))) +
              std::string(200, '\x41'));
  EXPECT_EQ(quic.told.asked(quic_sni), "a.example");
}

TEST(QuicParser, TokensArePassedOver) {
  QuicRecorder quic;
  quic.client(
      quic_datagram({.token = std::string(100, 't')}, crypto_frame(0, hello_for("a.example"))));
  EXPECT_EQ(quic.told.asked(quic_sni), "a.example");
}

TEST(QuicParser, WhatDoesNotOpenIsBadEachTime) {
  QuicRecorder quic;
  std::string datagram = quic_datagram({}, crypto_frame(0, hello_for("a.example")));
  datagram.back() = static_cast<char>(datagram.back() ^ 1);
  quic.client(datagram).client(datagram);
  EXPECT_EQ(quic.told.count(AppAnomaly::quic_bad_initial), 2);
  EXPECT_EQ(quic.told.anomalies.size(), 2U);
  EXPECT_EQ(quic.told.encrypted, 0);
}

TEST(QuicParser, FramesThatHaveNoPlaceThereAreBad) {
  for (const std::string& frames :
       {std::string("\x08stream"), std::string("\x06\x00\x7fxx", 5), std::string("\x02\xff\xff")}) {
    QuicRecorder quic;
    keep_frames_as_seed(frames);
    quic.client(quic_initial({}, frames + std::string(4, frames[0] == 8 ? '\0' : '\xff')));
    EXPECT_EQ(quic.told.count(AppAnomaly::quic_bad_initial), 1);
  }
}

TEST(QuicParser, OtherMessagesThanAHelloAreABadHandshake) {
  QuicRecorder quic;
  quic.client(quic_datagram({}, crypto_frame(0, server_hello_13())));
  EXPECT_EQ(quic.told.count(AppAnomaly::tls_bad_handshake), 1);
  EXPECT_EQ(quic.bytes_in_use(), 0U);
}

TEST(QuicParser, StreamBeyondTheLimitIsLeft) {
  QuicRecorder quic;
  quic.client(quic_datagram({}, crypto_frame(kQuicCryptoBytesMax, "x")));
  EXPECT_EQ(quic.told.count(AppAnomaly::tls_handshake_too_long), 1);
  EXPECT_EQ(quic.bytes_in_use(), 0U);
  QuicRecorder promised;
  promised.client(quic_datagram({}, crypto_frame(0, std::string("\x01\x00\x80\x01", 4))));
  EXPECT_EQ(promised.told.count(AppAnomaly::tls_handshake_too_long), 1);
}

TEST(QuicParser, PiecesWithoutEndAreLeft) {
  QuicRecorder quic;
  std::string frames;
  for (std::size_t i = 1; i < 200; ++i) frames += crypto_frame(2 * i, "x");
  quic.client(quic_datagram({}, frames));
  EXPECT_EQ(quic.told.count(AppAnomaly::quic_bad_initial), 1);
  EXPECT_EQ(quic.bytes_in_use(), 0U);
}

TEST(QuicParser, LongHelloGrowsItsMemory) {
  QuicRecorder quic;
  const std::string hello =
      client_hello(server_name("long.example") + extension(21, std::string(30'000, 'p')));
  for (std::size_t at = 0; at < hello.size(); at += 1000) {
    quic.client(quic_datagram({.number = at}, crypto_frame(at, hello.substr(at, 1000))));
  }
  EXPECT_EQ(quic.told.asked(quic_sni), "long.example");
  EXPECT_EQ(quic.bytes_in_use(), 0U);
}

TEST(QuicParser, WithoutMemoryItSaysSo) {
  MemoryArena arena;
  const auto pool = ChunkPool::create(kChunkBytesMax, arena).value();
  void* all = pool->take(kChunkBytesMax);
  QuicParser parser(*pool, tls_workspace());
  TlsTold told;
  parser.datagram(kToServer, bytes_from(quic_datagram({}, crypto_frame(0, "x"))), sink_into(told));
  EXPECT_EQ(told.count(AppAnomaly::state_limit), 1);
  parser.release();
  pool->give(all, kChunkBytesMax);
}

TEST(QuicParser, ServersDatagramsAndShortHeadersAreNotLookedAt) {
  QuicRecorder quic;
  quic.server(quic_datagram({}, crypto_frame(0, hello_for("a.example")))).client("\x41short");
  EXPECT_TRUE(quic.told.messages.empty());
  EXPECT_TRUE(quic.told.anomalies.empty());
}

TEST(QuicDetect, InitialPacketsOfKnownVersionsAreQuic) {
  const auto judged = [](const std::string& text) { return looks_like_quic(bytes_from(text)); };
  const std::string initial = quic_datagram({}, crypto_frame(0, hello_for("a.example")));
  EXPECT_EQ(judged(initial), Likeness::yes);
  EXPECT_EQ(judged(quic_datagram({.version = QuicVersion::v2}, "\x01")), Likeness::yes);
  EXPECT_EQ(judged(initial.substr(0, initial.size() - 1)), Likeness::no);
  EXPECT_EQ(judged(""), Likeness::no);
  EXPECT_EQ(judged(std::string("\xc0\0\0\0\0", 5)), Likeness::no);
  EXPECT_EQ(judged("\x41 short header"), Likeness::no);
  std::string handshake = initial;
  handshake[0] = static_cast<char>(handshake[0] | 0x20);
  EXPECT_EQ(judged(handshake), Likeness::no);
}

}  // namespace
}  // namespace sluice
