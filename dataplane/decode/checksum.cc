// Problem: a checksum over a 1,400-byte payload read two bytes at a time costs more than every other
// station together. Way: 32-bit halves of 64-bit lanes are added into 64-bit accumulators, 32 bytes
// per step with AVX2 (every target of sluice has it), where no carry can be lost before 2^32 steps;
// one fold at the end. One's complement addition commutes with byte order (RFC 1071 section 2 B), so
// nothing is swapped, except a run that starts on an odd byte of the range, whose folded sum is
// rotated by eight bits. Bound: linear in the bytes, no table. Rejected: add-with-carry chains (8
// bytes per cycle at best), rte_raw_cksum (compiles to scalar code, and has no odd-run handling).
// CRC32c uses the processor's instruction, 8 bytes per 3 cycles; SCTP is too rare for more.
#include "dataplane/decode/checksum.h"

#include <immintrin.h>

#include <array>

#include "base/endian.h"
#include "dataplane/decode/transport_rules.h"

namespace sluice {
namespace {

/// The sum of the last `count` < 32 bytes.
RawSum sum_tail(const std::uint8_t* bytes, std::size_t count) noexcept {
  RawSum sum = 0;
  for (; count >= 4; count -= 4, bytes += 4) sum += load<std::uint32_t>(bytes);
  if (count >= 2) {
    sum += load<std::uint16_t>(bytes);
    bytes += 2;
    count -= 2;
  }
  return count == 1 ? sum + *bytes : sum;
}

RawSum sum_of_lanes(__m256i lanes) noexcept {
  alignas(32) std::array<std::uint64_t, 4> words;
  _mm256_store_si256(reinterpret_cast<__m256i*>(words.data()), lanes);
  // Each lane is below 2^63 for any range; fold before adding so that nothing overflows.
  RawSum sum = 0;
  for (const std::uint64_t word : words) sum += (word & 0xffffffff) + (word >> 32);
  return sum;
}

std::uint32_t sum_offset(std::uint8_t protocol) noexcept {
  switch (protocol) {
    case kProtoTcp: return 16;
    case kProtoUdp: return 6;
    case kProtoGre: return 4;
    case kProtoSctp: return 8;
    default: return 2;  // ICMP and ICMPv6
  }
}

bool has_pseudo_header(std::uint8_t protocol) noexcept {
  return protocol == kProtoTcp || protocol == kProtoUdp || protocol == kProtoIcmpV6;
}

/// RFC 9293 section 3.1 and RFC 8200 section 8.1.
RawSum pseudo_header_sum(const Packet& packet, const SumTask& task) noexcept {
  const std::size_t address_bytes = task.ip_version == 4 ? 4 : 16;
  RawSum sum = ones_sum(packet.bytes + task.source_at, address_bytes);
  sum += ones_sum(packet.bytes + task.destination_at, address_bytes);
  sum += byte_swap(task.l4_bytes);
  return sum + byte_swap(std::uint16_t{task.protocol});
}

ByteRange covered(const SumTask& task) noexcept { return {task.l4_offset, task.l4_bytes}; }

std::uint16_t checksum_field(const Packet& packet, const SumTask& task) noexcept {
  return load<std::uint16_t>(packet.bytes + task.l4_offset + sum_offset(task.protocol));
}

/// A kernel that leaves SCTP's CRC to the NIC leaves the field zero.
SumState judge_crc(const Packet& packet, const SumTask& task) noexcept {
  const auto field = load<std::uint32_t>(packet.bytes + task.l4_offset + sum_offset(kProtoSctp));
  if (field == sctp_crc32c(packet, covered(task))) return SumState::right;
  return field == 0 ? SumState::partial : SumState::wrong;
}

}  // namespace

RawSum ones_sum(const std::uint8_t* bytes, std::size_t count) noexcept {
  if (count < 32) return sum_tail(bytes, count);
  const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
  __m256i low = _mm256_setzero_si256();
  __m256i high = _mm256_setzero_si256();
  for (; count >= 32; count -= 32, bytes += 32) {
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    low = _mm256_add_epi64(low, _mm256_and_si256(words, low_half));
    high = _mm256_add_epi64(high, _mm256_srli_epi64(words, 32));
  }
  return sum_of_lanes(_mm256_add_epi64(low, high)) + sum_tail(bytes, count);
}

RawSum ones_sum(const Packet& packet, ByteRange range) noexcept {
  RawSum sum = 0;
  bool is_odd = false;
  visit_runs(packet, range, [&](const std::uint8_t* bytes, std::uint32_t count) noexcept {
    const std::uint16_t folded = fold(ones_sum(bytes, count));
    sum += is_odd ? byte_swap(folded) : folded;
    is_odd ^= (count & 1) != 0;
  });
  return sum;
}

std::uint32_t sctp_crc32c(const Packet& packet, ByteRange range) noexcept {
  std::uint64_t crc = 0xffffffff;
  const auto add = [&crc](const std::uint8_t* bytes, std::uint32_t count) noexcept {
    for (; count >= 8; count -= 8, bytes += 8) crc = _mm_crc32_u64(crc, load<std::uint64_t>(bytes));
    for (; count > 0; --count, ++bytes) crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), *bytes);
  };
  constexpr std::array<std::uint8_t, 4> kZero{};
  visit_runs(packet, {range.offset, 8}, add);
  add(kZero.data(), 4);
  visit_runs(packet, {range.offset + 12, range.count - 12}, add);
  return ~static_cast<std::uint32_t>(crc);
}

SumState judge_sum(const Packet& packet, const SumTask& task) noexcept {
  const std::uint32_t end = std::uint32_t{task.l4_offset} + task.l4_bytes;
  if (end > frame_bytes_at_hand(packet)) return SumState::unknown;
  if (task.protocol == kProtoSctp) return judge_crc(packet, task);
  const bool with_pseudo = has_pseudo_header(task.protocol);
  const RawSum pseudo = with_pseudo ? pseudo_header_sum(packet, task) : 0;
  if (fold(pseudo + ones_sum(packet, covered(task))) == 0xffff) return SumState::right;
  return with_pseudo && checksum_field(packet, task) == fold(pseudo) ? SumState::partial
                                                                     : SumState::wrong;
}

void rewrite_sum(Packet& packet, const SumTask& task) noexcept {
  const std::uint32_t at = task.l4_offset + sum_offset(task.protocol);
  if (task.protocol == kProtoSctp) {
    const std::uint32_t crc = sctp_crc32c(packet, covered(task));
    write_frame_bytes(packet, at, &crc, sizeof crc);
    return;
  }
  constexpr std::uint16_t kZero = 0;
  write_frame_bytes(packet, at, &kZero, sizeof kZero);
  const RawSum pseudo = has_pseudo_header(task.protocol) ? pseudo_header_sum(packet, task) : 0;
  auto sum = static_cast<std::uint16_t>(~fold(pseudo + ones_sum(packet, covered(task))));
  if (sum == 0 && task.protocol == kProtoUdp) sum = 0xffff;  // RFC 768: zero means none
  write_frame_bytes(packet, at, &sum, sizeof sum);
}

void rewrite_ipv4_sum(Packet& packet, ByteRange header) noexcept {
  const std::uint32_t at = header.offset + 10;
  constexpr std::uint16_t kZero = 0;
  write_frame_bytes(packet, at, &kZero, sizeof kZero);
  const auto sum = static_cast<std::uint16_t>(~fold(ones_sum(packet, header)));
  write_frame_bytes(packet, at, &sum, sizeof sum);
}

}  // namespace sluice
