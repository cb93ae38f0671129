// Heads: the buffers of requests and responses, and what is odd about a head.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "dataplane/inspect/http_detect.h"
#include "tests/unit/dataplane/http_recorder.h"

namespace sluice {
namespace {

using enum Buffer;
using test::HttpRecorder;

TEST(HttpHead, RequestHasTheBuffersOfTheTable) {
  HttpRecorder http;
  http.request(
      "GET /a/b?x=1 HTTP/1.1\r\nHost: WWW.Example.com:8080\r\nUser-Agent: curl/8\r\n"
      "Accept: */*\r\nAccept-Language: de\r\nAccept-Encoding: gzip\r\nReferer: http://r/\r\n"
      "Cookie: a=1; b=2\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n");
  EXPECT_EQ(http.asked(http_method), "GET");
  EXPECT_EQ(http.asked(http_uri), "/a/b?x=1");
  EXPECT_EQ(http.asked(http_uri_raw), "/a/b?x=1");
  EXPECT_EQ(http.asked(http_request_line), "GET /a/b?x=1 HTTP/1.1");
  EXPECT_EQ(http.asked(http_protocol), "HTTP/1.1");
  EXPECT_EQ(http.asked(http_host), "www.example.com");
  EXPECT_EQ(http.asked(http_host_raw), "WWW.Example.com:8080");
  EXPECT_EQ(http.asked(http_user_agent), "curl/8");
  EXPECT_EQ(http.asked(http_accept), "*/*");
  EXPECT_EQ(http.asked(http_accept_language), "de");
  EXPECT_EQ(http.asked(http_accept_encoding), "gzip");
  EXPECT_EQ(http.asked(http_referer), "http://r/");
  EXPECT_EQ(http.asked(http_cookie), "a=1; b=2");
  EXPECT_EQ(http.asked(http_connection), "close");
  EXPECT_EQ(http.asked(http_content_type), "text/plain");
  EXPECT_TRUE(http.anomalies.empty());
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
}

TEST(HttpHead, ResponseHasTheBuffersOfTheTable) {
  HttpRecorder http;
  http.response(
      "HTTP/1.1 302 Moved Away\r\nServer: nginx\r\nLocation: /there\r\nSet-Cookie: a=1\r\n"
      "Set-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(http.answered(http_stat_code), "302");
  EXPECT_EQ(http.answered(http_stat_msg), "Moved Away");
  EXPECT_EQ(http.answered(http_response_line), "HTTP/1.1 302 Moved Away");
  EXPECT_EQ(http.answered(http_protocol), "HTTP/1.1");
  EXPECT_EQ(http.answered(http_server), "nginx");
  EXPECT_EQ(http.answered(http_location), "/there");
  EXPECT_EQ(http.answered(http_cookie), "a=1, b=2");
  EXPECT_EQ(http.answered(http_content_length), "0");
  EXPECT_EQ(http.answered(http_header),
            "Server: nginx\r\nLocation: /there\r\nContent-Length: 0\r\n");
  EXPECT_EQ(http.messages.at({kToClient, 0}).ends_of_message, 1);
}

TEST(HttpHead, HeadersAreNormalisedOneALineWithoutCookies) {
  HttpRecorder http;
  http.request(
      "GET / HTTP/1.1\r\nHost:a\r\nX-One: \t 1 \t\r\nCookie: c=1\r\nX-Two: first\r\n  and more\r\n"
      "x-one:2\nEmpty:\r\n\r\n");
  EXPECT_EQ(http.asked(http_header),
            "Host: a\r\nX-One: 1, 2\r\nX-Two: first and more\r\nEmpty: \r\n");
  EXPECT_EQ(http.asked(http_header_names), "\r\nHost\r\nX-One\r\nCookie\r\nX-Two\r\nEmpty\r\n\r\n");
  EXPECT_EQ(http.asked(http_start),
            "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1, 2\r\nCookie: c=1\r\nX-Two: first and more\r\n"
            "Empty: \r\n\r\n");
  EXPECT_EQ(http.asked(http_header_raw),
            "Host:a\r\nX-One: \t 1 \t\r\nCookie: c=1\r\nX-Two: first\r\n  and more\r\n"
            "x-one:2\nEmpty:\r\n\r\n");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_header), 1);
}

TEST(HttpHead, HeadAsItShouldReadIsNotWrittenAnew) {
  const std::string head = "GET /p HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n";
  HttpRecorder http;
  http.request(head);
  EXPECT_EQ(http.asked(http_header), "Host: a\r\nX-One: 1\r\n");
  EXPECT_EQ(http.asked(http_start), head);
}

TEST(HttpHead, CookieBetweenPlainHeadersIsLeftOut) {
  HttpRecorder http;
  http.request("GET / HTTP/1.1\r\nHost: a\r\nCookie: x\r\nB: 1\r\nC: 2\r\n\r\n");
  EXPECT_EQ(http.asked(http_header), "Host: a\r\nB: 1\r\nC: 2\r\n");
}

TEST(HttpHead, HostOfAnAbsoluteTargetBeatsTheHeader) {
  HttpRecorder http;
  http.request("GET http://me@One.example.:81/x HTTP/1.1\r\nHost: two\r\n\r\n");
  EXPECT_EQ(http.asked(http_host), "one.example");
  EXPECT_EQ(http.asked(http_host_raw), "two");
  EXPECT_EQ(http.asked(http_uri), "/x");
}

TEST(HttpHead, HostMayBeAnAddressInBrackets) {
  HttpRecorder http;
  http.request("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n");
  EXPECT_EQ(http.asked(http_host), "[2001:db8::1]");
}

TEST(HttpHead, OnlyWantedBuffersAreTold) {
  HttpLimits limits;
  limits.wanted = std::uint64_t{1} << static_cast<unsigned>(http_uri);
  HttpRecorder http(limits);
  http.request("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(http.messages.at({kToServer, 0}).buffers.size(), 1U);
  EXPECT_EQ(http.asked(http_uri), "/x");
}

TEST(HttpHead, NamesOfHeadersAreKnownInAnyCaseAndOnlyWhole) {
  HttpRecorder http;
  http.request(
      "GET / HTTP/1.1\r\nhOsT: a\r\nuSER-aGENT: u\r\nuser\ragent: v\r\nReferrer: r\r\n\r\n");
  EXPECT_EQ(http.asked(http_host), "a");
  EXPECT_EQ(http.asked(http_user_agent), "u");
  EXPECT_EQ(http.asked(http_referer), "(none)");
}

TEST(HttpHead, WhatAStrictReaderRefusesIsReadAndTold) {
  for (const char* odd : {"Name : v\r\n", "no colon\r\n", ": v\r\n", "A: 1\n", " fold\r\n"}) {
    HttpRecorder http;
    http.request(fmt::format("GET / HTTP/1.1\r\nHost: a\r\n{}Accept: x\r\n\r\n", odd));
    EXPECT_EQ(http.count(AppAnomaly::http_bad_header), 1) << odd;
    EXPECT_EQ(http.asked(http_accept), "x") << odd;
  }
  HttpRecorder http;
  http.request(std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29));
  EXPECT_EQ(http.count(AppAnomaly::http_bad_header), 1);
}

TEST(HttpHead, OddRequestLinesAreReadAndTold) {
  struct Case {
    const char* line;
    const char* uri;
    const char* protocol;
  };
  for (const Case& row :
       {Case{"GET /a b HTTP/1.1", "/a b", "HTTP/1.1"}, Case{"GET  /a HTTP/1.1", "/a", "HTTP/1.1"},
        Case{"G(T /a HTTP/1.1", "/a", "HTTP/1.1"}, Case{"GET /a JUNK HERE", "/a", "JUNK HERE"},
        Case{"GET HTTP/1.1", "HTTP/1.1", "(none)"}}) {
    HttpRecorder http;
    http.request(fmt::format("{}\r\nHost: a\r\n\r\n", row.line));
    EXPECT_EQ(http.asked(http_uri_raw), row.uri) << row.line;
    EXPECT_EQ(http.asked(http_protocol), row.protocol) << row.line;
    EXPECT_GE(http.count(AppAnomaly::http_bad_request_line), 1) << row.line;
  }
}

TEST(HttpHead, WhatSomeServersTakeForABlankIsOne) {
  for (const std::string_view line :
       {"GET\x0b/evil HTTP/1.1", " GET /evil\x1cHTTP/1.1", "\t \x85GET\xa0/evil\x0cHTTP/1.1\x1f",
        "\x1f\r\n GET \xa0 /evil HTTP/1.1"}) {
    HttpRecorder http;
    http.request(fmt::format("{}\r\nHost: a\r\n\r\n", line));
    EXPECT_EQ(http.asked(http_method), "GET") << line;
    EXPECT_EQ(http.asked(http_uri), "/evil") << line;
    EXPECT_EQ(http.asked(http_host), "a") << line;
    EXPECT_EQ(looks_like_http_request(test::bytes_of(line)), Likeness::yes) << line;
  }
  HttpRecorder target;
  target.request(
      "GET /a\xa0"
      "b HTTP/1.1\r\n\r\n");
  EXPECT_EQ(target.asked(http_uri_raw),
            "/a\xa0"
            "b");
}

TEST(HttpHead, RequestLineWithoutAVersionIsAWholeRequest) {
  HttpRecorder http;
  http.request("GET /old\r\n");
  EXPECT_EQ(http.asked(http_uri), "/old");
  http.end(kToServer);
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
  http.response("plain text").end(kToClient);
  EXPECT_EQ(http.answered(http_response_body), "plain text");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_response_line), 1);
}

TEST(HttpHead, RequestLineWithoutAVersionIsToldAtOnceAndAgainWithItsHeaders) {
  HttpRecorder http;
  http.request("GET /a?b\r\n");
  EXPECT_EQ(http.asked(http_uri), "/a?b");
  EXPECT_EQ(http.asked(http_user_agent), "(none)");
  http.request("User-Agent: me\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.asked(http_user_agent), "me");
  EXPECT_EQ(http.asked(http_request_line), "GET /a?b");
  EXPECT_EQ(http.asked(http_request_body), "hi");
  EXPECT_EQ(http.messages.at({kToServer, 0}).heads, 2);
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/b");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_request_line), 1);
}

TEST(HttpHead, WhatIsNoHeaderBehindALineWithoutAVersionIsTheNextRequest) {
  for (const char* next : {"GET /b HTTP/1.1\r\n\r\n", "\r\n\r\nGET /b HTTP/1.1\r\n\r\n"}) {
    HttpRecorder http;
    http.request("GET /a\r\n").request(next);
    EXPECT_EQ(http.messages.at({kToServer, 0}).heads, 1) << next;
    EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1) << next;
    EXPECT_EQ(http.text(kToServer, 1, http_uri), "/b") << next;
  }
}

TEST(HttpHead, HeadersBehindALineWithoutAVersionThatAreCutOffAreTold) {
  HttpRecorder http;
  http.request("GET /a\r\nHost: x\r\nUser-Agent: m").end(kToServer);
  EXPECT_EQ(http.asked(http_user_agent), "m");
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpHead, WithoutMemoryALineWithoutAVersionEndsTheDirection) {
  HttpRecorder http({}, kChunkBytesMax);
  http.request(fmt::format("GET /{}\r\n", std::string(40'000, 'a')));
  EXPECT_EQ(http.count(AppAnomaly::state_limit), 1);
  EXPECT_TRUE(http.parser().has_left(kToServer));
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
}

TEST(HttpHead, BytesThatAreNoRequestEndTheDirection) {
  HttpRecorder http;
  http.request("\x16\x03\x01 GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(http.messages.empty());
  EXPECT_EQ(http.count(AppAnomaly::http_bad_request_line), 1);
  EXPECT_TRUE(http.parser().has_left(kToServer));
}

TEST(HttpHead, ResponseIsFoundBehindBlanksAndALineOfJunk) {
  using namespace std::string_view_literals;
  for (const std::string_view before :
       {"\0"sv, " \t\r\r\n"sv, "foobar\r\n"sv, " foobar\r\n"sv, " \n"sv}) {
    for (const std::size_t cut : {std::size_t{1}, before.size(), before.size() + 3}) {
      HttpRecorder http;
      const std::string bytes =
          std::string(before) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
      http.response(bytes.substr(0, cut)).response(bytes.substr(cut));
      EXPECT_EQ(http.answered(http_stat_code), "200") << before << cut;
      EXPECT_EQ(http.answered(http_response_body), "hi") << before << cut;
      EXPECT_EQ(http.count(AppAnomaly::http_bad_response_line), 1) << before << cut;
    }
  }
  HttpRecorder http;
  http.response("http/1.0 200 ok\r\nServer: s\r\n\r\n");
  EXPECT_EQ(http.answered(http_server), "s");
  EXPECT_EQ(http.count(AppAnomaly::http_bad_response_line), 1);
}

TEST(HttpHead, ResponseWithoutAStatusLineIsAllBody) {
  for (const char* body : {"two\nlines\nHTTP/1.1 200 OK\r\n\r\n", "HTTQ", " ", "short",
                           "a line that goes on beyond what can be junk before a status line, as it"
                           "has no end\nHTTP/1.1 200 OK\r\n\r\n"}) {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{3}}) {
      HttpRecorder http;
      http.response(std::string(body).substr(0, cut));
      if (std::string(body).size() > cut) http.response(std::string(body).substr(cut));
      http.end(kToClient);
      EXPECT_EQ(http.answered(http_response_body), body);
      EXPECT_EQ(http.count(AppAnomaly::http_bad_response_line), 1) << body;
      EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
    }
  }
}

TEST(HttpHead, NamesInResponsesAreKnownWithJunkInAndBehindThem) {
  using namespace std::string_view_literals;
  for (const std::string_view line :
       {"Location\0: /x\r\n"sv, "Loc\0ation: /x\r\n"sv, "Location\v: /x\r\n"sv,
        "Location\r :/x\r\n"sv, "Location\r\n :/x\r\n"sv, "Location\r\n \r\n :\r\n /x\r\n"sv,
        "X: y\rLocation: /x\r\n"sv}) {
    HttpRecorder http;
    http.response(fmt::format("HTTP/1.1 302 Go\r\n{}Server: s\r\n\r\n", line));
    EXPECT_EQ(http.answered(http_location), "/x") << line;
    EXPECT_EQ(http.answered(http_server), "s") << line;
    EXPECT_EQ(http.count(AppAnomaly::http_bad_header), 1) << line;
  }
}

TEST(HttpHead, FoldedLineIsAHeaderOnlyWhereItSaysHowTheBodyIsCoded) {
  HttpRecorder http;
  http.response(
      "HTTP/1.1 200 OK\r\nServer: s\r\n Location: /x\r\nX: y\r\n\tTransfer-Encoding: chunked\r\n"
      "\r\n2\r\nhi\r\n0\r\n\r\n");
  EXPECT_EQ(http.answered(http_location), "(none)");
  EXPECT_EQ(http.answered(http_server), "s Location: /x");
  EXPECT_EQ(http.answered(http_response_body), "hi");
  EXPECT_EQ(http.answered(http_header),
            "Server: s Location: /x\r\nX: y\r\nTransfer-Encoding: chunked\r\n");
}

TEST(HttpHead, LineOfABlankEndsTheHeadOfAResponse) {
  for (const char* end : {"\n \n", "\r\n\t\n"}) {
    HttpRecorder http;
    const std::string head = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: 2{}", end);
    http.response(head + "hi");
    EXPECT_EQ(http.answered(http_response_body), "hi");
    EXPECT_EQ(http.count(AppAnomaly::http_bad_header), 1);
    HttpRecorder split;
    split.response(head).response("hi");
    EXPECT_TRUE(split.messages == http.messages);
  }
  HttpRecorder folded;
  folded.response("HTTP/1.1 200 OK\r\nA: 1\n \nB: 2\r\nServer: s\r\n\r\n");
  EXPECT_EQ(folded.answered(http_server), "(none)");
}

TEST(HttpHead, LoneCrEndsALineOfAResponseAtEveryPlace) {
  for (std::size_t pad = 0; pad < 140; ++pad) {
    HttpRecorder http;
    http.response(fmt::format("HTTP/1.1 200 OK\rX: {:x<{}}\rServer: s\r\n\r\n", "", pad));
    EXPECT_EQ(http.answered(http_server), "s") << pad;
    EXPECT_EQ(http.answered(http_stat_msg), "OK") << pad;
  }
}

TEST(HttpHead, HeadThatIsCutOffByTheEndIsTold) {
  HttpRecorder http;
  http.request("GET /cut HTTP/1.1\r\nHost: a\r\nUser-Ag").end(kToServer);
  EXPECT_EQ(http.asked(http_uri), "/cut");
  EXPECT_EQ(http.asked(http_host), "a");
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
  HttpRecorder line;
  line.request("GET /cut HTTP").end(kToServer);
  EXPECT_TRUE(line.messages.empty());
  EXPECT_TRUE(line.anomalies.empty());
}

TEST(HttpHead, TooLongHeadIsToldAsFarAsItGoesAndEndsTheDirection) {
  HttpLimits limits;
  limits.head_bytes = 4096;
  HttpRecorder http(limits);
  http.request("GET /long HTTP/1.1\r\nHost: a\r\nX: ");
  for (int i = 0; i < 100; ++i) http.request(std::string(100, 'x'));
  EXPECT_EQ(http.count(AppAnomaly::http_head_too_long), 1);
  EXPECT_EQ(http.asked(http_uri), "/long");
  EXPECT_EQ(http.asked(http_header_raw).size(), 4096 - 20U);
  EXPECT_TRUE(http.parser().has_left(kToServer));
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpHead, HeadersBeyondTheBoundAreNotToldButStillFrameTheBody) {
  std::string head = "POST / HTTP/1.1\r\n";
  for (int i = 0; i < 500; ++i) head += fmt::format("A{}: 1\r\n", i);
  HttpRecorder http;
  http.request(head + "Content-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(http.count(AppAnomaly::http_too_many_headers), 1);
  EXPECT_EQ(http.asked(http_request_body), "abc");
  EXPECT_EQ(http.text(kToServer, 1, http_uri), "/next");
}

TEST(HttpHead, LargestHeadOfFewestBytesALineFits) {
  std::string head = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 140; ++i) head += "a:\n";
  head += "x:";
  head.resize(kHttpHeadBytesMax - 4, 'y');
  HttpRecorder http;
  http.request(head + "\r\n\r\n");
  EXPECT_EQ(http.count(AppAnomaly::http_head_too_long), 0);
  EXPECT_EQ(http.count(AppAnomaly::state_limit), 0);
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
}

TEST(HttpHead, WithoutMemoryTheDirectionIsLeft) {
  HttpRecorder http({}, kChunkBytesMax);
  std::string head = "GET / HTTP/1.1\r\nX: ";
  http.request(head).request(std::string(50'000, 'x'));
  EXPECT_EQ(http.count(AppAnomaly::state_limit), 1);
  EXPECT_TRUE(http.parser().has_left(kToServer));
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(HttpHead, WithoutMemoryToKeepItAHeadIsToldAndItsMessageEnds) {
  HttpRecorder http({}, kChunkBytesMax);
  http.response(fmt::format("HTTP/1.1 {:x<3000}", ""));  // chunks of one size are all there is
  http.request("POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_EQ(http.count(AppAnomaly::state_limit), 1);
  EXPECT_EQ(http.asked(http_method), "POST");
  EXPECT_EQ(http.messages.at({kToServer, 0}).ends_of_message, 1);
  EXPECT_TRUE(http.parser().has_left(kToServer));
  EXPECT_FALSE(http.parser().has_left(kToClient));
}

TEST(HttpHead, SpansOfAHeadHoldUntilItsMessageEnds) {
  HttpRecorder http;
  http.request("POST /kept HTTP/1.1\r\nhost: A\r\nContent-Length: 6\r\n\r\nabc");
  const std::vector<BufferBytes> head = http.head;
  http.response("HTTP/1.1 100 Continue\r\n\r\n");
  for (const BufferBytes& row : head) {
    EXPECT_EQ(test::text_of(row.bytes), http.asked(row.buffer));
  }
  http.request("def");
  EXPECT_EQ(http.pool().counters().bytes_in_use, 0U);
}

TEST(AppAnomaly, EveryOneHasAName) {
  EXPECT_EQ(name_of(AppAnomaly::none), "none");
  EXPECT_EQ(name_of(AppAnomaly::http_bad_chunk), "http_bad_chunk");
  EXPECT_EQ(name_of(AppAnomaly::state_limit), "state_limit");
}

}  // namespace
}  // namespace sluice
