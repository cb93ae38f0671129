// Every event against the table of fields: nothing that the table does not name, nothing missing
// that it promises, every value of its type. docs/reference/events.md is that table.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/store/eve_fields.h"
#include "control/store/eve_format.h"
#include "dataplane/inspect/app_sink.h"
#include "tests/support/source_tree.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const EveField* field_of(const std::string& path) {
  for (const EveField& field : eve_fields()) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

bool has_type(const Json& value, EveType type) {
  switch (type) {
    case EveType::text:
      return value.is_string();
    case EveType::number:
      return value.is_number_unsigned();
    case EveType::flag:
      return value.is_boolean();
    case EveType::numbers:
      return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& element) {
               return element.is_number_unsigned();
             });
    case EveType::texts:
      return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& element) {
               return element.is_string();
             });
    case EveType::texts_by_key:
      return value.is_object() && std::all_of(value.begin(), value.end(), [](const Json& list) {
               return has_type(list, EveType::texts);
             });
    case EveType::objects:
      return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& element) {
               return element.is_object();
             });
    case EveType::counts:
      return value.is_object();
  }
  return false;
}

/// Calls `leaf(path, value)` for every value, and for every object that the table names as a whole.
void walk(const Json& object, const std::string& prefix,
          const std::function<void(const std::string&, const Json&)>& leaf) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = prefix.empty() ? key : prefix + "." + key;
    const bool is_whole = field_of(path) != nullptr || !value.is_object();
    is_whole ? leaf(path, value) : walk(value, path, leaf);
  }
}

unsigned event_bit(const Json& event) {
  const std::map<std::string, unsigned> bits{
      {"flow", kInFlow},       {"drop", kInDrop}, {"stats", kInStats}, {"alert", kInAlert},
      {"anomaly", kInAnomaly}, {"http", kInHttp}, {"dns", kInDns},     {"tls", kInTls},
      {"ssh", kInSsh},         {"smtp", kInSmtp}, {"ftp", kInFtp},     {"quic", kInQuic}};
  return bits.at(event.at("event_type").get<std::string>());
}

/// The paths of the event, each checked.
std::set<std::string> check(const Json& event, bool is_replay) {
  const unsigned bit = event_bit(event);
  std::set<std::string> found;
  walk(event, "", [&](const std::string& path, const Json& value) {
    found.insert(path);
    const EveField* field = field_of(path);
    ASSERT_NE(field, nullptr) << path << " is not in the table";
    EXPECT_NE(field->events & bit, 0U) << path << " in " << event["event_type"];
    EXPECT_TRUE(has_type(value, field->type)) << path << " = " << value;
    EXPECT_EQ(field->events & (is_replay ? kLiveOnly : kReplayOnly), 0U) << path;
  });
  for (const EveField& field : eve_fields()) {
    const bool is_promised = (field.events & bit) != 0 && (field.events & kOptional) == 0 &&
                             !(is_replay && (field.events & kLiveOnly) != 0);
    if (is_promised) {
      EXPECT_TRUE(found.contains(std::string(field.path))) << field.path;
    }
  }
  return found;
}

/// Records that between them have every optional field.
std::vector<FlowRecord> flows() {
  FlowRecord tcp = test::flow_record({"192.0.2.1", "198.51.100.1", 40000, 80, 6});
  tcp.tcp_flags = {0xff, 0xff};
  tcp.refused_reason = DropReason::flow_rate_exceeded;
  tcp.rule_id = 9;
  tcp.is_midstream = 1;
  tcp.vlan = {7, 8};
  tcp.packet_number = 1;
  FlowRecord interim = test::flow_record({"2001:db8::1", "2001:db8::2", 40000, 53, 17});
  interim.is_interim = 1;
  return {tcp, interim, test::flow_record({"192.0.2.1", "198.51.100.1", 3, 3, 1}),
          test::flow_record({"192.0.2.1", "198.51.100.1", 0, 0, 47})};
}

std::vector<DropRecord> drops() {
  std::vector<DropRecord> all;
  constexpr std::uint8_t kProtocols[] = {6, 17, 1, 132, 47};
  for (const std::uint8_t protocol : kProtocols) {
    DropRecord v4 = test::drop_record({"192.0.2.1", "198.51.100.1", 1, 2, protocol});
    v4.l4_bytes = 30;
    v4.rule_id = 5;
    v4.packet_number = 3;
    v4.vlan = {1, 0};
    all.push_back(v4);
    all.push_back(test::drop_record({"2001:db8::1", "2001:db8::2", 1, 2, protocol}));
  }
  DropRecord frame{};
  frame.reason = DropReason::truncated_header;
  all.push_back(frame);
  return all;
}

std::vector<InspectRecord> alerts() {
  std::vector<InspectRecord> all;
  constexpr std::uint8_t kProtocols[] = {6, 17, 1, 132, 47};
  for (const std::uint8_t protocol : kProtocols) {
    all.push_back(test::alert_record({"192.0.2.1", "198.51.100.1", 1, 2, protocol}));
    all.back().packet_number = 3;
    all.back().vlan = {1, 0};
    all.push_back(test::alert_record({"2001:db8::1", "2001:db8::2", 1, 2, protocol}));
  }
  InspectRecord& http = all.front();
  http.service = Service::http;
  constexpr Buffer kBuffers[] = {Buffer::http_host,       Buffer::http_uri_raw,
                                 Buffer::http_user_agent, Buffer::http_referer,
                                 Buffer::http_method,     Buffer::http_content_type};
  for (const Buffer buffer : kBuffers)
    http.excerpts[http.excerpt_count++] = {.buffer = buffer, .bytes = 1};
  return all;
}

/// A query for a.example, and its answer with an address.
constexpr std::string_view kDnsQuery{
    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
    "a\x07"
    "example\x00\x00\x01\x00\x01",
    27};
constexpr std::string_view kDnsAnswer{
    "\x12\x34\x87\x83\x00\x01\x00\x01\x00\x00\x00\x00\x01"
    "a\x07"
    "example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07",
    43};

std::vector<InspectRecord> transactions() {
  const test::Ends tcp{"192.0.2.1", "198.51.100.1", 40000, 80};
  const test::Ends udp{"2001:db8::1", "2001:db8::2", 40000, 53, 17};
  constexpr bool kToClient = true;
  using enum Buffer;
  std::vector<InspectRecord> all{
      test::transaction_record(tcp, Service::http,
                               {{http_method, "GET"},
                                {http_uri_raw, "/"},
                                {http_host, "a.example"},
                                {http_protocol, "HTTP/1.1"},
                                {http_user_agent, "one"},
                                {http_referer, "/x"},
                                {http_stat_code, "302", kToClient},
                                {http_content_length, "0", kToClient},
                                {http_content_type, "text/html", kToClient},
                                {http_location, "/y", kToClient}}),
      test::transaction_record(udp, Service::dns, {{payload, kDnsQuery}}),
      test::transaction_record(udp, Service::dns, {{payload, kDnsAnswer, kToClient}}),
      test::transaction_record(tcp, Service::tls,
                               {{tls_sni, "a.example"},
                                {tls_version, "1.3"},
                                {tls_alpn, "h2\nhttp/1.1"},
                                {ja3_hash, "00"},
                                {ja3_string, "1"},
                                {ja4_hash, "t13"},
                                {tls_version, "1.2", kToClient},
                                {tls_alpn, "h2", kToClient},
                                {ja3s_hash, "01"},
                                {ja3s_string, "2"},
                                {tls_cert_subject, "CN=a"},
                                {tls_cert_issuer, "CN=b"},
                                {tls_cert_serial, "01"},
                                {tls_cert_fingerprint, "02"}}),
      test::transaction_record(tcp, Service::ssh,
                               {{ssh_protocol, "2.0"},
                                {ssh_software, "one"},
                                {ssh_hassh, "00"},
                                {ssh_hassh_string, "a;b"},
                                {ssh_hassh_server, "01", kToClient},
                                {ssh_hassh_server_string, "c;d", kToClient},
                                {ssh_protocol, "2.0", kToClient},
                                {ssh_software, "two", kToClient}}),
      test::transaction_record(
          tcp, Service::smtp,
          {{smtp_helo, "h"}, {smtp_mail_from, "a@example"}, {smtp_rcpt_to, "b@example"}}),
      test::transaction_record(tcp, Service::ftp,
                               {{ftp_command, "USER one"}, {ftp_reply, "331 password", kToClient}}),
      test::transaction_record(
          udp, Service::quic,
          {{quic_sni, "a.example"}, {ja3_hash, "0"}, {ja3_string, "1"}, {ja4_hash, "q"}}),
  };
  all.front().packet_number = 3;
  all.front().vlan = {1, 0};
  return all;
}

std::vector<InspectRecord> anomalies() {
  const test::Ends ends{"192.0.2.1", "198.51.100.1", 40000, 80};
  InspectRecord application = test::anomaly_record(
      ends, AnomalyLayer::application, static_cast<std::uint8_t>(AppAnomaly::http_bad_chunk));
  application.service = Service::http;
  InspectRecord frame{};
  frame.kind = InspectKind::anomaly;
  frame.anomaly = static_cast<std::uint8_t>(DropReason::truncated_header);
  return {test::anomaly_record(ends, AnomalyLayer::decode,
                               static_cast<std::uint8_t>(DropReason::bad_ip_header)),
          test::anomaly_record({"2001:db8::1", "2001:db8::2", 1, 2, 58}, AnomalyLayer::stream,
                               static_cast<std::uint8_t>(StreamAnomaly::gap)),
          application, frame};
}

std::shared_ptr<const RuleTextIndex> rule_texts() {
  Ruleset rules;
  rules.rules.resize(1);
  rules.rules[0].id = 1001;
  RuleTexts texts;
  texts.rules.resize(1);
  texts.rules[0].name = "a word";
  texts.rules[0].class_name = "policy-violation";
  texts.rules[0].metadata = {{"confidence", "High"}, {"tag", "a"}, {"tag", "b"}};
  return std::make_shared<const RuleTextIndex>(rules, texts);
}

EveContext context(bool is_replay) {
  EveContext context;
  context.is_replay = is_replay;
  if (is_replay) context.capture = "a.pcap";
  if (!is_replay) context.port_names = {"outside0", "inside0"};
  return context;
}

std::set<std::string> check_all(bool is_replay) {
  EveFormatter formatter(context(is_replay));
  std::vector<char> buffer(kEveStatsBytesMax);
  std::set<std::string> found;
  const auto take = [&](std::size_t bytes) {
    const std::set<std::string> paths =
        check(Json::parse(std::string_view(buffer.data(), bytes)), is_replay);
    found.insert(paths.begin(), paths.end());
  };
  for (const FlowRecord& record : flows()) take(formatter.flow(record, buffer));
  for (const DropRecord& record : drops()) take(formatter.drop(record, buffer));
  formatter.use_rules(rule_texts());
  for (const auto& records : {alerts(), transactions(), anomalies()}) {
    for (const InspectRecord& record : records) take(formatter.inspection(record, buffer));
  }
  take(formatter.stats({}, buffer));
  return found;
}

TEST(EveSchema, HoldsForEveryEventAndEveryFieldOccurs) {
  std::set<std::string> found = check_all(false);
  found.merge(check_all(true));
  for (const EveField& field : eve_fields()) {
    EXPECT_TRUE(found.contains(std::string(field.path))) << field.path << " never occurs";
  }
}

TEST(EveSchema, NamesEachFieldOnce) {
  std::set<std::string_view> paths;
  for (const EveField& field : eve_fields()) EXPECT_TRUE(paths.insert(field.path).second);
}

// docs/reference/events.md is written by this test with SLUICE_UPDATE_GOLDEN=1.
TEST(EventsReference, IsThePageInDocs) {
  EXPECT_EQ(test::golden_page("docs/reference/events.md", events_reference()), events_reference());
}

}  // namespace
}  // namespace sluice
