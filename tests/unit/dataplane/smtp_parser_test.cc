#include "dataplane/inspect/smtp_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

using Told = std::vector<std::string>;

constexpr MailLimits kLimits{.wants_files = false};

class SmtpFlow : public FlowRecorder<SmtpParser> {
 public:
  explicit SmtpFlow(std::size_t pool_bytes = kPoolBytes)
      : FlowRecorder<SmtpParser>(pool_bytes, kLimits) {}
  /// Up to the reply that asks for the text.
  SmtpFlow& begin_text() {
    server("220 mail.example ESMTP\r\n").client("EHLO me\r\n").server("250 hi\r\n");
    client("MAIL FROM:<a@b.example>\r\n").server("250 ok\r\n").client("DATA\r\n");
    server("354 go on\r\n");
    told.clear();
    return *this;
  }
};

TEST(SmtpParser, MailIsAMessageFromHeloToItsLastDot) {
  SmtpFlow smtp;
  smtp.server("220 mail.example ESMTP\r\n").client("EHLO me.example\r\n");
  smtp.server("250-mail.example\r\n250 SIZE\r\n").client("MAIL FROM:<a@b.example> SIZE=10\r\n");
  smtp.server("250 ok\r\n").client("RCPT TO:<c@d.example>\r\nrcpt to: <e@f.example> X=1\r\n");
  smtp.server("250 ok\r\n250 ok\r\n").client("DATA\r\n").server("354 go on\r\n");
  smtp.client("Subject: x\r\n\r\nMAIL FROM:<no>\r\n..\r\n.\r\nQUIT\r\n").server("250 ok\r\n");
  EXPECT_EQ(smtp.told,
            (Told{"0:0 smtp.helo=me.example",  //
                  "0:0 smtp.helo=me.example", "0:0 smtp.mail_from=<a@b.example>",
                  "0:0 smtp.helo=me.example", "0:0 smtp.mail_from=<a@b.example>",
                  "0:0 smtp.rcpt_to=<c@d.example>",  //
                  "0:0 smtp.helo=me.example", "0:0 smtp.mail_from=<a@b.example>",
                  "0:0 smtp.rcpt_to=<e@f.example>", "0:0 end"}));
  EXPECT_FALSE(smtp.parser().has_left(kToServer));
}

TEST(SmtpParser, MailsAreToldWithTheNameOfHelo) {
  SmtpFlow smtp;
  smtp.client("HELO me\r\nMAIL FROM:<a>\r\nRSET\r\nMAIL FROM:<b>\r\nMAIL FROM:<c>\r\n");
  EXPECT_EQ(smtp.told, (Told{"0:0 smtp.helo=me", "0:0 smtp.helo=me", "0:0 smtp.mail_from=<a>",
                             "0:0 end", "0:1 smtp.helo=me", "0:1 smtp.mail_from=<b>", "0:1 end",
                             "0:2 smtp.helo=me", "0:2 smtp.mail_from=<c>"}));
}

TEST(SmtpParser, AddressesAreReadAsServersTakeThem) {
  const auto told = [](const std::string& command) {
    SmtpFlow smtp;
    smtp.client(command + "\r\n");
    return smtp.told.empty() ? "" : smtp.told.front();
  };
  EXPECT_EQ(told("MAIL FROM:<a@b>"), "0:0 smtp.mail_from=<a@b>");
  EXPECT_EQ(told("  mail \t From : <a@b>  "), "0:0 smtp.mail_from=<a@b>");
  EXPECT_EQ(told("MAIL FROM:a@b SIZE=1"), "0:0 smtp.mail_from=a@b");
  EXPECT_EQ(told("MAIL FROM:<\"a b\"@c> SIZE=1"), "0:0 smtp.mail_from=<\"a b\"@c>");
  EXPECT_EQ(told("MAIL FROM:<>"), "0:0 smtp.mail_from=<>");
  EXPECT_EQ(told("MAIL FROM:<a@b"), "0:0 smtp.mail_from=<a@b");
  EXPECT_EQ(told("MAILFROM:<a@b>"), "");
  EXPECT_EQ(told("EHLO"), "0:0 smtp.helo=");
}

TEST(SmtpParser, CommandsBehindAChunkAreReadWithoutALineEndInBetween) {
  const auto told_behind = [](const std::string& chunk) {
    SmtpFlow smtp;
    smtp.client(fmt::format("BDAT {}\r\n{}RCPT TO:<c>\r\n", chunk.size(), chunk));
    return smtp.told;
  };
  const Told recipient{"0:0 smtp.rcpt_to=<c>"};
  for (const std::size_t bytes : {1U, 5U, 2048U, 2049U, 4090U, 4097U, 9000U}) {
    EXPECT_EQ(told_behind(std::string(bytes, 'x')), recipient) << bytes;
    EXPECT_EQ(told_behind("a\r\n" + std::string(bytes, 'x')), recipient) << bytes;
    EXPECT_EQ(told_behind("BDAT 999\r\nBDAT 999 " + std::string(bytes, 'x')), recipient) << bytes;
  }
  EXPECT_EQ(told_behind(""), recipient);
  EXPECT_EQ(told_behind("a\r\n"), recipient);
}

TEST(SmtpParser, AServerThatTakesNoChunksReadsItsLinesAcrossTheirEnds) {
  SmtpFlow smtp;
  smtp.client("BDAT 5 LAST\r\nRCPT TO:<c>\r\n");
  EXPECT_EQ(smtp.told, (Told{"0:0 smtp.rcpt_to=<c>"}));
}

TEST(SmtpParser, EveryCutTellsTheSame) {
  const std::string bytes = fmt::format(
      "EHLO me\r\nMAIL FROM:<a>\r\n{:x<5000}\r\nBDAT 7\r\na\nchunkRCPT TO:<b>\nRSET\r\nMAIL "
      "FROM:<c>\r\nQUIT\r\n",
      "");
  keep_seed("line_fuzz", "\1\0"s + bytes);
  SmtpFlow whole;
  whole.client(bytes).end(kToServer);
  ASSERT_EQ(whole.told.size(), 11U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    SmtpFlow split;
    split.client(bytes.substr(0, cut)).client(bytes.substr(cut)).end(kToServer);
    ASSERT_EQ(split.told, whole.told) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
}

TEST(SmtpParser, EveryCutOfATextEndsWhereItEnds) {
  const std::string text = "a\r\n..\r\n.x\r\n.\r.\r\nRCPT TO:<no>\r\n\n.\r\nRCPT TO:<yes>\r\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    SmtpFlow smtp;
    smtp.begin_text().client(text.substr(0, cut)).client(text.substr(cut));
    ASSERT_EQ(smtp.told, (Told{"0:0 end", "0:1 smtp.rcpt_to=<yes>"})) << cut;
  }
}

TEST(SmtpParser, TextEndsAtAnyLineEndThatServersTake) {
  for (const std::string end : {"\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n"}) {
    SmtpFlow smtp;
    smtp.begin_text().client("text" + end + "MAIL FROM:<smuggled>\r\n");
    EXPECT_TRUE(smtp.has("0:1 smtp.mail_from=<smuggled>")) << end;
  }
}

TEST(SmtpParser, DotAmongCommandsEndsNoMail) {
  SmtpFlow smtp;
  smtp.begin_text().client("text\r\n.\r\nMAIL FROM:<next>\r\n.\r\nRCPT TO:<to>\r\n");
  EXPECT_TRUE(smtp.has("0:1 smtp.rcpt_to=<to>"));
}

TEST(SmtpParser, EmptyTextIsADot) {
  SmtpFlow smtp;
  smtp.begin_text().client(".\r\nMAIL FROM:<next>\r\n");
  EXPECT_TRUE(smtp.has("0:1 smtp.mail_from=<next>"));
}

TEST(SmtpParser, RefusedDataIsFollowedByCommands) {
  SmtpFlow smtp;
  smtp.server("220 x\r\n").client("DATA\r\nMAIL FROM:<a>\r\n").server("503 no\r\n");
  smtp.client("RCPT TO:<b>\r\n");
  EXPECT_TRUE(smtp.has("0:0 smtp.mail_from=<a>"));
  EXPECT_TRUE(smtp.has("0:0 smtp.rcpt_to=<b>"));
}

TEST(SmtpParser, TextThatCameBeforeItWasAskedForIsOverAtItsDot) {
  SmtpFlow smtp;
  smtp.server("220 x\r\n").client("DATA\r\ntext\r\n.\r\nMAIL FROM:<a>\r\n");
  smtp.server("354 go on\r\n250 ok\r\n").client("RCPT TO:<b>\r\n");
  EXPECT_TRUE(smtp.has("0:0 smtp.mail_from=<a>"));
  EXPECT_TRUE(smtp.has("0:0 smtp.rcpt_to=<b>"));
}

TEST(SmtpParser, LineThatHadBegunBeforeTheReplyIsText) {
  SmtpFlow smtp;
  smtp.server("220 x\r\n").client("DATA\r\nRCPT TO:").server("354 go on\r\n").client("<a>\r\n");
  EXPECT_EQ(smtp.told, Told{});
  SmtpFlow dot;
  dot.server("220 x\r\n").client("DATA\r\n.").server("354 go on\r\n");
  dot.client("\r\nRCPT TO:<b>\r\n");
  EXPECT_EQ(dot.told, (Told{"0:0 smtp.rcpt_to=<b>"}));
}

TEST(SmtpParser, AcceptedStartTlsEncrypts) {
  SmtpFlow smtp;
  smtp.server("220 x\r\n").client("EHLO me\r\n").server("250 STARTTLS\r\n");
  smtp.client("starttls\r\n").server("220-go\r\n");
  EXPECT_FALSE(smtp.has("encrypted"));
  smtp.server("220 ahead\r\n");
  EXPECT_EQ(smtp.told, (Told{"0:0 smtp.helo=me", "0:0 end", "encrypted"}));
  smtp.client("MAIL FROM:<a>\r\n").server("220 x\r\n").end(kToServer).end(kToClient);
  EXPECT_EQ(smtp.told.size(), 3U);
  EXPECT_EQ(smtp.bytes_in_use(), 0U);
}

TEST(SmtpParser, CommandBehindALongLineOfAnEarlyTextIsRead) {
  SmtpFlow smtp;
  smtp.server("220 x\r\n").client("DATA\r\n" + std::string(5000, 'x'));
  smtp.server("354 go on\r\n").client("\r\n.\r\nMAIL FROM:<a>\r\n");
  EXPECT_TRUE(smtp.has("0:0 smtp.mail_from=<a>"));
}

TEST(SmtpParser, GreetingDoesNotAnswerAHastyStartTls) {
  SmtpFlow smtp;
  smtp.client("STARTTLS\r\nMAIL FROM:<a>\r\n").server("220 x\r\n").client("RCPT TO:<b>\r\n");
  EXPECT_FALSE(smtp.has("encrypted"));
  EXPECT_TRUE(smtp.has("0:0 smtp.rcpt_to=<b>"));
}

TEST(SmtpParser, LongLinesAreOddOnce) {
  SmtpFlow smtp;
  smtp.client(fmt::format("{:x>9000}\r\n{:x>9000}\r\nMAIL FROM:<a>\r\n", "", ""));
  EXPECT_EQ(smtp.told, (Told{"0 anomaly smtp_line_too_long", "0:0 smtp.mail_from=<a>"}));
}

TEST(SmtpParser, ReadingGoesOnBehindAGap) {
  SmtpFlow smtp;
  smtp.client("MAIL FROM:<a>\r\nRCPT").gap(kToServer).client("x>\r\nRCPT TO:<b>\r\n");
  EXPECT_EQ(smtp.told,
            (Told{"0:0 smtp.mail_from=<a>", "0:0 smtp.mail_from=<a>", "0:0 smtp.rcpt_to=<b>"}));
  SmtpFlow text;
  text.begin_text().client("text\r\n").gap(kToServer).client(".\r\nx\r\n.\r\nRCPT TO:<c>\r\n");
  EXPECT_EQ(text.told, (Told{"0:0 end", "0:1 smtp.rcpt_to=<c>"}));
}

TEST(SmtpParser, WithoutMemoryTheFlowIsLeftAlone) {
  SmtpFlow smtp(kNoPool);
  smtp.client("HELO me\r\nMAIL").client("x");
  EXPECT_EQ(smtp.told, (Told{"0:0 smtp.helo=me", "0 anomaly state_limit", "0:0 end"}));
  EXPECT_TRUE(smtp.parser().has_left(kToServer));
  EXPECT_EQ(smtp.bytes_in_use(), 0U);
}

}  // namespace
}  // namespace sluice
