// Random parts on random buffers: the confirm step against the naive reading.
#include <gtest/gtest.h>

#include <random>

#include <fmt/format.h>

#include "tests/unit/dataplane/confirm_fixture.h"
#include "tests/unit/dataplane/naive_match.h"

namespace sluice::test {
namespace {

/// Few letters and short buffers, so that most terms nearly hold.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed), letters_(seed % 2 == 0 ? 8 : 2) {}

  std::string text(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += "abA123\x01\x02"[below(letters_)];
    return out;
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::vector<Term> part() {
    names_.clear();
    std::vector<Term> terms;
    for (std::size_t n = 1 + below(5); n > 0; --n) terms.push_back(term());
    return terms;
  }

 private:
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::int64_t near(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::size_t>(high - low + 1)));
  }
  TermNumber number(std::int64_t low, std::int64_t high) {
    if (!names_.empty() && one_in(3)) return names_[below(names_.size())];
    return near(low, high);
  }
  std::string new_name() {
    names_.push_back(fmt::format("n{}", names_.size()));
    return names_.back();
  }

  Term content_term() {
    ContentTerm term = content(text(1 + below(3)));
    const auto length = static_cast<std::int64_t>(term.bytes.size());
    term.nocase = one_in(3);
    term.is_negated = one_in(4);
    term.ends_with = one_in(8);
    switch (below(5)) {
      case 0:
        term.starts_with = true;
        break;
      case 1:
        term.offset = number(0, 6);
        if (one_in(2)) term.depth = number(length, 6);
        break;
      case 2:
        term.distance = number(-4, 4);
        break;
      case 3:
        if (one_in(2)) term.distance = number(-4, 4);
        term.within = number(length, 6);
        break;
      default:
        break;
    }
    return term;
  }

  Term regex_term() {
    static constexpr std::array kPatterns{"^a", "b$", "a+b", "[12]+", "[ab][ab]", "A|1", "^[^a]*$"};
    PcreTerm term = pcre(kPatterns[below(kPatterns.size())], one_in(2));
    term.is_negated = one_in(4);
    return term;
  }

  ByteRead read() {
    ByteRead read = binary(static_cast<std::uint8_t>(1 + below(2)));
    read.is_relative = one_in(2);
    read.offset = number(read.is_relative ? -3 : 0, 4);
    if (one_in(2)) read.text = NumberText::decimal;
    if (one_in(4) && read.text == NumberText::binary) read.order = ByteOrder::little;
    return read;
  }

  Term number_term() {
    switch (below(4)) {
      case 0: {
        ByteTestTerm term;
        term.read = read();
        term.comparison = one_in(2) ? Comparison::less : Comparison::equal;
        term.operand = number(0, 3);
        term.is_negated = one_in(4);
        return term;
      }
      case 1: {
        ByteJumpTerm term;
        term.read = read();
        term.multiplier = static_cast<std::uint32_t>(1 + below(2));
        term.post_offset = static_cast<std::int32_t>(near(-3, 3));
        term.from_beginning = one_in(4);
        term.from_end = !term.from_beginning && one_in(4);
        return term;
      }
      case 2: {
        ByteExtractTerm term;
        term.read = read();
        term.name = new_name();
        return term;
      }
      default: {
        ByteMathTerm term;
        term.read = read();
        term.op = one_in(2) ? MathOperator::add : MathOperator::subtract;
        term.operand = number(0, 2);
        term.result = new_name();
        return term;
      }
    }
  }

  Term term() {
    switch (below(8)) {
      case 0:
        return regex_term();
      case 1:
        return number_term();
      case 2:
        return IsDataAtTerm{number(0, 5), one_in(3), one_in(2)};
      case 3:
        return SizeTerm{{below(12), 12 + below(12), one_in(4)}};
      default:
        return content_term();
    }
  }

  std::mt19937_64 random_;
  std::size_t letters_;  ///< so few that contents overlap themselves
  std::vector<std::string> names_;
};

std::string told(std::uint64_t seed, std::string_view buffer) {
  const std::vector<int> values(buffer.begin(), buffer.end());
  return fmt::format("seed {}, buffer {}", seed, fmt::join(values, " "));
}

class ConfirmOracle : public testing::Test {
 protected:
  ConfirmOutcome ask(const PartProgram& program, std::string_view bytes, std::uint64_t begin,
                     bool is_complete) {
    TermVariables variables;
    return confirmer_->evaluate(program, {as_bytes(bytes), begin, is_complete}, variables);
  }
  std::unique_ptr<Confirmer> confirmer_ =
      std::move(*Confirmer::create({.steps = 1U << 26, .regex = {}}));
};

TEST_F(ConfirmOracle, AgreesOnWholeBuffers) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    Maker maker(seed);
    const auto terms = maker.part();
    const PartProgram program = program_of(rule_of(terms));
    for (int i = 0; i < 12; ++i) {
      const std::string buffer = maker.text(maker.below(24));
      const bool expected = NaiveMatch(terms, buffer).holds();
      ASSERT_EQ(ask(program, buffer, 0, true) == ConfirmOutcome::yes, expected)
          << told(seed, buffer);
      held += expected ? 1 : 0;
    }
  }
  EXPECT_GT(held, 4'000);
}

TEST_F(ConfirmOracle, NoIsFinalWhateverFollows) {
  int no = 0;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    Maker maker(seed + 1'000'000);
    const auto terms = maker.part();
    const PartProgram program = program_of(rule_of(terms, Buffer::http_request_body));
    for (int i = 0; i < 12; ++i) {
      const std::string buffer = maker.text(1 + maker.below(24));
      const std::string_view so_far =
          std::string_view(buffer).substr(0, maker.below(buffer.size()));
      if (ask(program, so_far, 0, false) != ConfirmOutcome::no) continue;
      ++no;
      ASSERT_FALSE(NaiveMatch(terms, buffer).holds())
          << told(seed, buffer) << " at " << so_far.size();
    }
  }
  EXPECT_GT(no, 1'000);
}

/// Asked with each piece, and a window that may have left the first bytes behind.
TEST_F(ConfirmOracle, WhatIsAwaitedChangesNoAnswer) {
  int held = 0;
  int awaited_pieces = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    Maker maker(seed + 3'000'000);
    const Buffer buffer = seed % 2 == 0 ? Buffer::http_request_body : Buffer::payload;
    const PartProgram program = program_of(rule_of(maker.part(), buffer));
    const std::string text = maker.text(8 + maker.below(40));
    const std::size_t window = seed % 3 == 0 ? 6 + maker.below(10) : text.size();
    Awaited awaited;
    for (std::size_t end = 0; end < text.size();) {
      end = std::min(text.size(), end + 1 + maker.below(6));
      const std::size_t begin = end - std::min(window, end);
      const auto bytes = std::string_view(text).substr(begin, end - begin);
      const bool is_complete = end == text.size();
      const ConfirmOutcome anew = ask(program, bytes, begin, is_complete);
      awaited_pieces += awaited.is_set;
      TermVariables variables;
      const ConfirmOutcome later =
          confirmer_->evaluate(program, {as_bytes(bytes), begin, is_complete}, variables, awaited);
      ASSERT_EQ(later == ConfirmOutcome::yes, anew == ConfirmOutcome::yes)
          << told(seed, text) << " at " << end << ", window " << window;
      ASSERT_FALSE(is_complete && awaited.is_set != 0);
      if (later == ConfirmOutcome::no) break;
      held += later == ConfirmOutcome::yes ? 1 : 0;
    }
  }
  EXPECT_GT(held, 10'000);
  EXPECT_GT(awaited_pieces, 5'000);
}

/// A window that holds all that a part without negated terms looks at says what the buffer says.
TEST_F(ConfirmOracle, AWindowNeverHoldsWhatItsBufferDoesNot) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    Maker maker(seed + 2'000'000);
    auto terms = maker.part();
    std::erase_if(terms, [](const Term& term) {
      const auto* content = std::get_if<ContentTerm>(&term);
      const auto* regex = std::get_if<PcreTerm>(&term);
      return (content != nullptr && content->is_negated) ||
             (regex != nullptr && !regex->is_relative) || (regex != nullptr && regex->is_negated);
    });
    const PartProgram program = program_of(rule_of(terms, Buffer::http_request_body));
    for (int i = 0; i < 12; ++i) {
      const std::string buffer = maker.text(1 + maker.below(24));
      const std::size_t begin = maker.below(buffer.size());
      const auto outcome = ask(program, std::string_view(buffer).substr(begin), begin, true);
      if (outcome != ConfirmOutcome::yes) continue;
      ++held;
      ASSERT_TRUE(NaiveMatch(terms, buffer).holds()) << told(seed, buffer) << " from " << begin;
    }
  }
  EXPECT_GT(held, 1'000);
}

}  // namespace
}  // namespace sluice::test
