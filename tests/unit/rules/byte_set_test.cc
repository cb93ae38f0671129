#include "rules/byte_set.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include <fmt/format.h>

namespace sluice {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(ByteSet, HoldsItsEntriesAndNothingElse) {
  std::vector<std::string> entries;
  for (int i = 0; i < 20'000; i += 2) entries.push_back(fmt::format("{}.example", i * 7919));
  const ByteSet set(entries);
  EXPECT_EQ(set.size(), entries.size());
  for (int i = 0; i < 20'000; ++i) {
    EXPECT_EQ(set.contains(bytes_of(fmt::format("{}.example", i * 7919))), i % 2 == 0) << i;
  }
}

TEST(ByteSet, AnEmptyOneHoldsNothing) {
  const std::vector<std::string> none;
  EXPECT_FALSE(ByteSet{}.contains(bytes_of("a")));
  EXPECT_FALSE(ByteSet(none).contains(bytes_of("a")));
  EXPECT_FALSE(ByteSet{}.contains_domain_of(bytes_of("a.b")));
}

TEST(ByteSet, CountsAnEntryOnce) {
  const std::vector<std::string> entries{"a", "b", "a"};
  EXPECT_EQ(ByteSet(entries).size(), 2U);
}

TEST(ByteSet, ADomainCoversItselfAndWhatIsBelow) {
  const std::vector<std::string> entries{"evil.test"};
  const ByteSet set(entries);
  EXPECT_TRUE(set.contains_domain_of(bytes_of("EVIL.test")));
  EXPECT_TRUE(set.contains_domain_of(bytes_of("a.b.evil.test")));
  EXPECT_FALSE(set.contains_domain_of(bytes_of("evil.test.")));
  EXPECT_FALSE(set.contains_domain_of(bytes_of("xevil.test")));
  EXPECT_FALSE(set.contains_domain_of(bytes_of("...")));
  EXPECT_FALSE(set.contains_domain_of(bytes_of(fmt::format("{:a<{}}.evil.test", "", 300))));
}

TEST(ByteSet, IsTheSameReadBack) {
  const std::vector<std::string> entries{"one", std::string("t\0o", 3), "three"};
  ByteSet set(entries);
  PlainWriter writer;
  code(writer, set);
  PlainReader reader(writer.bytes());
  ByteSet read;
  code(reader, read);
  ASSERT_TRUE(reader.is_complete());
  for (const std::string& entry : entries) EXPECT_TRUE(read.contains(bytes_of(entry)));
  EXPECT_FALSE(read.contains(bytes_of("two")));
}

TEST(ByteSet, RefusesEndsThatAreNone) {
  const std::vector<std::string> entries{"one", "three"};
  ByteSet set(entries);
  PlainWriter writer;
  code(writer, set);
  for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
    PlainReader reader(std::span(writer.bytes()).first(size));
    ByteSet read;
    code(reader, read);
    EXPECT_FALSE(reader.is_complete()) << size;
  }
  auto damaged = writer.bytes();
  damaged[4] = std::byte{9};  // the end of the first entry, behind that of the second
  PlainReader reader(damaged);
  ByteSet read;
  code(reader, read);
  EXPECT_FALSE(reader.is_good());
  EXPECT_FALSE(read.contains(bytes_of("one")));
}

}  // namespace
}  // namespace sluice
