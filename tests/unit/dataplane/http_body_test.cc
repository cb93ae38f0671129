// Where bodies end, and how far they are told.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

using enum Buffer;
using test::HttpRecorder;
using test::response_with;

TEST(HttpBody, LengthEndsTheBodyAndTheNextRequestFollows) {
  HttpRecorder http;
  http.request(
      "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\n"
      "Content-Length: 2\r\n\r\nyoGET /c HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.asked(http_request_body), "hello");
  EXPECT_EQ(http.asked(file_data), "hello");
  EXPECT_EQ(http.text(kToServer, 1, http_request_body), "yo");
  EXPECT_EQ(http.text(kToServer, 2, http_uri), "/c");
  EXPECT_EQ(http.messages.at({kToServer, 1}).ends.at(http_request_body), 1);
  EXPECT_TRUE(http.anomalies.empty());
}

TEST(HttpBody, ChunksAreJoinedWithoutExtensionsAndTrailers) {
  HttpRecorder http;
  http.request(
      "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;name=\"v\"\r\nhello\r\n000000000000000000006 \r\n world\r\n0\r\nTrailer: x\r\n\r\n"
      "GET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.asked(http_request_body), "hello world");
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/next");
  EXPECT_TRUE(http.anomalies.empty());
}

TEST(HttpBody, BodyWithoutAByteIsNone) {
  HttpRecorder http;
  http.response("HTTP/1.1 200 OK\r\n\r\n").end(kToClient);
  http.request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(http.answered(http_response_body), "(none)");
  EXPECT_EQ(http.answered(file_data), "(none)");
  EXPECT_EQ(http.asked(http_request_body), "(none)");
}

TEST(HttpBody, BadChunksOfARequestEndTheDirection) {
  for (const char* bad : {"g\r\n", "-1\r\n", "11111111111111111\r\n", "0x5\r\n", "\r\n;5\r\n"}) {
    HttpRecorder http;
    http.request(fmt::format("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}", bad));
    EXPECT_EQ(http.count(AppAnomaly::http_bad_chunk), 1) << bad;
    EXPECT_TRUE(http.parser().has_left(kToServer)) << bad;
    EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1) << bad;
  }
}

TEST(HttpBody, JunkAroundChunkSizesIsToldAndPassedOver) {
  for (const char* chunk :
       {" 5\r\nhello\r\n", "\r5\r\nhello\r\n", "\r\n\r\n5\r\nhello\r\n", "\f5\r\nhello\r\n",
        "5x\r\nhello\r\n", "5,\r\nhello\r\n", "5\r\nhello\r\r\n", "5\r\nhello \n"}) {
    for (const unsigned direction : {kToServer, kToClient}) {
      const char* line = direction == kToServer ? "POST / HTTP/1.1" : "HTTP/1.1 200 OK";
      HttpRecorder http;
      http.push(direction, fmt::format("{}\r\nTransfer-Encoding: chunked\r\n\r\n{}6\r\n world\r\n"
                                       "0\r\n\r\n{}",
                                       line, chunk, line));
      EXPECT_EQ(http.text(direction, 0, file_data), "hello world") << chunk;
      EXPECT_EQ(http.count(AppAnomaly::http_bad_chunk), 1) << chunk;
      EXPECT_EQ(http.messages.at({direction, 0}).ends_of_message, 1) << chunk;
    }
  }
}

TEST(HttpBody, ResponseWithoutAChunkSizeIsTakenAsItIsFromThereOn) {
  for (const auto& [body, told] :
       {std::pair{"plain text", "plain text"}, {"5\r\nhello\r\nno size\r\n", "hellono size\r\n"}}) {
    HttpRecorder http;
    http.response(response_with("Transfer-Encoding: chunked\r\n", body)).end(kToClient);
    EXPECT_EQ(http.answered(file_data), told);
    EXPECT_EQ(http.count(AppAnomaly::http_bad_chunk), 1) << body;
    EXPECT_EQ(http.messages.at({kToClient, 0}).ends_of_message, 1) << body;
  }
}

TEST(HttpBody, ChunksAreReadByTheExactNameAndNotByALongerOne) {
  HttpRecorder longer;
  longer.response(response_with("Transfer-Encoding: xchunked\r\n", "0\n<script>")).end(kToClient);
  EXPECT_EQ(longer.answered(file_data), "0\n<script>");
  HttpRecorder exact;
  exact.response(response_with("Transfer-Encoding: chunked\r\n", "2;x\r\nhi\r\n0\r\nX: y\r\n\r\n"));
  EXPECT_EQ(exact.answered(file_data), "hi");
}

TEST(HttpBody, EndlessChunkLinesAndTrailersAreBounded) {
  for (const char* start : {"5;", "0\r\nX: "}) {
    HttpRecorder http;
    http.request(fmt::format("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}", start));
    for (int i = 0; i < 100; ++i) http.request(std::string(100, 'x'));
    EXPECT_EQ(http.count(AppAnomaly::http_bad_chunk), 1) << start;
  }
}

TEST(HttpBody, ContradictingLengthsAreToldAndReadAsServersDo) {
  struct Case {
    const char* headers;
    const char* body;
    int told;
  };
  for (const Case& row : {
           Case{"Content-Length: 3\r\nContent-Length: 5\r\n", "abc", 1},
           Case{"Content-Length: 3\r\nContent-Length: 3\r\n", "abc", 0},
           Case{"Content-Length: 3, 3\r\n", "abc", 0},
           Case{"Content-Length: +3\r\nContent-Length: 3\r\n", "abc", 1},
           Case{"Content-Length: 99999999999999999999\r\n", "(none)", 1},
           Case{"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", "ab", 1},
           Case{"Transfer-Encoding: chunked, identity\r\n", "ab", 1},
           Case{"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "ab", 1},
           Case{"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", "abc", 1},
           Case{"Transfer-Encoding:\r\n chunked\r\n", "ab", 0},
       }) {
    HttpRecorder http;
    const bool is_chunked = std::string_view(row.body) == "ab";
    http.request(fmt::format("POST / HTTP/1.1\r\n{}\r\n{}", row.headers,
                             is_chunked ? "2\r\nab\r\n0\r\n\r\n" : "abc"));
    EXPECT_EQ(http.asked(http_request_body), row.body) << row.headers;
    EXPECT_EQ(http.count(AppAnomaly::http_ambiguous_length), row.told) << row.headers;
  }
}

TEST(HttpBody, ResponsesWithoutBodiesAreKnown) {
  HttpRecorder http;
  http.request("HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n");
  http.response(
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
      "HTTP/1.1 304 Same\r\nContent-Length: 100\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(http.text(kToClient, 0, http_response_body), "(none)");
  EXPECT_EQ(http.text(kToClient, 1, http_stat_code), "304");
  EXPECT_EQ(http.text(kToClient, 2, http_response_body), "hi");
}

TEST(HttpBody, InterimResponseHasTheNumberOfTheFinalOne) {
  HttpRecorder http;
  http.request("HEAD / HTTP/1.1\r\n\r\n");
  http.response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(http.messages.size(), 2U);
  EXPECT_EQ(http.messages.at({kToClient, 0}).heads, 2);
  EXPECT_EQ(http.messages.at({kToClient, 0}).ends_of_message, 2);
  EXPECT_EQ(http.answered(http_stat_code), "200");
}

TEST(HttpBody, BodyGoesOnUntilTheConnectionCloses) {
  HttpRecorder http;
  http.response(response_with("", "some ")).response("more").end(kToClient);
  EXPECT_EQ(http.answered(http_response_body), "some more");
  EXPECT_EQ(http.messages.at({kToClient, 0}).ends.at(file_data), 1);
  EXPECT_EQ(http.messages.at({kToClient, 0}).ends_of_message, 1);
}

TEST(HttpBody, TunnelsAndOtherProtocolsAreLeft) {
  for (const char* answer :
       {"HTTP/1.1 200 Established\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n"}) {
    HttpRecorder http;
    http.request("CONNECT h:443 HTTP/1.1\r\n\r\n").response(answer);
    EXPECT_TRUE(http.parser().has_left(kToServer));
    EXPECT_TRUE(http.parser().has_left(kToClient));
    http.request("\x16\x03\x01").response("\x16\x03\x03");
    EXPECT_TRUE(http.anomalies.empty());
  }
  HttpRecorder http;
  http.request("CONNECT h:443 HTTP/1.1\r\n\r\n")
      .response("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_FALSE(http.parser().has_left(kToServer));
  EXPECT_EQ(http.answered(http_response_body), "no");
}

TEST(HttpBody, OnlyThePrefaceOfHttp2EndsTheRequests) {
  HttpRecorder http;
  http.request("GET /a HTTP/2.0\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/b");
  http.request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(http.parser().has_left(kToServer));
  EXPECT_FALSE(http.parser().has_left(kToClient));
}

TEST(HttpBody, TooManyUnansweredRequestsAreToldOnce) {
  HttpRecorder http;
  for (int i = 0; i < 100; ++i) http.request("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.count(AppAnomaly::http_unanswered_requests), 1);
  EXPECT_EQ(http.text(kToServer, 99, http_uri), "/");
}

TEST(HttpBody, TellsNoFurtherThanTheDepth) {
  HttpLimits limits;
  limits.request_body_bytes = 10;
  HttpRecorder http(limits);
  http.request("POST / HTTP/1.1\r\nContent-Length: 26\r\n\r\nabcdefgh").request("ijklmnop");
  EXPECT_EQ(http.asked(http_request_body), "abcdefghij");
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends.at(http_request_body), 1);
  http.request("qrstuvwxyzGET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/next");
}

TEST(HttpBody, GapWithinABodyIsPassedOver) {
  HttpRecorder http;
  http.request("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").gap(kToServer, 4);
  http.request("hijGET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.asked(http_request_body), "abc");
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends.at(http_request_body), 1);
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/next");
  HttpRecorder chunks;
  chunks.request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc");
  chunks.gap(kToServer, 4).request("hij\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(chunks.text(kToServer, 1, http_uri), "/next");
}

TEST(HttpBody, GapBeyondABodyOrInAHeadEndsTheDirection) {
  HttpRecorder body;
  body.request("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc").gap(kToServer, 8);
  EXPECT_TRUE(body.parser().has_left(kToServer));
  EXPECT_EQ(body.messages.at({kToServer, 0}).ends_of_message, 1);
  HttpRecorder head;
  head.request("GET / HT").gap(kToServer, 1).request("P/1.1\r\n\r\n");
  EXPECT_TRUE(head.messages.empty());
  EXPECT_EQ(head.pool().counters().bytes_in_use, 0U);
}

TEST(HttpBody, ReleaseGivesAllMemoryBack) {
  HttpRecorder http;
  http.request("POST /%41 HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  http.response("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b").response("HTTP");
  EXPECT_GT(http.pool().counters().bytes_in_use, 0U);
  http.release();
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

}  // namespace
}  // namespace sluice
