// Assertions about our own mistakes, on in every build. Never for anything that a packet, a file
// or a peer can cause.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sluice {

[[noreturn]] inline void check_failed(const char* condition, const char* why, const char* file,
                                      int line) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s: %s\n", file, line, condition, why);
  std::abort();
}

}  // namespace sluice

#define SLUICE_CHECK(condition, why)                               \
  do {                                                             \
    if (!(condition)) [[unlikely]]                                 \
      ::sluice::check_failed(#condition, why, __FILE__, __LINE__); \
  } while (false)
