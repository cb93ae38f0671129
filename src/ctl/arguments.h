// The command line, from the table of verbs. One thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "ctl/connection.h"
#include "ctl/verbs.h"

namespace sluice {

/// What was asked. Without a verb the help or the version was, and `help` is its text.
struct Asked {
  const VerbRow* verb = nullptr;
  nlohmann::json args = nlohmann::json::object();   ///< of the request
  nlohmann::json local = nlohmann::json::object();  ///< for the client
  std::string socket = kSocketUnlessAsked;
  bool as_json = false;
  std::string help;
};

/// `words` without the name of the program. Errors: invalid.
[[nodiscard]] Result<Asked> parse_arguments(std::span<const std::string> words);

}  // namespace sluice
