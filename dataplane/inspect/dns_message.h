// DNS messages as rules see them: of a query the names that are asked for (dns.query), of a
// response the names that own its answers (dns.answer), and where it is wanted the header of either
// (dns.header). Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/dns_name.h"

namespace sluice {

inline constexpr std::size_t kDnsHeaderBytes = 12;
/// Names of a message that are told. A run of answers of one name is one.
inline constexpr std::size_t kDnsNamesMax = 24;
/// Answers of a message that are read.
inline constexpr std::uint32_t kDnsAnswersMax = 512;

/// Where names become text: one per worker, used by every message anew.
struct DnsWorkspace {
  std::array<DnsNameText, kDnsNamesMax> names;
  std::array<BufferBytes, kDnsNamesMax + 1> buffers;  ///< behind the names the header
  bool wants_header = false;
};

/// Tells one message whole, if there is anything to tell: buffers, anomalies, its end. Which of the
/// two kinds it is says its header, not the direction. What stands before a fault is told. Spans
/// hold until the workspace is used again.
void read_dns_message(unsigned direction, std::uint32_t message, ByteSpan bytes,
                      DnsWorkspace& workspace, const AppSink& sink) noexcept;

}  // namespace sluice
