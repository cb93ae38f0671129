#include "tests/bench/capture_port.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "base/check.h"
#include "dataplane/packet.h"

namespace sluice::bench {
namespace {

constexpr std::size_t kSlots = 16'384;
constexpr std::size_t kAhead = 48;  // frames whose first lines are fetched before their turn
// A paced port that nobody asks for long has a queue like a NIC's: behind it frames wait no longer,
// they come later.
constexpr std::uint64_t kQueue = 1'024;

thread_local CapturePort* t_port = nullptr;

}  // namespace

/// An mbuf and, right behind it where DPDK looks for it, its private area.
struct CapturePort::Slot {
  alignas(64) std::array<std::byte, sizeof(rte_mbuf) + sizeof(MbufNote)> memory{};
  std::uint64_t arrived = 0;
  [[nodiscard]] rte_mbuf* mbuf() noexcept { return reinterpret_cast<rte_mbuf*>(memory.data()); }
  static Slot& of(rte_mbuf* mbuf) noexcept { return *reinterpret_cast<Slot*>(mbuf); }
};

CapturePort::CapturePort(bool checksums_good) : slots_(kSlots) {
  SLUICE_CHECK(t_port == nullptr, "one capture at a time");
  t_port = this;
  if (checksums_good) flags_ = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  for (Slot& slot : slots_) free_.push_back(&slot);
}

CapturePort::~CapturePort() { t_port = nullptr; }

void CapturePort::use(std::span<const CaptureFrame> frames) noexcept {
  frames_ = frames;
  next_ = 0;
}

void CapturePort::pace(std::uint64_t interval, std::vector<std::uint32_t>* times) noexcept {
  interval_ = interval;
  times_ = times;
  next_arrival_ = rte_rdtsc();
}

rte_mbuf* CapturePort::wrap(const CaptureFrame& frame) noexcept {
  Slot& slot = *free_.back();
  free_.pop_back();
  rte_mbuf* mbuf = slot.mbuf();
  mbuf->buf_addr = const_cast<std::uint8_t*>(frame.bytes);
  mbuf->buf_len = static_cast<std::uint16_t>(frame.size);
  mbuf->data_off = 0;
  mbuf->data_len = static_cast<std::uint16_t>(frame.size);
  mbuf->pkt_len = frame.size;
  mbuf->nb_segs = 1;
  mbuf->next = nullptr;
  mbuf->refcnt = 1;
  mbuf->priv_size = sizeof(MbufNote);
  mbuf->ol_flags = flags_;
  return mbuf;
}

// Exponential gaps, as of many senders that know nothing of each other.
std::uint16_t CapturePort::arrived(std::uint16_t most) noexcept {
  if (interval_ == 0) return most;
  const std::uint64_t now = rte_rdtsc();
  next_arrival_ = std::max(next_arrival_, now - std::min(now, kQueue * interval_));
  std::uint16_t count = 0;
  arrivals_.clear();
  for (; count < most && next_arrival_ <= now; ++count) {
    arrivals_.push_back(next_arrival_);
    random_ = random_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    const double even = (static_cast<double>(random_ >> 11) + 1) / 9'007'199'254'740'993.0;
    next_arrival_ += static_cast<std::uint64_t>(-std::log(even) * static_cast<double>(interval_));
  }
  return count;
}

std::uint16_t CapturePort::receive(const PortIo& port, rte_mbuf** mbufs,
                                   std::uint16_t most) noexcept {
  auto& self = *static_cast<CapturePort*>(port.context);
  const std::size_t left = std::min(self.frames_.size() - self.next_, self.free_.size());
  const std::uint16_t count =
      self.arrived(static_cast<std::uint16_t>(std::min<std::size_t>(most, left)));
  for (std::uint16_t i = 0; i < count; ++i) {
    mbufs[i] = self.wrap(self.frames_[self.next_++]);
    if (self.interval_ != 0) Slot::of(mbufs[i]).arrived = self.arrivals_[i];
    if (self.next_ + kAhead >= self.frames_.size()) continue;
    const std::uint8_t* ahead = self.frames_[self.next_ + kAhead].bytes;
    __builtin_prefetch(ahead, 0, 2);
    __builtin_prefetch(ahead + 64, 0, 2);
  }
  return count;
}

std::uint16_t CapturePort::transmit(const PortIo& port, rte_mbuf** mbufs,
                                    std::uint16_t count) noexcept {
  const auto& self = *static_cast<const CapturePort*>(port.context);
  if (self.times_ != nullptr) {
    const std::uint64_t now = rte_rdtsc();
    for (std::uint16_t i = 0; i < count; ++i) {
      self.times_->push_back(static_cast<std::uint32_t>(now - Slot::of(mbufs[i]).arrived));
    }
  }
  release(mbufs, count);
  return count;
}

void CapturePort::release(rte_mbuf** mbufs, std::uint32_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) t_port->free_.push_back(&Slot::of(mbufs[i]));
}

std::vector<PortIo> CapturePort::ports() noexcept {
  PortIo in;
  in.peer = 1;
  in.context = this;
  in.receive = &receive;
  in.transmit = &transmit;
  PortIo out = in;
  out.port_id = 1;
  out.peer = 0;
  out.receives = false;
  return {in, out};
}

}  // namespace sluice::bench
