// A DPDK queue pair that several workers send through: transmit queues have one owner, so the other
// workers put their frames on a ring each, and the owner sends them at its next turn. The order of
// one worker's frames is kept. Made by the keeper; one owner and one thread per guest afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct rte_mbuf;
struct rte_ring;

namespace sluice {

class SharedQueue {
 public:
  struct Place {
    std::uint16_t ethdev = 0;
    std::uint16_t queue = 0;
  };
  explicit SharedQueue(Place place) noexcept : place_(place) {}
  ~SharedQueue();
  SharedQueue(const SharedQueue&) = delete;
  SharedQueue& operator=(const SharedQueue&) = delete;

  /// Start-up: a way in for one more worker; the ring lives as long as this queue.
  [[nodiscard]] Result<rte_ring*> add_guest(const std::string& name);

  /// Owner: sends what guests left, then receives.
  [[nodiscard]] std::uint16_t receive(rte_mbuf** mbufs, std::uint16_t most) noexcept;
  /// Owner.
  [[nodiscard]] std::uint16_t transmit(rte_mbuf** mbufs, std::uint16_t count) noexcept;
  /// Guest, with its own ring.
  [[nodiscard]] static std::uint16_t leave(rte_ring* ring, rte_mbuf** mbufs,
                                           std::uint16_t count) noexcept;

 private:
  void send_for_guests() noexcept;

  Place place_;
  std::vector<rte_ring*> guests_;
};

}  // namespace sluice
