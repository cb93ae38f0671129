#include "rules/suricata_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::array<std::string_view, 8> kActions{
    "alert", "drop", "pass", "reject", "rejectsrc", "rejectdst", "rejectboth", "config"};
constexpr std::size_t kShownBytesMax = 40;

bool is_blank(char c) noexcept { return kBlanks.find(c) != std::string_view::npos; }

bool is_name_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool is_action(std::string_view word) noexcept {
  return std::ranges::find(kActions, word) != kActions.end();
}

/// A comment that is a rule: an action, a header with its arrow, and options.
bool is_disabled_rule(std::string_view comment) noexcept {
  comment.remove_prefix(std::min(comment.find_first_not_of("# \t"), comment.size()));
  const std::string_view word = comment.substr(0, comment.find_first_of(kBlanks));
  const std::size_t open = comment.find('(');
  if (!is_action(word) || open == std::string_view::npos) return false;
  const std::string_view header = comment.substr(0, open);
  return header.find("->") != std::string_view::npos || header.find("<>") != std::string_view::npos;
}

/// Cuts the first line off, joined with those that continue it. `lines` counts what was cut.
std::string cut_line(std::string_view& text, std::uint32_t& lines) {
  std::string joined;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    // One byte above the bound is enough to be refused for its length.
    joined += line.substr(
        0, kSuricataLineBytesMax + 1 - std::min(kSuricataLineBytesMax + 1, joined.size()));
    if (!goes_on) break;
  }
  return joined;
}

class RuleParser {
 public:
  explicit RuleParser(std::string_view line) noexcept : line_(line) {}

  tl::expected<SuricataRule, SuricataFault> parse();

 private:
  using Parsed = tl::expected<void, SuricataFault>;

  Parsed parse_header();
  Parsed parse_options();
  Parsed parse_option();
  std::string_view cut_field();
  std::size_t end_of_value() const noexcept;
  void skip_blanks() noexcept {
    while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
  }
  bool is_at(char c) const noexcept { return at_ < line_.size() && line_[at_] == c; }
  tl::unexpected<SuricataFault> fault_at(std::size_t place, std::string_view keyword,
                                         std::string reason) const {
    return tl::unexpected<SuricataFault>(SuricataFault{static_cast<std::uint32_t>(place + 1),
                                                       std::string(keyword), std::move(reason)});
  }

  std::string_view line_;
  std::size_t at_ = 0;
  SuricataRule rule_;
};

std::string shown(std::string_view text) {
  const bool is_cut = text.size() > kShownBytesMax;
  return escape_control(text.substr(0, kShownBytesMax)) + (is_cut ? "..." : "");
}

/// Up to the next blank outside brackets, or the bracket that opens the options.
std::string_view RuleParser::cut_field() {
  skip_blanks();
  const std::size_t begin = at_;
  std::size_t depth = 0;
  for (; at_ < line_.size() && line_[at_] != '('; ++at_) {
    if (line_[at_] == '[') ++depth;
    if (line_[at_] == ']' && depth > 0) --depth;
    if (depth == 0 && is_blank(line_[at_])) break;
  }
  return line_.substr(begin, at_ - begin);
}

RuleParser::Parsed RuleParser::parse_header() {
  struct Part {
    std::string_view SuricataRule::*member;
    std::string_view what;
  };
  static constexpr std::array<Part, 7> kParts{
      {{&SuricataRule::action, "action"},
       {&SuricataRule::protocol, "protocol"},
       {&SuricataRule::source, "source address"},
       {&SuricataRule::source_port, "source port"},
       {&SuricataRule::direction, "direction"},
       {&SuricataRule::destination, "destination address"},
       {&SuricataRule::destination_port, "destination port"}}};
  for (const Part& part : kParts) {
    const std::string_view field = cut_field();
    const std::size_t place = at_ - field.size();
    if (field.empty()) {
      return fault_at(place, "syntax", fmt::format("the header ends before its {}", part.what));
    }
    if (part.member == &SuricataRule::action && !is_action(field)) {
      return fault_at(
          place, "syntax",
          fmt::format("'{}' is no action: alert, drop, pass or reject belongs here", shown(field)));
    }
    const bool is_arrow = field == "->" || field == "<>" || field == "=>";
    if (part.member == &SuricataRule::direction && !is_arrow) {
      return fault_at(place, "syntax",
                      fmt::format("'{}' is no direction: -> or <> belongs here", shown(field)));
    }
    rule_.*part.member = field;
  }
  return {};
}

/// A semicolon behind a backslash belongs to the value.
std::size_t RuleParser::end_of_value() const noexcept {
  std::size_t end = line_.find(';', at_);
  while (end != std::string_view::npos && end > at_ && line_[end - 1] == '\\') {
    end = line_.find(';', end + 1);
  }
  return end;
}

RuleParser::Parsed RuleParser::parse_option() {
  SuricataOption option;
  const std::size_t begin = at_;
  option.column = static_cast<std::uint32_t>(at_ + 1);
  while (at_ < line_.size() && is_name_byte(line_[at_])) ++at_;
  option.name = line_.substr(begin, at_ - begin);
  if (option.name.empty()) {
    return fault_at(begin, "syntax",
                    fmt::format("the name of an option belongs before '{}'",
                                shown(line_.substr(begin, kShownBytesMax))));
  }
  skip_blanks();
  option.has_value = is_at(':');
  if (option.has_value) ++at_;
  const std::size_t end = end_of_value();
  if (end == std::string_view::npos) {
    return fault_at(begin, option.name, "the option has no ';' at its end");
  }
  option.value = trim_blanks(line_.substr(at_, end - at_));
  if (!option.has_value && !option.value.empty()) {
    return fault_at(at_, option.name,
                    fmt::format("':' or ';' belongs before '{}'", shown(option.value)));
  }
  if (has_open_quote(option.value)) {
    return fault_at(begin, option.name,
                    "the value's quote is not closed: a ';' inside of quotes is written \\;");
  }
  at_ = end + 1;
  rule_.options.push_back(option);
  return {};
}

RuleParser::Parsed RuleParser::parse_options() {
  skip_blanks();
  if (!is_at('(')) return fault_at(at_, "syntax", "'(' and the options belong behind the header");
  for (++at_; skip_blanks(), !is_at(')');) {
    if (at_ >= line_.size()) return fault_at(at_, "syntax", "the options have no ')' at their end");
    if (rule_.options.size() == kSuricataOptionsMax) {
      return fault_at(at_, "syntax", fmt::format("more than {} options", kSuricataOptionsMax));
    }
    if (auto parsed = parse_option(); !parsed) return parsed;
  }
  ++at_;
  skip_blanks();
  if (at_ == line_.size() || is_at('#')) return {};
  return fault_at(at_, "syntax",
                  fmt::format("nothing belongs behind the options, but there is '{}'",
                              shown(line_.substr(at_))));
}

tl::expected<SuricataRule, SuricataFault> RuleParser::parse() {
  if (line_.size() > kSuricataLineBytesMax) {
    return tl::unexpected<SuricataFault>(SuricataFault{
        0, "syntax", fmt::format("the rule is longer than {} bytes", kSuricataLineBytesMax)});
  }
  if (auto parsed = parse_header(); !parsed) return tl::unexpected(std::move(parsed.error()));
  if (auto parsed = parse_options(); !parsed) return tl::unexpected(std::move(parsed.error()));
  return std::move(rule_);
}

}  // namespace

std::vector<SuricataLine> split_suricata_rules(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<SuricataLine> rules;
  std::uint32_t lines = 0;
  while (!text.empty()) {
    SuricataLine rule;
    rule.line = lines + 1;
    rule.text = cut_line(text, lines);
    const std::string_view trimmed = trim_blanks(rule.text);
    if (trimmed.empty()) continue;
    rule.is_enabled = !trimmed.starts_with('#');
    if (rule.is_enabled || is_disabled_rule(trimmed)) rules.push_back(std::move(rule));
  }
  return rules;
}

tl::expected<SuricataRule, SuricataFault> parse_suricata_rule(std::string_view line) {
  return RuleParser(line).parse();
}

std::uint32_t sid_in(std::string_view line) noexcept {
  const std::size_t at = line.find("sid:");
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = trim_blanks(line.substr(at + 4));
  std::uint32_t sid = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), sid);
  static_cast<void>(end);
  return error == std::errc{} ? sid : 0;
}

}  // namespace sluice
