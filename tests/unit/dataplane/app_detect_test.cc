#include "dataplane/inspect/app_detect.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/dns_build.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

constexpr std::uint16_t kOtherPort = 4711;

std::string told(unsigned direction, std::string_view text, std::uint16_t port = kOtherPort) {
  const Detection found = detect_stream(direction, span_of(text), port);
  if (found.likeness == Likeness::need_more) return "more";
  return std::string(name_of(found.service)) + (found.likeness == Likeness::no ? "?" : "");
}
std::string asked(std::string_view text, std::uint16_t port = kOtherPort) {
  return told(kToServer, text, port);
}
std::string answered(std::string_view text, std::uint16_t port = kOtherPort) {
  return told(kToClient, text, port);
}

TEST(AppDetect, ContentDecidesOnAnyPort) {
  EXPECT_EQ(asked("GET / HTTP/1.1\r\n", 53), "http");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n", 25), "http");
  EXPECT_EQ(asked("SSH-2.0-x\r\n", 80), "ssh");
  EXPECT_EQ(answered("SSH-2.0-x\r\n", 80), "ssh");
  EXPECT_EQ(asked("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 22), "tls");
  EXPECT_EQ(asked("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2");
  EXPECT_EQ(asked("\x00\x00\x00\x54\xffSMBr"s), "smb");
  EXPECT_EQ(answered("\x00\x00\x00\x54\xfeSMB@"s), "smb");
  EXPECT_EQ(asked("\x81\x00\x00\x44 CKFDENECFD"s), "smb");
  EXPECT_EQ(asked("ehlo me\r\n"), "smtp");
  EXPECT_EQ(asked("USER me\r\n"), "ftp");
  EXPECT_EQ(asked("AUTH TLS\r\n"), "ftp");
  EXPECT_EQ(asked(behind_length(dns_query("a.example"))), "dns");
  EXPECT_EQ(asked(std::string("\x01\x02\x03\x04", 4), 80), "more");
  EXPECT_EQ(asked("\x01\x02\x03\x04"s + std::string(20, '\xee')), "unknown?");
}

TEST(AppDetect, EveryCutComesToTheSame) {
  const std::vector<std::pair<unsigned, std::string>> corpus{
      {kToServer, "\r\n\r\nbrew /pot HTTP/1.1\r\n"},
      {kToServer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {kToServer, "USER me\r\n"},
      {kToServer, "NICK me\r\nUSER me 0 * :Me\r\n"},
      {kToServer, "\x00\x00\x00\x54\xfeSMB"s},
      {kToServer, behind_length(dns_query("a.example"))},
      {kToClient, "220-mail.example ESMTP\r\n"},
      {kToClient, "220 (vsFTPd 3.0)\r\n"},
      {kToClient, "some words\r\nSSH-2.0-x\r\n"},
  };
  for (const auto& [direction, bytes] : corpus) {
    for (const std::uint16_t port : {std::uint16_t{21}, std::uint16_t{22}}) {
      std::string first;
      for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const std::string found = told(direction, bytes.substr(0, size), port);
        if (found == "more") continue;
        if (first.empty()) first = found;
        ASSERT_EQ(found, first) << bytes << " of " << size;
      }
      EXPECT_FALSE(first.empty()) << bytes;
    }
  }
}

TEST(AppDetect, GreetingsAreToldApartByTheirWordsThenByPort) {
  EXPECT_EQ(answered("220 mail.example ESMTP Postfix\r\n", 21), "smtp");
  EXPECT_EQ(answered("220 ProFTPD\r\n", 25), "ftp");
  EXPECT_EQ(answered("220 ready\r\n", 587), "smtp");
  EXPECT_EQ(answered("220 ready\r\n", 2121), "ftp");
  EXPECT_EQ(answered("554 go away\r\n", 25), "smtp");
  EXPECT_EQ(answered("220 re", 25), "more");
  EXPECT_EQ(answered("220 ready\r\n"), "unknown?");
  EXPECT_EQ(answered("hello\r\n", 25), "unknown?");
}

TEST(AppDetect, OtherProtocolsWithTheSameCommandsAreNotFtp) {
  EXPECT_EQ(asked("USER me\r\n", 110), "unknown?");
  EXPECT_EQ(asked("USER me 0 * :Me\r\n"), "unknown?");
}

TEST(AppDetect, LinesBeforeABannerOfSshAreExpectedOnItsPort) {
  EXPECT_EQ(answered("welcome\r\n", 22), "more");
  EXPECT_EQ(answered("welcome\r\n"), "unknown?");
  EXPECT_EQ(answered("welcome\r\nSSH-2.0-x", 22), "ssh");
  EXPECT_EQ(asked("welcome\r\nSSH-2.0-x", 22), "unknown?");
}

TEST(AppDetect, NoMoreThanTwoKilobytesAreAskedFor) {
  for (const unsigned direction : {kToServer, kToClient}) {
    for (const std::uint16_t port : {kOtherPort, std::uint16_t{22}, std::uint16_t{25}}) {
      for (const char* begin : {"220 ", "USER ", "brew x", "welcome", "x"}) {
        EXPECT_NE(told(direction, fmt::format("{}{:x<2048}", begin, ""), port), "more") << begin;
      }
    }
  }
}

TEST(AppDetect, DatagramsAreDnsByStructure) {
  const auto is_dns = [](const std::string& text, std::uint16_t port = kOtherPort) {
    return detect_datagram(kToServer, span_of(text), port) == Service::dns;
  };
  const std::string query = dns_query("a.example");
  EXPECT_TRUE(is_dns(query));
  EXPECT_TRUE(is_dns(dns_header(kDnsResponse | 3) + dns_question("a.example")));
  EXPECT_FALSE(is_dns(query + "x"));
  EXPECT_FALSE(is_dns(query.substr(0, query.size() - 1)));
  EXPECT_FALSE(is_dns(query, 137));
  EXPECT_FALSE(is_dns(dns_header(kDnsQuery) + dns_pointer(0x3fff) + word16(1) + word16(7)));
  EXPECT_FALSE(is_dns(std::string(100, 'x')));
  EXPECT_FALSE(is_dns(""));
}

TEST(AppDetect, OnAPortOfDnsTheHeaderIsEnough) {
  const auto found = [](const std::string& text, std::uint16_t port) {
    return detect_datagram(kToServer, span_of(text), port);
  };
  EXPECT_EQ(found(dns_header(0, {.questions = 9}), 53), Service::dns);
  EXPECT_EQ(found(dns_header(0, {.questions = 9}), 5353), Service::dns);
  EXPECT_EQ(found(dns_header(0x7000), 53), Service::unknown);
  EXPECT_EQ(found("short", 53), Service::unknown);
  EXPECT_EQ(asked(behind_length(dns_header(0, {.questions = 9})), 53), "dns");
}

}  // namespace
}  // namespace sluice
