// A DNS message in full, for events: read from its bytes, or from the first of them, where events
// are made. Never on a worker: it allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

inline constexpr std::size_t kDnsRecordAnswersMax = 8;

struct DnsAnswer {
  std::string name;
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;  ///< seconds
  /// Of A, AAAA, CNAME, NS, PTR, MX (the exchange) and TXT; empty of others.
  std::string rdata;
};

/// Names are bytes as they were sent, with dots between their labels.
struct DnsRecord {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  ///< second word of the header
  std::uint8_t opcode = 0;
  std::uint8_t rcode = 0;
  bool is_answer = false;
  std::uint16_t qtype = 0;  ///< of the first question; 0 where there is none
  std::string qname;
  std::uint16_t answer_count = 0;  ///< as the header has it
  std::vector<DnsAnswer> answers;  ///< the first kDnsRecordAnswersMax that came whole
};

/// None where there is no header, or no question where the header has one.
[[nodiscard]] std::optional<DnsRecord> read_dns_record(std::span<const std::uint8_t> message);
/// "AAAA", or "TYPE65280" where it has no name; "NXDOMAIN", or "RCODE12".
[[nodiscard]] std::string dns_type_name(std::uint16_t type);
[[nodiscard]] std::string dns_rcode_name(std::uint8_t rcode);

}  // namespace sluice
