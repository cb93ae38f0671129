// The tree that is tested: where it lies (the one place that is compiled with its path), and the
// pages in it that tests write anew with SLUICE_UPDATE_GOLDEN=1.
#pragma once

#include <string>
#include <string_view>

namespace sluice::test {

/// The full path of a file or folder, given from the top of the tree: "docs/import.md".
[[nodiscard]] std::string source_path(std::string_view path);

/// SLUICE_UPDATE_GOLDEN=1: what is expected is written, not compared.
[[nodiscard]] bool is_updating_golden();

/// The text of a page of the tree; where golden files are updated, it is `text` from now on.
[[nodiscard]] std::string golden_page(std::string_view path, const std::string& text);

}  // namespace sluice::test
