// The sets of the configuration as workers ask them: tables that are made once and are const from
// then on, one of what a set's file holds and one of what operators added. An entry ends by the
// packet's own time, whoever is there to tidy up. Built by the keeper or a replay, shared by the
// policies in which the entries are the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/siphash.h"
#include "config/set_kind.h"

namespace sluice {

/// Open addressing, at most half full; the bytes of an entry are compared, so that a hash alone
/// never makes a member.
class SetTable {
 public:
  SetTable() = default;
  /// Keys of 1 to kSetKeyBytesMax bytes; of a key that comes twice the later end counts.
  SetTable(std::span<const SetEntry> entries, const SipKey& key, bool holds_addresses = false);

  [[nodiscard]] bool contains(std::span<const std::uint8_t> key, TimeNs now) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// What an entry takes is in config/set_memory.h.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return slots_.capacity() * sizeof(Slot) + bytes_.capacity();
  }
  /// Of keys of kind address: the lengths of their prefixes.
  [[nodiscard]] std::span<const std::uint8_t> lengths(std::uint8_t version) const noexcept {
    return version == 4 ? lengths_v4_ : lengths_v6_;
  }

 private:
  struct Slot {
    TimeNs until = 0;
    std::uint32_t begin = 0;
    std::uint16_t bytes = 0;  ///< 0 = free
    std::uint16_t tag = 0;    ///< of the hash
  };

  void insert(const SetEntry& entry);
  void note_length(const SetEntry& entry);
  [[nodiscard]] bool is_key(const Slot& slot, std::span<const std::uint8_t> key,
                            std::uint16_t tag) const noexcept;

  SipKey key_;
  std::vector<Slot> slots_;
  std::vector<std::uint8_t> bytes_;
  std::size_t size_ = 0;
  std::size_t longest_ = 0;  ///< bytes of a key
  std::vector<std::uint8_t> lengths_v4_;
  std::vector<std::uint8_t> lengths_v6_;
};

/// All sets of one origin.
class SetTables {
 public:
  SetTables(std::span<const SetContents> contents, Hash128 digest, const SipKey& key);

  /// Null where there is none of this name and kind.
  [[nodiscard]] const SetTable* find(const NamedSet& set) const noexcept;
  /// Of what they were made of.
  [[nodiscard]] const Hash128& digest() const noexcept { return digest_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  Hash128 digest_;
  std::vector<NamedSet> sets_;
  std::vector<SetTable> tables_;  ///< beside them
};

/// `previous` (may be null) is taken where it was made of the same.
[[nodiscard]] std::shared_ptr<const SetTables> make_set_tables(
    std::span<const SetContents> contents, const SipKey& key,
    const std::shared_ptr<const SetTables>& previous);

/// Of a flow: which sets have held neither of its addresses, as of one epoch. An entry comes with a
/// new epoch and ends by itself, so that what was in no set is in none until the epoch moves.
struct SetMemo {
  std::uint32_t epoch = 0;                ///< of RuleSets; 0 = of none
  std::array<std::uint32_t, 2> absent{};  ///< a bit for each set; the lower address, the other one
};
static_assert(kSetsMax <= 32);

/// The sets that one ruleset names, by its numbers. Holds what it points into.
class RuleSets {
 public:
  RuleSets() = default;
  /// A set that is in neither is empty. `file` and `live` may be null. `epoch` is not 0 and moves
  /// with everything else.
  RuleSets(std::span<const NamedSet> names, std::shared_ptr<const SetTables> file,
           std::shared_ptr<const SetTables> live, std::uint32_t epoch = 1);

  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }

  /// Of kind domain: the name or one above it is an entry. At most 127 look-ups in each table.
  [[nodiscard]] bool contains(std::uint32_t set, std::span<const std::uint8_t> bytes,
                              TimeNs now) const noexcept;
  /// A look-up for every length that is possible and asked for.
  [[nodiscard]] bool contains(std::uint32_t set, const IpAddress& address,
                              TimeNs now) const noexcept;

 private:
  struct One {
    SetKind kind = SetKind::text;
    bool nocase = false;
    const SetTable* file = nullptr;
    const SetTable* live = nullptr;
  };

  [[nodiscard]] static bool has_key(const One& set, std::span<const std::uint8_t> key,
                                    TimeNs now) noexcept;
  [[nodiscard]] static bool has_domain_of(const One& set, std::span<const std::uint8_t> folded,
                                          TimeNs now) noexcept;

  std::shared_ptr<const SetTables> file_;
  std::shared_ptr<const SetTables> live_;
  std::vector<One> sets_;
  std::uint32_t epoch_ = 1;
};

}  // namespace sluice
