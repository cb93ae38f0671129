// Traffic that an operator has let through uninspected, until a time: who asked, why, and for how
// long. A value: a change is made on a copy, published, and kept when it is in force. Workers end a
// bypass by themselves; here the ended ones are only forgotten. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr DurationNs kBypassDurationMax = 24ULL * 3'600 * kNsPerSecond;
inline constexpr std::size_t kReasonBytesMax = 200;
/// In force at once; fewer than a policy could carry, so that a list of them is read at a glance.
inline constexpr std::size_t kBypassesActiveMax = 16;
static_assert(kBypassesActiveMax <= kBypassesMax);

struct Bypass {
  BypassEntry entry;
  TimeNs created = 0;
  std::string owner;
  std::string reason;
};

class Bypasses {
 public:
  Bypasses() = default;
  Bypasses(std::vector<Bypass> entries, std::uint64_t next_id) noexcept;

  /// Gives it an id, and takes the place of one for the same traffic. Errors: limit where there
  /// are kBypassesActiveMax.
  [[nodiscard]] Result<std::uint64_t> add(Bypass bypass);
  /// Errors: not_found.
  [[nodiscard]] Status remove(std::uint64_t id);
  std::size_t remove_all() noexcept;
  void expire(TimeNs now);

  [[nodiscard]] std::span<const Bypass> entries() const noexcept { return entries_; }
  [[nodiscard]] const Bypass* find(std::uint64_t id) const noexcept;
  [[nodiscard]] std::uint64_t next_id() const noexcept { return next_id_; }
  /// Into settings that are to be published.
  void write_to(PolicySettings& settings) const noexcept;

 private:
  std::vector<Bypass> entries_;
  std::uint64_t next_id_ = 1;
};

/// What an operator wrote as the traffic of a bypass; exactly one is given.
struct BypassTarget {
  std::string pair;
  std::string vlan;
  std::string prefix;
};

/// Fills kind and target. Errors: invalid, with the words that would do.
[[nodiscard]] Result<BypassEntry> parse_bypass(const BypassTarget& target,
                                               std::span<const std::string> pair_names);
/// "pair edge", "vlan 12", "prefix 192.0.2.0/24".
[[nodiscard]] std::string describe(const BypassEntry& entry,
                                   std::span<const std::string> pair_names);
/// Of ports called "NAME.outside" and "NAME.inside", in the order of the wire.
[[nodiscard]] std::vector<std::string> pair_names_of(std::span<const std::string> port_names);

}  // namespace sluice
