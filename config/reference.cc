#include "config/reference.h"

#include <span>
#include <string_view>

#include <fmt/format.h>

#include "config/option_value.h"
#include "config/options.h"
#include "config/rule_limits.h"
#include "config/set_kind.h"

namespace sluice {
namespace {

constexpr std::string_view kIntroduction = R"(# Options

Every option of the configuration file, its values and its default. This page is generated from the
option table: the dotted path `memory.budget` is the key `budget` in the map `memory`.

A file is one YAML document of at most 1 MiB. Unknown keys, duplicate keys, anchors, aliases and
tags are errors; `sluiced check --config FILE` reports all of them at once. An option that is left
out has its default. Options with a * are read at start only; all others take effect with a reload.

| kind of value | written as |
|---|---|
| number | `32`: decimal digits, no quotes |
| bytes | `512`, `64KiB`, `2MiB`, `1GiB`; `64kB`, `2MB`, `1GB` are decimal |
| duration | `250ns`, `10us`, `5ms`, `30s`, `4min`, `2h`, `1d`, and sums such as `2h4min` |
| bit rate | `9600bit/s`, `800kbit/s`, `10Mbit/s`, `1.5Gbit/s` |
| rate | `1000/s`, `20k/s`, `1.5M/s` |
| exception policy | `pass`, `drop_packet`, or `drop_flow`, which refuses the rest of the flow too |
)";

constexpr std::string_view kTableHead =
    "\n| option | values | default | meaning |\n|---|---|---|---|\n";

std::string describe_values(const OptionShape& shape) {
  switch (shape.type) {
    case OptionType::word: {
      std::string words;
      for (const std::string_view word : shape.words) {
        words += fmt::format("{}`{}`", words.empty() ? "" : ", ", word);
      }
      return words;
    }
    case OptionType::boolean:
      return "`true`, `false`";
    case OptionType::text:
      return fmt::format("text, {}", describe_range(shape));
    case OptionType::prefixes:
      return fmt::format("prefixes, {}", describe_range(shape));
    case OptionType::paths:
      return fmt::format("file names, {}", describe_range(shape));
    case OptionType::texts:
      return fmt::format("texts, {}", describe_range(shape));
    default:
      return describe_range(shape);
  }
}

template <class Record>
std::string table_row(const Option<Record>& option, const Record& defaults) {
  const OptionShape& shape = option.shape;
  return fmt::format("| `{}`{} | {} | `{}` | {} |\n", shape.path, shape.needs_restart ? " *" : "",
                     describe_values(shape), print_value(shape, option.read(defaults)), shape.help);
}

std::string pairs_section() {
  std::string out = fmt::format(
      "\n## pairs\n\nThe wires: a list of at most {} pairs of ports. What comes in on one port of "
      "a "
      "pair leaves by the\nother. `run` needs at least one. Paths below are relative to an "
      "entry.\n{}",
      kPairsMax, kTableHead);
  const PortPairConfig defaults;
  for (const auto& option : pair_options()) out += table_row(option, defaults);
  return out;
}

std::string rule_limits_section() {
  std::string out = fmt::format(
      "\n## rule_limits\n\nLimits that rules name with `action: {{limit: NAME}}`: a list of at "
      "most "
      "{}. Of the packets for which such\na rule holds, only the excess is refused, with "
      "`rule_rate_exceeded`. Paths below are relative to an entry.\n{}",
      kRuleLimitsMax, kTableHead);
  const RuleLimitConfig defaults;
  for (const auto& option : rule_limit_options()) out += table_row(option, defaults);
  return out;
}

std::string sets_section() {
  std::string out = fmt::format(
      "\n## sets\n\nWhat rules ask for with `in_set: NAME`, or `@NAME` among addresses: a list of "
      "at "
      "most {}, with\nroom for {} entries together. A file is found beside the configuration. "
      "Entries "
      "change live, with\nan end each: `sluicectl sets`. Paths below are relative to an entry.\n{}",
      kSetsMax, kSetCapacitySumMax, kTableHead);
  const SetConfig defaults;
  for (const auto& option : set_options()) out += table_row(option, defaults);
  return out;
}

std::string exceptions_section() {
  std::string out = fmt::format(
      "\n### rules.exceptions\n\nWhere rules are off, as if they were not there: a list of at most "
      "{} entries, obeyed at once\nby a reload without compiling. Each names rules or a class, at "
      "least one of `source`,\n`destination` and `uri`, its owner and its reason. Paths below are "
      "relative to an entry.\n{}",
      kExceptionsMax, kTableHead);
  const RuleExceptionConfig defaults;
  for (const auto& option : exception_options()) out += table_row(option, defaults);
  return out;
}

std::string_view section_of(std::string_view path) noexcept {
  const std::size_t dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

}  // namespace

std::string options_reference() {
  std::string out(kIntroduction);
  out += "\n## General\n";
  out += kTableHead;
  const Config defaults;
  std::string_view section;
  bool has_pairs = false;
  for (const auto& option : config_options()) {
    const std::string_view own = section_of(option.shape.path);
    if (own != section) {
      if (!has_pairs) out += pairs_section();
      if (section == "rules") out += exceptions_section();
      has_pairs = true;
      section = own;
      out += fmt::format("\n## {}\n\n{}\n{}", own, section_help(own), kTableHead);
    }
    out += table_row(option, defaults);
  }
  return out + rule_limits_section() + sets_section();
}

}  // namespace sluice
