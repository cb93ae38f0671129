#include "dataplane/inspect/ssh_parser.h"

#include <gtest/gtest.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

using Told = std::vector<std::string>;

class SshFlow : public FlowRecorder<SshParser> {
 public:
  explicit SshFlow(std::size_t pool_bytes = kPoolBytes) : FlowRecorder<SshParser>(pool_bytes) {}
};

std::string word_of(std::size_t value) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

/// An SSH_MSG_KEXINIT with lists of these names.
std::string offer(const std::vector<std::string>& lists) {
  std::string payload = "\x14" + std::string(16, 'c');
  for (const std::string& list : lists) payload += word_of(list.size()) + list;
  payload += std::string(5, '\0');
  const std::string padding(6, 'p');
  return word_of(1 + payload.size() + padding.size()) + '\6' + payload + padding;
}
const std::string kOffer =
    offer({"kex", "key", "enc", "ENC", "mac", "MAC", "none", "zlib", "", ""});

TEST(SshParser, BannersTellProtocolAndSoftwareAndBehindBothOffersAllIsEncrypted) {
  SshFlow ssh;
  ssh.server("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
  EXPECT_EQ(ssh.told, (Told{"1:0 ssh.protocol=2.0", "1:0 ssh.software=OpenSSH_9.2p1"}));
  ssh.told.clear();
  ssh.client("SSH-1.99-libssh-0.9\n");
  EXPECT_EQ(ssh.told, (Told{"0:0 ssh.protocol=1.99", "0:0 ssh.software=libssh-0.9"}));
  ssh.told.clear();
  ssh.server(kOffer).client(kOffer + "and more");
  EXPECT_EQ(ssh.told, (Told{"1:0 ssh.protocol=2.0", "1:0 ssh.software=OpenSSH_9.2p1",
                            "1:0 ssh.hassh_server=8f046144235fd91e53bc4f01e216ab2c",
                            "1:0 ssh.hassh_server_string=kex;ENC;MAC;zlib", "1:0 end",
                            "0:0 ssh.protocol=1.99", "0:0 ssh.software=libssh-0.9",
                            "0:0 ssh.hassh=bd56a7287cf9713a394b1c0481151e9b",
                            "0:0 ssh.hassh_string=kex;enc;mac;none", "0:0 end", "encrypted"}));
  ssh.told.clear();
  ssh.client("SSH-2.0-again\r\n").end(kToServer).end(kToClient);
  EXPECT_EQ(ssh.told, Told{});
  EXPECT_EQ(ssh.bytes_in_use(), 0U);
}

TEST(SshParser, EveryCutOfAnOfferTellsTheSame) {
  const std::string bytes = "SSH-2.0-a b\r\n" + kOffer;
  keep_seed("line_fuzz", "\2\1"s + bytes);
  SshFlow whole;
  whole.client(bytes);
  ASSERT_EQ(whole.told.size(), 7U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    SshFlow split;
    split.client(bytes.substr(0, cut)).client(bytes.substr(cut));
    ASSERT_EQ(split.told, whole.told) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
}

TEST(SshParser, WhatIsNoOfferIsPassedOver) {
  std::string cut_list = kOffer;
  cut_list[22] = '\x7f';
  for (const std::string& bytes :
       {cut_list, offer({"kex"}), "\0\0\0\x0c\4\2ignored....."s, "\0\0\0\0"s, "\0\0\xff\xff"s}) {
    SshFlow ssh;
    ssh.client("SSH-2.0-a\r\n" + bytes);
    EXPECT_EQ(ssh.told.size(), 3U) << ssh.told.back();
    EXPECT_TRUE(ssh.parser().has_left(kToServer));
    EXPECT_EQ(ssh.bytes_in_use(), 0U);
  }
}

TEST(SshParser, ABannerIsKeptUntilItsOfferHasComeOrWillNot) {
  SshFlow ssh;
  ssh.client("SSH-2.0-a\r\n");
  EXPECT_EQ(ssh.bytes_in_use(), ChunkPool::chunk_bytes(9));
  ssh.gap(kToServer);
  EXPECT_EQ(ssh.told.back(), "0:0 end");
  EXPECT_EQ(ssh.bytes_in_use(), 0U);
  ssh.server("SSH-2.0-b\r\n").release();
  EXPECT_EQ(ssh.bytes_in_use(), 0U);
}

TEST(SshParser, AnOfferThatDoesNotEndIsBounded) {
  SshFlow ssh;
  ssh.client("SSH-2.0-a\r\n" + word_of(kSshPacketBytesMax - 4));
  for (int i = 0; i < 100; ++i) ssh.client(std::string(1'000, 'x'));
  EXPECT_TRUE(ssh.parser().has_left(kToServer));
  EXPECT_EQ(ssh.bytes_in_use(), 0U);
}

TEST(SshParser, WithoutMemoryForItAnOfferIsNotTold) {
  SshFlow ssh(kNoPool);
  ssh.server("SSH-2.0-").client("SSH-2.0-a\r\n" + kOffer.substr(0, 9));
  EXPECT_TRUE(ssh.has("0 anomaly state_limit"));
}

TEST(SshParser, EveryCutTellsTheSame) {
  const std::string bytes = "welcome\r\nSSH is here\n\r\nSSH-2.0-a b\r\nbinary\n";
  keep_seed("line_fuzz", "\2\1"s + bytes);
  SshFlow whole;
  whole.server(bytes);
  ASSERT_EQ(whole.told.size(), 3U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    SshFlow split;
    split.server(bytes.substr(0, cut)).server(bytes.substr(cut));
    ASSERT_EQ(split.told, whole.told) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
}

TEST(SshParser, BannerBehindOtherLinesEncryptsNothing) {
  SshFlow ssh;
  ssh.client("SSH-2.0-a\r\nget x\r\n").server("-ERR unknown\r\n$9\r\nSSH-2.0-b\r\n");
  EXPECT_TRUE(ssh.has("1:0 ssh.software=b"));
  EXPECT_FALSE(ssh.has("encrypted"));
}

TEST(SshParser, BannerWithoutSoftwareTellsItsProtocol) {
  EXPECT_EQ(SshFlow().client("SSH-2.0\r\n").told, (Told{"0:0 ssh.protocol=2.0"}));
  EXPECT_EQ(SshFlow().client("SSH-\r\n").told, (Told{"0:0 ssh.protocol="}));
}

TEST(SshParser, LongBannerIsOddAndRead) {
  const std::string software(600, 'x');
  EXPECT_EQ(SshFlow().client("SSH-2.0-" + software + "\r\n").told,
            (Told{"0 anomaly ssh_banner_too_long", "0:0 ssh.protocol=2.0",
                  "0:0 ssh.software=" + software}));
}

TEST(SshParser, EndlessBannerIsReadAsFarAsItMayGo) {
  SshFlow ssh;
  ssh.client("SSH-2.0-").push_cut(kToServer, std::string(10'000, 'x'), 100);
  ASSERT_EQ(ssh.told.size(), 4U);
  EXPECT_EQ(ssh.told[0], "0 anomaly ssh_banner_too_long");
  EXPECT_TRUE(ssh.parser().has_left(kToServer));
  EXPECT_EQ(ssh.bytes_in_use(), 0U);
}

TEST(SshParser, LinesBeforeABannerAreBounded) {
  SshFlow ssh;
  for (int i = 0; i < 2 * kSshLinesMax; ++i) ssh.server("no banner\r\n");
  EXPECT_EQ(ssh.told, (Told{"1 anomaly ssh_banner_too_long"}));
  EXPECT_TRUE(ssh.parser().has_left(kToClient));
}

TEST(SshParser, OneSideAloneIsNotEncrypted) {
  SshFlow ssh;
  ssh.client("SSH-2.0-a\r\n" + kOffer).gap(kToClient).server("SSH-2.0-b\r\n");
  EXPECT_FALSE(ssh.has("encrypted"));
}

TEST(SshParser, BannerWithoutItsLineEndIsToldAtTheEnd) {
  SshFlow ssh;
  ssh.client("SSH-2.0-scanner").end(kToServer);
  EXPECT_TRUE(ssh.has("0:0 ssh.software=scanner"));
}

}  // namespace
}  // namespace sluice
