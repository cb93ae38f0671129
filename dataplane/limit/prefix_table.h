// The operator's standing lists, compiled: allow and deny prefixes for source and destination.
// Built with a policy and shared by generations whose lists are equal; immutable, read by all
// workers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/limit/prefix_set_v6.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::size_t kListEntriesMax = 4U << 20;

enum class ListAnswer : std::uint8_t { none, deny, allow };

/// Which lists cover an address; bits of a set.
enum ListBit : std::uint8_t {
  kSourceDeny = 1 << 0,
  kSourceAllow = 1 << 1,
  kDestinationDeny = 1 << 2,
  kDestinationAllow = 1 << 3,
};

[[nodiscard]] constexpr ListBit list_bit(ListKind kind, ListSide side) noexcept {
  const unsigned bit = (kind == ListKind::deny ? 0U : 1U) + (side == ListSide::source ? 0U : 2U);
  return static_cast<ListBit>(1U << bit);
}

/// IPv4: 16 bits for every /24. Most say all; a /24 with several longer prefixes has a block.
class PrefixTableV4 {
 public:
  [[nodiscard]] bool is_empty() const noexcept { return lists_ == 0; }
  /// ListBit of all lists that have an IPv4 prefix.
  [[nodiscard]] std::uint8_t lists() const noexcept { return lists_; }
  void prefetch(std::uint32_t address) const noexcept {
    __builtin_prefetch(&direct_[address >> 8]);
  }
  /// ListBit of the lists that cover `address` (host order). Not where the table is empty.
  [[nodiscard]] std::uint8_t lists_of(std::uint32_t address) const noexcept {
    const std::uint16_t entry = direct_[address >> 8];
    if (entry < kOnePrefix) return static_cast<std::uint8_t>(entry);
    if (entry >= kBlock) return lists_in_block(entry, address);
    const std::uint32_t prefix = entry >> 4 & 0x1ff;
    const std::uint32_t end = prefix & (0U - prefix);
    const std::uint32_t differs = (((address & 0xff) << 1) ^ prefix) & ~(2 * end - 1);
    return differs == 0 ? static_cast<std::uint8_t>(entry & 15) : 0;
  }
  [[nodiscard]] std::size_t blocks() const noexcept { return block_count_; }

 private:
  friend class PrefixTableV4Builder;
  // An entry: below kOnePrefix the lists of the whole /24; below kBlock one longer prefix with its
  // lists (bits 0-3) in a /24 without any: its bits behind the 24th, then a 1, then zeros (bits
  // 4-12); else the number of the block within the /16.
  static constexpr std::uint16_t kOnePrefix = 0x4000;
  static constexpr std::uint16_t kBlock = 0x8000;
  using Block = std::array<std::uint8_t, 128>;  ///< lists of 256 hosts, four bits each

  [[nodiscard]] std::uint8_t lists_in_block(std::uint16_t entry,
                                            std::uint32_t address) const noexcept {
    const Block& block = blocks_[first_block_[address >> 16] + (entry & 0xff)];
    const std::uint8_t two = block[(address & 0xff) >> 1];
    return static_cast<std::uint8_t>((address & 1) != 0 ? two >> 4 : two & 15);
  }

  std::span<std::uint16_t> direct_;       ///< 2^24
  std::span<std::uint32_t> first_block_;  ///< 2^16: number of the first block of a /16
  std::span<Block> blocks_;
  std::size_t block_count_ = 0;
  std::uint8_t lists_ = 0;
};

class PrefixTable {
 public:
  /// Fails (invalid) on an entry that is no prefix, and (limit) above `kListEntriesMax` entries or
  /// without memory. A million entries take less than a second.
  [[nodiscard]] static Result<std::unique_ptr<const PrefixTable>> build(
      std::span<const ListEntry> entries, const SipKey& key, ArenaOptions memory = {});

  PrefixTable(const PrefixTable&) = delete;
  PrefixTable& operator=(const PrefixTable&) = delete;

  [[nodiscard]] bool is_empty() const noexcept { return entries_ == 0; }
  [[nodiscard]] const PrefixTableV4& v4() const noexcept { return v4_; }
  [[nodiscard]] const PrefixSetV6& v6(ListKind kind, ListSide side) const noexcept {
    return v6_[index_of(kind, side)];
  }

  /// What the lists of one side say of one address. For people, tests and slow paths.
  [[nodiscard]] ListAnswer lookup(const IpAddress& address, ListSide side) const noexcept;

  [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return arena_.bytes_mapped(); }
  /// Keyed digest of the entries it was built from, in their order.
  [[nodiscard]] const Hash128& digest() const noexcept { return digest_; }
  [[nodiscard]] static Hash128 digest_of(std::span<const ListEntry> entries,
                                         const SipKey& key) noexcept;
  /// No table of so many prefixes needs more.
  [[nodiscard]] static std::size_t memory_bytes_max(std::size_t prefixes_v4,
                                                    std::size_t prefixes_v6) noexcept;

 private:
  explicit PrefixTable(ArenaOptions memory) noexcept : arena_(memory) {}
  [[nodiscard]] static std::size_t index_of(ListKind kind, ListSide side) noexcept {
    return (kind == ListKind::deny ? 0U : 1U) + (side == ListSide::source ? 0U : 2U);
  }
  [[nodiscard]] Status build_v6(std::span<const ListEntry> entries, const SipKey& key);

  MemoryArena arena_;
  PrefixTableV4 v4_;
  std::array<PrefixSetV6, 4> v6_;
  std::size_t entries_ = 0;
  Hash128 digest_;
};

}  // namespace sluice
