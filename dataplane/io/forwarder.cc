#include "dataplane/io/forwarder.h"

#include <bit>

#include <rte_mbuf.h>

#include "dataplane/io/mbuf_train.h"

namespace sluice {

static_assert(kPortsMax <= 32, "ports_used_ has a bit for every port");

Forwarder::Forwarder(const std::vector<PortIo>& ports, ReleaseMbufs release,
                     RefusalObserver observer, WorkerCounters& counters)
    : ports_(ports),
      release_(release),
      observer_(observer),
      counters_(counters),
      outgoing_(ports.size()) {}

void Forwarder::flush_refused() noexcept {
  if (refused_count_ == 0) return;
  release_(refused_.data(), refused_count_);
  refused_count_ = 0;
}

void Forwarder::refuse(rte_mbuf* mbuf, DropReason reason) noexcept {
  if (observer_.refused != nullptr) observer_.refused(observer_.context, mbuf, reason);
  refused_[refused_count_++] = mbuf;
  if (refused_count_ == refused_.size()) flush_refused();
}

void Forwarder::count_unsent(std::uint8_t port, std::uint32_t sent) noexcept {
  Outgoing& out = outgoing_[port];
  const std::uint32_t unsent = out.count - sent;
  counters_.dropped[static_cast<std::size_t>(DropReason::tx_queue_full)] += unsent;
  counters_.capacity[static_cast<std::size_t>(CapacityEvent::tx_queue_full)] += unsent;
  for (std::uint32_t i = sent; i < out.count; ++i) {
    out.bytes -= out.frame_bytes[i];
    refuse(out.mbufs[i], DropReason::tx_queue_full);
  }
}

void Forwarder::flush(std::uint8_t port) noexcept {
  Outgoing& out = outgoing_[port];
  const PortIo& io = ports_[port];
  const std::uint32_t sent =
      io.transmit(io, out.mbufs.data(), static_cast<std::uint16_t>(out.count));
  if (sent < out.count) [[unlikely]]
    count_unsent(port, sent);
  counters_.forwarded += sent;
  counters_.forwarded_bytes += out.bytes;
  counters_.ports[port].tx_packets += sent;
  counters_.ports[port].tx_bytes += out.bytes;
  out.count = 0;
  out.bytes = 0;
}

void Forwarder::send(std::uint8_t port, rte_mbuf* mbuf, std::uint32_t bytes) noexcept {
  Outgoing& out = outgoing_[port];
  out.frame_bytes[out.count] = bytes;
  out.mbufs[out.count++] = mbuf;
  out.bytes += bytes;
  ports_used_ |= 1U << port;
  if (out.count == kTransmitMost) flush(port);
}

void Forwarder::release_refused(const Burst& burst, std::uint32_t places,
                                DropReason reason) noexcept {
  if (places == 0) return;
  counters_.dropped[static_cast<std::size_t>(reason)] +=
      static_cast<std::uint32_t>(std::popcount(places));
  for (; places != 0; places &= places - 1) {
    refuse(burst.packets[static_cast<unsigned>(std::countr_zero(places))].mbuf, reason);
  }
  flush_refused();
}

// The originals of a datagram, in order of arrival.
void Forwarder::dispatch_train(Packet& packet) noexcept {
  for_each_in_train(packet.mbuf, [&](rte_mbuf* mbuf) {
    if (packet.verdict.action == Action::pass) {
      send(packet.out_port, mbuf, note_of(mbuf).wire_bytes);
    } else {
      refuse(mbuf, packet.verdict.reason);
    }
  });
}

void Forwarder::forward(std::span<Packet> packets) noexcept {
  for (Packet& packet : packets) {
    if (packet.verdict.action == Action::held) continue;
    if (packet.frames > 1) [[unlikely]] {
      dispatch_train(packet);
    } else if (packet.verdict.action == Action::pass) {
      send(packet.out_port, packet.mbuf, packet.wire_bytes);
    } else {
      refuse(packet.mbuf, packet.verdict.reason);
    }
    packet.mbuf = nullptr;
  }
  for (; ports_used_ != 0; ports_used_ &= ports_used_ - 1) {
    const auto port = static_cast<std::uint8_t>(std::countr_zero(ports_used_));
    if (outgoing_[port].count > 0) flush(port);
  }
  flush_refused();
}

}  // namespace sluice
