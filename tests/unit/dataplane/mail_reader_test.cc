// The parts of a mail as rules see them, through the parser of SMTP that carries them.
#include "dataplane/inspect/mail_reader.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dataplane/inspect/smtp_parser.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

using Told = std::vector<std::string>;

constexpr MailLimits kLimits{.wants_files = true, .part_bytes_max = 300};

class MailFlow : public FlowRecorder<SmtpParser> {
 public:
  explicit MailFlow(std::size_t pool_bytes = kPoolBytes)
      : FlowRecorder<SmtpParser>(pool_bytes, kLimits) {}
  MailFlow& begin_text() {
    server("220 mail.example ESMTP\r\n").client("EHLO me\r\n").server("250 hi\r\n");
    client("MAIL FROM:<a@b.example>\r\n").server("250 ok\r\n").client("DATA\r\n");
    server("354 go on\r\n");
    told.clear();
    return *this;
  }
};

/// What is told of a text with lines that end in LF here.
Told told_of(std::string text, std::size_t piece = 4'096) {
  std::string sent;
  for (const char letter : text) sent += letter == '\n' ? "\r\n" : std::string(1, letter);
  MailFlow mail;
  mail.begin_text().push_cut(kToServer, sent + ".\r\n", piece);
  EXPECT_EQ(mail.told.back(), "0:0 end");
  mail.told.pop_back();
  EXPECT_LE(mail.bytes_in_use(), kSmtpHeloBytesMax) << "what reads the text is given back";
  return mail.told;
}

constexpr const char* kParts =
    "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"b 1\"\n\n"
    "--b 1\nContent-Type: multipart/alternative; boundary=b 1-in; x=y\n\n"
    "--b 1\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
    "caf=C3=A9 =\nau lait\n--b 1\nContent-Disposition: attachment\n"
    "Content-Transfer-Encoding: BASE64\n\naGVsbG8s\nIHdvcmxk\nIQ==\n--b 1--\n";

TEST(MailReader, ATextWithoutPartsIsAFile) {
  EXPECT_EQ(told_of("Subject: x\n\nhello\n..\n--dash\n"),
            (Told{"0:0 file.data=hello\r\n.\r\n--dash\r\n"}));
  EXPECT_EQ(told_of("\nhello\n"), (Told{"0:0 file.data=hello\r\n"}));
  EXPECT_EQ(told_of("Content-Transfer-Encoding: base64\n\naGVs\nbG8=\n"),
            (Told{"0:0 file.data=hello"}));
  EXPECT_EQ(told_of(""), Told{});
}

TEST(MailReader, ALineThatIsNoHeaderBeginsTheText) {
  EXPECT_EQ(told_of("Subject: x\nhello there\nand: on\n"),
            (Told{"0:0 file.data=hello there\r\nand: on\r\n"}));
}

TEST(MailReader, ALongLineWithoutAColonIsText) {
  for (const std::size_t size : {1023U, 1024U, 1025U, 3000U}) {
    const std::string line = fmt::format("FORBIDDEN{:x<{}}", "", size - 9);
    const Told expected{fmt::format("0:0 file.data={:.300}", line)};
    EXPECT_EQ(told_of(line + "\n"), expected) << size;
    EXPECT_EQ(told_of("Subject: x\n" + line + "\n", 7), expected) << size;
  }
}

TEST(MailReader, ABoundaryBehindTheRoomOfItsHeaderIsOdd) {
  for (const std::size_t size : {950U, 1020U, 1100U}) {
    const auto told = told_of(fmt::format(
        "Content-Type: multipart/mixed; x={:x<{}};\n boundary={:b<80}\n\nhello\n", "", size, ""));
    EXPECT_EQ(told, (Told{"0 anomaly state_limit", "0:0 file.data=hello\r\n"})) << size;
  }
  EXPECT_EQ(told_of(fmt::format("X: {:x<3000}\n\nhello\n", "")), (Told{"0:0 file.data=hello\r\n"}));
}

TEST(MailReader, HeadersBehindWhatIsNoBoundaryToAllAreTextToo) {
  const std::string head = "Content-Type: multipart/mixed; boundary=B\n\n--B\n\nfirst\n";
  const Told first{"0:0 file.data=first\r\n"};
  const auto told_behind = [&](const std::string& line) {
    const auto told = told_of(head + line + "\nX: FORBIDDEN\n\nlast\n");
    EXPECT_EQ(told.size(), 2U);
    EXPECT_EQ(told.front(), first.front());
    return told.back();
  };
  EXPECT_EQ(told_behind("--B"), "0:0 file.data=last\r\n");
  EXPECT_EQ(told_behind("--B \t "), "0:0 file.data=last\r\n");
  EXPECT_EQ(told_behind("--Bjunk"), "0:0 file.data=--Bjunk\rX: FORBIDDEN\r\n\r\nlast\r\n");
  EXPECT_EQ(told_behind("--B--"), "0:0 file.data=X: FORBIDDEN\r\n\r\nlast\r\n");
  EXPECT_EQ(told_behind("--B--y"), "0:0 file.data=--B--y\rX: FORBIDDEN\r\n\r\nlast\r\n");
  EXPECT_NE(told_behind(fmt::format("--B{:<120}junk", "")).find("junk\r\nX: FORBIDDEN"),
            std::string::npos);
}

TEST(MailReader, EveryPartIsAFileOfItsOwnAndDecoded) {
  const std::string text =
      "Content-type: Multipart/Mixed; charset=x;\n\tBOUNDARY = \"b 1\"\n\n"
      "--b 1\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
      "caf=C3=A9 =\nau lait=3\n--b 1\nContent-Transfer-Encoding: BASE64\n\n"
      "aGVsbG8s\nIHdvcmxk\nIQ==\n--b 1--\n";
  EXPECT_EQ(told_of(text),
            (Told{"0:0 file.data=caf\xc3\xa9 au lait=3\r\n", "0:0 file.data=hello, world!"}));
}

TEST(MailReader, ContainersAndMailsWithinEachOtherAreOpened) {
  const std::string text =
      "Content-Type: multipart/mixed; boundary=out\n\nbefore\n"
      "--out\nContent-Type: multipart/alternative; boundary=out2\n\n"
      "--out2\n\nfirst\n--out2\nContent-Type: message/rfc822\n\n"
      "Subject: inner\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n"
      "--out2--\nbehind\n--out \n\nlast\n--out--\n";
  EXPECT_EQ(told_of(text),
            (Told{"0:0 file.data=before\r\n", "0:0 file.data=first\r\n", "0:0 file.data=hello",
                  "0:0 file.data=behind\r\n", "0:0 file.data=last\r\n"}));
}

TEST(MailReader, AMailInAMailThatClaimsToBeCodedIsReadAsItBegins) {
  const std::string head = "Content-Type: message/rfc822\nContent-Transfer-Encoding: ";
  EXPECT_EQ(told_of(head + "base64\n\nSubject: inner\n\nhello\n"),
            (Told{"0:0 file.data=hello\r\n"}));
  EXPECT_EQ(told_of(head + "base64\n\naGVsbG8=\n"), (Told{"0:0 file.data=hello"}));
  EXPECT_EQ(told_of(head + "quoted-printable\n\nSubject: inner\n\nhel=6Co\n"),
            (Told{"0:0 file.data=hello\r\n"}));
  EXPECT_EQ(told_of(head + "quoted-printable\n\nSubject: inner\n"
                           "Content-Transfer-Encoding: base64\n\naGVsbG8=\n"),
            (Told{"0:0 file.data=hello"}));
}

TEST(MailReader, AMailInAMailHasThePartsOfItsOwn) {
  const std::string text =
      "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
      "Content-Type: multipart/mixed; boundary=in\n\n--in\n\nfirst\n--in\n"
      "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\ndeep\n--in--\n";
  EXPECT_EQ(told_of(text), (Told{"0:0 file.data=first\r\n", "0:0 file.data=deep\r\n"}));
}

TEST(MailReader, APartIsToldAsFarAsItsLimit) {
  const auto told = told_of(fmt::format("\n{:x<5000}\n", ""));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front(), fmt::format("0:0 file.data={:x<300}", ""));
}

TEST(MailReader, OddCodingsAreReadAsReadersOfMailDo) {
  const std::string head = "Content-Transfer-Encoding: ";
  EXPECT_EQ(told_of(head + "base64\n\naGV*s!bG8=aGVsbG8=\n"), (Told{"0:0 file.data=hellohello"}));
  EXPECT_EQ(told_of(head + "quoted-printable\n\na=zz=4=4x=\n=41=\n"),
            (Told{"0:0 file.data=a=zz=4=4xA"}));
  EXPECT_EQ(told_of(head + "x-other\n\naGVsbG8=\n"), (Told{"0:0 file.data=aGVsbG8=\r\n"}));
}

TEST(MailReader, HeadersThatAreTooLongAndBoundariesTooManyEndNothing) {
  std::string text = fmt::format("X: {:x<3000}\n", "");
  for (int i = 0; i < 9; ++i) {
    text += fmt::format("Content-Type: multipart/mixed; boundary=b{}\n\n--b{}\n", i, i);
  }
  const auto told = told_of(text + "\nhello\n");
  ASSERT_FALSE(told.empty());
  EXPECT_NE(told.back().find("hello"), std::string::npos);
}

TEST(MailReader, EveryCutTellsTheSame) {
  std::string text = kParts;
  keep_seed("line_fuzz", "\1\0EHLO me\r\nMAIL FROM:<a>\r\nDATA\r\n"s + text + ".\r\n");
  const auto whole = told_of(text);
  EXPECT_EQ(whole.size(), 2U);
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    ASSERT_EQ(told_of(text, piece), whole) << piece;
  }
}

TEST(MailReader, TextThatCameBeforeTheServerAskedIsReadToo) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("HELO me\r\nMAIL FROM:<a>\r\nDATA\r\n");
  mail.client("Subject: x\r\n\r\nfirst\r\n..\r\nsec").server("354 go on\r\n");
  mail.client("ond\r\n.\r\n");
  EXPECT_EQ(mail.told, (Told{"0:0 smtp.helo=me", "0:0 smtp.helo=me", "0:0 smtp.mail_from=<a>",
                             "0:0 file.data=first\r\n.\r\nsecond\r\n", "0:0 end"}));
}

TEST(MailReader, WhatAClientSentIsToldWithItsOwnBytes) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("DATA\r\n\r\nFORBIDDEN").server("354 go on\r\n");
  EXPECT_EQ(mail.told, Told{});
  mail.client("\r\n");
  EXPECT_EQ(mail.told, (Told{"0:0 file.data=FORBIDDEN\r\n"}));
  MailFlow closed;
  closed.server("220 mail.example\r\n").client("DATA\r\n\r\nFORBIDDEN").server("354 go on\r\n");
  closed.end(kToServer);
  EXPECT_EQ(closed.told, (Told{"0:0 file.data=FORBIDDEN", "0:0 end"}));
}

/// What is told of base64 that a client sends without waiting, with such a line in its midst.
Told told_early(const std::string& line) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("HELO me\r\nMAIL FROM:<a>\r\nDATA\r\n");
  mail.told.clear();
  mail.client("Content-Transfer-Encoding: base64\r\n\r\naGVs\r\n" + line + "\r\n");
  mail.server("250 ok\r\n250 ok\r\n354 go on\r\n").client("bG8h\r\n.\r\n");
  return mail.told;
}

TEST(MailReader, LongLineOfAnEarlyTextIsToldToItsEnd) {
  const std::string line = std::string(5000, 'x') + "attack";
  const std::string text = "DATA\r\n\r\n" + line + "\r\n.\r\n";
  constexpr MailLimits kDeep{.wants_files = true, .part_bytes_max = 10'000};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4097}, text.size()}) {
    FlowRecorder<SmtpParser> mail(kPoolBytes, kDeep);
    mail.server("220 x\r\n").push_cut(kToServer, text, piece);
    EXPECT_EQ(mail.count("0:0 file.data=" + line + "\r\n"), 1U) << piece;
  }
  FlowRecorder<SmtpParser> asked(kPoolBytes, kDeep);
  asked.server("220 x\r\n").client(text.substr(0, 4500)).server("354 go on\r\n");
  asked.client(text.substr(4500));
  EXPECT_EQ(asked.count("0:0 file.data=" + line + "\r\n"), 1U);
}

/// What the parts of a container are whose boundary "b 1" is written so.
Told told_of_container(const std::string& parameters) {
  return told_of("Content-Type: multipart/mixed; " + parameters +
                 "\n\n--b 1\nContent-Transfer-Encoding: base64\n\nYXR0YWNr\n--b 1--\n");
}

TEST(MailReader, BoundaryInSectionsIsKnown) {
  const Told attack{"0:0 file.data=attack"};
  for (const char* parameters :
       {"boundary*=utf-8''b%201", "boundary*0=\"b \"; boundary*1=1",
        "boundary*0*=''b%20; boundary*1=1", "boundary=other; boundary*0=\"b 1\"",
        "BOUNDARY*0=b; Boundary*1*=%201", "boundary*=b%201"}) {
    EXPECT_EQ(told_of_container(parameters), attack) << parameters;
  }
  EXPECT_NE(told_of_container("boundary*1=\"b 1\""), attack);
}

/// What is told of parts between such lines, the last of them with "attack" in base64.
Told told_between(const std::string& types, const std::string& lines) {
  return told_of(types + "\n\n" + lines +
                 "\n--B\nContent-Transfer-Encoding: base64\n\nYXR0YWNr\n--B--\n");
}

constexpr const char* kTwins = "Content-Type: multipart/mixed; boundary=A; boundary*0=B";

TEST(MailReader, TwoBoundariesOfAContainerStandTogether) {
  const Told expected{"0:0 file.data=x\r\n", "0:0 file.data=attack"};
  EXPECT_EQ(told_between(kTwins, "--A\n\nx"), expected);
  EXPECT_EQ(told_between(kTwins, "--A--\nx"), expected) << "the other has not ended";
  EXPECT_EQ(told_between("Content-Type: multipart/mixed; boundary=B; boundary*0=A", "--A\n\nx"),
            expected);
  EXPECT_EQ(told_between("Content-Type: multipart/mixed; boundary=A\n"
                         "Content-Type: multipart/mixed; boundary=B",
                         "--A\n\nx"),
            expected);
  EXPECT_EQ(told_of(kTwins + "\n\n--B--\n--A--\n--A\nX: y\n\n--B\nX: z\n"s),
            Told{"0:0 file.data=--A\r\nX: y\r\n\r\n--B\r\nX: z\r\n"})
      << "both have ended";
}

TEST(MailReader, TwinsAreLeftWithWhatHoldsThem) {
  const auto told = told_of("Content-Type: multipart/mixed; boundary=out\n\n--out\n"s + kTwins +
                            "\n\n--A\n\nfirst\n--out\n\n--B\nsecond\n--A\nthird\n");
  EXPECT_EQ(told,
            (Told{"0:0 file.data=first\r\n", "0:0 file.data=--B\r\nsecond\r\n--A\r\nthird\r\n"}));
}

/// What is told of so many containers within each other, each of two boundaries.
Told told_deep(std::size_t containers) {
  std::string text;
  for (std::size_t i = 0; i < containers; ++i) {
    text += fmt::format("Content-Type: multipart/mixed; boundary=a{}; boundary*0=b{}\n\n--a{}\n", i,
                        i, i);
  }
  return told_of(text + "Content-Transfer-Encoding: base64\n\nYXR0YWNr\n");
}

TEST(MailReader, TwinsTakeOneLevelAndOneTooDeepIsOdd) {
  EXPECT_EQ(told_deep(kMailDepthMax), (Told{"0:0 file.data=attack"}));
  const auto told = told_deep(kMailDepthMax + 1);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told.front(), "0 anomaly state_limit");
}

TEST(MailReader, ABoundaryThatCannotBeKeptIsOdd) {
  const Told expected{"0 anomaly state_limit", "0:0 file.data=x\r\n"};
  EXPECT_EQ(told_of(fmt::format("Content-Type: multipart/mixed; boundary={:b<101}\n\nx\n", "")),
            expected);
  EXPECT_EQ(told_of(fmt::format("Content-Type: multipart/mixed; boundary*={:b<101}\n\nx\n", "")),
            expected);
  EXPECT_EQ(told_of(kTwins + "\nContent-Type: multipart/mixed; boundary=C\n\nx\n"s), expected);
}

TEST(MailReader, NoLineOfAnEarlyTextEndsItButTheDotAlone) {
  EXPECT_EQ(told_early("RSET"), (Told{"0:0 file.data=helE!\x13lo!", "0:0 end"}));
  EXPECT_EQ(told_early("QUIT"), (Told{"0:0 file.data=helA\x42\x13lo!", "0:0 end"}));
  EXPECT_EQ(told_early("DATA"), (Told{"0:0 file.data=hel\f\x04\xc0lo!", "0:0 end"}));
  EXPECT_EQ(told_early(" ."), (Told{"0:0 file.data=hello!", "0:0 end"}));
  EXPECT_EQ(told_early("HELO xxxx").back(), "0:0 end");
  EXPECT_EQ(told_early("MAIL FROM:<b>").back(), "0:0 end");
}

TEST(MailReader, ARefusedRecipientIsNoAnswerToData) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("HELO me\r\n").server("250 ok\r\n");
  mail.client("MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n").server("250 ok\r\n550 no\r\n");
  mail.told.clear();
  mail.client("\r\nfirst\r\n").server("354 go on\r\n").client("second\r\n.\r\n");
  EXPECT_EQ(mail.told, (Told{"0:0 file.data=first\r\nsecond\r\n", "0:0 end"}));
}

TEST(MailReader, CommandsBehindRefusedDataAreNoText) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("DATA\r\n").server("503 no\r\n");
  mail.client("MAIL FROM:<a>\r\n\r\nNOOP\r\nMAIL FROM:<b>\r\n");
  EXPECT_EQ(mail.told, (Told{"0:0 smtp.mail_from=<a>", "0:0 end", "0:1 smtp.mail_from=<b>"}));
  mail.client("DATA\r\nDATA\r\n").server("250 ok\r\n500 no\r\n250 ok\r\n250 ok\r\n503 no\r\n");
  mail.server("354 go on\r\n").client("hello\r\n.\r\n");
  EXPECT_EQ(mail.told.back(), "0:1 end");
  EXPECT_NE(mail.told[mail.told.size() - 2].find("hello"), std::string::npos);
}

TEST(MailReader, ALateAnswerToAnEarlierTextDoesNotEndTheNext) {
  MailFlow mail;
  const std::string one = "MAIL FROM:<a>\r\nDATA\r\n";
  mail.server("220 mail.example\r\n").client(one + "\r\nfirst\r\n.\r\n" + one);
  mail.server("250 ok\r\n354 go on\r\n250 ok\r\n250 ok\r\n354 go on\r\n");
  mail.client("\r\nsecond\r\n.\r\n");
  EXPECT_TRUE(mail.has("0:0 file.data=first\r\n"));
  EXPECT_TRUE(mail.has("0:1 file.data=second\r\n"));
}

TEST(MailReader, NoPartIsToldWhereTheServerBeginsToEncrypt) {
  MailFlow mail;
  mail.server("220 mail.example\r\n").client("DATA\r\nContent-Transfer-Encoding: base64\r\n\r\n");
  mail.client("aGV\r\nSTARTTLS\r\n");
  const auto parts = mail.told;
  mail.server("503 no\r\n220 ahead\r\n");
  EXPECT_TRUE(mail.is_in_piece) << "nor the end of one";
  Told expected = parts;
  expected.insert(expected.end(), {"0:0 end", "encrypted"});
  EXPECT_EQ(mail.told, expected);
}

TEST(MailReader, AGapInAPartLosesNoMoreThanItself) {
  MailFlow mail;
  mail.begin_text().client("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n");
  mail.gap(kToServer).client("xx\r\n--b\r\n\r\nsecond\r\n--b--\r\n.\r\n");
  EXPECT_EQ(mail.told,
            (Told{"0:0 file.data=first\r\nxx\r\n", "0:0 file.data=second\r\n", "0:0 end"}));
}

TEST(MailReader, WithoutMemoryTheMailGoesOnUnread) {
  MailFlow mail(kNoPool);
  mail.begin_text().client("Subject: x\r\n\r\nhello\r\n.\r\nMAIL FROM:<b>\r\n");
  EXPECT_FALSE(mail.has("0:0 file.data=hello\r\n"));
  EXPECT_TRUE(mail.has("0:1 smtp.mail_from=<b>"));
}

}  // namespace
}  // namespace sluice
