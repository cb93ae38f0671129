#include "rules/regex_cost.h"

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

}  // namespace sluice
