#include "dataplane/io/shared_queue.h"

#include <array>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_peek_zc.h>

namespace sluice {
namespace {

constexpr unsigned kGuestSlots = 1024;
constexpr unsigned kSendMost = 32;

}  // namespace

SharedQueue::~SharedQueue() {
  for (rte_ring* ring : guests_) {
    void* mbuf = nullptr;
    while (rte_ring_sc_dequeue(ring, &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    rte_ring_free(ring);
  }
}

Result<rte_ring*> SharedQueue::add_guest(const std::string& name) {
  rte_ring* ring =
      rte_ring_create(name.c_str(), kGuestSlots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (ring == nullptr) {
    return fail(ErrorKind::limit,
                std::string("no memory for a transmit ring: ") + rte_strerror(rte_errno));
  }
  guests_.push_back(ring);
  return ring;
}

// Frames leave the ring only as far as the device takes them: what it does not take stays queued,
// and the guest sees a full ring in the end.
void SharedQueue::send_for_guests() noexcept {
  for (rte_ring* ring : guests_) {
    std::array<void*, kSendMost> waiting;
    const unsigned count = rte_ring_dequeue_burst_start(ring, waiting.data(), kSendMost, nullptr);
    if (count == 0) continue;
    auto** mbufs = reinterpret_cast<rte_mbuf**>(waiting.data());
    const std::uint16_t sent =
        rte_eth_tx_burst(place_.ethdev, place_.queue, mbufs, static_cast<std::uint16_t>(count));
    rte_ring_dequeue_finish(ring, sent);
  }
}

std::uint16_t SharedQueue::receive(rte_mbuf** mbufs, std::uint16_t most) noexcept {
  send_for_guests();
  return rte_eth_rx_burst(place_.ethdev, place_.queue, mbufs, most);
}

std::uint16_t SharedQueue::transmit(rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return rte_eth_tx_burst(place_.ethdev, place_.queue, mbufs, count);
}

std::uint16_t SharedQueue::leave(rte_ring* ring, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return static_cast<std::uint16_t>(
      rte_ring_sp_enqueue_burst(ring, reinterpret_cast<void**>(mbufs), count, nullptr));
}

}  // namespace sluice
