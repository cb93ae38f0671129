// The defragmenter's memory: sets of fragments by datagram key and by age, the pieces of each set
// in order of place, and the ids that stay refused. Fixed size, no allocation after start. One
// worker.
#pragma once

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"

namespace sluice {

inline constexpr std::uint32_t kNone = 0xffffffff;

/// One fragment's place in its datagram.
struct FragmentPiece {
  union {
    rte_mbuf* frame;       ///< the held original
    std::uint64_t digest;  ///< monitor mode: of the payload, which went on
  };
  std::uint32_t next;   ///< piece behind it in the datagram, or kNone
  std::uint16_t first;  ///< in units of eight bytes
  std::uint16_t bytes;

  [[nodiscard]] std::uint32_t first_byte() const noexcept { return first * 8U; }
  [[nodiscard]] std::uint32_t end() const noexcept { return first_byte() + bytes; }
};
static_assert(sizeof(FragmentPiece) == 16);

/// One datagram on its way to completeness, or a dead one whose frames wait to leave.
struct alignas(64) FragmentSet {
  Hash128 key;
  TimeNs started;
  TimeNs ended;  ///< when it was killed or should have been complete
  std::uint32_t next_in_bucket;
  std::uint32_t older;  ///< by time of arrival; kNone at the ends
  std::uint32_t newer;
  std::uint32_t first_piece;  ///< in order of place; exact duplicates have no piece of their own
  std::uint32_t last_piece;
  std::uint32_t covered_bytes;
  std::uint32_t total_bytes;  ///< 0 until the last fragment came
  std::uint32_t wire_bytes;
  rte_mbuf* train_head;  ///< in order of arrival, duplicates included
  rte_mbuf* train_tail;
  std::uint16_t frames;
  bool is_observed;     ///< monitor mode: nothing is held
  Verdict verdict;      ///< of a dead set
  Packet first_packet;  ///< as decoded, of the fragment that came first
};
static_assert(sizeof(FragmentSet) == 256);

/// Sets in use are either alive (found by key, listed by age) or dead (listed by time of death).
class FragmentTable {
 public:
  /// Up to `sets` datagrams, alive and dead together, and `pieces` fragments.
  [[nodiscard]] static Result<FragmentTable> create(std::uint32_t sets, std::uint32_t pieces,
                                                    MemoryArena& arena);

  [[nodiscard]] FragmentSet* find(const Hash128& key) noexcept;
  /// A set without pieces, the youngest; null where all are in use.
  [[nodiscard]] FragmentSet* open(const Hash128& key) noexcept;
  /// Takes a living set out of key and age order and gives its pieces back.
  void retire(FragmentSet& set) noexcept;
  void append_dead(FragmentSet& set) noexcept;
  /// Gives a retired set back; of the dead only the one that died first.
  void release(FragmentSet& set) noexcept;

  [[nodiscard]] FragmentSet* oldest() noexcept { return at(oldest_); }
  [[nodiscard]] FragmentSet* first_dead() noexcept { return at(first_dead_); }
  void drop_first_dead() noexcept;

  [[nodiscard]] bool has_free_piece() const noexcept { return free_piece_ != kNone; }
  /// Puts a piece behind `previous` (kNone: at the front) in the order of place.
  FragmentPiece& insert_piece(FragmentSet& set, std::uint32_t previous) noexcept;
  [[nodiscard]] FragmentPiece& piece(std::uint32_t index) noexcept { return pieces_[index]; }

  [[nodiscard]] std::uint32_t alive() const noexcept { return alive_; }
  [[nodiscard]] std::uint32_t dead() const noexcept { return dead_; }

 private:
  FragmentTable() = default;
  [[nodiscard]] FragmentSet* at(std::uint32_t index) noexcept {
    return index == kNone ? nullptr : &sets_[index];
  }
  [[nodiscard]] std::uint32_t index_of(const FragmentSet& set) const noexcept {
    return static_cast<std::uint32_t>(&set - sets_.data());
  }
  [[nodiscard]] std::uint32_t& bucket_of(const Hash128& key) noexcept {
    return buckets_[key.lo & (buckets_.size() - 1)];
  }

  std::span<FragmentSet> sets_;
  std::span<FragmentPiece> pieces_;
  std::span<std::uint32_t> buckets_;
  std::uint32_t free_set_ = kNone;  ///< linked by next_in_bucket
  std::uint32_t free_piece_ = kNone;
  std::uint32_t oldest_ = kNone;
  std::uint32_t youngest_ = kNone;
  std::uint32_t first_dead_ = kNone;
  std::uint32_t last_dead_ = kNone;
  std::uint32_t alive_ = 0;
  std::uint32_t dead_ = 0;
};

/// What becomes of further fragments of a datagram that is decided already.
struct DecidedId {
  Hash128 key;
  TimeNs until;
  DropReason reason;  ///< none: they pass
};

/// A bounded memory of decided ids: when a bucket is full, the one that would end first is
/// forgotten.
class DecidedIds {
 public:
  [[nodiscard]] static Result<DecidedIds> create(std::uint32_t ids, MemoryArena& arena);

  [[nodiscard]] const DecidedId* find(const Hash128& key, TimeNs now) const noexcept;
  void remember(const DecidedId& decided) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  DecidedIds() = default;
  [[nodiscard]] std::span<DecidedId, kWays> bucket_of(const Hash128& key) const noexcept {
    return ids_.subspan((key.hi & (ids_.size() / kWays - 1)) * kWays).first<kWays>();
  }

  std::span<DecidedId> ids_;
  TimeNs last_until_ = 0;  ///< behind it nothing is remembered
};

}  // namespace sluice
