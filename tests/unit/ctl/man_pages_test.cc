#include <string>

#include <gtest/gtest.h>

#include "config/options.h"
#include "ctl/verbs.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

std::string page(const std::string& name) {
  return test::read_text(test::source_path("docs/man/" + name));
}

/// "-" begins a macro's option, so that `--all` stands as `-all`.
std::string as_macro(std::string_view option) { return "Fl " + std::string(option.substr(1)); }

/// "blocks list" as `.It Cm blocks Cm list`.
std::string heading(std::string_view words) {
  std::string text = ".It Cm ";
  for (const char c : words) text += c == ' ' ? std::string(" Cm ") : std::string(1, c);
  return text;
}

TEST(ManPages, KnowEveryVerbWithItsOptions) {
  const std::string text = page("sluicectl.1");
  for (const VerbRow& row : verb_table()) {
    const std::size_t at = text.find(heading(row.words));
    ASSERT_NE(at, std::string::npos) << row.words;
    for (const OptionRow& option : row.options) {
      if (!option.name.starts_with("--")) continue;
      EXPECT_NE(text.find(as_macro(option.name), at), std::string::npos)
          << row.words << " " << option.name;
    }
  }
}

TEST(ManPages, KnowEveryOptionOfTheConfiguration) {
  const std::string text = page("sluice.yaml.5");
  const auto expect_option = [&text](std::string_view path) {
    const std::string item = ".It Cm " + std::string(path);
    const bool is_there = text.find(item + "\n") != std::string::npos ||
                          text.find(item + " No *\n") != std::string::npos;
    EXPECT_TRUE(is_there) << path;
  };
  for (const auto& option : config_options()) expect_option(option.shape.path);
  for (const auto& option : pair_options()) expect_option(option.shape.path);
  for (const auto& option : rule_limit_options()) expect_option(option.shape.path);
  for (const auto& option : exception_options()) expect_option(option.shape.path);
  for (const auto& option : set_options()) expect_option(option.shape.path);
}

}  // namespace
}  // namespace sluice
