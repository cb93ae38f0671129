// However the bytes of a flow are cut into pushes, the same is told.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/inspect/http_detect.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

using test::HttpRecorder;

std::vector<std::pair<unsigned, std::string>> corpus() {
  const std::string text = "some text, some text, some text and more";
  const std::string coded = test::deflated(text, test::kGzip);
  const std::string raw = test::deflated(text, test::kRawDeflate);
  return {
      {kToServer, "GET /a/%41/../b?q=1 HTTP/1.1\r\nHost: A\r\nCookie: c\r\nX: 1\r\nx: 2\r\n\r\n"},
      {kToServer,
       "\r\n\r\nGET / HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\nContent-Length: 4\n\nbodyGET /c "
       "HTTP/1.0\r\nA: b\r\n\tc\r\n\r\n"},
      {kToServer,
       "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"
       "3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\nGET /next HTTP/1.1\r\n\r\n"},
      {kToServer, " \t\r\n\x0bGET\xa0/a\x1cHTTP/1.1\r\nHost: a\r\n\r\n\x85GET /b\r\n"},
      {kToServer, "GET /simple\r\nGET /other HTTP/1.1\r\n\r\n"},
      {kToServer, "GET /odd\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /b\nPOST /c\nA:b"},
      {kToServer, "GET /odd\r\nName-without-colon\r\n\r\n"},
      {kToServer, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX"},
      {kToServer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {kToServer, "GET\r\nno colon\r\n : x\r\n\r\n\x01rest"},
      {kToServer,
       "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" +
           test::chunked(coded, 5)},
      {kToClient, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + coded + coded + "junk"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + raw + "junk"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: 200 gzip\r\n\r\n" + coded + "junk"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip;\r\n\r\n" + coded.substr(0, 20) +
                      std::string(30, '\xff') + "junk"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nplain text"},
      {kToClient, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08 broken text"},
      {kToClient, "HTTX no response"},
      {kToClient, "HTTP/1.1 2000\r\n\r\nbody"},
      {kToClient, "HTTP/1.1 101 Switching Protocols\r\n\r\nbytes"},
  };
}

/// As http_fuzz takes it: kind of run, limits, length of pushes, eighths of bytes that are asked.
void keep_as_seed(unsigned direction, const std::string& bytes) {
  const auto asked = static_cast<char>(direction == kToServer ? (bytes.size() + 7) / 8 : 0);
  test::keep_seed("http_fuzz", std::string{'\0', '\1', '\3', asked} + bytes);
}

void expect_same(const HttpRecorder& whole, const HttpRecorder& split, const std::string& bytes,
                 std::size_t cut) {
  ASSERT_EQ(whole.messages, split.messages) << bytes << "\ncut at " << cut;
  ASSERT_EQ(whole.anomalies, split.anomalies) << bytes << "\ncut at " << cut;
  ASSERT_EQ(split.pool().counters().bytes_in_use, 0U) << bytes << "\ncut at " << cut;
}

TEST(HttpSplit, EveryCutTellsTheSame) {
  for (const auto& [direction, bytes] : corpus()) {
    keep_as_seed(direction, bytes);
    HttpRecorder whole;
    whole.push(direction, bytes).end(direction);
    ASSERT_FALSE(whole.messages.empty()) << bytes;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      HttpRecorder split;
      split.push(direction, bytes.substr(0, cut)).push(direction, bytes.substr(cut));
      split.end(direction);
      expect_same(whole, split, bytes, cut);
    }
  }
}

TEST(HttpSplit, SingleBytesTellTheSame) {
  for (const auto& [direction, bytes] : corpus()) {
    for (const bool keep_heads : {true, false}) {
      HttpLimits limits;
      limits.keep_heads = keep_heads;
      HttpRecorder whole(limits);
      whole.push(direction, bytes).end(direction);
      HttpRecorder split(limits);
      for (const char byte : bytes) split.push(direction, std::string(1, byte));
      split.end(direction);
      expect_same(whole, split, bytes, 1);
    }
  }
}

TEST(HttpDetect, RequestsAreKnownByTheirMethod) {
  const auto judged = [](std::string_view text) {
    return looks_like_http_request(test::bytes_of(text));
  };
  EXPECT_EQ(judged("GET /"), Likeness::yes);
  EXPECT_EQ(judged("GET "), Likeness::need_more);
  EXPECT_EQ(judged("\r\nPOST /x"), Likeness::yes);
  EXPECT_EQ(judged("BREW /pot HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged("BREW /pot\r\n"), Likeness::no);
  EXPECT_EQ(judged("PRI * HTTP/2.0\r\n\r\nSM"), Likeness::no);
  EXPECT_EQ(judged("\x16\x03\x01"), Likeness::no);
  EXPECT_EQ(judged("SSH-2.0-x\r\n"), Likeness::no);
  EXPECT_EQ(judged("EHLO me\r\n"), Likeness::no);
  EXPECT_EQ(judged("CONNECT {\"verbose\":false}\r\n"), Likeness::no);
  EXPECT_EQ(judged("OPTIONS rtsp://camera.example/ RTSP/1.0\r\n"), Likeness::no);
  EXPECT_EQ(judged("OPTIONS * HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged("GET http://a.example/ HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged("GE"), Likeness::need_more);
  EXPECT_EQ(judged(""), Likeness::need_more);
  EXPECT_EQ(judged(fmt::format("BREW {:x<2000}", "")), Likeness::no);
  EXPECT_EQ(judged(fmt::format("{:x<2000}", "")), Likeness::no);
}

TEST(HttpDetect, LineEndsInFrontHideNoRequest) {
  const auto judged = [](std::string_view text) {
    return looks_like_http_request(test::bytes_of(text));
  };
  for (const std::size_t count : {1U, 1023U, 1024U, 5000U}) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += i % 2 == 0 ? '\r' : '\n';
    EXPECT_EQ(judged(text), Likeness::need_more) << count;
    EXPECT_EQ(judged(text + "GET /"), Likeness::yes) << count;
    EXPECT_EQ(judged(text + "no request\r\n"), Likeness::no) << count;
  }
}

TEST(HttpDetect, OtherMethodsAreKnownByTheVersionBehindThem) {
  const auto judged = [](std::string_view text) {
    return looks_like_http_request(test::bytes_of(text));
  };
  EXPECT_EQ(judged("get / HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged("Get\t/ http/1.0\n"), Likeness::yes);
  EXPECT_EQ(judged("m-search * HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged(fmt::format("get /{:x<2000}", "")), Likeness::yes);
  EXPECT_EQ(judged("<script> / HTTP/1.1\r\n"), Likeness::yes);
  EXPECT_EQ(judged(fmt::format("{:x<1000} / HTTP/1.1\r\n", "")), Likeness::yes);
  EXPECT_EQ(judged(fmt::format("get http://a.example/{:x<2000}", "")), Likeness::yes);
  EXPECT_EQ(judged(fmt::format("GET {:x<2000}", "")), Likeness::yes);
  EXPECT_EQ(judged(fmt::format("get{:2000}", "")), Likeness::no);
  EXPECT_EQ(judged(fmt::format("get {:x<2000}", "")), Likeness::no);
  EXPECT_EQ(judged("get key\r\n"), Likeness::no);
  EXPECT_EQ(judged("get keyHTTP/1.1\r\n"), Likeness::no);
  EXPECT_EQ(judged("get /"), Likeness::need_more);
}

TEST(HttpDetect, ResponsesAreKnownByTheirVersion) {
  const auto judged = [](std::string_view text) {
    return looks_like_http_response(test::bytes_of(text));
  };
  EXPECT_EQ(judged("HTTP/1.1 200"), Likeness::yes);
  EXPECT_EQ(judged("HTTP/"), Likeness::need_more);
  EXPECT_EQ(judged("HTTQ"), Likeness::no);
  EXPECT_EQ(judged("220 ready"), Likeness::no);
}

}  // namespace
}  // namespace sluice
