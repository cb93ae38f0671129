#include "dataplane/inspect/tls_detect.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

Likeness judged(std::string_view text) {
  return looks_like_tls({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(TlsDetect, HellosOfBothSidesAreTls) {
  const std::string client = record(kHandshakeType, client_hello(""));
  EXPECT_EQ(judged(client), Likeness::yes);
  EXPECT_EQ(judged(record(kHandshakeType, server_hello_12())), Likeness::yes);
  EXPECT_EQ(judged(records_of_one_byte(client_hello(""))), Likeness::yes);
  EXPECT_EQ(judged(record(kAlertType, "\x02\x28")), Likeness::yes);
  for (std::size_t cut = 0; cut < 6; ++cut) {
    EXPECT_EQ(judged(client.substr(0, cut)), Likeness::need_more) << cut;
  }
}

TEST(TlsDetect, VersionsAndEmptyRecordsThatServersTakeAreTls) {
  EXPECT_EQ(judged(std::string_view("\x16\x03\x7f\x01\x00\x01", 6)), Likeness::yes);
  EXPECT_EQ(judged(record(kHandshakeType, "") + record(kHandshakeType, client_hello(""))),
            Likeness::yes);
  EXPECT_EQ(judged(std::string_view("\x80\x2e\x01\x03\x01\x00\x15", 7)), Likeness::yes);
}

TEST(TlsDetect, WhatServersPassOverInFrontOfAHelloHidesItNot) {
  const std::string hello = record(kHandshakeType, client_hello(""));
  for (const std::string& front : {change_cipher_spec(), record(20, ""), record(21, ""),
                                   record(23, ""), record(20, "") + change_cipher_spec()}) {
    EXPECT_EQ(judged(front + hello), Likeness::yes);
    for (std::size_t cut = 0; cut < front.size() + 6; ++cut) {
      EXPECT_EQ(judged((front + hello).substr(0, cut)), Likeness::need_more) << cut;
    }
  }
}

TEST(TlsDetect, OtherProtocolsAreNot) {
  EXPECT_EQ(judged("GET / HTTP/1.1\r\n"), Likeness::no);
  EXPECT_EQ(judged("SSH-2.0-x\r\n"), Likeness::no);
  EXPECT_EQ(judged("220 mail ready\r\n"), Likeness::no);
  EXPECT_EQ(judged(record(kHandshakeType, message(20, "finished"))), Likeness::no);
  EXPECT_EQ(judged(application_data()), Likeness::no);
  EXPECT_EQ(judged("\x16\x03\x01\x50\x01\x01"), Likeness::no);
  EXPECT_EQ(judged("\x16\xfe\xff"), Likeness::no);
}

TEST(TlsDetect, EmptyRecordsWithoutAnEndAreNot) {
  std::string text;
  for (int i = 0; i < 102; ++i) text += record(kHandshakeType, "");
  EXPECT_EQ(judged(text), Likeness::need_more);
  EXPECT_EQ(judged(text + record(kHandshakeType, "")), Likeness::no);
}

}  // namespace
}  // namespace sluice
