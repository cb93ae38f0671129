#include "dataplane/inspect/dns_record.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/dns_build.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

std::optional<DnsRecord> record_of(const std::string& message) {
  const std::vector<std::uint8_t> bytes(message.begin(), message.end());
  return read_dns_record(bytes);
}

TEST(DnsRecord, QueryHasItsHeaderAndQuestion) {
  const auto record = record_of(dns_header(kDnsQuery | 0x2000) + dns_question("a.example", 28));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, 0x1234);
  EXPECT_EQ(record->flags, 0x2100);
  EXPECT_EQ(record->opcode, 4);
  EXPECT_FALSE(record->is_answer);
  EXPECT_EQ(record->qname, "a.example");
  EXPECT_EQ(record->qtype, 28);
  EXPECT_TRUE(record->answers.empty());
}

TEST(DnsRecord, DataOfAnswersIsText) {
  struct Row {
    unsigned type;
    std::string data;
    std::string text;
  };
  const std::vector<Row> rows{
      {1, "\x0a\x00\x00\x01"s, "10.0.0.1"},
      {28, "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01", "2001:db8::1"},
      {5,
       "\x03"
       "cdn" +
           dns_pointer(kFirstName),
       "cdn.a.example"},
      {2, wire_name("ns.example"), "ns.example"},
      {12, wire_name("host.example"), "host.example"},
      {15, word16(10) + wire_name("mx.example"), "mx.example"},
      {16,
       "\x03"
       "v=1"
       "\x02"
       " x",
       "v=1 x"},
      {33, "anything", ""},
  };
  const std::string question = dns_question("a.example");
  std::string message = dns_header(kDnsResponse, {.answers = 8}) + question;
  for (const Row& row : rows) message += dns_answer(dns_pointer(kFirstName), row.type, row.data);
  const auto record = record_of(message);
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->is_answer);
  ASSERT_EQ(record->answers.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(record->answers[i].name, "a.example");
    EXPECT_EQ(record->answers[i].type, rows[i].type);
    EXPECT_EQ(record->answers[i].ttl, 300U);
    EXPECT_EQ(record->answers[i].rdata, rows[i].text) << rows[i].type;
  }
}

TEST(DnsRecord, DataThatDoesNotFitItsTypeIsEmpty) {
  const std::vector<std::pair<unsigned, std::string>> rows{{1, "\x0a"},
                                                           {28, "abcd"},
                                                           {15, "x"},
                                                           {5, dns_pointer(0x3fff)},
                                                           {16,
                                                            "\x09"
                                                            "abc"}};
  for (const auto& [type, data] : rows) {
    const auto record = record_of(dns_header(kDnsResponse, {.answers = 1}) + dns_question("a") +
                                  dns_answer(dns_pointer(kFirstName), type, data));
    ASSERT_TRUE(record);
    ASSERT_EQ(record->answers.size(), 1U);
    EXPECT_EQ(record->answers[0].rdata, type == 16 ? "abc" : "") << type;
  }
}

TEST(DnsRecord, OnlyTheFirstAnswersAreKept) {
  std::string message = dns_header(kDnsResponse | 3, {.answers = 20}) + dns_question("a");
  for (int i = 0; i < 20; ++i) message += dns_answer(dns_pointer(kFirstName), 1, "abcd");
  const auto record = record_of(message);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->answer_count, 20);
  EXPECT_EQ(record->rcode, 3);
  EXPECT_EQ(record->answers.size(), kDnsRecordAnswersMax);
}

TEST(DnsRecord, WhatCameOfAMessageIsRead) {
  const std::string message = dns_header(kDnsResponse, {.answers = 2}) + dns_question("a") +
                              dns_answer(dns_pointer(kFirstName), 1, "abcd") +
                              dns_answer(dns_pointer(kFirstName), 1, "efgh");
  const std::size_t behind_question = kFirstName + dns_question("a").size();
  for (std::size_t bytes = 0; bytes <= message.size(); ++bytes) {
    const auto record = record_of(message.substr(0, bytes));
    ASSERT_EQ(record.has_value(), bytes >= behind_question) << bytes;
    if (!record) continue;
    EXPECT_EQ(record->answers.size(), (bytes - behind_question) / 16) << bytes;
  }
}

TEST(DnsRecord, TypesAndCodesHaveNames) {
  EXPECT_EQ(dns_type_name(28), "AAAA");
  EXPECT_EQ(dns_type_name(65'280), "TYPE65280");
  EXPECT_EQ(dns_rcode_name(3), "NXDOMAIN");
  EXPECT_EQ(dns_rcode_name(15), "RCODE15");
}

}  // namespace
}  // namespace sluice
