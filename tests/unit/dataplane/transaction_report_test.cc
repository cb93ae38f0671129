// Transactions from hand-made calls, as parsers make them, on a flow between two hosts.
#include "dataplane/inspect/transaction_report.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/inspect/inspect_report.h"

namespace sluice {
namespace {

struct Told {
  Buffer buffer;
  std::string_view text;
};

class Transactions : public testing::Test {
 protected:
  Transactions() {
    frame_[26 + 3] = 1;  // source 0.0.0.1
    frame_[30 + 3] = 2;
    packet_.bytes = frame_.data();
    packet_.ip_version = 4;
    packet_.l3_offset = 14;
    packet_.protocol = 6;
    packet_.source_port = 4000;
    packet_.destination_port = 80;
    packet_.flow = &pair_.hot;
    packet_.set(kInitiator);
    pair_.hot.id = {1, 2};
    subject_.packet = &packet_;
    subject_.flow = &pair_.hot;
    settings_.transaction_records = kAllServices;
    settings_.generation = 7;
    report_.obey(settings_);
  }
  ~Transactions() override {
    report_.flow_ends(flow_);
    EXPECT_EQ(pool_->counters().bytes_in_use, 0U);
  }

  /// A packet from one side, a second after the one before.
  void packet_from(unsigned direction) {
    packet_.now += kNsPerSecond;
    ++packet_.packet_number;
    if ((direction == 0) == packet_.has(kInitiator)) return;
    std::swap_ranges(frame_.begin() + 26, frame_.begin() + 30, frame_.begin() + 30);
    std::swap(packet_.source_port, packet_.destination_port);
    packet_.flags ^= kInitiator;
  }
  void buffers(unsigned direction, std::uint32_t message, const std::vector<Told>& told) {
    packet_from(direction);
    std::vector<BufferBytes> all;
    for (const Told& one : told) {
      all.push_back(
          {one.buffer, {reinterpret_cast<const std::uint8_t*>(one.text.data()), one.text.size()}});
    }
    report_.take_buffers({subject_, flow_, direction, message}, all);
  }
  void ends(unsigned direction, std::uint32_t message) {
    report_.message_ends({subject_, flow_, direction, message});
  }
  void whole(unsigned direction, std::uint32_t message, const std::vector<Told>& told) {
    buffers(direction, message, told);
    ends(direction, message);
  }

  std::vector<InspectRecord> told() {
    std::vector<InspectRecord> records;
    window_->inspections.drain(1000,
                               [&](const InspectRecord& record) { records.push_back(record); });
    return records;
  }
  /// "http.method=GET http.stat_code<200": what the client said, and what the server.
  static std::string text_of(const InspectRecord& record) {
    std::string text;
    std::size_t at = 0;
    for (std::size_t i = 0; i < record.excerpt_count; ++i) {
      const Excerpt& excerpt = record.excerpts[i];
      text += i == 0 ? "" : " ";
      text += name_of(excerpt.buffer);
      text += excerpt.is_to_client != 0 ? '<' : '=';
      text.append(record.bytes.begin() + at, record.bytes.begin() + at + excerpt.bytes);
      at += excerpt.bytes;
    }
    return text;
  }
  std::vector<std::string> told_texts() {
    std::vector<std::string> texts;
    for (const InspectRecord& record : told()) texts.push_back(text_of(record));
    return texts;
  }

  std::array<std::uint8_t, 64> frame_{};
  Packet packet_{};
  FlowPair pair_{};
  RuleSubject subject_;
  PolicySettings settings_;
  MemoryArena arena_;
  std::unique_ptr<ChunkPool> pool_ = ChunkPool::create(1 << 20, arena_).value();
  std::unique_ptr<WorkerWindow> window_ = std::make_unique<WorkerWindow>();
  TransactionReport report_{3, window_.get(), *pool_};
  FlowTransactions* flow_ = nullptr;
};

using Texts = std::vector<std::string>;

TEST_F(Transactions, TellARequestWithItsResponse) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}, {Buffer::http_uri_raw, "/a"}});
  EXPECT_TRUE(told().empty());
  whole(1, 0, {{Buffer::http_stat_code, "200"}, {Buffer::http_content_type, "text/html"}});
  EXPECT_EQ(told_texts(), Texts{"http.method=GET http.uri.raw=/a http.stat_code<200 "
                                "http.content_type<text/html"});
}

TEST_F(Transactions, TellFromTheClientsSideWithTheTimeOfTheLastPacket) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}});
  whole(1, 0, {{Buffer::http_stat_code, "200"}});
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.kind, InspectKind::transaction);
  EXPECT_EQ(record.service, Service::http);
  EXPECT_EQ(record.source[3], 1);
  EXPECT_EQ(record.destination[3], 2);
  EXPECT_EQ(record.source_port, 4000);
  EXPECT_EQ(record.destination_port, 80);
  EXPECT_EQ(record.now, 2 * kNsPerSecond);
  EXPECT_EQ(record.packet_number, 2U);
  EXPECT_EQ(record.generation, 7);
  EXPECT_EQ(record.worker, 3);
}

TEST_F(Transactions, AreTurnedToTheServerWhereItsMessageComesFirst) {
  subject_.service = Service::ssh;
  buffers(1, 0, {{Buffer::ssh_protocol, "2.0"}});
  report_.flow_ends(flow_);
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.source[3], 1);
  EXPECT_EQ(record.source_port, 4000);
  EXPECT_EQ(record.direction, 0);
}

TEST_F(Transactions, KnowPipelinedRequestsByTheirNumbers) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_uri_raw, "/a"}});
  whole(0, 1, {{Buffer::http_uri_raw, "/b"}});
  whole(1, 0, {{Buffer::http_stat_code, "200"}});
  whole(1, 1, {{Buffer::http_stat_code, "404"}});
  EXPECT_EQ(told_texts(),
            (Texts{"http.uri.raw=/a http.stat_code<200", "http.uri.raw=/b http.stat_code<404"}));
}

TEST_F(Transactions, WaitForTheResponseBehindAnInterimOne) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "POST"}});
  whole(1, 0, {{Buffer::http_stat_code, "100"}});
  EXPECT_TRUE(told().empty());
  whole(1, 0, {{Buffer::http_stat_code, "201"}});
  EXPECT_EQ(told_texts(), Texts{"http.method=POST http.stat_code<201"});
}

TEST_F(Transactions, TakeSwitchingProtocolsForTheAnswer) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}});
  whole(1, 0, {{Buffer::http_stat_code, "101"}});
  EXPECT_EQ(told_texts(), Texts{"http.method=GET http.stat_code<101"});
}

TEST_F(Transactions, TellARequestWithoutAResponseWhenItsFlowEnds) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}});
  packet_from(1);
  report_.flow_ends(flow_);
  EXPECT_EQ(flow_, nullptr);
  const auto records = told();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(text_of(records[0]), "http.method=GET");
  EXPECT_EQ(records[0].now, kNsPerSecond);
}

TEST_F(Transactions, TellAResponseWhoseRequestNobodySaw) {
  subject_.service = Service::http;
  whole(1, 4, {{Buffer::http_stat_code, "200"}});
  EXPECT_EQ(told_texts(), Texts{"http.stat_code<200"});
}

TEST_F(Transactions, OfAFlowAreBounded) {
  subject_.service = Service::http;
  for (std::uint32_t i = 0; i < 1000; ++i) whole(0, i, {{Buffer::http_method, "GET"}});
  EXPECT_EQ(told().size(), 1000 - FlowTransactions::kOpenMax);
  EXPECT_LE(pool_->counters().bytes_in_use, (FlowTransactions::kOpenMax + 1) * 1536);
  report_.flow_ends(flow_);
  EXPECT_EQ(told().size(), FlowTransactions::kOpenMax);
}

TEST_F(Transactions, ShowNoCredentials) {
  subject_.service = Service::http;
  whole(0, 0,
        {{Buffer::http_method, "GET"},
         {Buffer::http_cookie, "id=7"},
         {Buffer::http_header, "Authorization: Basic eA==\r\n"}});
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(), Texts{"http.method=GET"});
}

TEST_F(Transactions, OfTlsAreWholeWhenTheFlowIsEncrypted) {
  subject_.service = Service::tls;
  whole(0, 0, {{Buffer::tls_sni, "a.example"}, {Buffer::ja3_hash, "00"}});
  whole(1, 0, {{Buffer::tls_version, "1.2"}, {Buffer::tls_cert_subject, "CN=a"}});
  EXPECT_TRUE(told().empty());
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(),
            Texts{"tls.sni=a.example ja3.hash=00 tls.version<1.2 tls.cert_subject<CN=a"});
}

TEST_F(Transactions, KeepTheFirstOfWhatDoesNotRepeat) {
  subject_.service = Service::tls;
  whole(0, 0, {{Buffer::tls_sni, "a.example"}});
  whole(0, 1, {{Buffer::tls_sni, "b.example"}});
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(), Texts{"tls.sni=a.example"});
}

TEST_F(Transactions, OfSshShowBothBanners) {
  subject_.service = Service::ssh;
  whole(1, 0, {{Buffer::ssh_protocol, "2.0"}, {Buffer::ssh_software, "server"}});
  whole(0, 0, {{Buffer::ssh_protocol, "2.0"}, {Buffer::ssh_software, "client"}});
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(), Texts{"ssh.protocol<2.0 ssh.software<server ssh.protocol=2.0 "
                                "ssh.software=client"});
}

TEST_F(Transactions, OfSshShowWhatBothOfferWhereThereIsRoomForAllOfIt) {
  subject_.service = Service::ssh;
  const std::string name(255, 'n');
  const std::string list(690, 'l');
  buffers(0, 0, {{Buffer::ssh_software, name}});
  buffers(
      0, 0,
      {{Buffer::ssh_software, name}, {Buffer::ssh_hassh, "h"}, {Buffer::ssh_hassh_string, list}});
  buffers(1, 0, {{Buffer::ssh_software, name}});
  buffers(1, 0, {{Buffer::ssh_hassh_server, "s"}, {Buffer::ssh_hassh_server_string, list}});
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(), Texts{"ssh.software=" + name + " ssh.hassh=h ssh.hassh_string=" + list +
                                " ssh.software<" + name + " ssh.hassh_server<s"});
}

TEST_F(Transactions, OfSmtpAreOneForEachMail) {
  subject_.service = Service::smtp;
  buffers(0, 0, {{Buffer::smtp_helo, "h"}});
  buffers(0, 0, {{Buffer::smtp_mail_from, "a@example"}});
  buffers(0, 0, {{Buffer::smtp_rcpt_to, "b@example"}});
  buffers(0, 0, {{Buffer::smtp_rcpt_to, "c@example"}});
  ends(0, 0);
  EXPECT_EQ(told_texts(), Texts{"smtp.helo=h smtp.mail_from=a@example smtp.rcpt_to=b@example "
                                "smtp.rcpt_to=c@example"});
}

TEST_F(Transactions, OfFtpAreACommandWithTheRepliesUpToTheNext) {
  subject_.service = Service::ftp;
  whole(1, 0, {{Buffer::ftp_reply, "220 hello"}});
  whole(0, 0, {{Buffer::ftp_command, "LIST"}});
  whole(1, 1, {{Buffer::ftp_reply, "150 comes"}});
  whole(1, 2, {{Buffer::ftp_reply, "226 done"}});
  whole(0, 1, {{Buffer::ftp_command, "QUIT"}});
  EXPECT_EQ(told_texts(), (Texts{"ftp.reply<220 hello",
                                 "ftp.command=LIST ftp.reply<150 comes ftp.reply<226 done"}));
  report_.flow_ends(flow_);
  EXPECT_EQ(told_texts(), Texts{"ftp.command=QUIT"});
}

TEST_F(Transactions, OfQuicAreToldAtOnceAndHoldNothing) {
  subject_.service = Service::quic;
  packet_.protocol = 17;
  whole(0, 0, {{Buffer::quic_sni, "a.example"}, {Buffer::ja4_hash, "q13"}});
  EXPECT_EQ(told_texts(), (Texts{"quic.sni=a.example ja4.hash=q13"}));
  EXPECT_EQ(flow_, nullptr);
}

TEST_F(Transactions, OfDnsCarryTheMessage) {
  subject_.service = Service::dns;
  const std::string message(40, 'd');
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
  report_.take_bytes({subject_, flow_, 0, 0}, bytes);
  EXPECT_EQ(told_texts(), Texts{"payload=" + message});
  report_.take_bytes({subject_, flow_, 0, 0}, bytes.first(11));
  EXPECT_TRUE(told().empty()) << "there is no header";
}

TEST_F(Transactions, CutWhatIsLongAndKeepRoomForTheRest) {
  subject_.service = Service::http;
  const std::string longest(9000, 'x');
  whole(0, 0,
        {{Buffer::http_method, longest},
         {Buffer::http_uri_raw, longest},
         {Buffer::http_host, longest},
         {Buffer::http_protocol, longest},
         {Buffer::http_user_agent, longest},
         {Buffer::http_referer, longest}});
  whole(1, 0, {{Buffer::http_stat_code, "200"}, {Buffer::http_location, longest}});
  const InspectRecord record = told().at(0);
  EXPECT_EQ(record.excerpt_count, 8);
  EXPECT_EQ(record.excerpts[1].is_cut, 1);
  EXPECT_EQ(record.excerpts[6].buffer, Buffer::http_stat_code);
  EXPECT_EQ(record.excerpts[6].is_cut, 0);
}

TEST_F(Transactions, AreNotGatheredWhereTheyAreSwitchedOff) {
  settings_.transaction_records = 1U << static_cast<unsigned>(Service::dns);
  report_.obey(settings_);
  EXPECT_EQ(report_.wanted_buffers(), 0U) << "events of DNS need no buffers";
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}});
  EXPECT_EQ(flow_, nullptr);
  EXPECT_EQ(report_.transactions(), 0U);
}

TEST_F(Transactions, SwitchedOffOnTheWayAreForgotten) {
  subject_.service = Service::http;
  whole(0, 0, {{Buffer::http_method, "GET"}});
  settings_.transaction_records = 0;
  report_.obey(settings_);
  report_.flow_ends(flow_);
  EXPECT_TRUE(told().empty());
}

TEST_F(Transactions, WithoutMemoryAreLostAndCounted) {
  subject_.service = Service::http;
  std::vector<void*> taken;
  for (void* chunk = pool_->take(64); chunk != nullptr; chunk = pool_->take(64)) {
    taken.push_back(chunk);
  }
  whole(0, 0, {{Buffer::http_method, "GET"}});
  EXPECT_EQ(report_.lost(), 1U);
  for (void* chunk : taken) pool_->give(chunk, 64);
  whole(0, 1, {{Buffer::http_method, "GET"}});
  EXPECT_EQ(report_.lost(), 1U);
}

TEST_F(Transactions, ThatFindTheLaneFullAreLostAndCounted) {
  subject_.service = Service::quic;
  for (std::uint32_t i = 0; i < 1030; ++i) whole(0, i, {{Buffer::quic_sni, "a"}});
  EXPECT_EQ(report_.transactions(), 1030U);
  EXPECT_EQ(report_.lost(), 6U);
  EXPECT_EQ(told().size(), 1000U);
}

}  // namespace
}  // namespace sluice
