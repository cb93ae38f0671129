#include "dataplane/inspect/dns_message.h"

#include <gtest/gtest.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/dns_build.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

std::vector<std::string> told_of(const std::string& message) {
  static DnsWorkspace workspace;
  keep_seed("dns_fuzz", '\0' + message);
  ToldRecorder recorder;
  // At the end of its own memory, so that a read behind it is found.
  const std::vector<std::uint8_t> bytes(message.begin(), message.end());
  read_dns_message(kToClient, 7, bytes, workspace, recorder.sink);
  return recorder.told;
}

using Told = std::vector<std::string>;

TEST(DnsMessage, QueryTellsTheNameItAsksFor) {
  EXPECT_EQ(told_of(dns_query("www.Example.com")),
            (Told{"1:7 dns.query=www.Example.com", "1:7 end"}));
}

TEST(DnsMessage, HeaderIsToldWhereItIsWantedThoughNothingElseIs) {
  DnsWorkspace workspace;
  workspace.wants_header = true;
  ToldRecorder recorder;
  const std::string header = dns_header(kDnsQuery, {.questions = 0});
  const auto read = [&](const std::string& message) {
    const std::vector<std::uint8_t> bytes(message.begin(), message.end());
    read_dns_message(kToServer, 0, bytes, workspace, recorder.sink);
  };
  read(header);
  EXPECT_EQ(recorder.told, (Told{"0:0 dns.header=" + header, "0:0 end"}));
  recorder.told.clear();
  read(dns_query("a.test"));
  EXPECT_EQ(recorder.told[0], "0:0 dns.query=a.test");
  EXPECT_EQ(recorder.told[1], "0:0 dns.header=" + dns_query("a.test").substr(0, 12));
  recorder.told.clear();
  read(header.substr(0, 11));
  EXPECT_EQ(recorder.told, Told{"0 anomaly dns_malformed"});
}

TEST(DnsMessage, RootIsAnEmptyName) {
  EXPECT_EQ(told_of(dns_query("")), (Told{"1:7 dns.query=", "1:7 end"}));
}

TEST(DnsMessage, BytesOfLabelsStayAsTheyWereSent) {
  const std::string name =
      "\x03"
      "a.b"
      "\x02\x00\xff"
      "\x00"s;
  EXPECT_EQ(told_of(dns_header(kDnsQuery) + name + word16(16) + word16(1)),
            (Told{"1:7 dns.query=a.b.\x00\xff"s, "1:7 end"}));
}

TEST(DnsMessage, SeveralQuestionsAreTogetherInOneCall) {
  const std::string message = dns_header(kDnsQuery, {.questions = 3}) + dns_question("a.example") +
                              dns_question("b.example") + dns_pointer(kFirstName) + word16(1) +
                              word16(1);
  EXPECT_EQ(told_of(message), (Told{"1:7 dns.query=a.example", "1:7 dns.query=b.example",
                                    "1:7 dns.query=a.example", "1:7 end"}));
}

TEST(DnsMessage, ResponseTellsTheOwnersOfItsAnswersOnce) {
  const std::string question = dns_question("www.example.com");
  const auto cname_at = static_cast<unsigned>(kFirstName + question.size() + 12);
  const std::string message = dns_header(kDnsResponse, {.answers = 5}) + question +
                              dns_answer(dns_pointer(kFirstName), 5, wire_name("cdn.example.net")) +
                              dns_answer(dns_pointer(cname_at), 1, "\x01\x02\x03\x04") +
                              dns_answer(dns_pointer(cname_at), 1, "\x01\x02\x03\x05") +
                              dns_answer(wire_name("cdn.example.net"), 1, "\x01\x02\x03\x06") +
                              dns_answer(dns_pointer(kFirstName + 4), 1, "\x01\x02\x03\x07");
  EXPECT_EQ(told_of(message),
            (Told{"1:7 dns.answer=www.example.com", "1:7 dns.answer=cdn.example.net",
                  "1:7 dns.answer=example.com", "1:7 end"}));
}

TEST(DnsMessage, ResponseWithoutAnswersTellsNothing) {
  EXPECT_EQ(told_of(dns_header(kDnsResponse | 3) + dns_question("nowhere.example")), Told{});
}

TEST(DnsMessage, PointerMayLeadForwardAsServersTakeIt) {
  const std::string behind = word16(1) + word16(1);
  const std::string forward =
      dns_header(kDnsQuery) + dns_pointer(kFirstName + 6) + behind + wire_name("a");
  EXPECT_EQ(told_of(forward), (Told{"1:7 dns.query=a", "1:7 end"}));
}

TEST(DnsMessage, LoopOfPointersEnds) {
  const std::string behind = word16(1) + word16(1);
  const std::string to_itself = dns_header(kDnsQuery) + dns_pointer(kFirstName) + behind;
  EXPECT_EQ(told_of(to_itself), (Told{"1 anomaly dns_pointer_loop"}));
  const std::string through_another =
      dns_header(kDnsQuery) + dns_pointer(kFirstName + 6) + behind + dns_pointer(kFirstName);
  EXPECT_EQ(told_of(through_another), (Told{"1 anomaly dns_pointer_loop"}));
}

TEST(DnsMessage, LoopThroughALabelEnds) {
  const std::string message = dns_header(kDnsQuery) +
                              "\x01"
                              "a" +
                              dns_pointer(kFirstName) + word16(1) + word16(1);
  EXPECT_EQ(told_of(message), (Told{"1:7 dns.query=a", "1:7 end", "1 anomaly dns_pointer_loop"}));
}

TEST(DnsMessage, ChainOfPointersIsFollowedBackwards) {
  // a <- (b ->) <- (c ->): each question's name leads to the one before.
  std::string message = dns_header(kDnsQuery, {.questions = 3}) + dns_question("a");
  const auto second = static_cast<unsigned>(message.size());
  message +=
      "\x01"
      "b" +
      dns_pointer(kFirstName) + word16(1) + word16(1);
  message +=
      "\x01"
      "c" +
      dns_pointer(second) + word16(1) + word16(1);
  EXPECT_EQ(told_of(message),
            (Told{"1:7 dns.query=a", "1:7 dns.query=b.a", "1:7 dns.query=c.b.a", "1:7 end"}));
}

TEST(DnsMessage, LongestNameIsReadAndALongerOneIsOdd) {
  // 255 octets: three labels of 63, one of 61, and the root.
  const std::string label63(63, 'x');
  const std::string start = label63 + "." + label63 + "." + label63 + ".";
  const std::string longest = start + std::string(61, 'y');
  EXPECT_EQ(told_of(dns_query(longest)), (Told{"1:7 dns.query=" + longest, "1:7 end"}));
  EXPECT_EQ(told_of(dns_query(start + std::string(62, 'y'))),
            (Told{"1:7 dns.query=" + start.substr(0, start.size() - 1), "1:7 end",
                  "1 anomaly dns_name_too_long"}));
}

TEST(DnsMessage, NameOfManyLabelsIsReadUpToItsBytes) {
  std::string name = "a";
  for (int i = 1; i < 127; ++i) name += ".a";
  EXPECT_EQ(told_of(dns_query(name)), (Told{"1:7 dns.query=" + name, "1:7 end"}));
  EXPECT_EQ(told_of(dns_query(name + ".a")),
            (Told{"1:7 dns.query=" + name, "1:7 end", "1 anomaly dns_name_too_long"}));
}

TEST(DnsMessage, EveryCutOfAMessageIsMalformed) {
  const std::string message = dns_header(kDnsResponse, {.answers = 1}) + dns_question("a.example") +
                              dns_answer(dns_pointer(kFirstName), 1, "\x01\x02\x03\x04");
  for (std::size_t bytes = 0; bytes < message.size(); ++bytes) {
    const Told told = told_of(message.substr(0, bytes));
    ASSERT_FALSE(told.empty()) << bytes;
    EXPECT_EQ(told.back(), "1 anomaly dns_malformed") << bytes;
  }
  EXPECT_EQ(told_of(message), (Told{"1:7 dns.answer=a.example", "1:7 end"}));
}

TEST(DnsMessage, ResponseThatSaysItWasCutIsNotMalformed) {
  const std::string message = dns_header(kDnsResponse | 0x0200, {.answers = 40}) +
                              dns_question("a.example") +
                              dns_answer(dns_pointer(kFirstName), 1, "\x01\x02\x03\x04");
  EXPECT_EQ(told_of(message), (Told{"1:7 dns.answer=a.example", "1:7 end"}));
}

TEST(DnsMessage, ReservedKindsOfLabelsAreMalformed) {
  for (const char length : {'\x40', '\x80', '\xbf'}) {
    EXPECT_EQ(told_of(dns_header(kDnsQuery) + length + std::string(200, 'x')),
              (Told{"1 anomaly dns_malformed"}));
  }
}

TEST(DnsMessage, CountsBeyondTheBytesAreMalformed) {
  EXPECT_EQ(told_of(dns_header(kDnsQuery, {.questions = 65'535}) + dns_question("a")),
            (Told{"1:7 dns.query=a", "1:7 end", "1 anomaly dns_malformed"}));
  EXPECT_EQ(told_of(dns_header(kDnsResponse, {.answers = 65'535}) + dns_question("a") +
                    dns_answer(dns_pointer(kFirstName), 1, "abcd")),
            (Told{"1:7 dns.answer=a", "1:7 end", "1 anomaly dns_malformed"}));
}

TEST(DnsMessage, NamesBeyondItsRoomAreCounted) {
  std::string message = dns_header(kDnsQuery, {.questions = 60'000});
  for (int i = 0; i < 5'000; ++i) message += dns_question("a");
  const Told told = told_of(message);
  EXPECT_EQ(told.size(), kDnsNamesMax + 2);
  EXPECT_EQ(told.back(), "1 anomaly dns_too_many_records");

  message = dns_header(kDnsResponse, {.questions = 0, .answers = 30});
  for (int i = 0; i < 30; ++i) message += dns_answer(wire_name(std::to_string(i)), 1, "abcd");
  EXPECT_EQ(told_of(message).size(), kDnsNamesMax + 2);
  EXPECT_EQ(told_of(message).back(), "1 anomaly dns_too_many_records");
}

TEST(DnsMessage, AnswersOfOneNameAreReadUpToTheirBound) {
  const auto answers = [](unsigned count) {
    std::string message = dns_header(kDnsResponse, {.answers = count}) + dns_question("a");
    for (unsigned i = 0; i < count; ++i) {
      message += dns_answer(dns_pointer(kFirstName), 1, "abcd");
    }
    return message;
  };
  EXPECT_EQ(told_of(answers(kDnsAnswersMax)), (Told{"1:7 dns.answer=a", "1:7 end"}));
  EXPECT_EQ(told_of(answers(kDnsAnswersMax + 1)),
            (Told{"1:7 dns.answer=a", "1:7 end", "1 anomaly dns_too_many_records"}));
}

}  // namespace
}  // namespace sluice
