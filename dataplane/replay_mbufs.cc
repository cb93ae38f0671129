#include "dataplane/replay_mbufs.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice {
namespace {

// data_len has 16 bits; a longer frame becomes a chain.
constexpr std::size_t kSegmentBytesMax = 65'535;

}  // namespace

ReplayMbuf& ReplayMbufs::take() {
  if (free_.empty()) {
    ReplayMbuf& made = all_.emplace_back();
    free_.reserve(all_.size());
    return made;
  }
  ReplayMbuf& reused = *free_.back();
  free_.pop_back();
  return reused;
}

rte_mbuf* ReplayMbufs::wrap_segment(std::span<const std::uint8_t> bytes, bool writable) {
  ReplayMbuf& made = take();
  rte_mbuf& mbuf = *new (made.memory.data()) rte_mbuf;
  mbuf.buf_addr = const_cast<std::uint8_t*>(bytes.data());  // written only where it is a copy
  if (writable) {
    made.copy = std::make_unique<std::uint8_t[]>(std::max<std::size_t>(bytes.size(), 1));
    std::memcpy(made.copy.get(), bytes.data(), bytes.size());
    mbuf.buf_addr = made.copy.get();
  }
  mbuf.data_off = 0;
  mbuf.refcnt = 1;
  mbuf.nb_segs = 1;
  mbuf.port = 0;
  mbuf.ol_flags = 0;
  mbuf.packet_type = 0;
  mbuf.data_len = static_cast<std::uint16_t>(bytes.size());
  mbuf.pkt_len = static_cast<std::uint32_t>(bytes.size());
  mbuf.next = nullptr;
  mbuf.pool = nullptr;
  new (rte_mbuf_to_priv(&mbuf)) MbufNote;
  return &mbuf;
}

rte_mbuf* ReplayMbufs::wrap(std::span<const std::uint8_t> bytes, bool writable) {
  rte_mbuf* head = wrap_segment(bytes.first(std::min(bytes.size(), kSegmentBytesMax)), writable);
  rte_mbuf* last = head;
  for (std::size_t at = kSegmentBytesMax; at < bytes.size(); at += kSegmentBytesMax) {
    const std::size_t size = std::min(bytes.size() - at, kSegmentBytesMax);
    last->next = wrap_segment(bytes.subspan(at, size), writable);
    last = last->next;
    ++head->nb_segs;
    head->pkt_len += static_cast<std::uint32_t>(size);
  }
  return head;
}

rte_mbuf* ReplayMbufs::make(std::size_t bytes) {
  rte_mbuf* mbuf = wrap_segment({}, false);
  auto* owner = reinterpret_cast<ReplayMbuf*>(mbuf);
  owner->copy = std::make_unique<std::uint8_t[]>(bytes);
  mbuf->buf_addr = owner->copy.get();
  mbuf->buf_len = static_cast<std::uint16_t>(bytes);
  return mbuf;
}

void ReplayMbufs::release(rte_mbuf* mbuf) noexcept {
  for (rte_mbuf* next = nullptr; mbuf != nullptr; mbuf = next) {
    next = mbuf->next;
    auto* owner = reinterpret_cast<ReplayMbuf*>(mbuf);
    owner->copy.reset();
    free_.push_back(owner);  // room was reserved when it was made
  }
}

}  // namespace sluice
