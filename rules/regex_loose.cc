// A walk over the pattern that copies it. Inside of what must not be there nothing is let go of: a
// looser expression there would make the whole one tighter.
#include "rules/regex_loose.h"

#include <charconv>
#include <utility>
#include <vector>

namespace sluice {
namespace {

/// Groups, and bytes, that come so often at most are left as they are.
constexpr unsigned kGroupsKept = 8;
constexpr unsigned kBytesKept = 255;

class Copy {
 public:
  explicit Copy(std::string_view pattern) : pattern_(pattern) {}

  [[nodiscard]] std::optional<std::string> run() {
    while (at_ < pattern_.size() && is_certain_) step();
    return is_certain_ ? std::optional(out_) : std::nullopt;
  }

 private:
  void step() {
    const bool is_behind_group = std::exchange(is_behind_group_, false);
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
      case '{':
        return brace(is_behind_group ? kGroupsKept : kBytesKept);
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
    is_behind_group_ = true;
    take(1);
  }

  /// {2,40} becomes {2,}. What else stands in braces is a number, or no bound but bytes.
  void brace(unsigned kept) {
    const std::string_view rest = pattern_.substr(at_);
    const std::size_t comma = rest.find_first_not_of("0123456789", 1);
    const std::size_t close = rest.find_first_not_of("0123456789", comma + 1);
    if (comma == std::string_view::npos || close == std::string_view::npos || comma == 1 ||
        close == comma + 1 || rest[comma] != ',' || rest[close] != '}') {
      return take(1);
    }
    const std::string_view most = rest.substr(comma + 1, close - comma - 1);
    unsigned value = kBytesKept + 1;  // of a number that is too large
    std::from_chars(most.data(), most.data() + most.size(), value);
    if (in_unwanted() || value <= kept) return take(close + 1);
    take(comma + 1);
    at_ += most.size();
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
  bool is_behind_group_ = false;
  std::vector<bool> unwanted_;  ///< of the groups that are open
};

}  // namespace

std::optional<std::string> loosened(std::string_view pattern) { return Copy(pattern).run(); }

}  // namespace sluice
