// Random parts on random buffers against a second reading of the rules: it works on the terms as
// written, tries every place of every content by itself, and recurses. Slow and obviously right.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <regex>

#include <fmt/format.h>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

using Numbers = std::map<std::string, std::uint64_t>;

class Oracle {
 public:
  Oracle(const std::vector<Term>& terms, std::string buffer)
      : terms_(terms), buffer_(std::move(buffer)) {}
  [[nodiscard]] bool holds() const { return rest_holds(0, 0, {}); }

 private:
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(buffer_.size()); }

  [[nodiscard]] bool rest_holds(std::size_t i, std::int64_t at, const Numbers& numbers) const {
    if (i == terms_.size()) return true;
    return std::visit([&](const auto& term) { return holds(term, i, at, numbers); }, terms_[i]);
  }

  static std::int64_t number(const TermNumber& term, const Numbers& numbers) {
    if (const auto* name = std::get_if<std::string>(&term)) {
      return static_cast<std::int64_t>(std::min<std::uint64_t>(numbers.at(*name), 1U << 30));
    }
    return std::get<std::int64_t>(term);
  }

  [[nodiscard]] bool stands_at(const ContentTerm& term, std::int64_t place) const {
    for (std::size_t i = 0; i < term.bytes.size(); ++i) {
      int a = buffer_[static_cast<std::size_t>(place) + i];
      int b = term.bytes[i];
      if (term.nocase) a = std::tolower(a), b = std::tolower(b);
      if (a != b) return false;
    }
    return true;
  }

  [[nodiscard]] bool may_stand_at(const ContentTerm& term, std::int64_t place, std::int64_t at,
                                  const Numbers& numbers) const {
    const auto length = static_cast<std::int64_t>(term.bytes.size());
    const std::int64_t end = place + length;
    if (end > size()) return false;
    if (term.starts_with && place != 0) return false;
    if (term.ends_with && end != size()) return false;
    const std::int64_t offset = term.offset ? number(*term.offset, numbers) : 0;
    if (place < offset) return false;
    if (term.depth && end > offset + number(*term.depth, numbers)) return false;
    const std::int64_t distance = term.distance ? number(*term.distance, numbers) : 0;
    if ((term.distance || term.within) && place < at + distance) return false;
    if (term.within && end > at + distance + number(*term.within, numbers)) return false;
    return stands_at(term, place);
  }

  bool holds(const ContentTerm& term, std::size_t i, std::int64_t at,
             const Numbers& numbers) const {
    for (std::int64_t place = 0; place < size(); ++place) {
      if (!may_stand_at(term, place, at, numbers)) continue;
      if (term.is_negated) return false;
      const auto end = place + static_cast<std::int64_t>(term.bytes.size());
      if (rest_holds(i + 1, end, numbers)) return true;
    }
    return term.is_negated && rest_holds(i + 1, at, numbers);
  }

  bool holds(const PcreTerm& term, std::size_t i, std::int64_t at, const Numbers& numbers) const {
    const std::string subject = buffer_.substr(term.is_relative ? static_cast<std::size_t>(at) : 0);
    const std::int64_t origin = term.is_relative ? at : 0;
    const std::regex regex(term.pattern);
    for (std::size_t start = 0; start <= subject.size(); ++start) {
      auto flags = std::regex_constants::match_continuous;
      if (start > 0) flags |= std::regex_constants::match_not_bol;
      std::smatch match;
      const auto begin = subject.begin() + static_cast<std::ptrdiff_t>(start);
      if (!std::regex_search(begin, subject.end(), match, regex, flags)) continue;
      if (term.is_negated) return false;
      const auto end = origin + static_cast<std::int64_t>(start) + match.length(0);
      if (rest_holds(i + 1, end, numbers)) return true;
    }
    return term.is_negated && rest_holds(i + 1, at, numbers);
  }

  struct Read {
    std::uint64_t value;
    std::int64_t end;
  };
  [[nodiscard]] std::optional<Read> read(const ByteRead& read, std::int64_t at,
                                         const Numbers& numbers) const {
    const std::int64_t place = (read.is_relative ? at : 0) + number(read.offset, numbers);
    if (place < 0 || place + read.bytes > size()) return std::nullopt;
    const std::string field = buffer_.substr(static_cast<std::size_t>(place), read.bytes);
    if (read.text == NumberText::binary) {
      std::uint64_t value = 0;
      const bool is_big = read.order == ByteOrder::big;
      for (std::size_t i = 0; i < field.size(); ++i) {
        value = value * 256 + static_cast<std::uint8_t>(field[is_big ? i : field.size() - 1 - i]);
      }
      return Read{value, place + read.bytes};
    }
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(field.c_str(), &end, 10);
    if (end == field.c_str()) return std::nullopt;
    return Read{value, place + (end - field.c_str())};
  }

  bool holds(const ByteTestTerm& term, std::size_t i, std::int64_t at,
             const Numbers& numbers) const {
    const auto found = read(term.read, at, numbers);
    if (!found) return false;
    const auto right = static_cast<std::uint64_t>(number(term.operand, numbers));
    const bool is_true =
        term.comparison == Comparison::less ? found->value < right : found->value == right;
    return is_true != term.is_negated && rest_holds(i + 1, at, numbers);
  }

  bool holds(const ByteJumpTerm& term, std::size_t i, std::int64_t at,
             const Numbers& numbers) const {
    const auto found = read(term.read, at, numbers);
    if (!found || found->value > 1'000) return false;
    const std::int64_t base = term.from_beginning ? 0 : term.from_end ? size() : found->end;
    const std::int64_t target =
        base + static_cast<std::int64_t>(found->value * term.multiplier) + term.post_offset;
    return target >= 0 && target < size() && rest_holds(i + 1, target, numbers);
  }

  bool holds(const ByteExtractTerm& term, std::size_t i, std::int64_t at, Numbers numbers) const {
    const auto found = read(term.read, at, numbers);
    if (!found) return false;
    numbers[term.name] = found->value * term.multiplier;
    return rest_holds(i + 1, found->end, numbers);
  }

  bool holds(const ByteMathTerm& term, std::size_t i, std::int64_t at, Numbers numbers) const {
    const auto found = read(term.read, at, numbers);
    if (!found) return false;
    const auto right = static_cast<std::uint64_t>(number(term.operand, numbers));
    numbers[term.result] =
        term.op == MathOperator::add ? found->value + right : found->value - right;
    return rest_holds(i + 1, found->end, numbers);
  }

  bool holds(const IsDataAtTerm& term, std::size_t i, std::int64_t at,
             const Numbers& numbers) const {
    const std::int64_t offset = number(term.offset, numbers);
    const bool has_data = term.is_relative ? size() - at >= offset : size() > offset;
    return has_data != term.is_negated && rest_holds(i + 1, at, numbers);
  }

  bool holds(const SizeTerm& term, std::size_t i, std::int64_t at, const Numbers& numbers) const {
    const auto bytes = static_cast<std::uint64_t>(size());
    const bool is_inside = bytes >= term.bytes.low && bytes <= term.bytes.high;
    return is_inside != term.bytes.is_negated && rest_holds(i + 1, at, numbers);
  }

  bool holds(const Base64Term&, std::size_t, std::int64_t, const Numbers&) const { return false; }
  bool holds(const SetTerm&, std::size_t, std::int64_t, const Numbers&) const { return false; }

  const std::vector<Term>& terms_;
  std::string buffer_;
};

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
      const bool expected = Oracle(terms, buffer).holds();
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
      ASSERT_FALSE(Oracle(terms, buffer).holds()) << told(seed, buffer) << " at " << so_far.size();
    }
  }
  EXPECT_GT(no, 1'000);
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
      ASSERT_TRUE(Oracle(terms, buffer).holds()) << told(seed, buffer) << " from " << begin;
    }
  }
  EXPECT_GT(held, 1'000);
}

}  // namespace
}  // namespace sluice::test
