// How often one host is told of its datagrams: whoever is named as their sender need not have sent
// them, and no more is to reach a host than Linux would send it (icmp_ratelimit). Hosts share a
// bucket where their keyed hashes meet. Worker thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "base/siphash.h"
#include "dataplane/limit/token_bucket.h"
#include "dataplane/packet.h"

namespace sluice {

class ReplyPace {
 public:
  static constexpr std::uint32_t kPerSecond = 1;
  static constexpr std::uint32_t kBurst = 6;

  explicit ReplyPace(const SipKey& key) noexcept : key_(key) {}

  /// One more may go to the packet's source, and is counted.
  [[nodiscard]] bool allows(const Packet& packet) noexcept {
    constexpr TokenRate kLimit = token_rate(kPerSecond, kBurst, kTokenScale);
    Bucket& bucket = buckets_[hash_of(packet) % buckets_.size()];
    const DurationNs elapsed = packet.now > bucket.stamp ? packet.now - bucket.stamp : 0;
    bucket.level = refilled(kLimit, bucket.level, elapsed);
    bucket.stamp = std::max(bucket.stamp, packet.now);
    if (!conforms(kLimit, bucket.level, kTokenScale)) return false;
    bucket.level += kTokenScale;
    return true;
  }

 private:
  struct Bucket {
    std::uint64_t level = 0;  ///< by token_bucket.h as of `stamp`
    TimeNs stamp = 0;
  };

  [[nodiscard]] std::uint64_t hash_of(const Packet& packet) const noexcept {
    if (packet.ip_version == 4) {
      return siphash13(key_, std::array<std::uint64_t, 2>{4, v4_addresses(packet).source});
    }
    const std::uint8_t* source = v6_addresses(packet).source;
    return siphash13(key_, std::array<std::uint64_t, 2>{load_be64(source), load_be64(source + 8)});
  }

  SipKey key_;
  std::array<Bucket, 1024> buckets_{};
};

}  // namespace sluice
