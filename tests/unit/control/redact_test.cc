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
  redact_payload(text);
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

TEST(RedactPayload, OverwritesCredentialsAndCookiesInAnyCase) {
  EXPECT_EQ(shown("GET / HTTP/1.1\r\nAUTHORIZATION: Basic eA==\r\nHost: a\r\ncookie:id=7\r\n\r\n"),
            "GET / HTTP/1.1\r\nAUTHORIZATION:***********\r\nHost: a\r\ncookie:****\r\n\r\n");
  EXPECT_EQ(shown("Set-Cookie: a=b\nProxy-Authorization: x"),
            "Set-Cookie:****\nProxy-Authorization:**");
}

TEST(RedactPayload, LeavesWhatOnlyLooksLikeThem) {
  for (const char* text : {"", "\n", "Cookies: a", "x Cookie: a", "authorization", "Cookie:"}) {
    EXPECT_EQ(shown(text), text);
  }
}

TEST(RedactPayload, OverwritesWhatLogsIn) {
  EXPECT_EQ(shown("USER me\r\nPASS hunter2\r\n"), "USER me\r\nPASS *******\r\n");
  EXPECT_EQ(shown("AUTH PLAIN AG1lAGh1bnRlcjI=\r\nMAIL FROM:<a@b>"),
            "AUTH PLAIN ****************\r\nMAIL FROM:<a@b>");
  EXPECT_EQ(shown("auth login\r\nPASSIVE 1"), "auth login\r\nPASSIVE 1");
}

TEST(RedactPayload, OverwritesWhatLogsInOnLinesOfItsOwn) {
  EXPECT_EQ(shown("AUTH LOGIN\r\nbWU=\r\nc2Vj+/0=\r\nMAIL FROM:<a@b>\r\nDATA\r\n"),
            "AUTH LOGIN\r\n****\r\n********\r\nMAIL FROM:<a@b>\r\nDATA\r\n");
  EXPECT_EQ(shown("auth plain\nAG1lAGh1bnRlcjI="), "auth plain\n****************");
  EXPECT_EQ(shown("AUTH PLAIN AG1l\r\nbWU=\r\n\r\nbWU="), "AUTH PLAIN ****\r\n****\r\n\r\nbWU=");
  EXPECT_EQ(shown("EHLO me\r\nbWU="), "EHLO me\r\nbWU=");
}

TEST(RedactPayload, OverwritesLinesThatContinueAHeader) {
  EXPECT_EQ(shown("Authorization: Basic\r\n  eA==\r\n\tx y\r\nHost: a\r\n b\r\n"),
            "Authorization:******\r\n  ****\r\n\t***\r\nHost: a\r\n b\r\n");
  EXPECT_EQ(shown("Cookie:\n id=7\n\n id=7"), "Cookie:\n ****\n\n id=7");
}

TEST(RedactPayload, OverwritesValuesThatAreNamedForASecretWhereverTheyStand) {
  EXPECT_EQ(shown("GET /a?token=abc&x=1 HTTP/1.1\r\n"), "GET /a?token=***&x=1 HTTP/1.1\r\n");
  EXPECT_EQ(shown("=dark; sessionid=77; lang=en\r\n"), "=dark; sessionid=**; lang=en\r\n");
  EXPECT_EQ(shown("user=a&password=b"), "user=a&password=*");
  EXPECT_EQ(shown("{\"password\": \"hunter2\", \"x\":\"y\"}"),
            "{\"password\": \"*******\", \"x\":\"y\"}");
  EXPECT_EQ(shown("pwd=x' or 1=1 --"), "pwd=*' or 1=1 --");
  EXPECT_EQ(shown("passwords=1 side=2 auth:3 token="), "passwords=1 side=2 auth:3 token=");
}

}  // namespace
}  // namespace sluice
