#include "tests/support/source_tree.h"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "tests/support/scratch_dir.h"

namespace sluice::test {

std::string source_path(std::string_view path) {
  return fmt::format("{}/{}", SLUICE_SOURCE_DIR, path);
}

bool is_updating_golden() {
  const char* update = std::getenv("SLUICE_UPDATE_GOLDEN");
  return update != nullptr && std::string_view(update) == "1";
}

std::string golden_page(std::string_view path, const std::string& text) {
  const std::string file = source_path(path);
  if (is_updating_golden()) std::ofstream(file, std::ios::binary) << text;
  return read_text(file);
}

}  // namespace sluice::test
