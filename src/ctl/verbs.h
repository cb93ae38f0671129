// What sluicectl can be asked: one table of verbs with their options and how each answer is shown.
// The command line, the help and the completions are made from it. Constant.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "ctl/paper.h"
#include "ctl/table.h"

namespace sluice {

enum class OptionKind : std::uint8_t {
  flag,
  text,
  words,     ///< the rest of the line, joined by spaces
  several,   ///< the rest of the line, word by word
  list,      ///< separated by commas
  number,    ///< whole, not negative
  duration,  ///< "90s", "10m"
  file
};

struct OptionRow {
  std::string_view name;      ///< "--touching"; what stands at a place has no dashes: "WHAT"
  std::string_view argument;  ///< of the request, or of what the client keeps to itself
  OptionKind kind = OptionKind::text;
  std::string_view value;  ///< in the help
  std::string_view help;
  bool is_required = false;
  bool is_local = false;  ///< for the client, not in the request
  std::span<const std::string_view> choices = {};
};

/// How an answer is fetched.
enum class Shape : std::uint8_t { answer, pages, stream, live, block, completion };

struct VerbRow {
  std::string_view words;  ///< "blocks list"
  std::string_view wire;   ///< "blocks.list"
  Shape shape = Shape::answer;
  std::string_view help;
  std::string_view example;
  std::span<const OptionRow> options = {};
  /// Of an answer, the whole text; of pages, what stands above the first row (may be null).
  std::string (*show)(const nlohmann::json& result, const Paper& paper) = nullptr;
  std::span<const Column> columns = {};  ///< of pages
  std::string_view none = {};            ///< what is said where pages hold nothing
  /// The exit code of an answer; null = 0.
  int (*exit_code)(const nlohmann::json& result) = nullptr;
};

[[nodiscard]] std::span<const VerbRow> verb_table() noexcept;

/// The word that several verbs begin with, and what they are about.
struct VerbGroup {
  std::string_view word;
  std::string_view help;
};
[[nodiscard]] std::span<const VerbGroup> verb_groups() noexcept;

}  // namespace sluice
