#include "base/diagnostic.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Finding finding_at(std::uint32_t line, std::uint32_t column, std::string message) {
  Finding finding;
  finding.file = "sluice.yaml";
  finding.position = {line, column};
  finding.message = std::move(message);
  return finding;
}

TEST(Diagnostics, SortsByFileThenPosition) {
  Diagnostics diagnostics;
  diagnostics.add(finding_at(9, 1, "third"));
  diagnostics.add(finding_at(2, 7, "second"));
  diagnostics.add(finding_at(2, 3, "first"));
  Finding other = finding_at(1, 1, "of the first file");
  other.file = "a.yaml";
  diagnostics.add(other);
  EXPECT_EQ(diagnostics.render(),
            "a.yaml:1:1: error: of the first file\n"
            "sluice.yaml:2:3: error: first\n"
            "sluice.yaml:2:7: error: second\n"
            "sluice.yaml:9:1: error: third\n");
}

TEST(Diagnostics, CountsErrorsOnly) {
  Diagnostics diagnostics;
  EXPECT_TRUE(diagnostics.empty());
  Finding warning = finding_at(1, 1, "odd");
  warning.severity = Severity::warning;
  diagnostics.add(warning);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_FALSE(diagnostics.empty());
  diagnostics.add(finding_at(2, 1, "wrong"));
  EXPECT_EQ(diagnostics.error_count(), 1U);
  EXPECT_EQ(diagnostics.render(), "sluice.yaml:1:1: warning: odd\nsluice.yaml:2:1: error: wrong\n");
}

TEST(Diagnostics, PutsTheCaretUnderTheColumn) {
  Diagnostics diagnostics;
  Finding finding = finding_at(3, 4, "here");
  finding.source_line = "a: bcd";
  finding.hint = "did you mean 'e'?";
  diagnostics.add(finding);
  EXPECT_EQ(diagnostics.render(),
            "sluice.yaml:3:4: error: here\n"
            "  a: bcd\n"
            "     ^\n"
            "  hint: did you mean 'e'?\n");
}

TEST(Diagnostics, CountsACharacterAsItIsShown) {
  Diagnostics diagnostics;
  Finding finding = finding_at(1, 6, "here");
  finding.source_line = "\t\xc3\xa9\x1b x";  // tab, two bytes of one letter, an escape
  diagnostics.add(finding);
  EXPECT_EQ(diagnostics.render(),
            "sluice.yaml:1:6: error: here\n"
            "   \xc3\xa9\\x1b x\n"
            "         ^\n");
}

TEST(Diagnostics, EscapesControlCharacters) {
  Diagnostics diagnostics;
  Finding finding = finding_at(0, 0, "unknown key 'a\nb\x1b[31m'");
  finding.file = "bad\tname";
  finding.hint = "\x7f";
  diagnostics.add(finding);
  EXPECT_EQ(diagnostics.render(),
            "bad\\x09name: error: unknown key 'a\\x0ab\\x1b[31m'\n  hint: \\x7f\n");
}

TEST(Diagnostics, CutsLongLines) {
  Diagnostics diagnostics;
  Finding finding = finding_at(1, 5000, "far");
  finding.source_line = std::string(100'000, 'x');
  diagnostics.add(finding);
  EXPECT_LT(diagnostics.render().size(), 300U);
  EXPECT_EQ(diagnostics.render().find('^'), std::string::npos);
}

}  // namespace
}  // namespace sluice
