// Problem: a checksum over a 1,400-byte payload read two bytes at a time costs more than every
// other station together. Way: 32-bit halves of 64-bit lanes are added into 64-bit accumulators, 32
// bytes per step with AVX2 (every target of sluice has it), where no carry can be lost before 2^32
// steps; one fold at the end. One's complement addition commutes with byte order (RFC 1071 section
// 2 B), so nothing is swapped, except a run that starts on an odd byte of the range, whose folded
// sum is rotated by eight bits. Bound: linear in the bytes, no table. Rejected: add-with-carry
// chains (8 bytes per cycle at best), rte_raw_cksum (compiles to scalar code, and has no odd-run
// handling). CRC32c uses the processor's instruction, 8 bytes per 3 cycles; SCTP is too rare for
// more.
#include "dataplane/decode/checksum.h"

#include <immintrin.h>

#include <array>

#include "base/endian.h"
#include "dataplane/decode/transport_rules.h"

namespace sluice {
namespace {

/// A window of eight of these words that starts at 8 - n keeps the first n.
alignas(64) constexpr std::array<std::int32_t, 16> kKeepFirst{-1, -1, -1, -1, -1, -1, -1, -1};

/// Both 32-bit halves of each lane, added.
__m256i sum_of_halves(__m256i words) noexcept {
  return _mm256_add_epi64(_mm256_and_si256(words, _mm256_set1_epi64x(0xffffffff)),
                          _mm256_srli_epi64(words, 32));
}

/// Lanes hold sums of 32-bit words: far from overflow for any frame.
RawSum sum_of_lanes(__m256i lanes) noexcept {
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  return static_cast<RawSum>(_mm_cvtsi128_si64(two)) +
         static_cast<RawSum>(_mm_extract_epi64(two, 1));
}

std::uint32_t sum_offset(std::uint8_t protocol) noexcept {
  switch (protocol) {
    case kProtoTcp:
      return 16;
    case kProtoUdp:
      return 6;
    case kProtoGre:
      return 4;
    case kProtoSctp:
      return 8;
    default:
      return 2;  // ICMP and ICMPv6
  }
}

bool has_pseudo_header(std::uint8_t protocol) noexcept {
  return protocol == kProtoTcp || protocol == kProtoUdp || protocol == kProtoIcmpV6;
}

RawSum sum_of_words(std::uint64_t words) noexcept { return (words & 0xffffffff) + (words >> 32); }

/// Of the addresses alone.
RawSum pseudo_header_sum(std::uint8_t ip_version, const std::uint8_t* source,
                         const std::uint8_t* destination) noexcept {
  if (ip_version == 4) {
    return RawSum{load<std::uint32_t>(source)} + load<std::uint32_t>(destination);
  }
  return sum_of_words(load<std::uint64_t>(source)) + sum_of_words(load<std::uint64_t>(source + 8)) +
         sum_of_words(load<std::uint64_t>(destination)) +
         sum_of_words(load<std::uint64_t>(destination + 8));
}

/// RFC 9293 section 3.1 and RFC 8200 section 8.1.
RawSum pseudo_header_sum(const Packet& packet, const SumTask& task) noexcept {
  return pseudo_header_sum(task.ip_version, packet.bytes + task.source_at,
                           packet.bytes + task.destination_at) +
         byte_swap(task.l4_bytes) + byte_swap(std::uint16_t{task.protocol});
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

// The last words are loaded under a mask, which reads no byte that is masked out: no branch depends
// on the length but those for a last half word and a last byte.
RawSum ones_sum(const std::uint8_t* bytes, std::size_t count) noexcept {
  __m256i lanes = _mm256_setzero_si256();
  for (; count >= 32; count -= 32, bytes += 32) {
    const auto* here = reinterpret_cast<const __m256i*>(bytes);
    lanes = _mm256_add_epi64(lanes, sum_of_halves(_mm256_loadu_si256(here)));
  }
  const std::size_t words = count / 4;
  const auto* keep = reinterpret_cast<const __m256i*>(kKeepFirst.data() + 8 - words);
  const __m256i last =
      _mm256_maskload_epi32(reinterpret_cast<const int*>(bytes), _mm256_loadu_si256(keep));
  RawSum sum = sum_of_lanes(_mm256_add_epi64(lanes, sum_of_halves(last)));
  bytes += words * 4;
  if ((count & 2) != 0) {
    sum += load<std::uint16_t>(bytes);
    bytes += 2;
  }
  return (count & 1) != 0 ? sum + *bytes : sum;
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

bool is_sum_right_in_place(const Packet& packet, const SumTask& task) noexcept {
  return fold(pseudo_header_sum(packet, task) +
              ones_sum(packet.bytes + task.l4_offset, task.l4_bytes)) == 0xffff;
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
