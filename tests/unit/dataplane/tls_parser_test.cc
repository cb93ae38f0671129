#include <gtest/gtest.h>

#include <algorithm>

#include <string>

#include "tests/unit/dataplane/tls_bytes.h"
#include "tests/unit/dataplane/tls_recorder.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using enum Buffer;

std::string handshake(std::string_view messages) { return record(kHandshakeType, messages); }

TEST(TlsParser, ClientHelloTellsWhatItOffers) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(server_name("Www.Example.com") + protocols({"h2", "http/1.1"}) +
                                    versions_offered({0x0a0a, 0x0304, 0x0303}))));
  EXPECT_EQ(tls.told.asked(tls_sni), "Www.Example.com");
  EXPECT_EQ(tls.told.asked(tls_alpn), "h2\nhttp/1.1");
  EXPECT_EQ(tls.told.asked(tls_version), "1.3");
  EXPECT_EQ(tls.told.asked(ja3_string), "771,4865-49199,0-16-43,,");
  EXPECT_EQ(tls.told.asked(ja3_hash).size(), 32U);
  EXPECT_TRUE(tls.told.asked(ja4_hash).starts_with("t13d0203h2_"));
  EXPECT_EQ(tls.told.asked(quic_sni), "(none)");
  EXPECT_EQ(tls.told.ends, 1);
  EXPECT_TRUE(tls.told.anomalies.empty());
  EXPECT_EQ(tls.bytes_in_use(), 0U);
}

TEST(TlsParser, EveryNameOfAHostIsToldAndSeveralAreOdd) {
  const auto entry = [](char type, std::string_view name) {
    return std::string(1, type) + counted(2, name);
  };
  const std::string two = extension(0, counted(2, entry('\0', "a") + entry('\0', "b")));
  for (const std::string& names :
       {two, server_name("a") + server_name("b"),
        extension(0, counted(2, entry('\1', "x") + entry('\0', "a"))) + server_name("b")}) {
    TlsRecorder tls;
    tls.client(handshake(client_hello(names)));
    const TlsRows told = tls.told.messages.at({kToServer, 0});
    EXPECT_EQ(std::ranges::count(told, TlsRows::value_type{tls_sni, "a"}), 1);
    EXPECT_EQ(std::ranges::count(told, TlsRows::value_type{tls_sni, "b"}), 1);
    EXPECT_EQ(tls.told.count(AppAnomaly::tls_bad_handshake), 1);
  }
}

TEST(TlsParser, ClientHelloWithoutExtensionsIsReadToo) {
  TlsRecorder tls;
  const std::string body = client_hello_body(0x0301, {4, 5}, "");
  tls.client(handshake(message(1, body.substr(0, body.size() - 2))));
  EXPECT_EQ(tls.told.asked(tls_version), "1.0");
  EXPECT_EQ(tls.told.asked(ja3_string), "769,4-5,,,");
  EXPECT_EQ(tls.told.asked(tls_sni), "(none)");
  EXPECT_TRUE(tls.told.anomalies.empty());
}

TEST(TlsParser, ServersMessageHasItsHelloAndItsCertificates) {
  TlsRecorder tls;
  const std::string first = example_certificate();
  tls.server(handshake(server_hello_12())).server(handshake(certificates({first, "second"})));
  EXPECT_EQ(tls.told.answered(tls_version), "1.2");
  EXPECT_EQ(tls.told.answered(ja3s_string), "771,49199,65281");
  EXPECT_EQ(tls.told.answered(tls_cert_subject), "C=US, O=Example, Inc, CN=www.example.com");
  EXPECT_EQ(tls.told.answered(tls_cert_issuer), "CN=Some CA");
  EXPECT_EQ(tls.told.answered(tls_cert_serial), "1A:2B:3C");
  EXPECT_EQ(tls.told.answered(tls_cert_fingerprint).size(), 59U);
  std::vector<std::string> chain;
  for (const auto& [buffer, text] : tls.told.messages[{kToClient, 0}]) {
    if (buffer == tls_certs) chain.push_back(text);
  }
  EXPECT_EQ(chain, (std::vector<std::string>{first, "second"}));
  EXPECT_EQ(tls.told.ends, 1);
  EXPECT_EQ(tls.bytes_in_use(), 0U);
}

TEST(TlsParser, ServerHelloIsToldAloneWhereNoCertificatesFollow) {
  for (const std::string& next : {handshake(message(14, "")), change_cipher_spec()}) {
    TlsRecorder tls;
    tls.server(handshake(server_hello_12()));
    EXPECT_EQ(tls.told.ends, 0);
    tls.server(next);
    EXPECT_EQ(tls.told.answered(tls_version), "1.2");
    EXPECT_EQ(tls.told.ends, 1);
    EXPECT_EQ(tls.bytes_in_use(), 0U);
  }
}

TEST(TlsParser, FinEndsTheWaitForCertificates) {
  TlsRecorder tls;
  tls.server(handshake(server_hello_12())).end(kToClient);
  EXPECT_EQ(tls.told.answered(tls_version), "1.2");
  EXPECT_EQ(tls.told.encrypted, 0);
  EXPECT_TRUE(tls.parser().has_left(kToClient));
}

TEST(TlsParser, BothChangeCipherSpecsMakeItEncrypted) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(server_name("a.example"))));
  tls.server(handshake(server_hello_12() + certificates({example_certificate()})));
  tls.client(change_cipher_spec());
  EXPECT_EQ(tls.told.encrypted, 0);
  tls.server(change_cipher_spec() + handshake("encrypted finished") + application_data());
  EXPECT_EQ(tls.told.encrypted, 1);
  EXPECT_TRUE(tls.parser().is_encrypted());
  tls.client("anything").server("at all");
  EXPECT_EQ(tls.told.encrypted, 1);
  EXPECT_EQ(tls.told.ends, 2);
  EXPECT_TRUE(tls.told.anomalies.empty());
}

TEST(TlsParser, WhatFollowsAChangeCipherSpecIsNotReadAsAHandshake) {
  TlsRecorder tls;
  tls.client(handshake(client_hello("")) + change_cipher_spec());
  tls.client(handshake(client_hello(server_name("a.example"))));
  EXPECT_EQ(tls.told.ends, 1);
  EXPECT_TRUE(tls.told.anomalies.empty());
}

TEST(TlsParser, ChangeCipherSpecBeforeTheHelloOrWithinItHidesNothing) {
  TlsRecorder tls;
  const std::string hello = client_hello(server_name("a.example"));
  tls.client(change_cipher_spec() + handshake(hello.substr(0, 20)) + change_cipher_spec() +
             handshake(hello.substr(20)));
  EXPECT_EQ(tls.told.asked(tls_sni), "a.example");
  tls.server(handshake(server_hello_12()) + change_cipher_spec());
  EXPECT_EQ(tls.told.encrypted, 0);
  tls.client(change_cipher_spec());
  EXPECT_EQ(tls.told.encrypted, 1);
}

TEST(TlsParser, Tls13IsEncryptedBehindTheServerHello) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(versions_offered({0x0304}))));
  tls.server(handshake(server_hello_13()) + change_cipher_spec() + application_data());
  EXPECT_EQ(tls.told.answered(tls_version), "1.3");
  EXPECT_EQ(tls.told.answered(ja3s_string), "771,4865,43");
  EXPECT_EQ(tls.told.encrypted, 1);
  EXPECT_EQ(tls.bytes_in_use(), 0U);
}

TEST(TlsParser, RetryBringsASecondClientHello) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(server_name("first.example"))));
  tls.server(handshake(hello_retry_request()) + change_cipher_spec());
  tls.client(change_cipher_spec() + handshake(client_hello(server_name("second.example"))));
  EXPECT_EQ(tls.told.text(kToServer, 0, tls_sni), "first.example");
  EXPECT_EQ(tls.told.text(kToServer, 1, tls_sni), "second.example");
  EXPECT_EQ(tls.told.encrypted, 0);
  tls.server(handshake(server_hello_13()));
  EXPECT_EQ(tls.told.encrypted, 1);
  EXPECT_EQ(tls.told.text(kToClient, 1, tls_version), "1.3");
  EXPECT_TRUE(tls.told.anomalies.empty());
}

TEST(TlsParser, EarlyDataThatIsRefusedIsPassedOver) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(extension(42))) + change_cipher_spec() + application_data());
  EXPECT_EQ(tls.told.encrypted, 0);
  tls.server(handshake(hello_retry_request()));
  tls.client(application_data() + handshake(client_hello(server_name("second.example"))));
  EXPECT_EQ(tls.told.text(kToServer, 1, tls_sni), "second.example");
  EXPECT_EQ(tls.told.encrypted, 0);
}

TEST(TlsParser, WhatAClientSaysAloneEncryptsNothing) {
  TlsRecorder server;
  server.server(handshake(server_hello_12()) + change_cipher_spec() + application_data());
  EXPECT_EQ(server.told.encrypted, 1);
  EXPECT_EQ(server.told.answered(tls_version), "1.2");
  TlsRecorder client;
  client.client(handshake(client_hello("")) + change_cipher_spec() + application_data());
  EXPECT_EQ(client.told.encrypted, 0);
}

TEST(TlsParser, DataOfBothSidesMakesAFlowInItsMidstEncrypted) {
  TlsRecorder tls;
  tls.client(application_data());
  EXPECT_EQ(tls.told.encrypted, 0);
  tls.server(application_data());
  EXPECT_EQ(tls.told.encrypted, 1);
}

TEST(TlsParser, EncryptedClientHelloIsSeen) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(server_name("outer.example"))));
  EXPECT_FALSE(tls.parser().offers_ech());
  TlsRecorder hidden;
  hidden.client(handshake(client_hello(server_name("outer.example") + extension(0xfe0d, "ech"))));
  EXPECT_TRUE(hidden.parser().offers_ech());
}

TEST(TlsParser, HelloInTheOldFormIsPassedOver) {
  TlsRecorder tls;
  const std::string body =
      std::string("\x01\x03\x01\0\x03\0\0\0\x10\0\0\x05", 12) + std::string(16, 'c');
  tls.client(big_endian(0x8000 | body.size(), 2) + body);
  tls.client(handshake(message(16, "key exchange")) + change_cipher_spec());
  tls.server(handshake(server_hello_12()) + change_cipher_spec());
  EXPECT_TRUE(tls.told.anomalies.empty());
  EXPECT_EQ(tls.told.encrypted, 1);
}

TEST(TlsParser, RecordsWithNothingInThemHideNoHello) {
  TlsRecorder tls;
  tls.client(handshake("") + handshake("") + handshake(client_hello(server_name("a.example"))));
  EXPECT_EQ(tls.told.asked(tls_sni), "a.example");
}

TEST(TlsParser, AlertsBetweenTheRecordsOfAHelloHideNothing) {
  TlsRecorder tls;
  const std::string hello = client_hello(server_name("a.example"));
  tls.client(handshake(hello.substr(0, 20)) + record(kAlertType, "\x01\x70") +
             handshake(hello.substr(20)));
  EXPECT_EQ(tls.told.asked(tls_sni), "a.example");
}

TEST(TlsParser, BadRecordEndsItsDirectionOnly) {
  TlsRecorder tls;
  tls.client("HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(tls.told.count(AppAnomaly::tls_bad_record), 1);
  EXPECT_TRUE(tls.parser().has_left(kToServer));
  tls.server(handshake(server_hello_13()));
  EXPECT_EQ(tls.told.answered(tls_version), "1.3");
}

TEST(TlsParser, RecordsBeyondTheLargestAreBad) {
  TlsRecorder tls;
  tls.client("\x16\x03\x01\x48\x01");
  EXPECT_EQ(tls.told.count(AppAnomaly::tls_bad_record), 1);
  TlsRecorder largest;
  largest.client(std::string("\x16\x03\x01\x48\0", 5));
  EXPECT_TRUE(largest.told.anomalies.empty());
}

TEST(TlsParser, HelloThatEndsEarlyIsABadHandshake) {
  const std::string body = client_hello_body(0x0303, {1}, server_name("a.example"));
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    if (cut == body.find('\0', 2 + 32 + 8 + 4) + 1) continue;  // a hello without extensions
    TlsRecorder tls;
    tls.client(handshake(message(1, body.substr(0, cut))));
    EXPECT_EQ(tls.told.count(AppAnomaly::tls_bad_handshake), 1) << cut;
    EXPECT_EQ(tls.told.ends, 0) << cut;
  }
}

TEST(TlsParser, OddExtensionIsToldAndTheRestIsRead) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(extension(10, "\x7f") + server_name("a.example"))));
  EXPECT_EQ(tls.told.count(AppAnomaly::tls_bad_handshake), 1);
  EXPECT_EQ(tls.told.asked(tls_sni), "a.example");
}

TEST(TlsParser, FirstOfTwoServerNamesCounts) {
  TlsRecorder tls;
  tls.client(handshake(client_hello(server_name("a.example") + server_name("b.example"))));
  EXPECT_EQ(tls.told.asked(tls_sni), "a.example");
}

TEST(TlsParser, WhatNobodyWantsIsNotTold) {
  TlsRecorder tls;
  tls_workspace().wanted = std::uint64_t{1} << static_cast<unsigned>(ja3_hash);
  tls.client(handshake(client_hello(server_name("a.example"))));
  tls_workspace().wanted = ~std::uint64_t{0};
  EXPECT_EQ(tls.told.asked(tls_sni), "(none)");
  EXPECT_EQ(tls.told.asked(ja3_string), "(none)");
  EXPECT_EQ(tls.told.asked(ja3_hash).size(), 32U);
  EXPECT_EQ(tls.told.ends, 1);
}

TEST(TlsParser, GapWithinWhatIsSkippedDoesNotMatter) {
  TlsRecorder tls;
  tls.server(handshake(server_hello_12()) + change_cipher_spec() + "\x17\x03\x03\x01\x10");
  EXPECT_EQ(tls.told.encrypted, 1);
  TlsRecorder skipped;
  skipped.server(handshake(server_hello_12()));
  const std::string key_exchange = handshake(message(12, std::string(200, 'k')));
  skipped.server(key_exchange.substr(0, 20)).gap(kToClient, 150).server(key_exchange.substr(170));
  EXPECT_FALSE(skipped.parser().has_left(kToClient));
  skipped.server(handshake(certificates({example_certificate()})));
  EXPECT_EQ(skipped.told.text(kToClient, 1, tls_cert_issuer), "CN=Some CA");
}

TEST(TlsParser, GapElsewhereEndsTheDirection) {
  TlsRecorder tls;
  const std::string hello = handshake(client_hello(server_name("a.example")));
  tls.client(hello.substr(0, 50)).gap(kToServer, 1).client(hello.substr(51));
  EXPECT_TRUE(tls.parser().has_left(kToServer));
  EXPECT_TRUE(tls.told.messages.empty());
  EXPECT_EQ(tls.bytes_in_use(), 0U);
  TlsRecorder header;
  header.client(hello.substr(0, 3)).gap(kToServer, 1);
  EXPECT_TRUE(header.parser().has_left(kToServer));
}

}  // namespace
}  // namespace sluice
