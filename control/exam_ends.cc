#include "control/exam_ends.h"

#include <utility>

#include "control/exam_message.h"

namespace sluice {
namespace {

// 198.18.0.0/15 and 203.0.113.0/24 are set aside for measurements and for examples.
constexpr std::uint32_t kClientNet = 0xc612'0000, kClients = 1U << 17;
constexpr std::uint32_t kServer = 0xcb00'710a;
constexpr std::uint16_t kClientPort = 49'152, kClientPorts = 16'384;
constexpr std::uint16_t kPortOfPayload = 9'999;

/// Of the first range that has more than 0.
template <class T>
[[nodiscard]] ValueRange<T> usable_range(const ValueRanges<T>& values) {
  for (ValueRange<T> range : values) {
    if (range.high == 0) continue;
    if (range.low == 0) range.low = 1;
    return range;
  }
  return values.front();
}

template <class T>
[[nodiscard]] T preferred_or_nth(const ValueRanges<T>& values, T preferred, std::uint32_t nth) {
  if (has_value(values, preferred)) return preferred;
  const ValueRange<T> range = usable_range(values);
  const std::uint64_t count = std::uint64_t{range.high} - range.low + 1;
  return static_cast<T>(range.low + nth % count);
}

/// The last of its range, so that a client of the same network is another host.
template <class T>
[[nodiscard]] T preferred_or_last(const ValueRanges<T>& values, T preferred) {
  if (has_value(values, preferred)) return preferred;
  return usable_range(values).high;
}

[[nodiscard]] std::uint16_t usual_port(RuleTest::Kind kind) {
  switch (kind) {
    case RuleTest::Kind::payload:
      return kPortOfPayload;
    case RuleTest::Kind::http_request:
    case RuleTest::Kind::http_response:
      return 80;
    case RuleTest::Kind::dns_query:
      return 53;
    case RuleTest::Kind::tls_sni:
      return 443;
  }
  return kPortOfPayload;
}

[[nodiscard]] std::uint16_t server_port_of(const ExamSets& sets, const RuleTest& test) {
  if (test.port != 0) return test.port;
  return preferred_or_nth(sets.server_port.ports, usual_port(test.kind), 0);
}

}  // namespace

Result<ExamSets> exam_sets(const Rule& rule, const RuleTest& test, const RuleVariables& variables) {
  auto source = parse_addresses(rule.when.source, variables);
  if (!source) return tl::unexpected<Error>(source.error());
  auto destination = parse_addresses(rule.when.destination, variables);
  if (!destination) return tl::unexpected<Error>(destination.error());
  auto source_port = parse_ports(rule.when.source_port, variables);
  if (!source_port) return tl::unexpected<Error>(source_port.error());
  auto destination_port = parse_ports(rule.when.destination_port, variables);
  if (!destination_port) return tl::unexpected<Error>(destination_port.error());
  ExamSets sets{std::move(*source), std::move(*destination), std::move(*source_port),
                std::move(*destination_port)};
  if (is_sent_by_server(test)) {
    std::swap(sets.client, sets.server);
    std::swap(sets.client_port, sets.server_port);
  }
  return sets;
}

std::optional<ExamEnds> choose_ends(const ExamSets& sets, const RuleTest& test, std::uint32_t nth) {
  if (sets.client.v4.empty() || sets.server.v4.empty()) return std::nullopt;
  const auto client_port = static_cast<std::uint16_t>(kClientPort + nth % kClientPorts);
  return ExamEnds{
      .client = preferred_or_nth(sets.client.v4, kClientNet + nth % kClients, nth),
      .server = preferred_or_last(sets.server.v4, kServer),
      .client_port = preferred_or_nth(sets.client_port.ports, client_port, nth),
      .server_port = server_port_of(sets, test),
  };
}

}  // namespace sluice
