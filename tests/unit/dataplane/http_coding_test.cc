// How codings of bodies are undone, what is taken for one, and where bombs end.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

using enum Buffer;
using test::coded_response;
using test::HttpRecorder;
using test::response_with;

TEST(HttpCoding, RequestThatIsCodedIsToldAsItWasSentAndAsWhatItStandsFor) {
  const std::string coded = test::deflated("name=value", test::kGzip);
  HttpRecorder http;
  http.request(
      fmt::format("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
                  coded.size(), coded));
  const test::HttpMessage& message = http.messages.at({kToServer, 0});
  EXPECT_EQ(http.asked(http_request_body), coded);
  EXPECT_EQ(message.decoded_request, "name=value");
  EXPECT_EQ(message.decoded_ends, 1);
  EXPECT_EQ(http.asked(file_data), "name=value");
}

TEST(HttpCoding, RequestThatOnlyClaimsToBeCodedIsToldOnce) {
  HttpRecorder http;
  http.request("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\nname=value");
  EXPECT_EQ(http.asked(http_request_body), "name=value");
  EXPECT_EQ(http.messages.at({kToServer, 0}).decoded_request, "");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_content_coding), 1);
}

TEST(HttpCoding, CodedRequestIsDecodedForItsBodyAlone) {
  HttpLimits limits;
  limits.wanted = std::uint64_t{1} << static_cast<unsigned>(http_request_body);
  HttpRecorder http(limits);
  const std::string coded = test::deflated("name=value", test::kGzip);
  http.request(
      fmt::format("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
                  coded.size(), coded));
  EXPECT_EQ(http.messages.at({kToServer, 0}).decoded_request, "name=value");
  EXPECT_EQ(http.asked(file_data), "(none)");
}

TEST(HttpCoding, CodedRequestIsDecodedWithinTheBudgetOfInflating) {
  HttpLimits limits;
  limits.request_body_bytes = 1 << 20;
  HttpRecorder http(limits);
  const std::string coded = test::deflated(std::string(900'000, 'x'), test::kGzip);
  http.request(
      fmt::format("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
                  coded.size(), coded));
  EXPECT_EQ(http.count(AppAnomaly::http_decompression_limit), 1);
  EXPECT_EQ(http.messages.at({kToServer, 0}).decoded_ends, 1);
}

TEST(HttpCoding, CodingsOfResponsesAreFoundAmongJunk) {
  const std::string gzip = test::deflated("attack", test::kGzip);
  for (const char* value : {"chunked;", "chunked x", "x chunked", ";chunked",
                            "\x7f"
                            "chunked"}) {
    HttpRecorder http;
    http.response(
        response_with(fmt::format("Transfer-Encoding: {}\r\n", value), test::chunked("attack", 4)));
    EXPECT_EQ(http.answered(file_data), "attack") << value;
    EXPECT_EQ(http.count(AppAnomaly::http_ambiguous_length), 1) << value;
  }
  for (const char* value : {"gzip;", "gzip x", "x gzip", "\xa0gzip"}) {
    HttpRecorder http;
    http.response(coded_response(value, gzip));
    EXPECT_EQ(http.answered(file_data), "attack") << value;
  }
}

TEST(HttpCoding, CodingsAreNotFoundInLongerNames) {
  const std::string gzip = test::deflated("attack", test::kGzip);
  for (const char* value : {"xgzip", "gzip2", "gzip-x", "not-gzip", "xgzip;gzipx"}) {
    HttpRecorder http;
    http.response(coded_response(value, gzip));
    EXPECT_EQ(http.answered(file_data), gzip) << value;
  }
  HttpRecorder second;
  second.response(coded_response("xgzip;gzip", gzip));
  EXPECT_EQ(second.answered(file_data), "attack");
}

TEST(HttpCoding, CodingsAreUndone) {
  const std::string text = "The quick brown fox. The quick brown fox. The quick brown fox.";
  const std::pair<const char*, int> rows[] = {{"gzip", test::kGzip},
                                              {"X-Gzip", test::kGzip},
                                              {"deflate", test::kZlib},
                                              {"deflate", test::kRawDeflate},
                                              {"gzip", test::kZlib}};
  for (const auto& [coding, window] : rows) {
    HttpRecorder http;
    http.response(coded_response(coding, test::deflated(text, window)));
    EXPECT_EQ(http.answered(http_response_body), text) << coding << window;
    EXPECT_EQ(http.answered(file_data), text) << coding << window;
    EXPECT_TRUE(http.anomalies.empty()) << coding << window;
    EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
  }
}

TEST(HttpCoding, CodedRequestIsToldAsSentAndDecoded) {
  const std::string coded = test::deflated("attack", test::kGzip);
  HttpRecorder http;
  http.request(
      fmt::format("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n{}",
                  test::chunked(coded, 3)));
  EXPECT_EQ(http.asked(http_request_body), coded);
  EXPECT_EQ(http.asked(file_data), "attack");
}

TEST(HttpCoding, MembersOfGzipFollowEachOtherAndPaddingIsIgnored) {
  std::string two = test::deflated("one ", test::kGzip) + test::deflated("two", test::kGzip);
  HttpRecorder http;
  http.response(coded_response("gzip", two.append(5, '\0')));
  EXPECT_EQ(http.answered(file_data), "one two");
  EXPECT_TRUE(http.anomalies.empty());
}

TEST(HttpCoding, BodyThatIsNotCodedAsItSaysIsTakenAsItIs) {
  HttpRecorder http;
  http.response(coded_response("gzip", "plain text"));
  EXPECT_EQ(http.answered(file_data), "plain text");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_content_coding), 1);
  HttpRecorder several;
  several.response(coded_response("gzip, deflate", "plain text"));
  EXPECT_EQ(several.answered(file_data), "plain text");
  EXPECT_EQ(several.count(AppAnomaly::http_bad_content_coding), 1);
  HttpRecorder other;
  other.response(coded_response("br", "plain text"));
  EXPECT_EQ(other.answered(file_data), "plain text");
  EXPECT_TRUE(other.anomalies.empty());
}

TEST(HttpCoding, SeveralCodingsAreUndoneFromTheLastOne) {
  using test::deflated;
  const std::string one = deflated("attack", test::kRawDeflate);
  const std::string two = deflated(one, test::kGzip);
  const std::pair<const char*, std::string> rows[] = {
      {"deflate, gzip", two},
      {"deflate\r\nContent-Encoding: gzip", two},
      {"deflate,deflate", deflated(one, test::kRawDeflate)},
      {"gzip,deflate,gzip",
       deflated(deflated(deflated("attack", test::kGzip), test::kZlib), test::kGzip)},
      {"br, br, deflate, gzip", two},
      {"deflate, deflate", one},  // once is all it was
  };
  for (const auto& [coding, body] : rows) {
    HttpRecorder http;
    http.response(coded_response(coding, body));
    EXPECT_EQ(http.answered(file_data), "attack") << coding;
    EXPECT_EQ(http.count(AppAnomaly::http_bad_content_coding), 1) << coding;
    EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
  }
}

/// What a coding takes counts in steps of that.
constexpr std::size_t kSliceBytes = 512;

TEST(HttpCoding, CutsOfABombChangeNothing) {
  using test::deflated;
  std::string words;
  for (std::uint32_t i = 0, random = 1; i < 2'000; ++i) {
    words += static_cast<char>((random = random * 1664525 + 1013904223) >> 24);
  }
  words += fmt::format("{:a<30000}word{:b<9000}{:c<900000}", "", "", "");
  const std::pair<const char*, std::string> rows[] = {
      {"gzip", deflated(words, test::kGzip)},
      {"gzip, gzip", deflated(deflated(words, test::kGzip), test::kGzip)},
      {"deflate, gzip, gzip",
       deflated(deflated(deflated(words, test::kRawDeflate), test::kGzip), test::kGzip)},
      {"gzip, deflate", deflated(words, test::kZlib)},
  };
  HttpLimits limits;
  limits.response_body_bytes = 1 << 20;
  for (const auto& [coding, body] : rows) {
    const std::string response = coded_response(coding, body);
    HttpRecorder whole(limits);
    whole.response(response);
    EXPECT_EQ(whole.count(AppAnomaly::http_decompression_limit), 1) << coding;
    for (const std::size_t size : {1U, 7U, 100U, 512U, 700U}) {
      HttpRecorder split(limits);
      for (std::size_t at = 0; at < response.size(); at += size) {
        split.response(response.substr(at, size));
      }
      EXPECT_EQ(split.answered(file_data), whole.answered(file_data)) << coding << size;
      EXPECT_EQ(split.anomalies, whole.anomalies) << coding << size;
    }
  }
}

TEST(HttpCoding, NameThatOnlyResemblesACodingIsOdd) {
  const std::string coded = test::deflated("attack", test::kGzip);
  for (const char* name : {"gzip;", " x-gzip;q=1", "gzip\x0b", "\x0cgzip", "\"deflate\""}) {
    HttpRecorder http;
    http.response(coded_response(name, coded));
    EXPECT_EQ(http.answered(file_data), "attack") << name;
    EXPECT_EQ(http.count(AppAnomaly::http_odd_coding_name), 1) << name;
  }
  for (const char* name : {"gzip", " X-Gzip\t", "gzip\r\n ", "br", "gzip-2"}) {
    HttpRecorder http;
    http.response(coded_response(name, coded));
    EXPECT_EQ(http.count(AppAnomaly::http_odd_coding_name), 0) << name;
  }
  for (const char* name : {"chunked;", "Chunked\x0b", "\"chunked\""}) {
    HttpRecorder http;
    http.response(
        fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: {}\r\n\r\n1\r\nx\r\n0\r\n\r\n", name));
    EXPECT_EQ(http.answered(file_data), "x") << name;
    EXPECT_EQ(http.count(AppAnomaly::http_odd_coding_name), 1) << name;
  }
}

TEST(HttpCoding, BombInABombIsCutAtTheRatioToo) {
  const std::string bomb =
      test::deflated(test::deflated(std::string(40 << 20, 'a'), test::kGzip), test::kGzip);
  HttpLimits limits;
  limits.response_body_bytes = 64 << 20;
  HttpRecorder http(limits);
  http.response(coded_response("gzip, gzip", bomb));
  EXPECT_EQ(http.count(AppAnomaly::http_decompression_limit), 1);
  EXPECT_LE(http.answered(file_data).size(), 16'384 + 100 * (bomb.size() + kSliceBytes));
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpCoding, CodingsThatEachKeepToTheRatioAreCutWhereTogetherTheyDoNot) {
  std::string blocks;  // stored ones that hold nothing: what reads them makes nothing
  for (int i = 0; i < 200'000; ++i) blocks.append("\0\0\0\xff\xff", 5);
  const std::string coded = test::deflated(blocks, test::kGzip);
  const std::string named =
      coded.substr(0, 3) + '\x08' + coded.substr(4, 6) + std::string(12'000, 'n') + '\0';
  const std::string body = test::deflated(named + coded.substr(10), test::kGzip);
  ASSERT_LT(blocks.size(), 100 * named.size());
  ASSERT_LT(16'384 + 100 * body.size(), blocks.size());
  HttpRecorder http;
  http.response(coded_response("deflate, gzip, gzip", body) + coded_response("identity", "next"));
  EXPECT_EQ(http.count(AppAnomaly::http_decompression_limit), 1);
  EXPECT_EQ(http.text(kToClient, 1, file_data), "next");
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

/// Blocks of gzip with codes of their own that make nothing, eleven bytes each.
std::string empty_blocks(int count) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  std::uint64_t bits = 0;
  unsigned have = 0;
  const auto put = [&](unsigned value, unsigned size) {
    bits |= std::uint64_t{value} << have;
    for (have += size; have >= 8; have -= 8, bits >>= 8) out += static_cast<char>(bits & 0xff);
  };
  for (int block = 0; block < count; ++block) {
    for (const auto& [value, size] : {std::pair{4U, 3U}, {0U, 5U}, {0U, 5U}, {14U, 4U}}) {
      put(value, size);
    }
    // Of the lengths of codes 18, a run without any, and 1 have a code; in the order of deflate.
    for (unsigned place = 0; place < 18; ++place) put(place == 2 || place == 17 ? 1 : 0, 3);
    put(1, 1);
    put(127, 7);  // 138 symbols without a code, then 118
    put(1, 1);
    put(107, 7);
    put(0, 3);  // the block's end, and a distance; then the end
  }
  return out + static_cast<char>(bits);
}

TEST(HttpCoding, BlocksThatMakeNothingAreCutAtTheRatio) {
  const std::string inner = empty_blocks(20'000);
  std::string outer = test::deflated(inner, test::kGzip);
  outer = outer.substr(0, 3) + '\x08' + outer.substr(4, 6) + std::string(inner.size() / 99, 'n') +
          '\0' + outer.substr(10);
  for (const auto& [coding, body] : {std::pair{"gzip", inner}, {"gzip, gzip", outer}}) {
    const std::string response = coded_response(coding, body);
    HttpRecorder whole;
    whole.response(response);
    EXPECT_EQ(whole.count(AppAnomaly::http_decompression_limit), 1) << coding;
    EXPECT_EQ(whole.count(AppAnomaly::http_bad_content_coding),
              coding == std::string("gzip") ? 0 : 1);
    for (const std::size_t size : {1U, 100U, 700U}) {
      HttpRecorder split;
      for (std::size_t at = 0; at < response.size(); at += size) {
        split.response(response.substr(at, size));
      }
      EXPECT_EQ(split.anomalies, whole.anomalies) << coding << size;
    }
  }
}

TEST(HttpCoding, SmallBlocksOfTextAreNoBomb) {
  std::string body, text;
  for (int i = 0; i < 500; ++i) {
    const std::string line =
        fmt::format("event {}: {:x} of {:o}, as is told of {}\n", i, i * i, i, i / 7);
    text += line;
    body += test::deflated(line, test::kGzip);
  }
  HttpRecorder http;
  http.response(coded_response("gzip", body));
  EXPECT_EQ(http.answered(file_data), text);
  EXPECT_TRUE(http.anomalies.empty());
}

TEST(HttpCoding, OddHeadOfGzipIsPassedOver) {
  const std::string coded = test::deflated("attack", test::kGzip);
  const auto with_flags = [&](char flags, std::string_view fields) {
    return coded.substr(0, 3) + flags + coded.substr(4, 6) + std::string(fields) + coded.substr(10);
  };
  using namespace std::string_view_literals;
  for (const std::string& body : {with_flags(2, "\0\0"sv), with_flags(0x20, ""),
                                  with_flags(0x48, "name\0"sv), with_flags(0x24, "\2\0ab"sv)}) {
    for (const std::size_t cut : {body.size(), std::size_t{5}, std::size_t{11}}) {
      HttpRecorder http;
      const std::string response = coded_response("gzip", body);
      const std::size_t head = response.size() - body.size();
      http.response(response.substr(0, head + cut)).response(response.substr(head + cut));
      EXPECT_EQ(http.answered(file_data), "attack");
      EXPECT_EQ(http.count(AppAnomaly::http_bad_content_coding), 1);
    }
  }
}

TEST(HttpCoding, BrokenCodingEndsTheBufferAndTheMessagesGoOn) {
  std::string coded = test::deflated(fmt::format("{:a<5000}tail", ""), test::kGzip);
  coded[12] = '\xff';
  HttpRecorder http;
  http.response(coded_response("gzip", coded) + coded_response("gzip", "x"));
  EXPECT_EQ(http.count(AppAnomaly::http_bad_content_coding), 1);
  EXPECT_EQ(http.messages.at({kToClient, 0}).ends.at(file_data), 1);
  EXPECT_EQ(http.text(kToClient, 1, http_stat_code), "200");
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpCoding, WhatIsBrokenBeyondTheDepthIsNotTold) {
  std::string coded = test::deflated("0123456789abcdefghijklmnopqrstuvwxyz", test::kGzip);
  coded[coded.size() - 8] ^= 1;  // the checksum, behind all text
  HttpLimits limits;
  limits.response_body_bytes = 10;
  HttpRecorder http(limits);
  http.response(coded_response("gzip", coded));
  EXPECT_EQ(http.answered(file_data), "0123456789");
  EXPECT_TRUE(http.anomalies.empty());
}

TEST(HttpCoding, BombIsCutAtTheRatio) {
  const std::string bomb = test::deflated(std::string(10 << 20, 'a'), test::kGzip);
  HttpLimits limits;
  limits.response_body_bytes = 64 << 20;
  HttpRecorder http(limits);
  http.response(coded_response("gzip", bomb) + coded_response("identity", "next"));
  EXPECT_EQ(http.count(AppAnomaly::http_decompression_limit), 1);
  EXPECT_EQ(http.answered(file_data).size(), 16'384 + 100 * kSliceBytes);
  EXPECT_EQ(http.text(kToClient, 1, file_data), "next");
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpCoding, WithoutMemoryToInflateTheMessagesGoOn) {
  HttpRecorder http({}, 2 * kChunkBytesMax);
  const std::string body = test::deflated("text", test::kGzip);
  http.request("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
  http.response(coded_response("gzip", body) + coded_response("gzip", body));
  EXPECT_EQ(http.count(AppAnomaly::state_limit), 2);
  EXPECT_EQ(http.answered(file_data), "(none)");
  EXPECT_EQ(http.messages.at({kToClient, 1}).ends_of_message, 1);
}

}  // namespace
}  // namespace sluice
