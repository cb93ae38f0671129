// Frames as mbufs on the heap for tests, without EAL: the data is exactly as long as the frame, so
// that a sanitizer sees every byte read too far. Fills bursts as the receive station does.
//
//   MbufHeap heap;
//   Burst burst;
//   heap.receive(burst, frame, {.segments = {20, 30}});
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/packet.h"

namespace sluice::test {

struct ReceiveOptions {
  TimeNs now = 1'000'000'000;
  std::uint8_t in_port = 0;
  std::uint32_t packet_number = 0;
  std::uint32_t wire_bytes = 0;              ///< 0 = as many as there are at hand
  std::uint64_t ol_flags = 0;                ///< what a NIC would say
  std::vector<std::uint32_t> segments = {};  ///< sizes of the first segments; the rest is the last
  std::uint32_t headroom = 0;
};

class MbufHeap {
 public:
  MbufHeap() = default;
  MbufHeap(const MbufHeap&) = delete;
  MbufHeap& operator=(const MbufHeap&) = delete;

  /// The mbuf chain of `frame`; lives as long as the heap. Never pass it to rte_pktmbuf_free.
  rte_mbuf* make(std::span<const std::uint8_t> frame, const ReceiveOptions& options = {}) {
    rte_mbuf* head = nullptr;
    rte_mbuf* tail = nullptr;
    std::size_t at = 0;
    for (std::size_t i = 0; head == nullptr || at < frame.size(); ++i) {
      const std::size_t left = frame.size() - at;
      const std::size_t size =
          i < options.segments.size() && options.segments[i] < left ? options.segments[i] : left;
      rte_mbuf* segment = make_segment(frame.subspan(at, size), options.headroom);
      at += size;
      if (head == nullptr) {
        head = segment;
      } else {
        tail->next = segment;
        head->nb_segs = static_cast<std::uint16_t>(head->nb_segs + 1);
      }
      tail = segment;
    }
    head->pkt_len = static_cast<std::uint32_t>(frame.size());
    head->ol_flags = options.ol_flags;
    return head;
  }

  /// Appends one packet to the burst, as the receive station leaves it.
  Packet& receive(Burst& burst, std::span<const std::uint8_t> frame,
                  const ReceiveOptions& options = {}) {
    Packet& packet = burst.packets.at(burst.count++);
    std::memset(static_cast<void*>(&packet), 0xcd, sizeof packet);  // nobody may rely on zeros
    rte_mbuf* mbuf = make(frame, options);
    packet.mbuf = mbuf;
    packet.bytes = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
    packet.bytes_at_hand = mbuf->data_len;
    packet.wire_bytes = options.wire_bytes == 0 ? mbuf->pkt_len : options.wire_bytes;
    packet.now = options.now;
    packet.in_port = options.in_port;
    packet.packet_number = options.packet_number;
    packet.frames = 1;
    packet.verdict = {};
    burst.now = options.now;
    return packet;
  }

  /// The bytes of a chain put together.
  static std::vector<std::uint8_t> bytes_of(const rte_mbuf* mbuf) {
    std::vector<std::uint8_t> out;
    for (const rte_mbuf* segment = mbuf; segment != nullptr; segment = segment->next) {
      const auto* data = rte_pktmbuf_mtod(segment, const std::uint8_t*);
      out.insert(out.end(), data, data + segment->data_len);
    }
    return out;
  }

 private:
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  using Memory = std::unique_ptr<void, Free>;

  rte_mbuf* make_segment(std::span<const std::uint8_t> data, std::uint32_t headroom) {
    constexpr std::size_t kSize = (sizeof(rte_mbuf) + sizeof(MbufNote) + 63) / 64 * 64;
    Memory struct_memory(std::aligned_alloc(64, kSize));
    Memory data_memory(std::malloc(headroom + data.size() + (headroom + data.size() == 0 ? 1 : 0)));
    std::memset(struct_memory.get(), 0, kSize);
    auto* mbuf = static_cast<rte_mbuf*>(struct_memory.get());
    new (rte_mbuf_to_priv(mbuf)) MbufNote{};
    mbuf->buf_addr = data_memory.get();
    mbuf->data_off = static_cast<std::uint16_t>(headroom);
    mbuf->buf_len = static_cast<std::uint16_t>(headroom + data.size());
    mbuf->data_len = static_cast<std::uint16_t>(data.size());
    mbuf->pkt_len = mbuf->data_len;
    mbuf->nb_segs = 1;
    mbuf->refcnt = 1;
    mbuf->priv_size = sizeof(MbufNote);
    if (!data.empty()) {
      std::memcpy(static_cast<std::uint8_t*>(mbuf->buf_addr) + headroom, data.data(), data.size());
    }
    memory_.push_back(std::move(struct_memory));
    memory_.push_back(std::move(data_memory));
    return mbuf;
  }

  std::vector<Memory> memory_;
};

}  // namespace sluice::test
