// A file that an offline tool writes at once.
#pragma once

#include <fstream>
#include <string>

#include "base/result.h"

namespace sluice {

[[nodiscard]] inline Status write_whole(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(ErrorKind::io, path + ": cannot be written");
  return {};
}

}  // namespace sluice
