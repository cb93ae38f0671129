#include "dataplane/decode/defrag_assembly.h"

#include <algorithm>
#include <optional>

#include <rte_mbuf.h>

#include "base/endian.h"
#include "dataplane/decode/defrag_fragment.h"
#include "dataplane/io/mbuf_train.h"

namespace sluice {
namespace {

constexpr std::uint32_t kIpv6HeaderBytes = 40;

/// What the train holds, learned in a first walk over its headers.
struct TrainSummary {
  const rte_mbuf* first_frame = nullptr;  ///< the one with byte 0 of the datagram
  Fragment first{};
  std::uint32_t total_bytes = 0;
  std::uint32_t hand_end = kIpBytesMax;  ///< bytes from here on were not captured
  std::uint32_t wire_bytes = 0;
  std::uint16_t frames = 0;
};

[[nodiscard]] std::optional<TrainSummary> summarise(rte_mbuf* head) noexcept {
  TrainSummary train;
  for (rte_mbuf* frame = head; frame != nullptr; frame = note_of(frame).next_in_train) {
    const MbufNote& note = note_of(frame);
    const auto fragment = read_fragment(frame, note.l3_offset);
    if (!fragment) return std::nullopt;
    if (fragment->first == 0 && train.first_frame == nullptr) {
      train.first_frame = frame;
      train.first = *fragment;
    }
    if (!fragment->more) train.total_bytes = fragment->end();
    const std::uint32_t at_hand = bytes_at_hand(frame, *fragment);
    if (at_hand < fragment->bytes) {
      train.hand_end = std::min(train.hand_end, fragment->first + at_hand);
    }
    train.wire_bytes += note.wire_bytes;
    ++train.frames;
  }
  if (train.first_frame == nullptr || train.total_bytes == 0) return std::nullopt;
  return train;
}

// RFC 1624 equation 3: a sum that was wrong stays wrong.
void rewrite_word(std::uint8_t* header, std::size_t offset, std::uint16_t value) noexcept {
  std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(header + 10));
  sum += static_cast<std::uint16_t>(~load_be16(header + offset));
  sum += value;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store(header + 10, Be16(static_cast<std::uint16_t>(~sum)));
  store(header + offset, Be16(value));
}

void correct_header(std::uint8_t* ip, const TrainSummary& train) noexcept {
  const std::uint32_t ip_bytes = train.first.header_bytes + train.total_bytes;
  if (train.first.version == 4) {
    rewrite_word(ip, 2, static_cast<std::uint16_t>(ip_bytes));
    rewrite_word(ip, 6, load_be16(ip + 6) & 0xc000U);  // reserved and DF stay
    return;
  }
  ip[train.first.link_offset] = train.first.protocol;
  store(ip + 4, Be16(static_cast<std::uint16_t>(ip_bytes - kIpv6HeaderBytes)));
}

[[nodiscard]] bool copy_headers(const TrainSummary& train, std::uint32_t bytes,
                                std::uint8_t* into) noexcept {
  const void* headers = rte_pktmbuf_read(train.first_frame, 0, bytes, into);
  if (headers == nullptr) return false;
  if (headers != into) std::copy_n(static_cast<const std::uint8_t*>(headers), bytes, into);
  return true;
}

void copy_train(rte_mbuf* head, const TrainSummary& train, std::uint8_t* payload) noexcept {
  for (rte_mbuf* frame = head; frame != nullptr; frame = note_of(frame).next_in_train) {
    const auto fragment = read_fragment(frame, note_of(frame).l3_offset);
    if (!fragment || fragment->end() > train.total_bytes) continue;  // cannot be in a checked train
    copy_payload(frame, *fragment, payload + fragment->first);
  }
}

}  // namespace

AssemblyOutcome AssemblyArea::assemble(Packet& datagram) noexcept {
  const auto train = summarise(datagram.mbuf);
  if (!train) return AssemblyOutcome::inconsistent;
  const std::uint32_t headers_bytes = train->first.l3_offset + train->first.header_bytes;
  const std::uint32_t bytes = headers_bytes + train->total_bytes;
  if (bytes > kAssemblyBytesMax || train->total_bytes + train->first.header_bytes > 0xffff) {
    return AssemblyOutcome::inconsistent;
  }
  std::uint8_t* copy = borrow(bytes);
  if (copy == nullptr) return AssemblyOutcome::no_room;
  if (!copy_headers(*train, headers_bytes, copy)) return AssemblyOutcome::inconsistent;
  correct_header(copy + train->first.l3_offset, *train);
  copy_train(datagram.mbuf, *train, copy + headers_bytes);
  used_ += (bytes + 63U) & ~63U;
  used_ = std::min(used_, memory_.size());

  datagram.bytes = copy;
  datagram.bytes_at_hand = headers_bytes + std::min(train->total_bytes, train->hand_end);
  datagram.wire_bytes = train->wire_bytes;
  datagram.frames = train->frames;
  datagram.l3_offset = train->first.l3_offset;
  datagram.l3_bytes = static_cast<std::uint16_t>(bytes - train->first.l3_offset);
  datagram.clear(kIsFragment);
  datagram.set(kIsDatagram);
  if (train->hand_end < train->total_bytes) datagram.set(kCapturedShort);
  return AssemblyOutcome::assembled;
}

}  // namespace sluice
