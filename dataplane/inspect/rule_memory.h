// What rules remember across flows: how often one has matched for an address, and bits that one
// rule leaves on an address or a pair for another. One bounded table per worker; where it is full,
// the entry that ends soonest of a few makes room, and that is counted. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"
#include "rules/rule.h"

namespace sluice {

/// Of each worker that inspects.
inline constexpr std::uint32_t kRuleMemoryEntries = 1U << 16;
inline constexpr std::size_t kRuleMemoryEntryBytes = 32;

/// What a rule's match makes of its threshold.
enum class ThresholdAnswer : std::uint8_t {
  report,  ///< it counts as a match and is reported
  silent,  ///< it counts as a match (its action holds) and is not reported
  none,    ///< kind rate, below its count: the rule does not match
};

class RuleMemory {
 public:
  /// `entries`, a power of two, of 32 bytes from the arena, which outlives the object.
  [[nodiscard]] static Result<std::unique_ptr<RuleMemory>> create(std::uint32_t entries,
                                                                  const SipKey& key,
                                                                  MemoryArena& arena);

  /// `rule` names the rule across generations: its id. Counts the match.
  [[nodiscard]] ThresholdAnswer count_match(const Threshold& threshold, std::uint32_t rule,
                                            const Packet& packet) noexcept;

  /// Scopes but `flow`; false where the bit is not set or its time is over.
  [[nodiscard]] bool is_set(FlagScope scope, std::uint32_t flag, const Packet& packet) noexcept;
  void set(FlagScope scope, std::uint32_t flag, const Packet& packet, DurationNs expire) noexcept;
  void unset(FlagScope scope, std::uint32_t flag, const Packet& packet) noexcept;

  [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  struct Entry {
    std::uint64_t key;  ///< 0 = free
    TimeNs ends;
    std::uint32_t count;
    std::uint32_t reserved_;
    std::uint64_t unused_;
  };
  static_assert(sizeof(Entry) == kRuleMemoryEntryBytes);
  static constexpr std::size_t kWays = 4;

  RuleMemory(std::span<Entry> entries, const SipKey& key) noexcept : entries_(entries), key_(key) {}
  [[nodiscard]] std::uint64_t key_of(std::uint64_t topic, const Packet& packet, bool with_source,
                                     bool with_destination) const noexcept;
  [[nodiscard]] std::uint64_t threshold_key(const Threshold& threshold, std::uint32_t rule,
                                            const Packet& packet) const noexcept;
  [[nodiscard]] std::uint64_t flag_key(FlagScope scope, std::uint32_t flag,
                                       const Packet& packet) const noexcept;
  [[nodiscard]] Entry* find(std::uint64_t key, TimeNs now) noexcept;
  [[nodiscard]] Entry& find_or_make(std::uint64_t key, TimeNs now, DurationNs lasts) noexcept;

  std::span<Entry> entries_;
  SipKey key_;
  std::uint64_t evictions_ = 0;
};

}  // namespace sluice
