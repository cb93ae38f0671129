#include "dataplane/inspect/dns_record.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/endian.h"
#include "base/ip_address.h"
#include "dataplane/inspect/dns_message.h"

namespace sluice {
namespace {

enum RecordType : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kDname = 39,
};

struct TypeName {
  std::uint16_t type;
  std::string_view name;
};
// IANA "Resource Record (RR) TYPEs".
constexpr std::array<TypeName, 47> kTypeNames{{
    {kA, "A"},          {kNs, "NS"},   {kCname, "CNAME"}, {6, "SOA"},      {7, "MB"},
    {8, "MG"},          {9, "MR"},     {10, "NULL"},      {11, "WKS"},     {kPtr, "PTR"},
    {13, "HINFO"},      {14, "MINFO"}, {kMx, "MX"},       {kTxt, "TXT"},   {17, "RP"},
    {18, "AFSDB"},      {24, "SIG"},   {25, "KEY"},       {kAaaa, "AAAA"}, {29, "LOC"},
    {33, "SRV"},        {35, "NAPTR"}, {36, "KX"},        {37, "CERT"},    {kDname, "DNAME"},
    {41, "OPT"},        {42, "APL"},   {43, "DS"},        {44, "SSHFP"},   {45, "IPSECKEY"},
    {46, "RRSIG"},      {47, "NSEC"},  {48, "DNSKEY"},    {49, "DHCID"},   {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},  {59, "CDS"},       {60, "CDNSKEY"}, {64, "SVCB"},
    {65, "HTTPS"},      {99, "SPF"},   {250, "TSIG"},     {251, "IXFR"},   {252, "AXFR"},
    {255, "ANY"},       {257, "CAA"},
}};

constexpr std::array<std::string_view, 12> kRcodeNames{
    "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};

class RecordReader {
 public:
  explicit RecordReader(ByteSpan bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::optional<DnsRecord> read();

 private:
  [[nodiscard]] bool has(std::size_t bytes) const noexcept { return bytes_.size() - at_ >= bytes; }
  [[nodiscard]] std::uint16_t word(std::size_t at) const noexcept {
    return load_be16(bytes_.data() + at);
  }
  [[nodiscard]] bool skip_questions(std::uint16_t count) noexcept;
  [[nodiscard]] std::optional<DnsAnswer> read_answer();
  [[nodiscard]] std::optional<std::string> read_name(std::size_t& at) const;
  [[nodiscard]] std::string read_data(std::uint16_t type, std::size_t bytes) const;
  [[nodiscard]] std::string read_texts(std::size_t bytes) const;

  ByteSpan bytes_;
  std::size_t at_ = kDnsHeaderBytes;
};

std::optional<std::string> RecordReader::read_name(std::size_t& at) const {
  DnsNameText text;
  const DnsName name = read_dns_name(bytes_, at, text);
  if (name.fault != DnsNameFault::none) return std::nullopt;
  at = name.end;
  return std::string(text.begin(), text.begin() + name.bytes);
}

/// Strings behind a byte of length each, one after the other.
std::string RecordReader::read_texts(std::size_t bytes) const {
  std::string texts;
  ByteSpan left = bytes_.subspan(at_, bytes);
  while (!left.empty()) {
    const std::size_t length = std::min<std::size_t>(left.front(), left.size() - 1);
    texts.append(left.begin() + 1, left.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    left = left.subspan(1 + length);
  }
  return texts;
}

std::string RecordReader::read_data(std::uint16_t type, std::size_t bytes) const {
  IpAddress address;
  std::size_t at = at_;
  switch (type) {
    case kA:
    case kAaaa:
      address.version = type == kA ? 4 : 6;
      if (bytes != address.bits() / 8) return {};
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), bytes, address.bytes.begin());
      return to_string(address);
    case kMx:
      at += 2;  // preference
      [[fallthrough]];
    case kNs:
    case kCname:
    case kPtr:
    case kDname:
      return at > at_ + bytes ? std::string{} : read_name(at).value_or("");
    case kTxt:
      return read_texts(bytes);
    default:
      return {};
  }
}

std::optional<DnsAnswer> RecordReader::read_answer() {
  constexpr std::size_t kFixedBytes = 10;  // type, class, TTL, length of data
  auto name = read_name(at_);
  if (!name || !has(kFixedBytes)) return std::nullopt;
  DnsAnswer answer;
  answer.name = std::move(*name);
  answer.type = word(at_);
  answer.ttl = load_be32(bytes_.data() + at_ + 4);
  const std::size_t data = word(at_ + 8);
  at_ += kFixedBytes;
  if (!has(data)) return std::nullopt;
  answer.rdata = read_data(answer.type, data);
  at_ += data;
  return answer;
}

bool RecordReader::skip_questions(std::uint16_t count) noexcept {
  for (; count > 0; --count) {
    const DnsName name = skip_dns_name(bytes_, at_);
    if (name.fault != DnsNameFault::none) return false;
    at_ = name.end;
    if (!has(4)) return false;
    at_ += 4;
  }
  return true;
}

std::optional<DnsRecord> RecordReader::read() {
  if (bytes_.size() < kDnsHeaderBytes) return std::nullopt;
  DnsRecord record;
  record.id = word(0);
  record.flags = word(2);
  record.is_answer = (record.flags & 0x8000) != 0;
  record.opcode = record.flags >> 11 & 0xf;
  record.rcode = record.flags & 0xf;
  record.answer_count = word(6);
  if (const std::uint16_t questions = word(4); questions > 0) {
    auto name = read_name(at_);
    if (!name || !has(4)) return std::nullopt;
    record.qname = std::move(*name);
    record.qtype = word(at_);
    at_ += 4;
    if (!skip_questions(static_cast<std::uint16_t>(questions - 1))) return record;
  }
  const std::size_t count = std::min<std::size_t>(record.answer_count, kDnsRecordAnswersMax);
  while (record.answers.size() < count) {
    auto answer = read_answer();
    if (!answer) break;
    record.answers.push_back(std::move(*answer));
  }
  return record;
}

}  // namespace

std::optional<DnsRecord> read_dns_record(std::span<const std::uint8_t> message) {
  return RecordReader(message).read();
}

std::string dns_type_name(std::uint16_t type) {
  const auto row = std::ranges::find(kTypeNames, type, &TypeName::type);
  return row == kTypeNames.end() ? fmt::format("TYPE{}", type) : std::string(row->name);
}

std::string dns_rcode_name(std::uint8_t rcode) {
  return rcode < kRcodeNames.size() ? std::string(kRcodeNames[rcode])
                                    : fmt::format("RCODE{}", rcode);
}

}  // namespace sluice
