// What the verbs of `sluiced` end with, and how one tells why.
#pragma once

#include "base/result.h"

namespace sluice {

inline constexpr int kDone = 0;
inline constexpr int kCouldNot = 1;
inline constexpr int kAskedWrongly = 2;  ///< usage, or a file with errors

/// The message and its hint to the standard error.
void print_error(const Error& error);

}  // namespace sluice
