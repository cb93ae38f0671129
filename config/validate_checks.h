// Checks that the parts of validate_config share. Included by them alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/source.h"

namespace sluice {

/// Letters, digits, _ and -.
[[nodiscard]] bool is_word(std::string_view text) noexcept;
/// `frame_bytes`: the largest that has to pass.
void check_limit(const LimitConfig& limit, const std::string& path, std::uint64_t frame_bytes,
                 FindingWriter& findings);
/// Limits, sets and exceptions of rules.
void check_named_by_rules(const Config& config, FindingWriter& findings);

}  // namespace sluice
