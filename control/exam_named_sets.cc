#include "control/exam_named_sets.h"

#include <algorithm>
#include <utility>

#include "config/set_entry.h"

namespace sluice {
namespace {

constexpr std::size_t kKeyBytesV4 = AddressKey::kHeadBytes + 4;

[[nodiscard]] ValueRanges<std::uint32_t> ranges_of(const SetContents& contents) {
  ValueRanges<std::uint32_t> ranges;
  for (const SetEntry& entry : contents.entries) {
    if (!is_address_key(entry.key) || entry.key.size() != kKeyBytesV4) continue;
    const auto length = static_cast<std::uint8_t>(entry.key[1]);
    std::uint32_t low = 0;
    for (std::size_t i = AddressKey::kHeadBytes; i < entry.key.size(); ++i) {
      low = low << 8 | static_cast<std::uint8_t>(entry.key[i]);
    }
    ranges.push_back({low, static_cast<std::uint32_t>(low | 0xffff'ffffULL >> length)});
  }
  return merged(std::move(ranges));
}

}  // namespace

Result<std::vector<SetContents>> with_entries_of_tests(std::vector<SetContents> sets,
                                                       std::span<const Rule> rules) {
  for (const Rule& rule : rules) {
    for (const RuleTest& test : rule.tests) {
      const auto set = std::ranges::find_if(
          sets, [&](const SetContents& contents) { return contents.set.name == test.set; });
      if (set == sets.end()) continue;
      for (const std::string& entry : test.entries) {
        auto key = set_key(set->set, entry);
        if (!key) return tl::unexpected<Error>(key.error());
        set->entries.push_back({std::move(*key), 0});
      }
    }
  }
  return sets;
}

AddressSet written_out(AddressSet addresses, std::span<const SetContents> sets) {
  ValueRanges<std::uint32_t> named;
  ValueRanges<std::uint32_t> left_out = addresses.not_v4;
  for (const NamedSetRef& ref : addresses.named) {
    if (ref.set >= sets.size()) continue;
    const auto ranges = ranges_of(sets[ref.set]);
    auto& into = ref.is_negated ? left_out : named;
    into.insert(into.end(), ranges.begin(), ranges.end());
  }
  named.insert(named.end(), addresses.v4.begin(), addresses.v4.end());
  addresses.v4 = without(merged(std::move(named)), merged(std::move(left_out)));
  addresses.named.clear();
  return addresses;
}

}  // namespace sluice
