// Rules as Suricata writes them, taken apart: header fields and options with nothing interpreted.
// What cannot be taken apart is a fault that says where; nothing is skipped. Control side and
// short-lived children only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace sluice {

inline constexpr std::size_t kSuricataLineBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kSuricataOptionsMax = 512;

/// A rule's text with continued lines joined.
struct SuricataLine {
  std::string text;
  std::uint32_t line = 0;  ///< its first one, from 1
  bool is_enabled = true;  ///< false: a rule behind a '#', which is left out
};

/// The rules of a file in their order; comments and blank lines are not among them. Whatever else
/// stands there is taken for a rule, so that it is told about.
[[nodiscard]] std::vector<SuricataLine> split_suricata_rules(std::string_view text);

/// Why a rule is refused. `column` counts from 1 in the joined line, 0 is the rule as a whole;
/// `keyword` is the one that cannot be understood, or "syntax".
struct SuricataFault {
  std::uint32_t column = 0;
  std::string keyword;
  std::string reason;
};

struct SuricataOption {
  std::string_view name;
  std::string_view value;  ///< without blanks around it, quotes and escapes as written
  bool has_value = false;
  std::uint32_t column = 0;
};

/// Views into the line, which has to live as long.
struct SuricataRule {
  std::string_view action;
  std::string_view protocol;
  std::string_view source;
  std::string_view source_port;
  std::string_view direction;  ///< "->", "<>" or "=>"
  std::string_view destination;
  std::string_view destination_port;
  std::vector<SuricataOption> options;
};

[[nodiscard]] tl::expected<SuricataRule, SuricataFault> parse_suricata_rule(std::string_view line);

/// The first number behind "sid:", for a rule that cannot be taken apart; 0 where there is none.
[[nodiscard]] std::uint32_t sid_in(std::string_view line) noexcept;

}  // namespace sluice
