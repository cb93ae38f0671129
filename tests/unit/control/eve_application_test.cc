// What the objects of applications hold; that each field is in the table is for eve_schema_test.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/store/eve_format.h"
#include "dataplane/inspect/app_sink.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using enum Buffer;
using test::Said;

constexpr bool kToClient = true;
constexpr test::Ends kEnds{"192.0.2.1", "198.51.100.1", 40000, 80};

Json event(const InspectRecord& record) {
  EveFormatter formatter({});
  std::vector<char> buffer(kEveInspectBytesMax);
  const std::size_t bytes = formatter.inspection(record, buffer);
  EXPECT_GT(bytes, 0U);
  return Json::parse(std::string_view(buffer.data(), bytes));
}

Json told(Service service, std::initializer_list<Said> said) {
  return event(test::transaction_record(kEnds, service, said))[std::string(name_of(service))];
}

Json dns(std::string_view bytes) { return told(Service::dns, {{payload, bytes}}); }

TEST(EveHttp, TellsRequestAndResponseInOne) {
  const Json whole = event(test::transaction_record(kEnds, Service::http,
                                                    {{http_method, "GET"},
                                                     {http_uri_raw, "/a"},
                                                     {http_host, "a.example"},
                                                     {http_protocol, "HTTP/1.1"},
                                                     {http_stat_code, "200", kToClient},
                                                     {http_content_length, "12", kToClient}}));
  EXPECT_EQ(whole["event_type"], "http");
  EXPECT_EQ(whole["tx_id"], 2);
  EXPECT_EQ(whole["http"], (Json{{"hostname", "a.example"},
                                 {"url", "/a"},
                                 {"http_method", "GET"},
                                 {"protocol", "HTTP/1.1"},
                                 {"status", 200},
                                 {"length", 12}}));
}

TEST(EveHttp, LeavesOutNumbersThatAreNone) {
  const Json http = told(Service::http, {{http_method, "GET"},
                                         {http_stat_code, "2x0", kToClient},
                                         {http_content_length, "-1", kToClient}});
  EXPECT_EQ(http, (Json{{"http_method", "GET"}}));
}

TEST(EveHttp, TakesSecretsOutOfAddresses) {
  const Json http = told(Service::http, {{http_uri_raw, "/?token=abc"},
                                         {http_referer, "http://a.example/?pwd=1"},
                                         {http_location, "/?sid=9", kToClient}});
  EXPECT_EQ(http["url"], "/?token=***");
  EXPECT_EQ(http["http_refer"], "http://a.example/?pwd=***");
  EXPECT_EQ(http["redirect"], "/?sid=***");
}

TEST(EveTls, TellsTheVersionThatTheServerChose) {
  const Json tls =
      told(Service::tls, {{tls_version, "1.3"}, {tls_version, "1.2", kToClient}, {tls_sni, "a"}});
  EXPECT_EQ(tls, (Json{{"version", "TLS 1.2"}, {"sni", "a"}}));
}

TEST(EveTls, NestsFingerprintsAndListsApplications) {
  const Json tls = told(Service::tls, {{ja3_hash, "00"}, {ja3_string, "1,2"}, {tls_alpn, "h2\nx"}});
  EXPECT_EQ(tls,
            (Json{{"ja3", {{"hash", "00"}, {"string", "1,2"}}}, {"client_alpns", {"h2", "x"}}}));
}

TEST(EveSsh, TellsTheSidesApart) {
  const Json ssh = told(
      Service::ssh,
      {{ssh_protocol, "2.0", kToClient}, {ssh_software, "two", kToClient}, {ssh_software, "one"}});
  EXPECT_EQ(ssh, (Json{{"client", {{"software_version", "one"}}},
                       {"server", {{"proto_version", "2.0"}, {"software_version", "two"}}}}));
}

TEST(EveSsh, NestsTheFingerprintsOfBothSides) {
  const Json ssh = told(Service::ssh, {{ssh_hassh, "00"},
                                       {ssh_hassh_string, "a;b"},
                                       {ssh_software, "two", kToClient},
                                       {ssh_hassh_server, "01", kToClient}});
  EXPECT_EQ(ssh, (Json{{"client", {{"hassh", {{"hash", "00"}, {"string", "a;b"}}}}},
                       {"server", {{"software_version", "two"}, {"hassh", {{"hash", "01"}}}}}}));
}

TEST(EveSmtp, ListsAllReceivers) {
  const Json smtp =
      told(Service::smtp, {{smtp_mail_from, "a@b"}, {smtp_rcpt_to, "c@d"}, {smtp_rcpt_to, "e@f"}});
  EXPECT_EQ(smtp, (Json{{"mail_from", "a@b"}, {"rcpt_to", {"c@d", "e@f"}}}));
}

TEST(EveFtp, DividesCommandAndReplies) {
  const Json ftp = told(Service::ftp, {{ftp_command, "RETR a b"},
                                       {ftp_reply, "150-one", kToClient},
                                       {ftp_reply, " two", kToClient},
                                       {ftp_reply, "150 three", kToClient},
                                       {ftp_reply, "226", kToClient}});
  EXPECT_EQ(ftp, (Json{{"command", "RETR"},
                       {"command_data", "a b"},
                       {"completion_code", {"150", "226"}},
                       {"reply", {"one", " two", "three", "226"}},
                       {"reply_received", "yes"}}));
}

TEST(EveFtp, HidesPasswords) {
  EXPECT_EQ(told(Service::ftp, {{ftp_command, "pass hunter2"}}),
            (Json{{"command", "pass"}, {"command_data", "***"}, {"reply_received", "no"}}));
}

TEST(EveDns, TellsAQuery) {
  EXPECT_EQ(dns({"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
                 "a\x00\x00\x1c\x00\x01",
                 19}),
            (Json{{"type", "query"},
                  {"id", 0x1234},
                  {"rrname", "a"},
                  {"rrtype", "AAAA"},
                  {"opcode", 0},
                  {"tx_id", 2}}));
}

TEST(EveDns, TellsAnAnswerWithoutRecordsByItsCode) {
  EXPECT_EQ(dns({"\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00\x01"
                 "a\x00\x00\x01\x00\x01",
                 19}),
            (Json{{"version", 2},
                  {"type", "answer"},
                  {"id", 0x1234},
                  {"flags", "8183"},
                  {"qr", true},
                  {"rd", true},
                  {"ra", true},
                  {"opcode", 0},
                  {"rrname", "a"},
                  {"rrtype", "A"},
                  {"rcode", "NXDOMAIN"}}));
}

TEST(EveDns, TellsAnswers) {
  const Json answer =
      dns({"\x12\x34\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01"
           "a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"
           "\xc0\x00\x02\x07",
           35});
  EXPECT_EQ(answer["answers"],
            Json::array({{{"rrname", "a"}, {"rrtype", "A"}, {"ttl", 60}, {"rdata", "192.0.2.7"}}}));
}

TEST(EveDns, TellsTheHeaderOfWhatCannotBeRead) {
  EXPECT_EQ(dns({"\x12\x34\x80\x00\xff\xff\x00\x01\x00\x00\x00\x00\xc0\x0c", 14}),
            (Json{{"type", "answer"}, {"id", 0x1234}, {"opcode", 0}}));
}

/// Names that point to a long one: as much text as a message of this size can unfold to.
TEST(EveDns, HasRoomForWhatAMessageUnfoldsTo) {
  std::string message("\x12\x34\x80\x00\x00\x01\x00\x08\x00\x00\x00\x00", 12);
  for (int label = 0; label < 4; ++label) {
    message += label < 3 ? '\x3f' : '\x3d';
    message.append(label < 3 ? 63 : 61, '\x01');
  }
  message += std::string("\x00\x00\x05\x00\x01", 5);
  for (int i = 0; i < 8; ++i) {
    message += std::string("\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x00\x00\x02\xc0\x0c", 14);
  }
  const Json answer = dns(message);
  EXPECT_EQ(answer["answers"].size(), 8U);
  EXPECT_EQ(answer["answers"][7]["rdata"].get<std::string>().size(), 253U);
}

Json anomaly(AnomalyLayer layer, std::uint8_t number, Service service = Service::any) {
  InspectRecord record = test::anomaly_record(kEnds, layer, number);
  record.service = service;
  return event(record)["anomaly"];
}

TEST(EveAnomaly, NamesTheLayerAndWhatWasFound) {
  EXPECT_EQ(anomaly(AnomalyLayer::decode, static_cast<std::uint8_t>(DropReason::bad_ip_length)),
            (Json{{"type", "decode"}, {"event", "decoder.bad_ip_length"}}));
  EXPECT_EQ(anomaly(AnomalyLayer::stream, static_cast<std::uint8_t>(StreamAnomaly::gap)),
            (Json{{"type", "stream"}, {"event", "stream.gap"}}));
  EXPECT_EQ(anomaly(AnomalyLayer::application,
                    static_cast<std::uint8_t>(AppAnomaly::http_bad_chunk), Service::http),
            (Json{{"app_proto", "http"},
                  {"type", "applayer"},
                  {"event", "http_bad_chunk"},
                  {"layer", "proto_parser"}}));
}

TEST(EveAnomaly, BelievesNoNumberOfTheRecord) {
  EXPECT_EQ(anomaly(AnomalyLayer::decode, 255)["event"], "decoder.unknown");
  EXPECT_EQ(anomaly(AnomalyLayer::stream, 255)["event"], "stream.unknown");
  EXPECT_EQ(anomaly(AnomalyLayer::application, 255, static_cast<Service>(200))["event"], "unknown");
}

TEST(EveInspection, WritesNothingOfARecordThatIsNoEvent) {
  EveFormatter formatter({});
  std::vector<char> buffer(kEveInspectBytesMax);
  InspectRecord record = test::transaction_record(kEnds, Service::smb, {});
  EXPECT_EQ(formatter.inspection(record, buffer), 0U);
  record.kind = static_cast<InspectKind>(9);
  record.service = Service::http;
  EXPECT_EQ(formatter.inspection(record, buffer), 0U);
}

TEST(EveAlert, ShowsNoCredentialsOfThePayload) {
  InspectRecord record = test::alert_record(kEnds);
  constexpr std::string_view kRequest = "GET /\r\nCookie: id=7\r\n";
  kRequest.copy(reinterpret_cast<char*>(record.bytes.data()), kRequest.size());
  record.excerpts[0].bytes = kRequest.size();
  const Json alert = event(record);
  EXPECT_EQ(alert["payload_printable"], "GET /\r\nCookie:*****\r\n");
  EXPECT_EQ(alert["payload"], "R0VUIC8NCkNvb2tpZToqKioqKg0K");
}

}  // namespace
}  // namespace sluice
