// Station 2b: a packet is judged by the worker that owns its address pair, however the NIC spread
// it. The owner is a pure function of a keyed hash of the innermost addresses, so that both
// directions, all fragments and the ICMP errors of a flow meet without shared state. Foreign
// packets go over a ring between each two workers. Created at start; afterwards every worker calls
// with its own index.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/burst.h"
#include "dataplane/memory_arena.h"
#include "dataplane/window.h"

namespace sluice {

/// The worker that owns an IP packet's flow (kIsIp), below `workers`. Symmetric: both directions
/// have one owner. An ICMP error belongs to the owner of the packet it quotes.
[[nodiscard]] std::uint32_t owner_of(const SipKey& key, const Packet& packet,
                                     std::uint32_t workers) noexcept;

/// Bounded ring of mbufs between one producer and one consumer thread. Each side keeps its index
/// and its last sight of the other's on a line of its own.
class MbufRing {
 public:
  /// `slots` has a power of two of members; both outlive the ring's use.
  void use(std::span<rte_mbuf*> slots) noexcept { slots_ = slots; }

  /// Producer: appends a prefix of `mbufs`, visible as a whole; returns how many.
  std::uint32_t push(std::span<rte_mbuf* const> mbufs) noexcept;
  /// Consumer: takes up to `into.size()`, oldest first; returns how many.
  std::uint32_t pop(std::span<rte_mbuf*> into) noexcept;

 private:
  std::span<rte_mbuf*> slots_;
  alignas(64) std::atomic<std::uint32_t> head_{0};
  std::uint32_t seen_tail_ = 0;
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::uint32_t seen_head_ = 0;
};

class HandoffRings {
 public:
  /// Rings of at least `slots` mbufs between each two of `workers` (2 to kWorkersMax). With one
  /// worker there are no rings, and nobody calls.
  [[nodiscard]] static Result<std::unique_ptr<HandoffRings>> create(std::uint32_t workers,
                                                                    std::uint32_t slots,
                                                                    const SipKey& key,
                                                                    MemoryArena& arena);

  /// The station, behind decode: puts the undecided packets of `burst` that others own on their
  /// rings, in order. Such a packet is `held`, without mbuf, and counted in `handed_out`. Where the
  /// ring is full it is dropped (handoff_full) and the limit counted.
  void hand_off(Burst& burst, std::uint32_t worker, WorkerCounters& counters) noexcept;
  /// The same for datagrams, behind the defragmenter: only now is it known whose flow a fragmented
  /// tunnel packet or ICMP error belongs to. It goes as a whole train, which its owner assembles
  /// again.
  void hand_off_datagrams(Burst& burst, std::uint32_t worker, WorkerCounters& counters) noexcept;

  /// Fills `burst`, from its beginning, with packets for `worker`, ready to be decoded, each ring
  /// in its turn; false when there are none.
  [[nodiscard]] bool take(std::uint32_t worker, Burst& burst, TimeNs now,
                          WorkerCounters& counters) noexcept;

  [[nodiscard]] std::uint32_t workers() const noexcept { return workers_; }

 private:
  HandoffRings(std::uint32_t workers, const SipKey& key) noexcept : key_(key), workers_(workers) {}
  [[nodiscard]] MbufRing& ring(std::uint32_t from, std::uint32_t to) noexcept {
    return rings_[to * workers_ + from];
  }
  /// Packets of a burst by place, and their owners; other places are not looked at.
  struct Foreign {
    std::uint32_t places = 0;   ///< a bit for every packet that goes
    std::uint64_t workers = 0;  ///< a bit for every worker that gets one
    std::array<std::uint8_t, kBurstMax> owner;
  };
  void note_owner(Foreign& foreign, const Packet& packet, std::uint32_t place,
                  std::uint32_t worker) const noexcept;
  void send(Burst& burst, const Foreign& foreign, std::uint32_t worker,
            WorkerCounters& counters) noexcept;

  /// Where the consumer starts its next round, alone on its line.
  struct alignas(64) Turn {
    std::uint32_t from = 0;
  };

  SipKey key_;
  std::uint32_t workers_;
  std::span<MbufRing> rings_;
  std::span<Turn> turns_;
};

}  // namespace sluice
