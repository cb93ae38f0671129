// Text as the web carries it, made from a list of words: pages, scripts, records, and the heads of
// requests and responses. Deterministic: what comes depends on the dice alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/bench/dice.h"

namespace sluice::bench {

/// Lower case, 2 to 12 letters.
[[nodiscard]] std::string_view word(Dice& dice);
/// "/blog/summer-market/index.html?page=3"
[[nodiscard]] std::string request_target(Dice& dice);
[[nodiscard]] std::string host_name(Dice& dice);
[[nodiscard]] std::string_view user_agent(Dice& dice);

/// Exactly so many bytes.
[[nodiscard]] std::string html_page(Dice& dice, std::size_t bytes);
[[nodiscard]] std::string script_text(Dice& dice, std::size_t bytes);
[[nodiscard]] std::string json_text(Dice& dice, std::size_t bytes);
[[nodiscard]] std::string random_bytes(Dice& dice, std::size_t bytes);

struct RequestText {
  std::string_view method = "GET";
  std::string target;
  std::string host;
  std::string agent;
  std::string body;
};
[[nodiscard]] std::string request_text(Dice& dice, const RequestText& request);
/// The head alone; `body_bytes` is told in it.
[[nodiscard]] std::string response_head(Dice& dice, std::string_view type, std::size_t body_bytes,
                                        bool is_gzip);
[[nodiscard]] std::string gzipped(std::string_view text);

}  // namespace sluice::bench
