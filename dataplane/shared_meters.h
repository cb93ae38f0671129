// One limit of a source for all workers: what every worker may still let pass of it is decided
// here. Made at start; any number of workers call it at once, without locks. Inside the wire
// process the only table that workers write together; in a replay one thread drives all of them.
//
// `leased`: a worker takes tokens in advance, at most a share of the burst, and decides with what
// it has in hand; it comes back here a few hundred times a second for a busy source. `exact`:
// nothing is in advance; every packet is decided here with the arithmetic of token_bucket.h, so
// that verdicts do not depend on how many workers share the traffic. One thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/limit/token_bucket.h"
#include "dataplane/memory_arena.h"

namespace sluice {

enum class MeterMode : std::uint8_t { leased, exact };

struct MeterOptions {
  std::uint32_t meters = 1U << 14;  ///< rounded up to a power of two, at least 8
  std::uint32_t workers = 1;
  MeterMode mode = MeterMode::leased;
};

/// What became of a wish for tokens of one bucket.
struct Lease {
  std::uint64_t granted = 0;  ///< scaled tokens; 0 = refused
  TimeNs retry_at = 0;        ///< where refused: when there will be some again
};

class SharedMeters {
 public:
  struct Found {
    std::uint32_t slot;
    bool evicted;  ///< a source that was not idle lost its meter
  };

  /// Memory is the arena's, which must outlive the meters.
  [[nodiscard]] static Result<std::unique_ptr<SharedMeters>> create(const MeterOptions& options,
                                                                    MemoryArena& arena);

  [[nodiscard]] bool is_exact() const noexcept { return options_.mode == MeterMode::exact; }
  [[nodiscard]] std::size_t capacity() const noexcept { return meters_.size(); }

  /// `source` is the keyed hash of the source, equal in all workers and never 0. Bounded: looks at
  /// eight meters.
  [[nodiscard]] Found find_or_create(std::uint64_t source, const RatePair& limit,
                                     TimeNs now) noexcept;
  /// Slots kept elsewhere may be stale.
  [[nodiscard]] bool holds(std::uint32_t slot, std::uint64_t source) const noexcept;

  /// What all workers together may still let pass of the source, apart from what they have in hand.
  [[nodiscard]] TokenPair left_in(std::uint32_t slot, const RatePair& limit,
                                  TimeNs now) const noexcept;

  // Leased.
  // ----------------------------------------------------------------------------------------
  /// At least `need` scaled tokens, and up to the size of a lease, or none. Two workers that ask at
  /// once never get more together than there is.
  [[nodiscard]] Lease lease_packets(std::uint32_t slot, const TokenRate& limit, std::uint64_t need,
                                    TimeNs now) noexcept {
    meters_[slot].stamp.store(now, std::memory_order_relaxed);
    return lease(meters_[slot].packets, limit, need, now);
  }
  [[nodiscard]] Lease lease_bits(std::uint32_t slot, const TokenRate& limit, std::uint64_t need,
                                 TimeNs now) noexcept {
    meters_[slot].stamp.store(now, std::memory_order_relaxed);
    return lease(meters_[slot].bits, limit, need, now);
  }
  /// What a worker has not used goes back.
  void give_back(std::uint32_t slot, const RatePair& limit, const TokenPair& unused,
                 TimeNs now) noexcept;
  /// min(burst / 4W, half a percent of a second), in scaled tokens.
  [[nodiscard]] std::uint64_t lease_size(const TokenRate& limit) const noexcept;

  // Exact.
  // -----------------------------------------------------------------------------------------
  /// Charges both buckets if the packet conforms to both, else none.
  [[nodiscard]] bool try_take(std::uint32_t slot, const RatePair& limit, const TokenPair& cost,
                              TimeNs now) noexcept;

 private:
  /// Leased: `packets` and `bits` say when the bucket will be full again, in 1/1024 ns modulo 2^64;
  /// 0 = it is. Exact: levels of token_bucket.h as of `stamp`.
  struct alignas(32) Meter {
    std::atomic<std::uint64_t> source;  ///< 0 = free
    std::atomic<std::uint64_t> packets;
    std::atomic<std::uint64_t> bits;
    std::atomic<TimeNs> stamp;  ///< last lease or packet
  };
  static_assert(sizeof(Meter) == 32 && std::atomic<std::uint64_t>::is_always_lock_free);
  static constexpr std::size_t kWays = 8;

  explicit SharedMeters(const MeterOptions& options) noexcept : options_(options) {}
  [[nodiscard]] Lease lease(std::atomic<std::uint64_t>& full_at, const TokenRate& limit,
                            std::uint64_t need, TimeNs now) noexcept;
  [[nodiscard]] bool is_idle(const Meter& meter, const RatePair& limit, TimeNs now) const noexcept;
  [[nodiscard]] std::size_t victim_in(std::size_t first, const RatePair& limit,
                                      TimeNs now) const noexcept;
  [[nodiscard]] std::size_t settle(std::size_t first, std::size_t claimed,
                                   std::uint64_t source) noexcept;

  MeterOptions options_;
  std::span<Meter> meters_;
};

}  // namespace sluice
