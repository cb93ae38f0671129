#include "rules/regex_cost.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace sluice {
namespace {

/// What is known of a group while it is read. Its alternatives are judged each by itself.
struct Group {
  bool has_unbounded = false;  ///< in this alternative: an element that repeats without a bound
  bool has_fixed = false;      ///< in this alternative: an element that is there exactly so
  bool is_elastic = false;     ///< some alternative has the first and not the second

  void end_alternative() noexcept {
    is_elastic = is_elastic || (has_unbounded && !has_fixed);
    has_unbounded = false;
    has_fixed = false;
  }
};

struct Quantifier {
  std::size_t bytes = 0;  ///< 0: there is none
  bool is_unbounded = false;
};

Quantifier braces_at(std::string_view text) noexcept {
  const std::size_t close = text.find('}');
  if (close == std::string_view::npos || close < 2) return {};
  const std::string_view inside = text.substr(1, close - 1);
  if (inside.find_first_not_of("0123456789,") != std::string_view::npos) return {};
  return {close + 1, inside.back() == ','};
}

/// The quantifier that `text` begins with, with a "?" behind it. A possessive one gives nothing
/// back, so that it has no second way.
Quantifier quantifier_at(std::string_view text) noexcept {
  if (text.empty()) return {};
  Quantifier found;
  if (text[0] == '*' || text[0] == '+') found = {1, true};
  if (text[0] == '?') found = {1, false};
  if (text[0] == '{') found = braces_at(text);
  if (found.bytes == 0 || found.bytes >= text.size()) return found;
  if (text[found.bytes] == '?')
    ++found.bytes;
  else if (text[found.bytes] == '+')
    found = {found.bytes + 1, false};
  return found;
}

/// Bytes of the class that `text` begins with, brackets included.
std::size_t class_bytes(std::string_view text) noexcept {
  std::size_t i = text.substr(1).starts_with('^') ? 2 : 1;
  if (i < text.size() && text[i] == ']') ++i;  // the first one stands for itself
  for (; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ']') {
      return i + 1;
    }
  }
  return text.size();
}

/// Bytes of the element that `text` begins with; groups are not elements here.
std::size_t element_bytes(std::string_view text) noexcept {
  if (text[0] == '\\') return text.size() < 2 ? 1 : 2;
  if (text[0] == '[') return class_bytes(text);
  return 1;
}

bool is_assertion(char c) noexcept { return c == '^' || c == '$'; }

/// What begins a negative lookahead, if `text` begins with it; else 0.
std::size_t not_ahead_bytes(std::string_view text) noexcept {
  for (const std::string_view word : {"(?!", "(*nla:", "(*negative_lookahead:"}) {
    if (text.starts_with(word)) return word.size();
  }
  return 0;
}

/// "(?s" or "(?is:".
bool turns_dotall_on(std::string_view text) noexcept {
  if (!text.starts_with("(?")) return false;
  text.remove_prefix(2);
  const std::size_t letters = text.find_first_not_of("imnsxU");
  return text.substr(0, letters).find('s') != std::string_view::npos;
}

/// As "[\s\S]" does.
bool takes_any_byte(std::string_view element, bool is_dotall) noexcept {
  if (element == ".") return is_dotall;
  if (!element.starts_with('[') || element.starts_with("[^")) return false;
  const auto has = [element](std::string_view type) {
    return element.find(type) != std::string_view::npos;
  };
  return (has("\\s") && has("\\S")) || (has("\\d") && has("\\D")) || (has("\\w") && has("\\W"));
}

}  // namespace

bool has_nested_quantifiers(std::string_view pattern) {
  std::vector<Group> open(1);
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '(') {
      open.emplace_back();
      i += pattern.substr(i).starts_with("(?:") ? 3 : 1;
      continue;
    }
    if (pattern[i] == '|') {
      open.back().end_alternative();
      ++i;
      continue;
    }
    const bool is_group = pattern[i] == ')' && open.size() > 1;
    bool is_elastic = false;
    if (is_group) {
      open.back().end_alternative();
      is_elastic = open.back().is_elastic;
      open.pop_back();
    }
    const bool is_place = is_assertion(pattern[i]);
    i += is_group ? 1 : element_bytes(pattern.substr(i));
    const Quantifier quantifier = quantifier_at(pattern.substr(i));
    if (is_elastic && quantifier.is_unbounded) return true;
    i += quantifier.bytes;
    Group& around = open.back();
    around.has_unbounded = around.has_unbounded || quantifier.is_unbounded || is_elastic;
    around.has_fixed = around.has_fixed || (quantifier.bytes == 0 && !is_elastic && !is_place);
  }
  return false;
}

std::optional<std::size_t> endless_lookahead(std::string_view pattern, bool is_dotall) {
  std::vector<std::optional<std::size_t>> lookaheads(1);  // around what is read, by open group
  for (std::size_t i = 0; i < pattern.size();) {
    const std::string_view rest = pattern.substr(i);
    if (rest[0] == '(') {
      const std::size_t head = not_ahead_bytes(rest);
      lookaheads.push_back(head != 0 ? std::optional(i) : lookaheads.back());
      is_dotall = is_dotall || turns_dotall_on(rest);
      i += std::max<std::size_t>(head, 1);
      continue;
    }
    if (rest[0] == ')' && lookaheads.size() > 1) lookaheads.pop_back();
    const std::size_t bytes = element_bytes(rest);
    const Quantifier quantifier = quantifier_at(rest.substr(bytes));
    const bool is_endless =
        quantifier.is_unbounded && takes_any_byte(rest.substr(0, bytes), is_dotall);
    if (is_endless && lookaheads.back()) return lookaheads.back();
    i += bytes + quantifier.bytes;
  }
  return std::nullopt;
}

}  // namespace sluice
