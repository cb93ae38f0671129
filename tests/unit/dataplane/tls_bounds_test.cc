// However the bytes of a handshake are cut the same is told, and whatever a peer sends, the parser
// stays within its bounds.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/inspect/ja_fingerprint.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/tls_bytes.h"
#include "tests/unit/dataplane/tls_recorder.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using enum Buffer;

/// Both directions, one after the other.
using Sides = std::pair<std::string, std::string>;

std::string handshake(std::string_view messages) { return record(kHandshakeType, messages); }

std::vector<Sides> corpus() {
  const std::string hello = client_hello(server_name("a.example") + protocols({"h2"}) +
                                         groups({29, 23}) + point_formats("\x01"));
  const std::string chain = certificates({example_certificate(), example_certificate()});
  return {
      {handshake(hello) + change_cipher_spec() + application_data(7),
       handshake(server_hello_12() + chain + message(14, "")) + change_cipher_spec()},
      {records_of_one_byte(hello), records_of_one_byte(server_hello_12() + chain)},
      {handshake(hello), handshake(server_hello_13()) + change_cipher_spec()},
      {handshake(hello) + handshake(hello) + handshake(hello), handshake(hello_retry_request())},
      {handshake(message(1, "short")), handshake(message(11, counted(3, "\x00\x00"))) + "junk"},
      {handshake("") + record(kAlertType, "\x02\x28"), handshake(server_hello_12())},
      {"\x80\x0a\x01\x03\x01 the rest", application_data(3)},
  };
}

TlsTold told_of(const Sides& sides, std::size_t cut_first, std::size_t cut_second,
                std::uint64_t& in_use) {
  TlsRecorder tls;
  tls.client(sides.first.substr(0, cut_first)).client(sides.first.substr(cut_first));
  tls.server(sides.second.substr(0, cut_second)).server(sides.second.substr(cut_second));
  tls.end(kToServer).end(kToClient);
  in_use = tls.bytes_in_use();
  return tls.told;
}

TEST(TlsSplit, EveryCutTellsTheSame) {
  for (const Sides& sides : corpus()) {
    const auto asked = static_cast<char>((sides.first.size() + 7) / 8);
    keep_seed("tls_fuzz", std::string{'\1', asked} + sides.first + sides.second);
    std::uint64_t in_use = 1;
    const TlsTold whole = told_of(sides, 0, 0, in_use);
    ASSERT_EQ(in_use, 0U);
    for (std::size_t cut = 1; cut < sides.first.size(); ++cut) {
      ASSERT_EQ(told_of(sides, cut, 0, in_use), whole) << "client cut at " << cut;
      ASSERT_EQ(in_use, 0U);
    }
    for (std::size_t cut = 1; cut < sides.second.size(); ++cut) {
      ASSERT_EQ(told_of(sides, 0, cut, in_use), whole) << "server cut at " << cut;
      ASSERT_EQ(in_use, 0U);
    }
  }
}

TEST(TlsSplit, SingleBytesTellTheSame) {
  for (const Sides& sides : corpus()) {
    std::uint64_t in_use = 0;
    const TlsTold whole = told_of(sides, 0, 0, in_use);
    TlsRecorder single;
    for (const char byte : sides.first) single.client({&byte, 1});
    for (const char byte : sides.second) single.server({&byte, 1});
    single.end(kToServer).end(kToClient);
    EXPECT_EQ(single.told, whole);
  }
}

TEST(TlsBounds, LongestHelloIsReadAndALongerOneIsNot) {
  const auto padded = [](std::size_t body_bytes) {
    const std::string empty =
        client_hello_body(0x0303, {1}, server_name("a.example") + extension(21));
    const std::string padding(body_bytes - empty.size(), 'p');
    return client_hello_body(0x0303, {1}, server_name("a.example") + extension(21, padding));
  };
  const auto pushed = [](TlsRecorder& tls, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 16'000) {
      tls.client(handshake(bytes.substr(at, 16'000)));
    }
  };
  TlsRecorder longest;
  pushed(longest, message(1, padded(kTlsMessageBytesMax)));
  EXPECT_EQ(longest.told.asked(tls_sni), "a.example");
  EXPECT_EQ(longest.bytes_in_use(), 0U);
  TlsRecorder longer;
  pushed(longer, message(1, std::string(kTlsMessageBytesMax + 1, 'x')) +
                     client_hello(server_name("b.example")));
  EXPECT_EQ(longer.told.count(AppAnomaly::tls_handshake_too_long), 1);
  EXPECT_EQ(longer.told.asked(tls_sni), "b.example");
}

TEST(TlsBounds, GiantCertificateTellsTheServerHelloAlone) {
  TlsRecorder tls;
  tls.server(handshake(server_hello_12() + std::string("\x0b\xff\xff\xff", 4)));
  EXPECT_EQ(tls.told.count(AppAnomaly::tls_handshake_too_long), 1);
  for (int i = 0; i < 2000; ++i) tls.server(handshake(std::string(16'000, 'x')));
  EXPECT_LE(tls.bytes_in_use(), 256U);
  tls.end(kToClient);
  EXPECT_EQ(tls.told.answered(tls_version), "1.2");
}

TEST(TlsBounds, MemoryGrowsWithWhatHasComeNotWithWhatIsPromised) {
  TlsRecorder tls;
  tls.client(handshake(std::string("\x01\0\xff\xff\x03\x03", 6)));
  EXPECT_LE(tls.bytes_in_use(), 2048U);
}

TEST(TlsBounds, EndlessHandshakeCostsNoMemoryAndTellsOnce) {
  TlsRecorder tls;
  for (int i = 0; i < 1000; ++i) tls.client(handshake(client_hello(server_name("a.example"))));
  EXPECT_EQ(tls.told.ends, 2);
  EXPECT_EQ(tls.told.anomalies.size(), 1U);
  for (int i = 0; i < 1000; ++i) tls.server(handshake(message(0, "")));
  for (int i = 0; i < 1000; ++i) tls.server(handshake(certificates({"x"})));
  EXPECT_EQ(tls.told.ends, 3);
  EXPECT_EQ(tls.told.anomalies.size(), 2U);
  EXPECT_EQ(tls.bytes_in_use(), 0U);
}

TEST(TlsBounds, ChainIsToldUpToItsLimit) {
  std::string list;
  for (int i = 0; i < 100; ++i) list += counted(3, example_certificate());
  TlsRecorder tls;
  tls.server(handshake(server_hello_12())).server(handshake(message(11, counted(3, list))));
  std::size_t told = 0;
  for (const auto& [buffer, text] : tls.told.messages[{kToClient, 0}]) told += buffer == tls_certs;
  EXPECT_EQ(told, kTlsCertificatesMax);
}

TEST(TlsBounds, LongestTextsFitTheWorkspace) {
  std::vector<std::uint16_t> ciphers(kJaCiphersMax, 0xffff);
  std::string extensions;
  for (std::size_t i = 0; i + 4 < kJaExtensionsMax; ++i) extensions += extension(0xfff0);
  std::string names;
  for (int i = 0; i < 200; ++i) names += counted(1, std::string(255, 'n'));
  extensions += groups(std::vector<std::uint16_t>(kJaListMax, 0xffff)) +
                point_formats(std::string(255, '\xff')) + extension(16, counted(2, names)) +
                signature_algorithms(std::vector<std::uint16_t>(kJaListMax, 0xffff));
  TlsRecorder tls;
  const std::string hello = message(1, client_hello_body(0x0303, ciphers, extensions));
  for (std::size_t at = 0; at < hello.size(); at += 16'000) {
    tls.client(handshake(hello.substr(at, 16'000)));
  }
  EXPECT_EQ(tls.told.asked(ja3_string).size(), 3 + 1 + 6 * kJaCiphersMax +
                                                   6 * (kJaExtensionsMax - 4) + 4 * 3 +
                                                   6 * kJaListMax + 4 * 255 - 1);
  EXPECT_TRUE(tls.told.asked(ja4_hash).starts_with("t12i9999nn_"));
  EXPECT_GT(tls.told.asked(tls_alpn).size(), 16'000U);
}

TEST(TlsBounds, LongerListsGetNoFingerprint) {
  TlsRecorder tls;
  tls.client(handshake(
      message(1, client_hello_body(0x0303, std::vector<std::uint16_t>(kJaCiphersMax + 1, 1), ""))));
  EXPECT_EQ(tls.told.asked(ja3_hash), "(none)");
  EXPECT_EQ(tls.told.asked(ja4_hash), "(none)");
  EXPECT_EQ(tls.told.asked(tls_version), "1.2");
}

TEST(TlsBounds, WithoutMemoryADirectionIsLeftAndSaysSo) {
  const std::string start = handshake(client_hello(server_name("a.example"))).substr(0, 30);
  MemoryArena arena;
  const auto pool = ChunkPool::create(kChunkBytesMax, arena).value();
  void* all = pool->take(kChunkBytesMax);
  TlsParser parser(*pool, tls_workspace());
  TlsTold told;
  const std::vector<std::uint8_t> bytes(start.begin(), start.end());
  parser.push(kToServer, bytes, sink_into(told));
  EXPECT_EQ(told.count(AppAnomaly::state_limit), 1);
  EXPECT_TRUE(parser.has_left(kToServer));
  // What needs no memory is told all the same.
  const std::string flight = handshake(server_hello_12() + certificates({example_certificate()}));
  const std::vector<std::uint8_t> answer(flight.begin(), flight.end());
  parser.push(kToClient, answer, sink_into(told));
  EXPECT_EQ(told.text(kToClient, 0, tls_version), "1.2");
  EXPECT_EQ(told.text(kToClient, 1, tls_cert_issuer), "CN=Some CA");
  parser.release();
  pool->give(all, kChunkBytesMax);
  EXPECT_EQ(pool->counters().bytes_in_use, 0U);
}

}  // namespace
}  // namespace sluice
