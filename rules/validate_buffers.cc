// Buffers and header fields that the rule's header rules out: no packet has both.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "rules/validate.h"

namespace sluice {
namespace {

constexpr std::string_view kProtocolNames[] = {"ip", "tcp", "udp", "icmp", "icmpv6", "sctp"};

std::string_view name_of_protocol(RuleProtocol protocol) noexcept {
  return kProtocolNames[static_cast<std::size_t>(protocol)];
}

/// What a service runs over; none where it runs over several.
std::optional<RuleProtocol> protocol_of(Service service) noexcept {
  switch (service) {
    case Service::http:
    case Service::http2:
    case Service::tls:
    case Service::smtp:
    case Service::ftp:
    case Service::ftp_data:
    case Service::ssh:
    case Service::smb:
      return RuleProtocol::tcp;
    case Service::quic:
      return RuleProtocol::udp;
    default:
      return std::nullopt;
  }
}

std::optional<RuleProtocol> protocol_of(Buffer buffer) noexcept {
  if (buffer == Buffer::tcp_header) return RuleProtocol::tcp;
  if (buffer == Buffer::udp_header) return RuleProtocol::udp;
  return protocol_of(row_of(buffer).service);
}

std::optional<RuleProtocol> protocol_of(HeaderField field) noexcept {
  switch (field) {
    case HeaderField::tcp_flags:
    case HeaderField::tcp_sequence:
    case HeaderField::tcp_acknowledgement:
    case HeaderField::tcp_window:
    case HeaderField::tcp_mss:
    case HeaderField::stream_bytes_to_server:
    case HeaderField::stream_bytes_to_client:
    case HeaderField::stream_bytes_both:
    case HeaderField::stream_bytes_either:
      return RuleProtocol::tcp;
    case HeaderField::icmp_type:
    case HeaderField::icmp_code:
    case HeaderField::icmp_id:
    case HeaderField::icmp_sequence:
      return RuleProtocol::icmp;
    default:
      return std::nullopt;
  }
}

bool can_be(RuleProtocol written, std::optional<RuleProtocol> needed) noexcept {
  if (!needed || written == RuleProtocol::ip || written == *needed) return true;
  return *needed == RuleProtocol::icmp && written == RuleProtocol::icmpv6;
}

/// HTTP/2 fills the buffers of HTTP, and QUIC those of its TLS.
bool can_fill(Service written, Service buffers) noexcept {
  if (written == Service::any || buffers == Service::any || written == buffers) return true;
  if (buffers == Service::http) return written == Service::http2;
  return buffers == Service::tls && written == Service::quic;
}

void check_service(const BufferRow& row, const RuleHeader& when, RuleFindings& findings) {
  const bool is_excluded =
      when.service_negated && when.service == row.service && row.service != Service::any;
  const bool is_another = !when.service_negated && !can_fill(when.service, row.service);
  if (is_excluded || is_another) {
    findings.error(
        fmt::format("{} is filled by {}, and the rule looks at {}{} only: it never "
                    "matches",
                    row.name, name_of(row.service), when.service_negated ? "flows other than " : "",
                    name_of(when.service)));
  }
}

void check_direction(const BufferRow& row, RuleDirection direction, RuleFindings& findings) {
  const bool is_response_only = row.side == BufferSide::response;
  const bool is_request_only = row.side == BufferSide::request;
  if (is_request_only && direction == RuleDirection::to_client) {
    findings.error(
        fmt::format("{} is filled by the client, and direction is to_client: it never "
                    "matches",
                    row.name));
  }
  if (is_response_only && direction == RuleDirection::to_server) {
    findings.error(
        fmt::format("{} is filled by the server, and direction is to_server: it never "
                    "matches",
                    row.name));
  }
}

void check_services(const Rule& rule, RuleFindings& findings) {
  const BufferRow* first = nullptr;
  for (const BufferTerms& part : rule.match) {
    const BufferRow& row = row_of(part.buffer);
    if (row.service == Service::any) continue;
    if (first == nullptr) first = &row;
    if (row.service == first->service) continue;
    return findings.error(fmt::format("{} is filled by {} and {} by {}: no flow has both",
                                      first->name, name_of(first->service), row.name,
                                      name_of(row.service)));
  }
}

void check_sides(const Rule& rule, RuleFindings& findings) {
  const BufferRow* request = nullptr;
  const BufferRow* response = nullptr;
  for (const BufferTerms& part : rule.match) {
    const BufferRow& row = row_of(part.buffer);
    if (row.side == BufferSide::request) request = &row;
    if (row.side == BufferSide::response) response = &row;
  }
  if (request == nullptr || response == nullptr) return;
  findings.error(fmt::format("{} is of a request and {} of a response: no message has both",
                             request->name, response->name),
                 "set a flag with one rule and ask for it in another");
}

}  // namespace

void validate_buffers(const Rule& rule, RuleFindings& findings) {
  const RuleHeader& when = rule.when;
  for (const BufferTerms& part : rule.match) {
    const BufferRow& row = row_of(part.buffer);
    check_service(row, when, findings);
    check_direction(row, when.direction, findings);
    if (can_be(when.protocol, protocol_of(part.buffer))) continue;
    // TLS inside QUIC is the one service that comes over both.
    if (row.service == Service::tls && when.protocol == RuleProtocol::udp) continue;
    findings.error(fmt::format("{} never comes over {}, the rule's protocol", row.name,
                               name_of_protocol(when.protocol)));
  }
  check_services(rule, findings);
  check_sides(rule, findings);
  for (const HeaderTest& test : rule.headers) {
    const auto needed = protocol_of(test.field);
    if (can_be(when.protocol, needed)) continue;
    findings.error(fmt::format("a test of headers is about {}, and the rule's protocol is {}",
                               name_of_protocol(*needed), name_of_protocol(when.protocol)));
  }
}

}  // namespace sluice
