#include "exit_code.h"

#include <cstdio>

#include <fmt/format.h>

namespace sluice {

void print_error(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  hint: {}\n", error.hint);
}

}  // namespace sluice
