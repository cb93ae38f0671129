// Coverage by a million IPv6 prefixes in a few tens of cycles.
//
// Problem: the longest-match tries of routers cost one dependent load per level; a list only asks
// "covered or not", so the order of prefixes does not matter and a covered prefix can be left out.
//
// Way: one hash table per prefix length in use. Most addresses are on no list, so a filter answers
// for all lengths before a table is touched (v6_filter.cc). Table lines are prefetched for the
// whole burst. Buckets are cache lines; a key stands in one of two, first choice preferred, so that
// a look-up is bounded by two lines. Keys are compared in full: hashes decide only where to look,
// never what the answer is.
//
// The hash is a keyed multiplication, not SipHash: who sends packets does not choose what is in the
// table, and a look-up is bounded whatever the address. The key still changes with every start.
//
// Rejected: one filter per length (more lines for the same bits); cuckoo moves (with two choices
// and tables half full none is ever needed; should a bucket overflow, the table is built again,
// larger).
#include "dataplane/limit/prefix_set_v6.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "base/check.h"

namespace sluice {
namespace {

constexpr std::size_t kWordsPerBucket = 8;

// The two halves of the 128-bit product, folded.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

V6Address masked(const V6Address& address, const V6Address& mask) noexcept {
  return {address.high & mask.high, address.low & mask.low};
}

std::uint64_t first_bucket(std::uint64_t hash, std::uint64_t buckets) noexcept {
  return ((hash & 0xffffffff) * buckets) >> 32;
}
std::uint64_t second_bucket(std::uint64_t hash, std::uint64_t buckets) noexcept {
  return first_bucket(std::rotl(hash, 17) * 0x9e3779b97f4a7c15ULL >> 32, buckets);
}

// Sorted, without repetitions and without prefixes that an earlier one covers.
void leave_out_covered(std::vector<V6Prefix>& prefixes) {
  std::sort(prefixes.begin(), prefixes.end());
  std::size_t kept = 0;
  for (const V6Prefix& prefix : prefixes) {
    if (kept > 0) {
      const V6Prefix& last = prefixes[kept - 1];
      if (masked(prefix.address, v6_mask(last.length)) == last.address) continue;
    }
    prefixes[kept++] = prefix;
  }
  prefixes.resize(kept);
}

}  // namespace

V6Address v6_mask(unsigned length) noexcept {
  const std::uint64_t ones = ~std::uint64_t{0};
  if (length == 0) return {0, 0};
  if (length <= 64) return {ones << (64 - length), 0};
  return {ones, ones << (128 - length)};
}

std::uint64_t PrefixSetV6::hash_of(const Length& length, const V6Address& address) noexcept {
  const V6Address key = masked(address, length.mask);
  return fold_multiply(key.high ^ length.key_high, key.low ^ length.key_low);
}

bool PrefixSetV6::stands_in(const Length& length, std::uint64_t bucket,
                            const V6Address& key) noexcept {
  const std::uint64_t* words = length.slots + bucket * kWordsPerBucket;
  bool found = false;
  if (length.is_long) {
    for (std::size_t i = 0; i < kWordsPerBucket; i += 2) {
      found |= ((words[i] ^ key.high) | (words[i + 1] ^ key.low)) == 0;
    }
  } else {
    for (std::size_t i = 0; i < kWordsPerBucket; ++i) found |= words[i] == key.high;
  }
  return found;
}

bool PrefixSetV6::contains(const Length& length, const V6Address& address,
                           std::uint64_t hash) noexcept {
  const V6Address key = masked(address, length.mask);
  return stands_in(length, first_bucket(hash, length.buckets), key) ||
         stands_in(length, second_bucket(hash, length.buckets), key);
}

// Three passes over all addresses: filter lines are on their way, then the table lines of what the
// filter let through, then those are compared.
std::uint32_t PrefixSetV6::covers_by(std::span<const Length> lengths,
                                     std::span<const V6Address> addresses,
                                     const V6Filter::Batch& batch,
                                     std::uint32_t wanted) const noexcept {
  std::array<V6Filter::Probes, kChunk> probes;
  for (std::size_t l = 0; l < lengths.size(); ++l) filter_.aim(batch, lengths[l].bits, probes[l]);
  std::array<Candidate, kChunk * kV6BatchMax> candidates;
  std::size_t count = 0;
  for (std::size_t l = 0; l < lengths.size(); ++l) {
    const Length& length = lengths[l];
    std::uint32_t left = filter_.may_cover(probes[l], batch.count) & wanted;
    for (; left != 0; left &= left - 1) {
      const auto place = static_cast<std::uint32_t>(std::countr_zero(left));
      const std::uint64_t hash = hash_of(length, addresses[place]);
      __builtin_prefetch(length.slots + first_bucket(hash, length.buckets) * kWordsPerBucket);
      candidates[count++] = {&length, place, hash};
    }
  }
  std::uint32_t covered = 0;
  for (const Candidate& candidate : std::span(candidates).first(count)) {
    const bool is_member = contains(*candidate.length, addresses[candidate.place], candidate.hash);
    covered |= static_cast<std::uint32_t>(is_member) << candidate.place;
  }
  return covered;
}

std::uint32_t PrefixSetV6::covers(std::span<const V6Address> addresses) const noexcept {
  if (addresses.empty() || is_empty()) return 0;
  V6Filter::Batch batch;
  filter_.prepare(addresses, batch);
  const std::uint32_t all = ~0U >> (kV6BatchMax - addresses.size());
  std::uint32_t covered = 0;
  std::span<const Length> left(lengths_);
  while (!left.empty() && covered != all) {
    const std::size_t count = std::min(left.size(), kChunk);
    covered |= covers_by(left.first(count), addresses, batch, all & ~covered);
    left = left.subspan(count);
  }
  return covered;
}

class PrefixSetV6::Builder {
 public:
  Builder(PrefixSetV6& set, const SipKey& key, MemoryArena& arena)
      : set_(set), key_(key), arena_(arena) {}

  [[nodiscard]] Status build(std::vector<V6Prefix> prefixes) {
    leave_out_covered(prefixes);
    set_.size_ = prefixes.size();
    if (prefixes.empty()) return {};
    auto filter = V6Filter::create(prefixes.size(), key_, arena_);
    if (!filter) return tl::unexpected<Error>(filter.error());
    set_.filter_ = *filter;
    std::array<std::vector<V6Address>, 129> by_length;
    for (const V6Prefix& prefix : prefixes) by_length[prefix.length].push_back(prefix.address);
    std::vector<std::pair<std::size_t, unsigned>> order;
    for (unsigned l = 0; l <= 128; ++l) {
      if (!by_length[l].empty()) order.emplace_back(by_length[l].size(), l);
    }
    std::sort(order.rbegin(), order.rend());
    for (const auto& [size, l] : order) {
      if (auto added = add_length(l, by_length[l]); !added) return added;
    }
    return {};
  }

 private:
  [[nodiscard]] Status add_length(unsigned bits, std::span<const V6Address> members) {
    Length length{};
    length.mask = v6_mask(bits);
    length.bits = static_cast<std::uint8_t>(bits);
    length.is_long = bits > 64;
    length.key_high = siphash13(key_, std::array<std::uint64_t, 2>{bits, 1});
    length.key_low = siphash13(key_, std::array<std::uint64_t, 2>{bits, 2}) | 1;
    const std::size_t slots = length.is_long ? kWordsPerBucket / 2 : kWordsPerBucket;
    length.buckets = members.size() * 2 / slots + 1;
    while (true) {
      std::vector<std::uint8_t> used(length.buckets, 0);
      auto words = place(length, members, slots, used);
      if (words.empty()) {
        length.buckets *= 2;
        SLUICE_CHECK(length.buckets < (1ULL << 32), "two choices fit long before this");
        continue;
      }
      auto memory = arena_.allocate_array<std::uint64_t>(whole_pages(words.size()));
      if (!memory) return tl::unexpected<Error>(memory.error());
      std::copy(words.begin(), words.end(), memory->begin());
      length.slots = memory->data();
      break;
    }
    for (const V6Address& member : members) set_.filter_.add(member, bits);
    set_.lengths_.push_back(length);
    return {};
  }

  // Every slot starts as the first member; empty where a bucket overflowed.
  static std::vector<std::uint64_t> place(const Length& length, std::span<const V6Address> members,
                                          std::size_t slots, std::vector<std::uint8_t>& used) {
    std::vector<std::uint64_t> words(length.buckets * kWordsPerBucket);
    const auto put = [&](std::size_t slot, const V6Address& member) {
      if (length.is_long) {
        words[2 * slot] = member.high;
        words[2 * slot + 1] = member.low;
      } else {
        words[slot] = member.high;
      }
    };
    for (std::size_t i = 0; i < length.buckets * slots; ++i) put(i, members.front());
    for (const V6Address& member : members) {
      const std::uint64_t hash = hash_of(length, member);
      std::uint64_t bucket = first_bucket(hash, length.buckets);
      const std::uint64_t other = second_bucket(hash, length.buckets);
      // The first choice is left only when it is nearly full, so that most look-ups read one line.
      if (used[bucket] + 1U >= slots && used[other] < used[bucket]) bucket = other;
      if (used[bucket] == slots) return {};
      put(bucket * slots + used[bucket]++, member);
    }
    return words;
  }

  PrefixSetV6& set_;
  const SipKey& key_;
  MemoryArena& arena_;
};

Result<PrefixSetV6> PrefixSetV6::build(std::vector<V6Prefix> prefixes, const SipKey& key,
                                       MemoryArena& arena) {
  PrefixSetV6 set;
  Builder builder(set, key, arena);
  if (auto built = builder.build(std::move(prefixes)); !built) {
    return tl::unexpected<Error>(built.error());
  }
  return set;
}

}  // namespace sluice
