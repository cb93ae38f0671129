#include "config/set_file.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/date.h"
#include "config/check.h"
#include "config/set_entry.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

const NamedSet kDomains{"domains", SetKind::domain, false};
const NamedSet kTexts{"texts", SetKind::text, true};
const NamedSet kAddresses{"addresses", SetKind::address, false};

SetFile parsed(const std::string& text, const NamedSet& set, Diagnostics& findings) {
  test::keep_seed("list_file_fuzz", text);
  return parse_set_file(text, "bad.txt", set, findings);
}

std::vector<std::string> entries_of(const std::string& text, const NamedSet& set) {
  Diagnostics findings;
  std::vector<std::string> out;
  for (const SetEntry& entry : parsed(text, set, findings).entries) {
    out.push_back(set_entry_text(set.kind, entry.key));
  }
  EXPECT_TRUE(findings.empty()) << findings.render();
  return out;
}

using Texts = std::vector<std::string>;

TEST(SetFile, TakesADomainWithOrWithoutADotAsTheSame) {
  EXPECT_EQ(
      entries_of("# head\n\n  Evil.Example # why\n.other.example\r\nroot.example.\n", kDomains),
      (Texts{"evil.example", "other.example", "root.example"}));
}

TEST(SetFile, TakesATextWithBlanksAndHashesInIt) {
  EXPECT_EQ(entries_of("# head\n/a b#C\n  curl/1.0  \n", kTexts), (Texts{"/a b#c", "curl/1.0"}));
}

TEST(SetFile, TakesBytesBetweenBars) {
  Diagnostics findings;
  const SetFile file = parsed("|00 ff|\n|0A0d|\n|41|\na|b|\n|4|\n||\n|zz|\n", kTexts, findings);
  EXPECT_TRUE(findings.empty()) << findings.render();
  std::vector<std::string> keys;
  for (const SetEntry& entry : file.entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (Texts{std::string("\0\xff", 2), "\n\r", "a", "a|b|", "|4|", "|zz|", "||"}));
  EXPECT_EQ(set_entry_text(SetKind::text, keys[0]), "|00ff|");
  EXPECT_EQ(set_entry_text(SetKind::text, "|41|"), "|7c34317c|") << "read back as it was";
  EXPECT_EQ(set_entry_text(SetKind::text, "\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(set_file_text(SetKind::text, "#x"), "|2378|");
  EXPECT_EQ(set_file_text(SetKind::text, "a until=2030"), "|6120756e74696c3d32303330|");
  EXPECT_EQ(set_file_text(SetKind::text, "a b"), "a b");
}

TEST(SetFile, TakesPrefixesOfBothVersions) {
  EXPECT_EQ(entries_of("10.0.0.0/8\n192.0.2.1 # one\n2001:db8::/32\n::1\n", kAddresses),
            (Texts{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"}));
}

TEST(SetFile, ReadsWhenAnEntryEnds) {
  Diagnostics findings;
  const SetFile file =
      parsed("evil.example until=2030-01-02T03:04Z\nother.example\n", kDomains, findings);
  ASSERT_TRUE(findings.empty()) << findings.render();
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.entries[0].until, parse_date("2030-01-02T03:04Z").value());
  EXPECT_EQ(file.entries[1].until, 0U);
}

TEST(SetFile, KeepsTheLatestEndOfARepeatedEntry) {
  Diagnostics findings;
  const SetFile file = parsed(
      "a.example until=2030-01-01\na.example until=2031-01-01\nb.example "
      "until=2030-01-01\nb.example\n",
      kDomains, findings);
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.duplicates, 2U);
  EXPECT_EQ(file.entries[0].until, parse_date("2031-01-01").value());
  EXPECT_EQ(file.entries[1].until, 0U);
}

TEST(SetFile, TellsEveryMistakeWithItsPlace) {
  Diagnostics findings;
  const SetFile file = parsed("good.example\n a..b\n*.wild.example\nx.example until=soon\ny z\n",
                              kDomains, findings);
  EXPECT_EQ(file.entries.size(), 1U);
  const auto sorted = findings.sorted();
  ASSERT_EQ(sorted.size(), 4U);
  EXPECT_EQ(sorted[0].position.line, 2U);
  EXPECT_EQ(sorted[0].position.column, 2U);
  EXPECT_EQ(sorted[0].message, "'a..b' is no domain");
  EXPECT_EQ(sorted[1].hint, "write 'wild.example', which covers every name below it");
  EXPECT_EQ(sorted[2].position.line, 4U);
  EXPECT_EQ(sorted[2].position.column, 11U);
  EXPECT_EQ(sorted[3].message, "'y z' is no domain");
}

TEST(SetFile, IsFoundBesideTheConfigurationAndHeldToItsCapacity) {
  const test::ScratchDir dir;
  dir.write("bad.txt", "a.example\nb.example\n");
  const auto checked = [&](const std::string& capacity) {
    return check_text(dir.file("sluice.yaml"),
                      "sets: [{name: bad, file: bad.txt, capacity: " + capacity + "}]\n",
                      ConfigPurpose::replay);
  };
  const CheckedConfig fits = checked("2");
  EXPECT_FALSE(fits.findings.has_errors()) << fits.findings.render();
  ASSERT_EQ(fits.sets.size(), 1U);
  EXPECT_EQ(fits.sets[0].entries.size(), 2U);
  EXPECT_EQ(fits.sets[0].set, (NamedSet{"bad", SetKind::domain, false}));
  EXPECT_NE(checked("1").findings.render().find("holds 2 entries, above the set's capacity of 1"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice
