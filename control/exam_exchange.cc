#include "control/exam_exchange.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kIcmp};
constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kPush = 0x08, kAck = 0x10;
constexpr std::uint8_t kEchoReply = 0, kEcho = 8;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kTcpSum = 16, kUdpSum = 6, kIcmpSum = 2;

void append16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append32(Bytes& out, std::uint32_t value) {
  append16(out, value >> 16);
  append16(out, value & 0xffff);
}

/// RFC 1071, before it is inverted; an odd last byte counts as the high one.
[[nodiscard]] std::uint32_t sum_of(const Bytes& bytes, std::size_t first, std::uint32_t sum) {
  for (std::size_t i = first; i < bytes.size(); ++i) {
    sum += (i - first) % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

void write_sum(Bytes& bytes, std::size_t at, std::uint32_t sum) {
  const std::uint32_t inverted = ~sum & 0xffff;
  bytes[at] = static_cast<std::uint8_t>(inverted >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(inverted);
}

[[nodiscard]] Bytes ip_frame(ExamSide from, std::uint8_t protocol, std::uint32_t source,
                             std::uint32_t destination, std::size_t bytes) {
  Bytes frame = from == ExamSide::client ? Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}
                                         : Bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  Bytes header = {0x45, 0};
  append16(header, kIpv4Header + bytes);
  append32(header, 0x0001'4000);  // identification 1, do not fragment
  header.insert(header.end(), {64, protocol, 0, 0});
  append32(header, source);
  append32(header, destination);
  write_sum(header, 10, sum_of(header, 0, 0));
  frame.insert(frame.end(), header.begin(), header.end());
  return frame;
}

[[nodiscard]] ExamSide other(ExamSide side) {
  return side == ExamSide::client ? ExamSide::server : ExamSide::client;
}

}  // namespace

Bytes ExamExchange::tcp_header(ExamSide from, std::uint8_t flags) const {
  const bool is_client = from == ExamSide::client;
  const auto own = static_cast<std::size_t>(from);
  Bytes header;
  append16(header, is_client ? ends_.client_port : ends_.server_port);
  append16(header, is_client ? ends_.server_port : ends_.client_port);
  append32(header, next_[own]);
  append32(header, (flags & kAck) != 0 ? next_[own ^ 1] : 0);
  header.insert(header.end(), {0x50, flags, 0xff, 0xff, 0, 0, 0, 0});
  return header;
}

Bytes ExamExchange::datagram_header(ExamSide from, std::size_t bytes) const {
  const bool is_client = from == ExamSide::client;
  Bytes header;
  if (transport_ == ExamTransport::icmp) {
    header = {is_client ? kEcho : kEchoReply, 0, 0, 0};
    append16(header, ends_.client_port);
    append16(header, 1);
    return header;
  }
  append16(header, is_client ? ends_.client_port : ends_.server_port);
  append16(header, is_client ? ends_.server_port : ends_.client_port);
  append16(header, 8 + bytes);
  append16(header, 0);
  return header;
}

void ExamExchange::add(ExamSide from, std::uint8_t tcp_flags, std::string_view bytes) {
  const std::uint8_t protocol = kProtocols[static_cast<std::size_t>(transport_)];
  const bool is_client = from == ExamSide::client;
  const Bytes l4 = transport_ == ExamTransport::tcp ? tcp_header(from, tcp_flags)
                                                    : datagram_header(from, bytes.size());
  const std::uint32_t source = is_client ? ends_.client : ends_.server;
  const std::uint32_t destination = is_client ? ends_.server : ends_.client;
  Bytes frame = ip_frame(from, protocol, source, destination, l4.size() + bytes.size());
  const std::size_t at = frame.size();
  frame.insert(frame.end(), l4.begin(), l4.end());
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  std::uint32_t pseudo = 0;
  if (transport_ != ExamTransport::icmp) {
    pseudo = (source >> 16) + (source & 0xffff) + (destination >> 16) + (destination & 0xffff) +
             protocol + static_cast<std::uint32_t>(l4.size() + bytes.size());
  }
  constexpr std::size_t kSums[] = {kTcpSum, kUdpSum, kIcmpSum};
  const std::uint32_t sum = sum_of(frame, at, pseudo);
  const bool is_absent = transport_ == ExamTransport::udp && (~sum & 0xffff) == 0;
  write_sum(frame, at + kSums[static_cast<std::size_t>(transport_)], is_absent ? 0 : sum);
  frames_.push_back(std::move(frame));
  const std::uint32_t flags_count = (tcp_flags & (kSyn | kFin)) != 0 ? 1 : 0;
  next_[static_cast<std::size_t>(from)] += static_cast<std::uint32_t>(bytes.size()) + flags_count;
}

void ExamExchange::open() {
  if (transport_ != ExamTransport::tcp) {
    add(ExamSide::client, 0, {});
    return add(ExamSide::server, 0, {});
  }
  add(ExamSide::client, kSyn, {});
  add(ExamSide::server, kSyn | kAck, {});
  add(ExamSide::client, kAck, {});
}

void ExamExchange::send(ExamSide from, std::string_view bytes) {
  if (transport_ != ExamTransport::tcp) return add(from, 0, bytes.substr(0, kExamPayloadMax));
  while (!bytes.empty()) {
    add(from, kPush | kAck, bytes.substr(0, kExamPayloadMax));
    add(other(from), kAck, {});
    bytes.remove_prefix(std::min(bytes.size(), kExamPayloadMax));
  }
}

void ExamExchange::close() {
  if (transport_ != ExamTransport::tcp) return;
  add(ExamSide::client, kFin | kAck, {});
  add(ExamSide::server, kFin | kAck, {});
  add(ExamSide::client, kAck, {});
}

}  // namespace sluice
