#include "dataplane/inspect/ftp_parser.h"

#include <gtest/gtest.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

using Told = std::vector<std::string>;

class FtpFlow : public FlowRecorder<FtpParser> {
 public:
  explicit FtpFlow(std::size_t pool_bytes = kPoolBytes) : FlowRecorder<FtpParser>(pool_bytes) {}
};

/// Without the words of commands.
Told lines_of(const FtpFlow& ftp) {
  Told lines = ftp.told;
  std::erase_if(lines, [](const std::string& line) {
    return line.find("ftp.verb=") != line.npos || line.find("ftp.argument=") != line.npos;
  });
  return lines;
}

TEST(FtpParser, WordsOfACommandAreToldBesideItsLine) {
  FtpFlow ftp;
  ftp.client("RETR  a b \r\n \tquit\r\n");
  EXPECT_EQ(ftp.told,
            (Told{"0:0 ftp.command=RETR  a b ", "0:0 ftp.verb=RETR", "0:0 ftp.argument=a b",
                  "0:0 end", "0:1 ftp.command= \tquit", "0:1 ftp.verb=quit", "0:1 end"}));
}

TEST(FtpParser, EachLineIsAMessage) {
  FtpFlow ftp;
  ftp.server("220-hello\r\n220 ready\r\n").client("USER anonymous\r\n").server("331 say who\r\n");
  EXPECT_EQ(lines_of(ftp), (Told{"1:0 ftp.reply=220-hello", "1:0 end", "1:1 ftp.reply=220 ready",
                                 "1:1 end", "0:0 ftp.command=USER anonymous", "0:0 end",
                                 "1:2 ftp.reply=331 say who", "1:2 end"}));
}

TEST(FtpParser, EveryCutTellsTheSame) {
  const std::string bytes = "USER a\nPASS b\r\n\r\n" + std::string(5000, 'x') + "\r\nRETR /x\r\n";
  keep_seed("line_fuzz", "\0\0"s + bytes);
  FtpFlow whole;
  whole.client(bytes);
  ASSERT_EQ(lines_of(whole).size(), 9U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    FtpFlow split;
    split.client(bytes.substr(0, cut)).client(bytes.substr(cut));
    ASSERT_EQ(split.told, whole.told) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
}

TEST(FtpParser, LongLineIsToldAsFarAsItMayGo) {
  FtpFlow ftp;
  const std::string longest = "USER " + std::string(kLineBytesMax - 5, 'x');
  ftp.client(longest + "xx\r\n" + longest + "xx\r\nQUIT\r\n");
  EXPECT_EQ(lines_of(ftp),
            (Told{"0 anomaly ftp_line_too_long", "0:0 ftp.command=" + longest, "0:0 end",
                  "0:1 ftp.command=" + longest, "0:1 end", "0:2 ftp.command=QUIT", "0:2 end"}));
}

TEST(FtpParser, AcceptedAuthEncrypts) {
  FtpFlow ftp;
  ftp.server("220 x\r\n").client("auth tls\r\n").server("234 go on\r\n");
  EXPECT_EQ(ftp.told.back(), "encrypted");
  ftp.told.clear();
  ftp.client("\x16\x03\x01\n").server("234 again\n").end(kToServer).end(kToClient);
  EXPECT_EQ(lines_of(ftp), Told{});
}

TEST(FtpParser, WhatWasNotAskedForDoesNotEncrypt) {
  FtpFlow ftp;
  ftp.server("234 go on\r\n").client("AUTHX TLS\r\n").server("234 go on\r\n");
  ftp.client("AUTH TLS\r\n").server("534 no\r\n").client("USER a\r\n");
  EXPECT_FALSE(ftp.has("encrypted"));
  EXPECT_TRUE(ftp.has("0:2 ftp.command=USER a"));
}

TEST(FtpParser, LinesWithinAReplyAnswerNothing) {
  FtpFlow ftp;
  ftp.server("220 x\r\n").client("AUTH TLS\r\n");
  ftp.server("213-status\r\n234 a file of this name\r\n234-\r\n213 end\r\n");
  EXPECT_FALSE(ftp.has("encrypted"));
  ftp.client("AUTH TLS\r\n").server("234-go\r\n213 on\r\n");
  EXPECT_FALSE(ftp.has("encrypted"));
  ftp.server("234 now\r\n");
  EXPECT_TRUE(ftp.has("encrypted"));
}

TEST(FtpParser, WhatWasRefusedBeforeDoesNotEncryptLater) {
  FtpFlow ftp;
  ftp.server("220 x\r\n").client("AUTH X\r\nSTAT\r\n").server("504 no\r\n234 x\r\n");
  EXPECT_FALSE(ftp.has("encrypted"));
}

TEST(FtpParser, CommandsOfTelnetAreNotOfTheLine) {
  const auto told = [](const std::string& command) {
    FtpFlow ftp;
    ftp.client(command + "\r\n");
    return ftp.told.empty() ? "" : ftp.told.front();
  };
  EXPECT_EQ(told("RE\xff\xf1TR a"), "0:0 ftp.command=RETR a");
  EXPECT_EQ(told("\xff\xf4\xff\xf2"
                 "ABOR"),
            "0:0 ftp.command=ABOR");
  EXPECT_EQ(told("RETR \xff\xfb"
                 "aevil\xff\xfe"),
            "0:0 ftp.command=RETR evil");
  EXPECT_EQ(told("RETR \xff\xff\xff"
                 "b"),
            "0:0 ftp.command=RETR \xff\xff"
            "b");
  EXPECT_EQ(told("\xff\xf1"), "");
}

TEST(FtpParser, ReadingGoesOnBehindAGap) {
  FtpFlow ftp;
  ftp.client("USER a\r\nPA").gap(kToServer, 3).client("b\r\nRETR x\r\n");
  EXPECT_EQ(lines_of(ftp),
            (Told{"0:0 ftp.command=USER a", "0:0 end", "0:1 ftp.command=RETR x", "0:1 end"}));
}

TEST(FtpParser, LineWithoutItsEndIsToldAtTheEnd) {
  FtpFlow ftp;
  ftp.client("STOR evil").end(kToServer);
  EXPECT_EQ(lines_of(ftp), (Told{"0:0 ftp.command=STOR evil", "0:0 end"}));
  EXPECT_EQ(ftp.bytes_in_use(), 0U);
}

TEST(FtpParser, WithoutMemoryTheDirectionIsLeftAlone) {
  FtpFlow ftp(kNoPool);
  ftp.client("USER").server(std::string(1000, 'x'));
  EXPECT_EQ(lines_of(ftp), (Told{"1 anomaly state_limit"}));
  EXPECT_TRUE(ftp.parser().has_left(kToClient));
}

}  // namespace
}  // namespace sluice
