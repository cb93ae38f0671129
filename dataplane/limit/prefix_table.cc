// A million IPv4 prefixes and hosts in one load.
//
// Problem: a router's DIR-24-8 (Gupta, Lin, McKeown, INFOCOM 1998) keeps one entry per /24 and a
// 256-entry block for every /24 with longer prefixes. A list of random hosts has nearly as many
// such /24s as hosts: 128 to 256 bytes each, and a second miss for every listed address.
//
// Way: sixteen bits per /24. An answer is only the set of lists that cover an address (four bits),
// and one longer prefix in an otherwise unlisted /24, which is what random hosts are, fits into the
// entry itself. Only a /24 whose hosts differ in more than that has a block of 128 bytes; its
// number counts within the /16, so that it fits the entry too. Coverage is a union: prefixes are
// OR-ed in, in any order.
//
// Bounds: 32 MiB for the entries (untouched pages cost nothing), 256 KiB for block numbers, at most
// one block per prefix longer than /24; a million random hosts need 4 MiB of blocks. Duplicates are
// taken out first, so that the work is bounded by 25 passes over the table whatever the list.
// Rejected: 32-bit entries with two hosts (twice the lines for 3 % of random hosts); a trie (three
// loads).
#include "dataplane/limit/prefix_table.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kDirectEntries = 1U << 24;
constexpr std::size_t kRegions = 1U << 16;
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kHugePageBytes = 2U << 20;
constexpr std::size_t kV6BytesPerPrefix = 36;

static_assert(std::has_unique_object_representations_v<ListEntry>, "entries are hashed as bytes");

struct V4Entry {
  std::uint32_t address;
  std::uint8_t length;
  std::uint8_t lists;
};

bool comes_before(const V4Entry& a, const V4Entry& b) noexcept {
  return a.address != b.address ? a.address < b.address : a.length < b.length;
}

// Equal prefixes become one with the union of their lists.
void merge_equal(std::vector<V4Entry>& entries) {
  std::sort(entries.begin(), entries.end(), comes_before);
  std::size_t kept = 0;
  for (const V4Entry& entry : entries) {
    if (kept > 0 && entries[kept - 1].address == entry.address &&
        entries[kept - 1].length == entry.length) {
      entries[kept - 1].lists = static_cast<std::uint8_t>(entries[kept - 1].lists | entry.lists);
    } else {
      entries[kept++] = entry;
    }
  }
  entries.resize(kept);
}

Status check_entries(std::span<const ListEntry> entries) {
  if (entries.size() > kListEntriesMax) {
    return fail(ErrorKind::limit, fmt::format("lists: {} entries, above the largest number of {}",
                                              entries.size(), kListEntriesMax));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const ListEntry& entry = entries[i];
    const IpAddress& address = entry.prefix.address;
    const bool is_prefix = (address.version == 4 || address.version == 6) &&
                           entry.prefix.length <= address.bits() && entry.kind <= ListKind::deny &&
                           entry.side <= ListSide::destination;
    if (!is_prefix) {
      return fail(ErrorKind::invalid, fmt::format("lists: entry {} is not a prefix", i + 1));
    }
  }
  return {};
}

}  // namespace

class PrefixTableV4Builder {
 public:
  PrefixTableV4Builder(PrefixTableV4& table, MemoryArena& arena) : table_(table), arena_(arena) {}

  [[nodiscard]] Status build(std::vector<V4Entry> entries) {
    if (entries.empty()) return {};
    merge_equal(entries);
    if (auto made = make_direct(); !made) return made;
    std::vector<V4Entry> longer;
    for (const V4Entry& entry : entries) {
      table_.lists_ = static_cast<std::uint8_t>(table_.lists_ | entry.lists);
      if (entry.length > 24) {
        longer.push_back(entry);
      } else {
        cover_all(entry);
      }
    }
    for (std::size_t begin = 0; begin < longer.size();) {
      const std::size_t end = end_of_group(longer, begin);
      refine(std::span(longer).subspan(begin, end - begin));
      begin = end;
    }
    return keep_blocks();
  }

 private:
  using Block = PrefixTableV4::Block;

  [[nodiscard]] Status make_direct() {
    auto direct = arena_.allocate_array<std::uint16_t>(kDirectEntries);
    if (!direct) return tl::unexpected<Error>(direct.error());
    auto first = arena_.allocate_array<std::uint32_t>(kRegions);
    if (!first) return tl::unexpected<Error>(first.error());
    table_.direct_ = *direct;
    table_.first_block_ = *first;
    return {};
  }

  void cover_all(const V4Entry& entry) {
    const std::size_t begin = entry.address >> 8;
    const std::size_t count = std::size_t{1} << (24 - entry.length);
    for (std::uint16_t& slot : table_.direct_.subspan(begin, count)) {
      slot = static_cast<std::uint16_t>(slot | entry.lists);
    }
  }

  [[nodiscard]] static std::size_t end_of_group(const std::vector<V4Entry>& entries,
                                                std::size_t begin) {
    std::size_t end = begin + 1;
    while (end < entries.size() && entries[end].address >> 8 == entries[begin].address >> 8) ++end;
    return end;
  }

  // All entries lie in one /24, whose shorter prefixes are in the direct entry already.
  void refine(std::span<const V4Entry> group) {
    std::uint16_t& slot = table_.direct_[group.front().address >> 8];
    const V4Entry& first = group.front();
    if (group.size() == 1 && slot == 0) {
      const std::uint32_t prefix = (first.address & 0xff) << 1 | 1U << (32 - first.length);
      slot = static_cast<std::uint16_t>(PrefixTableV4::kOnePrefix | prefix << 4 | first.lists);
      return;
    }
    std::array<std::uint8_t, 256> hosts;
    hosts.fill(static_cast<std::uint8_t>(slot));
    for (const V4Entry& entry : group) {
      const std::size_t count = std::size_t{1} << (32 - entry.length);
      for (std::uint8_t& host : std::span(hosts).subspan(entry.address & 0xff, count)) {
        host = static_cast<std::uint8_t>(host | entry.lists);
      }
    }
    if (std::all_of(hosts.begin(), hosts.end(), [&](auto host) { return host == hosts[0]; })) {
      slot = hosts[0];
      return;
    }
    slot =
        static_cast<std::uint16_t>(PrefixTableV4::kBlock | number_in_region(first.address >> 16));
    add_block(hosts);
  }

  // Groups come in ascending order, so that the blocks of a /16 stand side by side.
  [[nodiscard]] std::size_t number_in_region(std::uint32_t region) {
    if (blocks_.empty() || region != region_) {
      region_ = region;
      table_.first_block_[region] = static_cast<std::uint32_t>(blocks_.size());
    }
    return blocks_.size() - table_.first_block_[region];
  }

  void add_block(const std::array<std::uint8_t, 256>& hosts) {
    Block& block = blocks_.emplace_back();
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = static_cast<std::uint8_t>(hosts[2 * i] | hosts[2 * i + 1] << 4);
    }
  }

  [[nodiscard]] Status keep_blocks() {
    table_.block_count_ = blocks_.size();
    if (blocks_.empty()) return {};
    auto memory = arena_.allocate_array<Block>(blocks_.size());
    if (!memory) return tl::unexpected<Error>(memory.error());
    std::copy(blocks_.begin(), blocks_.end(), memory->begin());
    table_.blocks_ = *memory;
    return {};
  }

  PrefixTableV4& table_;
  MemoryArena& arena_;
  std::vector<Block> blocks_;
  std::uint32_t region_ = 0;
};

Status PrefixTable::build_v6(std::span<const ListEntry> entries, const SipKey& key) {
  std::array<std::vector<V6Prefix>, 4> by_list;
  for (const ListEntry& entry : entries) {
    if (entry.prefix.address.version != 6) continue;
    V6Address address = v6_address(entry.prefix.address.bytes.data());
    const V6Address mask = v6_mask(entry.prefix.length);
    address = {address.high & mask.high, address.low & mask.low};
    by_list[index_of(entry.kind, entry.side)].push_back({address, entry.prefix.length});
  }
  for (std::size_t i = 0; i < by_list.size(); ++i) {
    auto set = PrefixSetV6::build(std::move(by_list[i]), key, arena_);
    if (!set) return tl::unexpected<Error>(set.error());
    v6_[i] = std::move(*set);
  }
  return {};
}

Result<std::unique_ptr<const PrefixTable>> PrefixTable::build(std::span<const ListEntry> entries,
                                                              const SipKey& key,
                                                              ArenaOptions memory) {
  if (auto ok = check_entries(entries); !ok) return tl::unexpected<Error>(ok.error());
  std::unique_ptr<PrefixTable> table(new PrefixTable(memory));
  table->entries_ = entries.size();
  table->digest_ = digest_of(entries, key);
  std::vector<V4Entry> v4;
  for (const ListEntry& entry : entries) {
    if (entry.prefix.address.version != 4) continue;
    const std::uint8_t length = entry.prefix.length;
    const std::uint32_t mask = length == 0 ? 0 : ~0U << (32 - length);
    v4.push_back({entry.prefix.address.v4() & mask, length, list_bit(entry.kind, entry.side)});
  }
  PrefixTableV4Builder builder(table->v4_, table->arena_);
  if (auto built = builder.build(std::move(v4)); !built) {
    return with_context("lists", built.error());
  }
  if (auto built = table->build_v6(entries, key); !built) {
    return with_context("lists", built.error());
  }
  return table;
}

ListAnswer PrefixTable::lookup(const IpAddress& address, ListSide side) const noexcept {
  bool is_allowed = false;
  bool is_denied = false;
  if (address.version == 4) {
    if (v4_.is_empty()) return ListAnswer::none;
    const std::uint8_t lists = v4_.lists_of(address.v4());
    is_allowed = (lists & list_bit(ListKind::allow, side)) != 0;
    is_denied = (lists & list_bit(ListKind::deny, side)) != 0;
  } else {
    const V6Address one = v6_address(address.bytes.data());
    is_allowed = v6(ListKind::allow, side).covers({&one, 1}) != 0;
    is_denied = v6(ListKind::deny, side).covers({&one, 1}) != 0;
  }
  if (is_allowed) return ListAnswer::allow;
  return is_denied ? ListAnswer::deny : ListAnswer::none;
}

Hash128 PrefixTable::digest_of(std::span<const ListEntry> entries, const SipKey& key) noexcept {
  return siphash128<1, 3>(key, entries.data(), entries.size_bytes());
}

std::size_t PrefixTable::memory_bytes_max(std::size_t prefixes_v4,
                                          std::size_t prefixes_v6) noexcept {
  std::size_t bytes = 0;
  if (prefixes_v4 > 0) {
    bytes += kDirectEntries * sizeof(std::uint16_t) + kRegions * sizeof(std::uint32_t);
    bytes += prefixes_v4 * 128 + kPageBytes;
  }
  // Filter and one table per length and list, each on pages of its own.
  if (prefixes_v6 > 0) {
    bytes += prefixes_v6 * kV6BytesPerPrefix;
    bytes += std::min<std::size_t>(prefixes_v6, 4 * 129) * 2 * kPageBytes;
    // Rounded up to huge pages where a table is half of one: at most twice the memory.
    bytes += std::min(bytes, std::size_t{4} * 129 * kHugePageBytes);
  }
  return bytes;
}

}  // namespace sluice
