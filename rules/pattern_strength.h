// How rare bytes are in what networks carry, so that the prefilter looks for what is seldom there.
// Estimates from the look of ordinary text, not measurements. Pure functions; compiler only.
#pragma once

#include <cstddef>
#include <string_view>

#include "rules/buffers.h"

namespace sluice {

/// About how many bits a place in ordinary traffic must agree in: a literal of n bits is found in
/// one of 2^n places. Words that stand in every HTTP message count little.
[[nodiscard]] double literal_bits(std::string_view bytes, bool nocase);

/// A piece of a longer literal.
struct LiteralWindow {
  std::size_t begin = 0;
  std::size_t size = 0;
};
/// The rarest piece of at most `size_max` bytes; the whole, where it is no longer.
[[nodiscard]] LiteralWindow rarest_window(std::string_view bytes, bool nocase,
                                          std::size_t size_max);

/// What looking into this buffer is worth, in bits: few bytes of the traffic are there.
[[nodiscard]] double buffer_bits(Buffer buffer);
/// Whether the buffer holds one of a few words: nothing in it is rare.
[[nodiscard]] bool is_enumeration(Buffer buffer);

}  // namespace sluice
