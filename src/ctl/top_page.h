// One page of `sluicectl top`. Pure.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "ctl/paper.h"

namespace sluice {

/// What stands beside the daemon's answer.
struct TopNotes {
  double uptime_seconds = 0;
  std::string trouble;  ///< why there is no newer answer; escaped, empty where there is one
};

/// No more lines than the paper has rows, none wider than it: drops and flows share what is left
/// behind the rest. The last line has no newline.
[[nodiscard]] std::string show_top_page(const nlohmann::json& top, const TopNotes& notes,
                                        const Paper& paper);
/// The same on a paper that is as long as it takes, for `--once`.
[[nodiscard]] std::string show_top(const nlohmann::json& top, const Paper& paper);

}  // namespace sluice
