// The limits that rules name with the action `limit`: what a rule holds for is metered, and only
// the excess is refused. Unlike station 7 they see the few packets that a rule chose, at station 8.
// One per worker; everything but `create` and `compile_rule_limits` is that worker's thread.
//
// A limit is kept per flow, which one worker owns, or per source. That of a source holds for all
// workers together, as limits.source does: with shared meters a worker leases from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/limit/compiled_limits.h"
#include "dataplane/limit/token_bucket.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"
#include "dataplane/policy_parts.h"

namespace sluice {

class SharedMeters;

/// Part of a `Policy`. The name stands in the key of a bucket, so that buckets outlive reloads.
struct RuleLimit {
  std::array<char, kRuleLimitNameMax + 1> name{};
  LimitedEnd per = LimitedEnd::source;
  RatePair rate;  ///< not set: everything conforms
};

/// By the place that `names` have, those of a ruleset. A name that is not among the settings' is a
/// limit that nothing exceeds: checks refuse such rules before. Errors: as of compile_limits.
[[nodiscard]] Result<std::vector<RuleLimit>> compile_rule_limits(
    const PolicySettings& settings, std::span<const std::string> names);

/// Of each worker that inspects.
inline constexpr std::uint32_t kRuleLimiterEntries = 1U << 14;
inline constexpr std::size_t kRuleLimiterEntryBytes = 32;

struct RuleLimiterSetup {
  std::uint32_t entries = kRuleLimiterEntries;  ///< a power of two
  SipKey key;                                   ///< equal in all workers
  SharedMeters* meters = nullptr;               ///< null: this worker alone sees all traffic
};

class RuleLimiter {
 public:
  /// The arena and the meters outlive the limiter.
  [[nodiscard]] static Result<std::unique_ptr<RuleLimiter>> create(const RuleLimiterSetup& setup,
                                                                   MemoryArena& arena);

  /// Charges the packet if it conforms, else nothing; `limits` says how long a source is.
  [[nodiscard]] bool try_take(const RuleLimit& limit, const CompiledLimits& limits,
                              const Packet& packet) noexcept;

  /// Buckets that lost their place before they were full again.
  [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  /// `level`: by token_bucket.h as of `stamp`; leased: scaled tokens in hand.
  struct Entry {
    std::uint64_t key;  ///< 0 = free
    TimeNs stamp;
    TokenPair level;
  };
  static_assert(sizeof(Entry) == kRuleLimiterEntryBytes);
  static constexpr std::size_t kWays = 4;

  RuleLimiter(std::span<Entry> entries, const RuleLimiterSetup& setup) noexcept
      : entries_(entries), key_(setup.key), meters_(setup.meters) {}
  [[nodiscard]] std::uint64_t key_of(const RuleLimit& limit, const CompiledLimits& limits,
                                     const Packet& packet) const noexcept;
  [[nodiscard]] Entry& entry_of(std::uint64_t key, const RatePair& rate, TimeNs now) noexcept;
  [[nodiscard]] bool take_leased(Entry& entry, const RatePair& rate, const TokenPair& cost,
                                 TimeNs now) noexcept;

  std::span<Entry> entries_;
  SipKey key_;
  SharedMeters* meters_;
  std::uint64_t evictions_ = 0;
};

}  // namespace sluice
