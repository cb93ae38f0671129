#include "control/store/redact.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string redacted(std::string_view url) {
  std::array<char, 256> room;
  return std::string(redact_url(url, room));
}

std::string shown(std::string text) {
  redact_headers(text);
  return text;
}

TEST(RedactUrl, HidesValuesThatAreNamedForASecret) {
  EXPECT_EQ(redacted("/login?user=a&password=hunter2&x=1"), "/login?user=a&password=***&x=1");
  EXPECT_EQ(redacted("/cb?access_token=abc#id_token=def"), "/cb?access_token=***#id_token=***");
  EXPECT_EQ(redacted("/a;jsessionid=77?PWD=x"), "/a;jsessionid=***?PWD=***");
}

TEST(RedactUrl, HidesUserAndPasswordInFrontOfTheHost) {
  EXPECT_EQ(redacted("http://me:secret@a.example/x?y=1"), "http://***@a.example/x?y=1");
}

TEST(RedactUrl, LeavesWhatIsNoSecret) {
  for (const std::string_view url :
       {"/", "", "/a?passage=1", "/a?tokens=2&side=3", "/mail?to=a@example", "*", "/a?==&&",
        "http://a.example/x@y", "/q?x=password", "?token"}) {
    EXPECT_EQ(redacted(url), url);
  }
}

TEST(RedactUrl, StopsWhereThereIsNoRoom) {
  std::array<char, 12> room;
  EXPECT_EQ(redact_url("/a?pwd=1&pwd=2&pwd=3", room), "/a?pwd=***&p");
}

TEST(RedactHeaders, OverwritesCredentialsAndCookiesInAnyCase) {
  EXPECT_EQ(shown("GET / HTTP/1.1\r\nAUTHORIZATION: Basic eA==\r\nHost: a\r\ncookie:id=7\r\n\r\n"),
            "GET / HTTP/1.1\r\nAUTHORIZATION:***********\r\nHost: a\r\ncookie:****\r\n\r\n");
  EXPECT_EQ(shown("Set-Cookie: a=b\nProxy-Authorization: x"),
            "Set-Cookie:****\nProxy-Authorization:**");
}

TEST(RedactHeaders, LeavesWhatOnlyLooksLikeThem) {
  for (const char* text : {"", "\n", "Cookies: a", "x Cookie: a", "authorization", "Cookie:"}) {
    EXPECT_EQ(shown(text), text);
  }
}

}  // namespace
}  // namespace sluice
