// The af_packet port: frames of a kernel interface through memory-mapped packet sockets of our own,
// one receiving and one sending socket per worker. Used in place of DPDK's net_af_packet, see the
// essay in packet_socket.cc. Opened at start; each `PacketQueue` belongs to one worker afterwards.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/sealed_memory.h"

struct rte_mbuf;
struct rte_mempool;
struct tpacket2_hdr;

namespace sluice {

struct PacketQueueOptions {
  int interface_index = 0;
  std::uint32_t interface_mtu = 1500;
  std::uint32_t slot_bytes = 2048;  ///< of a ring, a power of two
  std::uint32_t rx_slots = 8192;
  std::uint32_t tx_slots = 1024;
  std::uint16_t port = 0;  ///< stands in the mbufs that are received
  rte_mempool* pool = nullptr;
  /// 0 = alone on its interface; else the spread group of the interface's queues, made by the
  /// first queue that is opened with `makes_group`.
  int group = 0;
  bool makes_group = false;
};

/// What went wrong in front of or behind the worker; written by the worker, read by the keeper.
struct PacketQueueLosses {
  std::atomic<std::uint64_t> cut_frames{0};  ///< larger than a slot: thrown away, not forwarded cut
  std::atomic<std::uint64_t> refused_by_kernel{0};  ///< above the interface's MTU
};

class PacketQueue {
 public:
  /// Errors: unavailable without the capability CAP_NET_RAW, limit where ring memory is refused.
  [[nodiscard]] static Result<std::unique_ptr<PacketQueue>> open(const PacketQueueOptions& options);
  ~PacketQueue();
  PacketQueue(const PacketQueue&) = delete;
  PacketQueue& operator=(const PacketQueue&) = delete;

  /// Worker thread. Frames are copied into mbufs of the pool.
  [[nodiscard]] std::uint16_t receive(rte_mbuf** mbufs, std::uint16_t most) noexcept;
  /// Worker thread. Sends a prefix and frees it; the rest stays the caller's.
  [[nodiscard]] std::uint16_t transmit(rte_mbuf** mbufs, std::uint16_t count) noexcept;

  /// The group that this queue made; other queues of the interface join it.
  [[nodiscard]] int group() const noexcept { return group_; }
  [[nodiscard]] const PacketQueueLosses& losses() const noexcept { return losses_; }
  /// Keeper thread: frames the kernel had no slot for since the last call.
  [[nodiscard]] std::uint64_t take_kernel_drops() noexcept;
  /// Largest frame that can leave, with one VLAN tag in it.
  [[nodiscard]] std::uint32_t frame_bytes_max() const noexcept;

 private:
  struct Ring {
    std::uint8_t* memory = nullptr;
    std::size_t bytes = 0;
    std::uint32_t slots = 0;
    std::uint32_t next = 0;
  };
  PacketQueue() = default;
  [[nodiscard]] Status open_receiver(const PacketQueueOptions& options);
  [[nodiscard]] Status open_sender(const PacketQueueOptions& options);
  [[nodiscard]] Status map_ring(int socket, int option, std::uint32_t slots, Ring& ring);
  void discard_early_frames() noexcept;
  [[nodiscard]] bool kernel_takes(const rte_mbuf* mbuf) const noexcept;
  void kick() noexcept;

  OwnedFd receiver_;
  OwnedFd sender_;
  Ring rx_;
  Ring tx_;
  std::uint32_t slot_bytes_ = 0;
  std::uint32_t interface_mtu_ = 0;
  tpacket2_hdr* tx_last_ = nullptr;  ///< the last slot filled, while the kernel has not taken it
  std::uint16_t port_ = 0;
  int group_ = 0;
  rte_mempool* pool_ = nullptr;
  PacketQueueLosses losses_;
};

}  // namespace sluice
