// The one table of options. Loader, printer, validator's words and the reference page are all read
// from it: an option is a member of `Config` and a row here. Control threads only.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "config/config.h"

namespace sluice {

enum class OptionType : std::uint8_t {
  boolean,
  number,
  bytes,
  duration,
  bit_rate,
  event_rate,
  word,      ///< one of `words`; word i stands for the enumerator with value i
  text,      ///< no control characters
  prefixes,  ///< list of address prefixes
  paths,     ///< list of file names
  texts,     ///< list of texts
};

/// Numbers, quantities in their base unit, booleans and words (0, 1, ...) are the integer.
using OptionValue =
    std::variant<std::uint64_t, std::string, std::vector<IpPrefix>, std::vector<std::string>>;

struct OptionRange {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

/// What a row says, whatever record the option lives in.
struct OptionShape {
  std::string_view path;  ///< dotted, relative to the record
  OptionType type;
  OptionRange range;            ///< of the value; of text: bytes; of a list: entries
  std::string_view zero_means;  ///< not empty: 0 is allowed besides the range, and means this
  std::span<const std::string_view> words;
  std::string_view help;       ///< one sentence without a full stop
  bool needs_restart = false;  ///< read at start only: a reload takes it in, and tells
};

template <class Record>
struct Option {
  OptionShape shape;
  OptionValue (*read)(const Record&);
  void (*write)(Record&, OptionValue);
};

/// The most port pairs of a file: two ports each, and a worker's counters know 32 ports.
inline constexpr std::size_t kPairsMax = 16;

/// Options of the file as a whole, those of a section side by side, in the order of the page.
[[nodiscard]] std::span<const Option<Config>> config_options() noexcept;
/// Options of one entry of the list `pairs`.
[[nodiscard]] std::span<const Option<PortPairConfig>> pair_options() noexcept;
/// Options of one entry of the list `rule_limits`.
[[nodiscard]] std::span<const Option<RuleLimitConfig>> rule_limit_options() noexcept;
/// Options of one entry of the list `sets`.
[[nodiscard]] std::span<const Option<SetConfig>> set_options() noexcept;
/// Options of one entry of the list `rules.exceptions`.
[[nodiscard]] std::span<const Option<RuleExceptionConfig>> exception_options() noexcept;
/// What the sections are for, by path; sections without a row speak for themselves.
[[nodiscard]] std::string_view section_help(std::string_view path) noexcept;

}  // namespace sluice
