// Reading what the daemon answered without trusting its shape: a member that is missing or of
// another type reads as nothing, and a text comes out fit for a terminal. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace sluice {

/// Null where there is none.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, std::string_view name);

/// Escaped, on one line; a number as its digits; empty for anything else.
[[nodiscard]] std::string text_in(const nlohmann::json& object, std::string_view name);
[[nodiscard]] std::uint64_t count_in(const nlohmann::json& object, std::string_view name);
[[nodiscard]] double number_in(const nlohmann::json& object, std::string_view name);
[[nodiscard]] bool flag_in(const nlohmann::json& object, std::string_view name);
/// The elements of a list, each escaped, with ", " between.
[[nodiscard]] std::string texts_in(const nlohmann::json& object, std::string_view name);

/// Escaped line by line: newlines stay.
[[nodiscard]] std::string escape_lines(std::string_view text);

/// "2026-01-02T03:04:05.000006Z" as "2026-01-02 03:04:05 UTC"; any other text as it is.
[[nodiscard]] std::string time_in(const nlohmann::json& object, std::string_view name);

/// On one line, ASCII only, so that nothing in it speaks to the terminal.
[[nodiscard]] std::string json_line(const nlohmann::json& value);

}  // namespace sluice
