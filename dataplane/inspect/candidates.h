// Rules that a pattern has hit and whose other parts are not decided yet, of one stream or message.
// Few, bounded: one rule more than fits is given up, and that is counted. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/inspect/awaited.h"

namespace sluice {

struct Candidate {
  std::uint32_t rule = 0;
  std::uint32_t parts_held = 0;  ///< a bit for each part that held
  Awaited awaited = {};          ///< by one of the others
};

class CandidateList {
 public:
  static constexpr std::size_t kMost = 62;

  [[nodiscard]] std::span<Candidate> all() noexcept { return {candidates_.data(), count_}; }
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }
  void clear() noexcept { count_ = 0; }

  /// The rule's place, a new one where it had none; null where there is no room.
  [[nodiscard]] Candidate* find_or_add(std::uint32_t rule) noexcept {
    for (Candidate& candidate : all()) {
      if (candidate.rule == rule) return &candidate;
    }
    if (count_ == kMost) return nullptr;
    candidates_[count_] = {.rule = rule};
    return &candidates_[count_++];
  }
  /// Keeps those for which `keeps(candidate)` says true, in their order.
  template <class Keeps>
  void keep_if(Keeps&& keeps) noexcept {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (keeps(candidates_[i])) candidates_[kept++] = candidates_[i];
    }
    count_ = kept;
  }

 private:
  std::array<Candidate, kMost> candidates_{};
  std::uint32_t count_ = 0;
};

}  // namespace sluice
