// Rules that benchmarks compile, written as Suricata writes them and made from odd words, so that
// no ordinary text holds one: a thousand that look at payloads alone, and a thousand in the shape
// of a set for web traffic. Some of each wait for texts that a capture has planted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/dice.h"
#include "tests/bench/mixed_capture.h"

namespace sluice::bench {

struct RuleText {
  std::string text;           ///< one rule a line
  std::uint32_t rules = 0;    ///< in it
  std::vector<Plant> plants;  ///< what the last of them look for, one rule each
};

/// Any port, both directions, no application; 40 of a hundred are an expression alone. `protocol`
/// is "tcp" or "udp".
[[nodiscard]] RuleText raw_rules(std::uint32_t count, std::string_view protocol = "tcp");
/// 60 of a hundred look into buffers of HTTP, three in four of those into requests; the others into
/// names of DNS and TLS and into payloads, some at certain ports.
[[nodiscard]] RuleText web_rules(std::uint32_t count);
/// A rule file of sluice's own whose rules are an expression alone.
[[nodiscard]] std::string expression_pack(std::uint32_t count);

/// A word that no text of `web_text.h` has, at least 5 letters.
[[nodiscard]] std::string odd_word(Dice& dice);

}  // namespace sluice::bench
