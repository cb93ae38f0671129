// The blocks in force: temporary denies of hosts, prefixes and five-tuples. One for all workers,
// which look up whole bursts while the keeper adds, renews and removes; neither ever waits. A block
// ends at its `until` by the worker's own comparison, whoever has stopped turning.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/limit/block_ids.h"
#include "dataplane/limit/block_key.h"
#include "dataplane/limit/prefix_set_v6.h"
#include "dataplane/memory_arena.h"

namespace sluice {

inline constexpr std::size_t kBlockBatchMax = 32;
/// Slots of what was found, by place in the batch.
using BlockSlots = std::array<std::uint32_t, kBlockBatchMax>;

/// How often one worker refused for the block in each slot; others only read.
using BlockHits = std::span<std::atomic<std::uint32_t>>;

class BlockTable {
 public:
  static constexpr std::uint32_t kNone = BlockIds::kNone;

  /// Room for `capacity` blocks, at most kBlocksMax; the memory is the arena's.
  [[nodiscard]] static Result<std::unique_ptr<BlockTable>> create(std::uint32_t capacity,
                                                                  const SipKey& key,
                                                                  MemoryArena& arena);
  /// Bytes that one of `capacity` blocks costs, its share of every index included.
  [[nodiscard]] static std::uint64_t bytes_per_block(std::uint32_t capacity) noexcept;

  // --- any worker; at most kBlockBatchMax keys, `now` by place --------------------------------

  [[nodiscard]] bool is_empty() const noexcept {
    return active_.load(std::memory_order_relaxed) == 0;
  }
  [[nodiscard]] bool has_sources_v4() const noexcept { return load(lengths_v4_) != 0; }
  [[nodiscard]] bool has_sources_v6() const noexcept {
    return (load(lengths_v6_[0]) | load(lengths_v6_[1]) | load(lengths_v6_[2])) != 0;
  }
  [[nodiscard]] bool has_flows_v4() const noexcept { return load(flows_v4_) != 0; }
  [[nodiscard]] bool has_flows_v6() const noexcept { return load(flows_v6_) != 0; }

  /// Bit i of the answer: a block that has not run out covers address i; it stands in `slots[i]`.
  /// The caller will count in `hits`, by slot: its lines are asked for in time.
  [[nodiscard]] std::uint32_t find_sources_v4(std::span<const std::uint32_t> addresses,
                                              std::span<const TimeNs> now, BlockSlots& slots,
                                              BlockHits hits = {}) const noexcept;
  [[nodiscard]] std::uint32_t find_sources_v6(std::span<const V6Address> addresses,
                                              std::span<const TimeNs> now, BlockSlots& slots,
                                              BlockHits hits = {}) const noexcept;
  /// `flows` as `flow_words_v4` gives them.
  [[nodiscard]] std::uint32_t find_flows_v4(std::span<const std::array<std::uint64_t, 2>> flows,
                                            std::span<const TimeNs> now,
                                            BlockSlots& slots) const noexcept;
  /// `flows` are words of a FlowKey of domain 0, without ports unless `has_block_ports`.
  [[nodiscard]] std::uint32_t find_flows_v6(std::span<const std::array<std::uint64_t, 5>> flows,
                                            std::span<const TimeNs> now,
                                            BlockSlots& slots) const noexcept;

  // --- the keeper ------------------------------------------------------------------------------

  /// Where the block of the same prefix or flow stands, run out or not; kNone = nowhere.
  [[nodiscard]] std::uint32_t find(const BlockKey& key) const noexcept;
  [[nodiscard]] std::uint32_t slot_of(std::uint64_t id) const noexcept { return ids_.slot_of(id); }
  /// Only where `find(key)` is kNone; its slot, or kNone where there is no room.
  std::uint32_t insert(const BlockKey& key, std::uint64_t id, TimeNs until) noexcept;
  /// The block in `slot` from now on is another one of the same key: no packet passes in between.
  void renew(std::uint32_t slot, std::uint64_t id, TimeNs until) noexcept;
  void remove(std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_taken(std::uint32_t slot) const noexcept { return slots_[slot].id != 0; }
  /// Looks at the next `slots` slots, round and round, and removes what has run out; how many.
  std::uint32_t expire(TimeNs now, std::uint32_t slots) noexcept;

  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return static_cast<std::uint32_t>(slots_.size());
  }
  [[nodiscard]] std::uint32_t active() const noexcept {
    return active_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t room() const noexcept { return capacity() - active(); }

 private:
  /// `words` are read by workers; the rest is the keeper's. id 0 = free.
  struct alignas(64) Slot {
    std::array<std::atomic<std::uint64_t>, 5> words;
    TimeNs until;
    std::uint64_t id;
    BlockKeyKind kind;
    std::uint8_t length;
  };
  static_assert(sizeof(Slot) == 64);
  static constexpr std::size_t kCells = 4;  ///< of a bucket
  /// A cache line: index words, 0 = free, kTombstone = free but passed by; and when each block
  /// ends.
  struct alignas(64) Bucket {
    std::array<std::atomic<std::uint64_t>, kCells> words;
    std::array<std::atomic<TimeNs>, kCells> untils;
  };
  /// Where a word stands that has the tag of a key; `word` 0 = nowhere.
  struct Candidate {
    std::uint64_t word = 0;
    const Bucket* bucket = nullptr;
    std::size_t cell = 0;
  };
  /// Keys of a batch, word by word.
  template <std::size_t N>
  struct Batch;
  using Hashes = std::array<std::uint64_t, kBlockBatchMax>;
  using Times = std::span<const TimeNs>;

  BlockTable() = default;
  [[nodiscard]] Status allocate(std::uint32_t capacity, MemoryArena& arena);
  template <class T>
  [[nodiscard]] static T load(const std::atomic<T>& value) noexcept {
    return value.load(std::memory_order_relaxed);
  }

  void prefetch(std::uint64_t hash) const noexcept;
  template <std::size_t N>
  void hash_flows(Batch<N>& batch, Hashes& hashes) const noexcept;
  template <std::size_t N>
  std::uint32_t find_all(const Batch<N>& batch, const Hashes& hashes, Times now, BlockSlots& slots,
                         BlockHits hits) const noexcept;
  template <std::size_t N>
  [[nodiscard]] bool is_key_in(const Slot& slot, const Batch<N>& batch,
                               std::size_t place) const noexcept;
  template <std::size_t N>
  [[nodiscard]] std::uint32_t search(std::uint64_t hash, const Batch<N>& batch, std::size_t place,
                                     TimeNs now) const noexcept;
  [[nodiscard]] Candidate candidate(std::uint64_t hash, std::uint64_t tag) const noexcept;
  [[nodiscard]] static bool is_in_force(const Candidate& found, TimeNs now) noexcept;
  [[nodiscard]] std::atomic<TimeNs>& until_of(std::uint64_t word, std::uint64_t hash) noexcept;

  [[nodiscard]] std::uint64_t hash_of(const BlockKey& key) const noexcept;
  [[nodiscard]] BlockKey key_in(std::uint32_t slot) const noexcept;
  void file(std::uint64_t hash, std::uint64_t word, TimeNs until) noexcept;
  void unfile(std::uint64_t hash, std::uint64_t word) noexcept;
  void clear_tombstones(Bucket& bucket) noexcept;
  void count(const Slot& slot, bool is_added) noexcept;

  // Read by workers with every burst, written when blocks change.
  alignas(64) std::atomic<std::uint32_t> active_{0};
  std::atomic<std::uint32_t> flows_v4_{0};
  std::atomic<std::uint32_t> flows_v6_{0};
  std::atomic<std::uint64_t> lengths_v4_{0};                ///< bit by length in use
  std::array<std::atomic<std::uint64_t>, 3> lengths_v6_{};  ///< the same
  SipKey key_;
  SourceHash source_hash_;
  std::span<Slot> slots_;
  std::span<Bucket> buckets_;

  // The keeper's own.
  alignas(
      64) std::span<std::uint32_t> free_;  ///< slots; the last ones first, `free_count_` of them
  std::uint32_t free_count_ = 0;
  std::span<std::uint32_t> passed_by_;  ///< by bucket: blocks that found it full and went on
  BlockIds ids_;
  std::array<std::uint32_t, 33> of_length_v4_{};
  std::array<std::uint32_t, 129> of_length_v6_{};
  std::uint32_t next_expiry_ = 0;
};

}  // namespace sluice
