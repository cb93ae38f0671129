#include "dataplane/inspect/part_sieve.h"

#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>

#include "rules/pattern_choice.h"
#include "rules/regex.h"

namespace sluice {
namespace {

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

PartProgram part_of(std::uint32_t database, std::uint32_t pattern) {
  PartProgram program;
  program.sieve = {database, pattern};
  return program;
}

/// One database of expressions, asked about texts.
struct Sieve {
  explicit Sieve(std::span<const ScanPattern> patterns) {
    const auto compiled = compile_patterns(patterns, ScanMode::once);
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().message);
    if (!compiled) return;
    databases.push_back(*ScanDatabase::create(*compiled));
    scratch = *ScanScratch::create(databases);
    sieve.open(databases, *scratch);
  }
  std::vector<std::shared_ptr<const ScanDatabase>> databases;
  std::unique_ptr<ScanScratch> scratch;
  PartSieve sieve;
};

ScanPattern expression(std::string text) {
  PcreTerm term;
  term.pattern = std::move(text);
  return pattern_in_bytes(term).value_or(ScanPattern{});
}

TEST(PartSieve, SaysNothingWhereItIsNotOpen) {
  PartSieve sieve;
  EXPECT_FALSE(sieve.concerns(part_of(0, 0)));
  const std::vector<ScanPattern> patterns{expression("a+b")};
  Sieve open(patterns);
  EXPECT_TRUE(open.sieve.concerns(part_of(0, 0)));
  EXPECT_FALSE(open.sieve.concerns(part_of(kNoSieve, 0)));
  open.sieve.close();
  EXPECT_FALSE(open.sieve.concerns(part_of(0, 0)));
}

TEST(PartSieve, RemembersWhatAWindowHolds) {
  const std::vector<ScanPattern> patterns{expression("a+b"), expression("c[de]")};
  Sieve made(patterns);
  const auto window = as_bytes("xxaab");
  EXPECT_EQ(made.sieve.earlier_look(0, window), nullptr);
  EXPECT_TRUE(made.sieve.look(0, window, window).holds(0));
  const auto* look = made.sieve.earlier_look(0, window);
  ASSERT_NE(look, nullptr);
  EXPECT_TRUE(look->holds(0));
  EXPECT_FALSE(look->holds(1));
  EXPECT_EQ(made.sieve.earlier_look(0, window.first(3)), nullptr);
  EXPECT_EQ(made.sieve.earlier_look(1, window), nullptr);
  made.sieve.open(made.databases, *made.scratch);
  EXPECT_EQ(made.sieve.earlier_look(0, window), nullptr);
}

/// Expressions of few letters, with all that engine and interpreter treat differently.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string text(std::size_t size) {
    std::string out;
    while (out.size() < size) out += "aabbc \n{,20}"[below(12)];
    return out;
  }
  std::string expression(int depth = 0) {
    std::string out;
    for (auto items = 1 + below(4); items > 0; --items) out += item(depth);
    if (depth < 2 && below(5) == 0) out += "|" + expression(depth + 1);
    return out;
  }

 private:
  std::string item(int depth) {
    static constexpr std::array kItems{"a",    "b",   "c",   ".",  "[ab]",
                                       "[^a]", "\\s", "\\w", "aa", "ba"};
    static constexpr std::array kEdges{"^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z"};
    static constexpr std::array kGroups{"(?:", "(", "(?=", "(?!", "(?:", "("};
    if (below(9) == 0) return kEdges[below(kEdges.size())];
    if (below(14) == 0) return below(2) == 0 ? "(?<!a)" : "(?<=b)";
    if (depth < 3 && below(4) == 0) {
      return kGroups[below(kGroups.size())] + expression(depth + 1) + ")" + count();
    }
    return kItems[below(kItems.size())] + count();
  }
  std::string count() {
    static constexpr std::array kCounts{"",    "",       "",       "?",  "*",     "+",
                                        "{2}", "{0,12}", "{1,30}", "*?", "{a,20}"};
    return kCounts[below(kCounts.size())];
  }

  std::mt19937_64 random_;
};

TEST(PartSieve, MissesNothingThatAnExpressionMatches) {
  auto matcher = *RegexMatcher::create({});
  int taken = 0;
  int matched = 0;
  int held_back = 0;
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Writer writer(seed);
    PcreTerm term;
    term.pattern = writer.expression();
    term.nocase = seed % 3 == 0;
    term.dotall = seed % 2 == 0;
    term.multiline = seed % 5 == 0;
    const auto regex = Regex::compile(term);
    const auto pattern = pattern_in_bytes(term);
    if (!regex || !pattern || !compile_patterns(std::span(&*pattern, 1), ScanMode::once)) continue;
    ++taken;
    Sieve made(std::span(&*pattern, 1));
    for (int i = 0; i < 20; ++i) {
      const std::string text = writer.text(1 + writer.below(20));
      const RegexMatcher::Subject subject{.bytes = as_bytes(text),
                                          .is_begin = writer.below(2) == 0,
                                          .is_end = writer.below(2) == 0,
                                          .is_cut = writer.below(2) == 0};
      const bool is_match = matcher.match(*regex, subject) == RegexOutcome::yes;
      const bool may_match = made.sieve.look(0, as_bytes(text), as_bytes(text)).holds(0);
      ASSERT_TRUE(!is_match || may_match)
          << fmt::format("seed {}: '{}' matches '{}'", seed, term.pattern, text);
      matched += is_match ? 1 : 0;
      held_back += may_match ? 0 : 1;
    }
  }
  EXPECT_GT(taken, 1'000);
  EXPECT_GT(matched, 5'000);
  EXPECT_GT(held_back, 2'000);
}

}  // namespace
}  // namespace sluice
