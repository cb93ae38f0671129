#include "dataplane/inspect/dns_stream.h"

#include <gtest/gtest.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/unit/dataplane/dns_build.h"
#include "tests/unit/dataplane/told_recorder.h"

namespace sluice {
namespace {

using namespace test;

using Told = std::vector<std::string>;

class DnsFlow : public FlowRecorder<DnsStream> {
 public:
  explicit DnsFlow(std::size_t pool_bytes = kPoolBytes)
      : FlowRecorder<DnsStream>(pool_bytes, workspace_) {}

 private:
  static inline DnsWorkspace workspace_;
};

TEST(DnsStream, MessagesBehindTheirLengthsAreToldInOrder) {
  DnsFlow dns;
  dns.client(behind_length(dns_query("a.example")) + behind_length(dns_query("b.example")));
  EXPECT_EQ(dns.told,
            (Told{"0:0 dns.query=a.example", "0:0 end", "0:1 dns.query=b.example", "0:1 end"}));
  EXPECT_EQ(dns.bytes_in_use(), 0U);
}

TEST(DnsStream, EveryCutTellsTheSame) {
  std::string padded = dns_query("b.example");
  padded += std::string(700, 'x');
  const std::string bytes = behind_length(dns_query("a.example")) + behind_length("") +
                            behind_length("short") + behind_length(padded) +
                            behind_length(dns_query("c.example"));
  keep_seed("dns_fuzz", '\1' + bytes);
  DnsFlow whole;
  whole.client(bytes);
  ASSERT_EQ(whole.told.size(), 8U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    DnsFlow split;
    split.client(bytes.substr(0, cut)).client(bytes.substr(cut));
    ASSERT_EQ(split.told, whole.told) << cut;
    ASSERT_EQ(split.bytes_in_use(), 0U) << cut;
  }
  DnsFlow bytewise;
  bytewise.push_cut(kToServer, bytes);
  EXPECT_EQ(bytewise.told, whole.told);
}

TEST(DnsStream, LongestMessageFits) {
  std::string message = dns_query("a.example");
  message.resize(65'535, 'x');
  DnsFlow dns;
  dns.push_cut(kToClient, behind_length(message), 1'000);
  EXPECT_EQ(dns.told, (Told{"1:0 dns.query=a.example", "1:0 end"}));
  EXPECT_EQ(dns.bytes_in_use(), 0U);
}

TEST(DnsStream, MemoryGrowsWithWhatHasComeOnly) {
  DnsFlow dns;
  dns.client(word16(65'535) + "some bytes");
  EXPECT_EQ(dns.bytes_in_use(), 512U);
}

TEST(DnsStream, WithoutMemoryTheDirectionIsLeftAlone) {
  DnsFlow dns(kNoPool);
  dns.client(word16(400) + "x").server(word16(4000) + std::string(1000, 'x'));
  EXPECT_EQ(dns.told, (Told{"1 anomaly state_limit"}));
  EXPECT_TRUE(dns.parser().has_left(kToClient));
  EXPECT_FALSE(dns.parser().has_left(kToServer));
}

TEST(DnsStream, NothingIsReadBehindAGap) {
  DnsFlow dns;
  dns.client(word16(400) + "x").gap(kToServer).client(behind_length(dns_query("a.example")));
  EXPECT_EQ(dns.told, Told{});
  EXPECT_TRUE(dns.parser().has_left(kToServer));
  EXPECT_EQ(dns.bytes_in_use(), 0U);
}

TEST(DnsStream, EndGivesBackWhatWasNotFinished) {
  DnsFlow dns;
  dns.client(word16(400) + "x").end(kToServer);
  EXPECT_EQ(dns.told, Told{});
  EXPECT_EQ(dns.bytes_in_use(), 0U);
}

}  // namespace
}  // namespace sluice
