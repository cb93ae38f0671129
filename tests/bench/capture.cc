#include "tests/bench/capture.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

#include "base/check.h"

namespace sluice::bench {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{8} << 20;
constexpr std::size_t kPageBytes = std::size_t{2} << 20;
constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIp = 20;
constexpr std::size_t kTcp = 32;
constexpr std::size_t kUdp = 8;

void put16(std::uint8_t* at, std::uint32_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* at, std::uint32_t value) noexcept {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

/// Sum of the words as they stand in memory; folded and complemented by `checksum_of`.
[[nodiscard]] std::uint64_t word_sum(const std::uint8_t* bytes, std::size_t count) noexcept {
  std::uint64_t sum = 0;
  for (; count >= 4; count -= 4, bytes += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes, 4);
    sum += word;
  }
  std::uint32_t rest = 0;
  std::memcpy(&rest, bytes, count);
  return sum + rest;
}

/// In memory order.
[[nodiscard]] std::uint16_t checksum_of(std::uint64_t sum) noexcept {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Ethernet and IP; returns where layer 4 begins.
std::uint8_t* write_ip(std::uint8_t* frame, const FlowEnds& ends, std::uint8_t protocol,
                       std::size_t l4_bytes) noexcept {
  static constexpr std::uint8_t kLink[kEthernet] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
  std::memcpy(frame, kLink, kEthernet);
  std::uint8_t* ip = frame + kEthernet;
  std::memset(ip, 0, kIp);
  ip[0] = 0x45;
  put16(ip + 2, static_cast<std::uint32_t>(kIp + l4_bytes));
  put16(ip + 6, 0x4000);
  ip[8] = 64;
  ip[9] = protocol;
  put32(ip + 12, ends.client);
  put32(ip + 16, ends.server);
  const std::uint16_t sum = checksum_of(word_sum(ip, kIp));
  std::memcpy(ip + 10, &sum, 2);
  return ip + kIp;
}

void seal(std::uint8_t* l4, std::size_t bytes, std::uint8_t protocol,
          std::size_t checksum_at) noexcept {
  std::uint8_t pseudo[4] = {0, protocol, 0, 0};
  put16(pseudo + 2, static_cast<std::uint32_t>(bytes));
  const std::uint16_t sum =
      checksum_of(word_sum(l4 - 8, 8) + word_sum(pseudo, 4) + word_sum(l4, bytes));
  std::memcpy(l4 + checksum_at, &sum, 2);
}

}  // namespace

void Capture::Freed::operator()(std::uint8_t* block) const noexcept { std::free(block); }

std::uint8_t* Capture::add(std::size_t size) {
  if (blocks_.empty() || used_ + size > kBlockBytes) {
    auto* block = static_cast<std::uint8_t*>(std::aligned_alloc(kPageBytes, kBlockBytes));
    SLUICE_CHECK(block != nullptr, "the capture fits into memory");
    madvise(block, kBlockBytes, MADV_HUGEPAGE);
    blocks_.emplace_back(block);
    used_ = 0;
  }
  std::uint8_t* room = blocks_.back().get() + used_;
  used_ += (size + 63) / 64 * 64;
  frames_.push_back({room, static_cast<std::uint32_t>(size)});
  wire_bytes_ += size;
  return room;
}

void Capture::add(std::span<const std::uint8_t> frame) {
  std::ranges::copy(frame, add(frame.size()));
}

void write_tcp(Capture& capture, const FlowEnds& ends, const TcpSegment& segment) {
  constexpr std::uint8_t kProtocol = 6;
  const std::size_t bytes = kTcp + segment.payload.size();
  std::uint8_t* tcp = write_ip(capture.add(kEthernet + kIp + bytes), ends, kProtocol, bytes);
  std::memset(tcp, 0, kTcp);
  put16(tcp, ends.client_port);
  put16(tcp + 2, ends.server_port);
  put32(tcp + 4, segment.sequence);
  put32(tcp + 8, segment.acknowledgement);
  tcp[12] = (kTcp / 4) << 4;
  tcp[13] = segment.flags;
  put16(tcp + 14, 64'000);
  put32(tcp + 20, 0x0101080a);
  put32(tcp + 24, segment.timestamp);
  put32(tcp + 28, segment.timestamp_echo);
  std::memcpy(tcp + kTcp, segment.payload.data(), segment.payload.size());
  seal(tcp, bytes, kProtocol, 16);
}

void write_udp(Capture& capture, const FlowEnds& ends, std::string_view payload) {
  constexpr std::uint8_t kProtocol = 17;
  const std::size_t bytes = kUdp + payload.size();
  std::uint8_t* udp = write_ip(capture.add(kEthernet + kIp + bytes), ends, kProtocol, bytes);
  put16(udp, ends.client_port);
  put16(udp + 2, ends.server_port);
  put16(udp + 4, static_cast<std::uint32_t>(bytes));
  put16(udp + 6, 0);
  std::memcpy(udp + kUdp, payload.data(), payload.size());
  seal(udp, bytes, kProtocol, 6);
}

}  // namespace sluice::bench
