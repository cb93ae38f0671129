#include "control/store/eve_dns.h"

#include <array>
#include <span>

#include "base/endian.h"
#include "dataplane/inspect/dns_record.h"

namespace sluice {
namespace {

// RFC 1035 4.1.1.
constexpr unsigned kAa = 0x0400, kTc = 0x0200, kRd = 0x0100, kRa = 0x0080;

void header_flags(JsonWriter& json, unsigned flags) noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::array<char, 4> text{kHex[flags >> 12 & 15], kHex[flags >> 8 & 15],
                                 kHex[flags >> 4 & 15], kHex[flags & 15]};
  json.word("flags", {text.data(), text.size()});
  json.flag("qr", true);
  if ((flags & kAa) != 0) json.flag("aa", true);
  if ((flags & kTc) != 0) json.flag("tc", true);
  if ((flags & kRd) != 0) json.flag("rd", true);
  if ((flags & kRa) != 0) json.flag("ra", true);
}

void answer_element(JsonWriter& json, const DnsAnswer& answer) noexcept {
  json.open_object();
  json.text("rrname", answer.name);
  json.text("rrtype", dns_type_name(answer.type));
  json.number("ttl", answer.ttl);
  if (!answer.rdata.empty()) json.text("rdata", answer.rdata);
  json.close_object();
}

void answers(JsonWriter& json, const DnsRecord& record) noexcept {
  if (record.answers.empty()) return;
  json.open_array("answers");
  for (const DnsAnswer& answer : record.answers) answer_element(json, answer);
  json.close_array();
}

void question(JsonWriter& json, const DnsRecord& record) noexcept {
  if (record.qtype == 0) return;
  json.text("rrname", record.qname);
  json.text("rrtype", dns_type_name(record.qtype));
}

void whole(JsonWriter& json, const DnsRecord& record, std::uint32_t number) noexcept {
  if (record.is_answer) json.number("version", 2);
  json.word("type", record.is_answer ? "answer" : "query");
  json.number("id", record.id);
  if (record.is_answer) header_flags(json, record.flags);
  json.number("opcode", record.opcode);
  question(json, record);
  if (!record.is_answer) return json.number("tx_id", number);
  json.text("rcode", dns_rcode_name(record.rcode));
  answers(json, record);
}

void header_alone(JsonWriter& json, std::span<const std::uint8_t> message) noexcept {
  const unsigned flags = load_be16(message.data() + 2);
  const bool is_answer = (flags & 0x8000) != 0;
  json.word("type", is_answer ? "answer" : "query");
  json.number("id", load_be16(message.data()));
  json.number("opcode", flags >> 11 & 15);
}

}  // namespace

void dns_object(JsonWriter& json, std::string_view message, std::uint32_t number) noexcept {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
  if (bytes.size() < 12) return;
  json.open_object("dns");
  const auto record = read_dns_record(bytes);
  record ? whole(json, *record, number) : header_alone(json, bytes);
  json.close_object();
}

}  // namespace sluice
