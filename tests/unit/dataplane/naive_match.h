// A second reading of the rules: it works on the terms as written, tries every place of every
// content by itself, and recurses. Slow and obviously right; base64 and sets are not read.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rules/rule.h"

namespace sluice::test {

/// One part of a rule on one whole buffer.
class NaiveMatch {
 public:
  NaiveMatch(const std::vector<Term>& terms, std::string buffer)
      : terms_(terms), buffer_(std::move(buffer)) {}
  [[nodiscard]] bool holds() const { return rest_holds(0, 0, {}); }

 private:
  using Numbers = std::map<std::string, std::uint64_t>;

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
      // Words look at the byte before; only a line that the bytes begin with begins.
      if (start > 0) {
        flags |= std::regex_constants::match_not_bol | std::regex_constants::match_prev_avail;
      }
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

}  // namespace sluice::test
