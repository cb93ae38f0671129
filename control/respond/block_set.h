// The blocks in force as the control side knows them: found by id and by what they deny, listed by
// id, forgotten when they run out. About 125 bytes a block, and its owner and reason once for all
// that have the same. Control thread only.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/siphash.h"
#include "control/respond/block_text.h"

namespace sluice {

inline constexpr std::size_t kBlockOwnerBytesMax = 256;
/// Prefix lengths in use by either family, those of single addresses not counted: each costs every
/// packet a look-up.
inline constexpr std::size_t kBlockLengthsMax = 8;
using BlockLengths = std::bitset<129>;

/// Whether it is a source that is more than one address.
[[nodiscard]] bool is_network(const BlockTarget& target) noexcept;

/// A block with everything that outlives the processes.
struct Block {
  std::uint64_t id = 0;
  BlockTarget target;
  TimeNs until = 0;
  TimeNs created = 0;
  std::string owner;
  std::string reason;
};

/// Texts of which many are the same, each kept once. In many small tables: one large one would hold
/// up its user for a tenth of a second when it grows.
class SharedTexts {
 public:
  /// Room for the numbers of `most` texts.
  explicit SharedTexts(std::size_t most);
  [[nodiscard]] std::uint32_t take(const std::string& text);
  void release(std::uint32_t number);
  [[nodiscard]] const std::string& at(std::uint32_t number) const noexcept {
    return *texts_[number];
  }
  /// Forgets all, at most `most` in a call; true once none is left.
  [[nodiscard]] bool forget(std::size_t most);

 private:
  struct Use {
    std::uint32_t number = 0;
    std::uint32_t count = 0;
  };
  using Shard = std::unordered_map<std::string, Use>;
  [[nodiscard]] Shard& shard_of(const std::string& text) noexcept;

  std::vector<Shard> shards_;
  std::size_t next_forgotten_ = 0;         ///< shard
  std::vector<const std::string*> texts_;  ///< by number; keys in a shard
  std::vector<std::uint32_t> free_;
};

class BlockSet {
 public:
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

  /// Where a block stands; valid until it is removed.
  struct Entry {
    BlockTarget target;
    std::uint64_t id = 0;  ///< 0 = free
    TimeNs until = 0;
    TimeNs created = 0;
    std::uint64_t hits = 0;        ///< up to `hits_seen`
    std::uint32_t hits_seen = 0;   ///< the wire's count, modulo 2^32, when it was looked at last
    std::uint32_t slot = kNoSlot;  ///< the wire's
    std::uint32_t owner = 0;
    std::uint32_t reason = 0;
    std::uint32_t heap_place = 0;
  };

  explicit BlockSet(std::uint32_t capacity);

  /// Takes the place of a block for the same target. False where there is no room, a prefix length
  /// is one too many, or an id is not above every id before it.
  [[nodiscard]] bool insert(const Block& block);
  [[nodiscard]] Entry* find(std::uint64_t id) noexcept;
  [[nodiscard]] const Entry* find(const BlockTarget& target) const noexcept;
  /// False where there is none.
  bool remove(std::uint64_t id);
  void clear();
  /// The same in pieces that look at about `most` blocks each; true once it is done. From the first
  /// call on there is no block, and none may be inserted before the last.
  [[nodiscard]] bool clear_some(std::size_t most);
  /// Forgets at most `most` of those that have run out; how many.
  std::size_t expire(TimeNs now, std::size_t most);

  /// Calls `each` with the blocks of ids above `id`, in order, until it returns false.
  void walk(std::uint64_t id, const std::function<bool(const Entry&)>& each) const;
  /// By place, for a look at some of them in each turn; the ones of id 0 are free.
  [[nodiscard]] std::vector<Entry>& places() noexcept { return entries_; }
  [[nodiscard]] Block block(const Entry& entry) const;

  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint64_t last_id() const noexcept { return last_id_; }
  /// Of the networks of this version (4 or 6).
  [[nodiscard]] BlockLengths lengths(std::uint8_t version) const noexcept;

 private:
  struct Ordered {
    std::uint64_t id = 0;
    std::uint32_t place = 0;
  };

  [[nodiscard]] std::size_t home_of(const BlockTarget& target) const noexcept;
  [[nodiscard]] std::size_t cell_of(const BlockTarget& target) const noexcept;
  [[nodiscard]] std::size_t from(std::uint64_t id) const noexcept;
  void tidy_order() noexcept;
  void unfile(const BlockTarget& target) noexcept;
  [[nodiscard]] bool has_room_for_length(const BlockTarget& target) const noexcept;
  [[nodiscard]] std::uint32_t& count_of_length(const BlockTarget& target) noexcept {
    return networks_[target.version == 4 ? 0 : 1][target.length];
  }
  void remove_place(std::uint32_t place);
  void put_in_heap(std::uint32_t place, std::uint32_t heap_place) noexcept;
  void sift_up(std::uint32_t heap_place) noexcept;
  void sift_down(std::uint32_t heap_place) noexcept;
  void leave_heap(std::uint32_t heap_place) noexcept;
  [[nodiscard]] TimeNs until_at(std::uint32_t heap_place) const noexcept {
    return entries_[heap_[heap_place]].until;
  }

  std::uint32_t capacity_;
  SipKey key_;
  std::uint64_t last_id_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> cells_;  ///< hash index by target: place + 1, 0 = empty
  std::size_t next_cleared_ = 0;      ///< cell, while all are being removed
  std::vector<Ordered> order_;        ///< by id; those that are gone stay in it for a while
  std::size_t tidied_ = 0;            ///< while it is tidied: places in front of this one are,
  std::size_t untidied_ = 0;          ///< those from here on are not, and none is in between
  std::vector<std::uint32_t> heap_;   ///< places; the one that ends first is in front
  SharedTexts texts_;
  std::array<std::array<std::uint32_t, 129>, 2> networks_{};  ///< by version and length
};

}  // namespace sluice
