#include "control/exam_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::string_literals;
using Kind = RuleTest::Kind;

RuleTest test_of(Kind kind, std::string text, std::string body = {}) {
  RuleTest test;
  test.kind = kind;
  test.text = std::move(text);
  test.body = std::move(body);
  return test;
}

TEST(ExamMessage, LeavesAPayloadAsItIs) {
  EXPECT_EQ(exam_message(test_of(Kind::payload, "a\0b\n"s), true), "a\0b\n"s);
}

TEST(ExamMessage, FillsInWhatARequestLacks) {
  EXPECT_EQ(exam_message(test_of(Kind::http_request, "GET /a"), true),
            "GET /a HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
}

TEST(ExamMessage, KeepsWhatARequestHas) {
  EXPECT_EQ(exam_message(test_of(Kind::http_request, "POST / HTTP/1.0\nhost: a\n", "xyz"), true),
            "POST / HTTP/1.0\r\nhost: a\r\nContent-Length: 3\r\n\r\nxyz");
  EXPECT_EQ(exam_message(
                test_of(Kind::http_request, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9", "x"),
                true),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
}

TEST(ExamMessage, PutsAStatusLineBeforeAResponseWithoutOne) {
  EXPECT_EQ(exam_message(test_of(Kind::http_response, "Server: x", "hi"), true),
            "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nhi");
}

TEST(ExamMessage, AsksForANameInLabels) {
  const std::string question = exam_message(test_of(Kind::dns_query, "www.example.com"), false);
  EXPECT_THAT(question, testing::EndsWith("\x03www\x07"
                                          "example\x03"
                                          "com\x00\x00\x01\x00\x01"s));
  EXPECT_EQ(question.size(), 12U + 17U + 4U);
  const std::string over_tcp = exam_message(test_of(Kind::dns_query, "www.example.com"), true);
  EXPECT_EQ(over_tcp, "\x00\x21"s + question);
}

TEST(ExamMessage, SaysTheNameInAClientHello) {
  const std::string hello = exam_message(test_of(Kind::tls_sni, "a.example"), true);
  EXPECT_EQ(hello.substr(0, 3), "\x16\x03\x01");
  const auto record = static_cast<std::size_t>(static_cast<unsigned char>(hello[3]) << 8U |
                                               static_cast<unsigned char>(hello[4]));
  EXPECT_EQ(record, hello.size() - 5);
  EXPECT_THAT(hello, testing::HasSubstr("\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
                                        "a.example"s));
}

}  // namespace
}  // namespace sluice
