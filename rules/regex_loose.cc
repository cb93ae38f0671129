// A walk over the pattern that copies it. Inside of what must not be there nothing is let go of: a
// looser expression there would make the whole one tighter.
#include "rules/regex_loose.h"

#include <charconv>
#include <vector>

namespace sluice {
namespace {

/// Groups that come so often at most are left as they are.
constexpr unsigned kBoundKept = 8;

class Copy {
 public:
  explicit Copy(std::string_view pattern) : pattern_(pattern) {}

  [[nodiscard]] std::optional<std::string> run() {
    while (at_ < pattern_.size() && is_certain_) step();
    return is_certain_ ? std::optional(out_) : std::nullopt;
  }

 private:
  void step() {
    switch (pattern_[at_]) {
      case '\\':
        return escape();
      case '[':
        return copy_class();
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '$':
        return end();
      case '#':  // a comment of the extended syntax
        is_certain_ = false;
        return;
      default:
        take(1);
    }
  }

  void take(std::size_t count) {
    out_ += pattern_.substr(at_, count);
    at_ += count;
  }

  void escape() {
    is_certain_ = at_ + 1 < pattern_.size() && pattern_[at_ + 1] != 'Q';
    take(2);
  }

  void copy_class() {
    std::size_t end = at_ + 1;
    if (end < pattern_.size() && pattern_[end] == '^') ++end;
    if (end < pattern_.size() && pattern_[end] == ']') ++end;
    while (end < pattern_.size() && pattern_[end] != ']') {
      if (pattern_[end] == '[') is_certain_ = false;  // a class by its name, perhaps
      if (pattern_.substr(end).starts_with("\\Q")) is_certain_ = false;
      end += pattern_[end] == '\\' ? 2 : 1;
    }
    is_certain_ = is_certain_ && end < pattern_.size();
    take(end + 1 - at_);
  }

  void open_group() {
    const std::string_view rest = pattern_.substr(at_);
    is_certain_ = !rest.starts_with("(*") && !rest.starts_with("(?#");
    const bool is_unwanted = rest.starts_with("(?!") || rest.starts_with("(?<!");
    unwanted_.push_back(is_unwanted || in_unwanted());
    take(1);
  }

  void close_group() {
    if (unwanted_.empty()) {
      is_certain_ = false;
      return;
    }
    unwanted_.pop_back();
    take(1);
    if (!in_unwanted()) let_bound_go();
  }

  /// Behind a group: {2,40} becomes {2,}.
  void let_bound_go() {
    const std::string_view rest = pattern_.substr(at_);
    const std::size_t comma = rest.find(',');
    const std::size_t brace = rest.find('}');
    if (!rest.starts_with('{') || brace == std::string_view::npos || comma > brace) return;
    unsigned most = 0;
    const char* end = rest.data() + brace;
    const auto read = std::from_chars(rest.data() + comma + 1, end, most);
    if (read.ptr != end || most <= kBoundKept) return;
    take(comma + 1);
    at_ += brace - comma - 1;
  }

  void end() {
    if (in_unwanted()) return take(1);
    out_ += "(?:)";
    ++at_;
  }

  [[nodiscard]] bool in_unwanted() const noexcept { return !unwanted_.empty() && unwanted_.back(); }

  std::string_view pattern_;
  std::string out_;
  std::size_t at_ = 0;
  bool is_certain_ = true;
  std::vector<bool> unwanted_;  ///< of the groups that are open
};

}  // namespace

std::optional<std::string> loosened(std::string_view pattern) { return Copy(pattern).run(); }

}  // namespace sluice
