// What differs between two configurations: option by option in the words of the option table, and
// list entry by list entry. Pure. Children and the control thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::size_t kOptionTextMax = 120;
inline constexpr std::size_t kListExamplesMax = 10;

/// One option with its value in normal form. What is longer than kOptionTextMax is cut, with its
/// length and digest behind it, so that different values have different texts.
struct OptionText {
  std::string path;  ///< "flows.capacity", "pairs[0].outside.device"
  std::string value;
  bool needs_restart = false;
  friend bool operator==(const OptionText&, const OptionText&) = default;
};

struct OptionChange {
  std::string path;
  std::string from;  ///< empty where the option (of a pair) is new
  std::string to;    ///< empty where it is gone
  bool needs_restart = false;
};

/// Every option, in the order of the table; those of the pairs first.
[[nodiscard]] std::vector<OptionText> option_texts(const Config& config);
[[nodiscard]] std::vector<OptionChange> changes_between(std::span<const OptionText> from,
                                                        std::span<const OptionText> to);

struct ListDifference {
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::vector<std::string> added_examples;  ///< "deny source 192.0.2.0/24"
  std::vector<std::string> removed_examples;
};

/// Of lists in the order in which policies carry them.
[[nodiscard]] ListDifference difference_of(std::span<const ListEntry> from,
                                           std::span<const ListEntry> to);

/// SHA-256 as 64 hex digits.
[[nodiscard]] std::string digest_of(std::span<const std::byte> bytes);
[[nodiscard]] std::string digest_of(std::string_view text);

}  // namespace sluice
