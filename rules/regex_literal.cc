// A walk over the outermost sequence of the expression. Plain bytes are gathered into runs; what
// stands for one of several bytes, or for none, ends a run. A quantifier that allows none takes the
// byte before it back. Groups and classes are stepped over, as they count as "anything". Whatever
// is rare or depends on options that are set inside the expression ends the walk without an answer:
// missing a literal costs speed, a wrong one would cost matches.
#include "rules/regex_literal.h"

#include <string_view>

#include "base/hex.h"
#include "rules/pattern_strength.h"

namespace sluice {
namespace {

[[nodiscard]] bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Walk {
 public:
  explicit Walk(const PcreTerm& term)
      : text_(term.pattern),
        // An option inside may ignore case from there on; ignoring it everywhere finds no less.
        nocase_(term.nocase || term.pattern.find("(?") != std::string::npos) {}

  [[nodiscard]] std::optional<RequiredLiteral> run() {
    while (at_ < text_.size() && is_certain_) step();
    end_run();
    if (!is_certain_ || best_.empty()) return std::nullopt;
    return RequiredLiteral{best_, nocase_};
  }

 private:
  void step() {
    const char c = text_[at_++];
    switch (c) {
      case '\\':
        escape();
        return;
      case '[':
        skip_class();
        return end_run();
      case '(':
        skip_group();
        return end_run();
      case '.':
      case '^':
      case '$':
        return end_run();
      case '*':
      case '?':
        return quantify(false);
      case '+':
        return quantify(true);
      case '{':
        return brace();
      case '|':
      case ')':
        is_certain_ = false;
        return;
      default:
        run_ += c;
        return;
    }
  }

  void escape() {
    if (at_ == text_.size()) return give_up();
    const char c = text_[at_++];
    constexpr std::string_view kNames = "tnrfae";
    constexpr std::string_view kBytes = "\t\n\r\f\a\x1b";
    if (const auto name = kNames.find(c); name != std::string_view::npos) {
      run_ += kBytes[name];
    } else if (c == 'x') {
      escape_hex();
    } else if (std::string_view("dDwWsShHvVbBAzZ").find(c) != std::string_view::npos) {
      end_run();
    } else if (is_letter(c) || is_digit(c)) {
      give_up();
    } else {
      run_ += c;
    }
  }

  void escape_hex() {
    if (at_ + 2 > text_.size()) return give_up();
    const int byte = hex_byte(text_[at_], text_[at_ + 1]);
    if (byte < 0) return give_up();
    run_ += static_cast<char>(byte);
    at_ += 2;
  }

  /// Behind `[`: to behind its `]`.
  void skip_class() {
    if (at_ < text_.size() && text_[at_] == '^') ++at_;
    const std::size_t first = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\') {
        ++at_;
        if (at_ < text_.size() && (text_[at_] == 'Q' || text_[at_] == 'E')) return give_up();
      } else if (c == '[' && at_ + 1 < text_.size() &&
                 std::string_view(":.=").find(text_[at_ + 1]) != std::string_view::npos) {
        const std::size_t end = text_.find(']', at_ + 2);
        if (end == std::string_view::npos || text_[end - 1] != text_[at_ + 1]) return give_up();
        at_ = end;
      } else if (c == ']' && at_ != first) {
        ++at_;
        return;
      }
    }
    give_up();
  }

  /// Behind `(`: to behind its `)`. Options, comments and verbs are beyond this walk.
  void skip_group() {
    std::size_t depth = 1;
    bool is_group_start = true;
    while (depth > 0) {
      if (at_ >= text_.size() || (is_group_start && starts_unsure())) return give_up();
      const char c = text_[at_++];
      is_group_start = c == '(';
      if (c == '\\') {
        if (at_ < text_.size() && (text_[at_] == 'Q' || text_[at_] == 'E')) return give_up();
        ++at_;
      } else if (c == '[') {
        skip_class();
        if (!is_certain_) return;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      }
    }
  }

  /// At the start of a group: `(*verb)`, `(?#comment)`, or options that let spaces be ignored.
  [[nodiscard]] bool starts_unsure() const {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with('*') || rest.starts_with("?#") || rest.starts_with("?|") ||
        rest.starts_with("?C")) {
      return true;
    }
    if (!rest.starts_with('?')) return false;
    for (std::size_t i = 1;
         i < rest.size() && (is_letter(rest[i]) || rest[i] == '-' || rest[i] == '^'); ++i) {
      if (rest[i] == 'x') return true;
    }
    return false;
  }

  void brace() {
    std::size_t end = at_;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const bool has_number = end > at_;
    const bool is_zero = text_.substr(at_, end - at_).find_first_not_of('0') == std::string::npos;
    if (end < text_.size() && text_[end] == ',') {
      ++end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
    }
    if (!has_number || end >= text_.size() || text_[end] != '}') {
      run_ += '{';
      return;
    }
    at_ = end + 1;
    quantify(!is_zero);
  }

  /// The byte before may be repeated, so the run ends with it or, if it may be absent, before it.
  void quantify(bool keeps_last) {
    if (!keeps_last && !run_.empty()) run_.pop_back();
    end_run();
    if (at_ < text_.size() && (text_[at_] == '?' || text_[at_] == '+')) ++at_;
  }

  void end_run() {
    const double bits = run_.empty() ? 0 : literal_bits(run_, nocase_);
    if (bits > best_bits_) {
      best_bits_ = bits;
      best_ = run_;
    }
    run_.clear();
  }

  void give_up() { is_certain_ = false; }

  std::string_view text_;
  bool nocase_;
  std::size_t at_ = 0;
  bool is_certain_ = true;
  std::string run_;
  std::string best_;
  double best_bits_ = 0;
};

}  // namespace

std::optional<RequiredLiteral> required_literal(const PcreTerm& term) {
  if (term.extended) return std::nullopt;
  return Walk(term).run();
}

}  // namespace sluice
