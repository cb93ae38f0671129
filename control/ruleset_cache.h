// Compiled rulesets on disk: DIRECTORY/DIGEST.ruleset and DIGEST.texts, the last few that were
// used. What is damaged counts as missing. Short-lived children: reads and writes megabytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "rules/ruleset.h"

namespace sluice {

inline constexpr std::size_t kRulesetsKept = 4;

/// As they are published: `encode_ruleset` and `encode_rule_texts`.
struct CompiledBytes {
  std::vector<std::byte> ruleset;
  std::vector<std::byte> texts;
  std::size_t rules = 0;
};

class RulesetCache {
 public:
  explicit RulesetCache(std::string directory) : directory_(std::move(directory)) {}

  /// Read, checked and marked as used. `digest` is a `text_of`.
  [[nodiscard]] std::optional<CompiledBytes> find(const std::string& digest) const;
  /// The ruleset alone, read and checked, for whoever asks what is in it.
  [[nodiscard]] std::optional<Ruleset> find_ruleset(const std::string& digest) const;
  /// Both files appear whole or not at all; then the ones that were not used for longest go.
  [[nodiscard]] Status store(const std::string& digest, const CompiledBytes& bytes) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& digest, const char* kind) const;
  void forget_oldest() const;

  std::string directory_;
};

}  // namespace sluice
