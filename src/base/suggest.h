// "did you mean": the nearest known word to one that is unknown. Control threads only.
#pragma once

#include <span>
#include <string_view>

namespace sluice {

/// The candidate with the smallest optimal string alignment distance to `word`, if that is at most
/// a third of the word's length (at least 1); empty where none is near. Ties go to the first
/// candidate.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

}  // namespace sluice
