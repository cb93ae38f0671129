// Why a pure function: a table of owners would have to be shared, looked up per packet and kept
// against floods; a keyed hash of the address pair needs nothing, cannot be aimed by an attacker
// who wants one worker to have all the work, and is known for fragments and ICMP errors, which have
// no ports. Price: all flows between two hosts are one worker's. Why pairs of rings: one producer
// and one consumer need no atomic read-modify-write, and packets of one flow that came in by one
// queue stay in order. An own ring rather than rte_ring: as fast (1.0 against 1.4 cycles per mbuf
// in bursts of 32), its memory is the arena's, and being made of C++ atomics it can be checked by
// ThreadSanitizer.
#include "dataplane/io/handoff.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "base/endian.h"
#include "dataplane/io/mbuf_train.h"

namespace sluice {
namespace {

static_assert(kBurstMax <= 32 && kWorkersMax <= 64, "one bit for each packet and each worker");

[[nodiscard]] std::uint64_t hash_v4_pair(const SipKey& key, const std::uint8_t* ip,
                                         std::uint64_t domain) noexcept {
  const std::uint64_t source = load<std::uint32_t>(ip + 12);
  const std::uint64_t destination = load<std::uint32_t>(ip + 16);
  const std::uint64_t pair = std::min(source, destination) << 32 | std::max(source, destination);
  return siphash13(key, std::array<std::uint64_t, 2>{pair, domain << 8 | 4});
}

[[nodiscard]] std::uint64_t hash_v6_pair(const SipKey& key, const std::uint8_t* ip,
                                         std::uint64_t domain) noexcept {
  using Address = std::array<std::uint64_t, 2>;
  auto low = load<Address>(ip + 8);
  auto high = load<Address>(ip + 24);
  if (high < low) std::swap(low, high);
  return siphash13(key,
                   std::array<std::uint64_t, 5>{low[0], low[1], high[0], high[1], domain << 8 | 6});
}

// A whole datagram weighs what its frames weigh and is named after the frame that completed it, as
// on the worker that put it together.
void sum_up_train(Packet& packet) noexcept {
  packet.wire_bytes = 0;
  for_each_in_train(packet.mbuf, [&packet](rte_mbuf* mbuf) {
    packet.wire_bytes += note_of(mbuf).wire_bytes;
    packet.packet_number = note_of(mbuf).packet_number;
  });
}

void fill(Packet& packet, rte_mbuf* mbuf, TimeNs now) noexcept {
  const MbufNote& note = note_of(mbuf);
  packet.mbuf = mbuf;
  packet.bytes = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  packet.bytes_at_hand = mbuf->data_len;
  packet.wire_bytes = note.wire_bytes;
  packet.now = now;
  packet.in_port = note.in_port;
  packet.packet_number = note.packet_number;
  packet.frames = note.frames;
  packet.verdict = {};
  if (note.frames > 1) sum_up_train(packet);
}

}  // namespace

std::uint32_t owner_of(const SipKey& key, const Packet& packet, std::uint32_t workers) noexcept {
  if (workers == 1) return 0;
  // The decoder has seen that a quoted header is whole, and that it is the payload's beginning.
  const std::uint8_t* ip =
      packet.bytes + (packet.has(kIcmpError) ? packet.payload_offset : packet.l3_offset);
  const std::uint64_t hash = packet.ip_version == 4 ? hash_v4_pair(key, ip, packet.domain)
                                                    : hash_v6_pair(key, ip, packet.domain);
  return static_cast<std::uint32_t>((hash >> 32) * workers >> 32);
}

std::uint32_t MbufRing::push(std::span<rte_mbuf* const> mbufs) noexcept {
  const auto size = static_cast<std::uint32_t>(slots_.size());
  const std::uint32_t head = head_.load(std::memory_order_relaxed);
  if (size - (head - seen_tail_) < mbufs.size()) seen_tail_ = tail_.load(std::memory_order_acquire);
  const auto count = std::min(static_cast<std::uint32_t>(mbufs.size()), size - (head - seen_tail_));
  const std::uint32_t at = head & (size - 1);
  const std::uint32_t before_wrap = std::min(count, size - at);
  std::copy_n(mbufs.data(), before_wrap, slots_.data() + at);
  std::copy_n(mbufs.data() + before_wrap, count - before_wrap, slots_.data());
  head_.store(head + count, std::memory_order_release);
  return count;
}

std::uint32_t MbufRing::pop(std::span<rte_mbuf*> into) noexcept {
  const auto size = static_cast<std::uint32_t>(slots_.size());
  const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
  if (seen_head_ - tail < into.size()) seen_head_ = head_.load(std::memory_order_acquire);
  const auto count = std::min(static_cast<std::uint32_t>(into.size()), seen_head_ - tail);
  if (count == 0) return 0;
  const std::uint32_t at = tail & (size - 1);
  const std::uint32_t before_wrap = std::min(count, size - at);
  std::copy_n(slots_.data() + at, before_wrap, into.data());
  std::copy_n(slots_.data(), count - before_wrap, into.data() + before_wrap);
  tail_.store(tail + count, std::memory_order_release);
  return count;
}

Result<std::unique_ptr<HandoffRings>> HandoffRings::create(std::uint32_t workers,
                                                           std::uint32_t slots, const SipKey& key,
                                                           MemoryArena& arena) {
  if (workers < 2 || workers > kWorkersMax || slots == 0 || slots > 1U << 20) {
    return fail(
        ErrorKind::invalid,
        fmt::format("hand-off rings: {} workers with {} slots: 2 to {} workers with 1 to {}",
                    workers, slots, kWorkersMax, 1U << 20));
  }
  const std::size_t ring_slots = std::bit_ceil(slots);
  const std::size_t pairs = std::size_t{workers} * (workers - 1);
  auto rings = arena.allocate_array<MbufRing>(std::size_t{workers} * workers);
  if (!rings) return tl::unexpected<Error>(rings.error());
  auto turns = arena.allocate_array<Turn>(workers);
  if (!turns) return tl::unexpected<Error>(turns.error());
  auto memory = arena.allocate_array<rte_mbuf*>(pairs * ring_slots);
  if (!memory) return tl::unexpected<Error>(memory.error());

  auto made = std::unique_ptr<HandoffRings>(new HandoffRings(workers, key));
  made->rings_ = *rings;
  made->turns_ = *turns;
  std::size_t used = 0;
  for (std::uint32_t to = 0; to < workers; ++to) {
    made->turns_[to] = {};
    for (std::uint32_t from = 0; from < workers; ++from) {
      MbufRing* ring = new (&made->ring(from, to)) MbufRing;
      if (from == to) continue;
      ring->use(memory->subspan(used, ring_slots));
      used += ring_slots;
    }
  }
  return made;
}

void HandoffRings::note_owner(Foreign& foreign, const Packet& packet, std::uint32_t place,
                              std::uint32_t worker) const noexcept {
  const std::uint32_t owner = owner_of(key_, packet, workers_);
  if (owner == worker) return;
  foreign.owner[place] = static_cast<std::uint8_t>(owner);
  foreign.places |= 1U << place;
  foreign.workers |= std::uint64_t{1} << owner;
}

void HandoffRings::hand_off(Burst& burst, std::uint32_t worker, WorkerCounters& counters) noexcept {
  Foreign foreign;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    // A train that was handed over complete stays: it came here for what is inside of it.
    if (!packet.is_undecided() || !packet.has(kIsIp) || packet.frames > 1) continue;
    note_owner(foreign, packet, i, worker);
  }
  if (foreign.places != 0) send(burst, foreign, worker, counters);
}

void HandoffRings::hand_off_datagrams(Burst& burst, std::uint32_t worker,
                                      WorkerCounters& counters) noexcept {
  Foreign foreign;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (!packet.has(kIsDatagram) || !packet.has(kIsIp) || !packet.is_undecided()) [[likely]] {
      continue;
    }
    note_owner(foreign, packet, i, worker);
  }
  if (foreign.places != 0) send(burst, foreign, worker, counters);
}

void HandoffRings::send(Burst& burst, const Foreign& foreign, std::uint32_t worker,
                        WorkerCounters& counters) noexcept {
  for (std::uint64_t workers = foreign.workers; workers != 0; workers &= workers - 1) {
    const auto to = static_cast<std::uint32_t>(std::countr_zero(workers));
    std::array<rte_mbuf*, kBurstMax> mbufs;
    std::array<Packet*, kBurstMax> packets;
    std::uint32_t count = 0;
    for (std::uint32_t places = foreign.places; places != 0; places &= places - 1) {
      const auto place = static_cast<std::uint32_t>(std::countr_zero(places));
      if (foreign.owner[place] != to) continue;
      Packet& packet = burst.packets[place];
      if (packet.frames == 1) {
        write_note(packet);
      } else {
        note_of(packet.mbuf).complete_train = 1;
      }
      packets[count] = &packet;
      mbufs[count++] = packet.mbuf;
    }
    const std::uint32_t sent = ring(worker, to).push({mbufs.data(), count});
    for (std::uint32_t i = 0; i < count; ++i) {
      Packet& packet = *packets[i];
      if (i < sent) {
        packet.mbuf = nullptr;
        packet.verdict.action = Action::held;
        counters.handed_out += packet.frames;
      } else {
        packet.drop(DropReason::handoff_full);
        counters.capacity[static_cast<std::size_t>(CapacityEvent::handoff_full)] += packet.frames;
      }
    }
  }
}

bool HandoffRings::take(std::uint32_t worker, Burst& burst, TimeNs now,
                        WorkerCounters& counters) noexcept {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  std::uint32_t count = 0;
  std::uint32_t from = turns_[worker].from;
  for (std::uint32_t i = 0; i < workers_ && count < kBurstMax; ++i) {
    if (from != worker) count += ring(from, worker).pop(std::span(mbufs).subspan(count));
    from = from + 1 == workers_ ? 0 : from + 1;
  }
  turns_[worker].from = turns_[worker].from + 1 == workers_ ? 0 : turns_[worker].from + 1;
  // The lines are in another core's cache: ask for all of them before using the first.
  for (std::uint32_t i = 0; i < count; ++i) {
    rte_prefetch0(mbufs[i]);
    rte_prefetch0(&note_of(mbufs[i]));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    fill(burst.packets[i], mbufs[i], now);
    rte_prefetch0(burst.packets[i].bytes);
    counters.handed_in += burst.packets[i].frames;
  }
  burst.count = count;
  burst.now = now;
  return count > 0;
}

}  // namespace sluice
