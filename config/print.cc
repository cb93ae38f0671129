#include "config/print.h"

#include <span>
#include <string_view>

#include <fmt/format.h>

#include "config/option_value.h"
#include "config/options.h"

namespace sluice {
namespace {

constexpr std::size_t kIndent = 2;

/// Writes options as nested maps. A section is opened when its first option comes, so that the rows
/// of a section must stand together in the table.
class BlockPrinter {
 public:
  explicit BlockPrinter(std::size_t base_indent) noexcept : base_indent_(base_indent) {}

  void print(const OptionShape& shape, const OptionValue& value) {
    if (was_left_out(shape, value)) return;
    const std::size_t leaf = shape.path.find_last_of('.') + 1;  // npos + 1 is 0
    open_sections(shape.path.substr(0, leaf));
    start_line(depth_of(shape.path));
    if (is_list(shape.type)) {
      print_list(shape, value, leaf);
    } else {
      out_ += fmt::format("{}: {}\n", shape.path.substr(leaf), print_value(shape, value));
    }
  }

  [[nodiscard]] const std::string& text() const noexcept { return out_; }

 private:
  /// An entry whose name was not given has none: written as an empty text it could not be read.
  static bool was_left_out(const OptionShape& shape, const OptionValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && text->empty() && shape.range.min > 0;
  }

  static std::size_t depth_of(std::string_view path) noexcept {
    std::size_t dots = 0;
    for (const char c : path) dots += c == '.' ? 1 : 0;
    return dots;
  }

  void start_line(std::size_t depth) { out_.append(base_indent_ + depth * kIndent, ' '); }

  /// `section` ends in a dot, or is empty.
  void open_sections(std::string_view section) {
    std::size_t start = 0;
    for (std::size_t dot = section.find('.'); dot != std::string_view::npos;
         start = dot + 1, dot = section.find('.', start)) {
      if (section_.starts_with(section.substr(0, dot + 1))) continue;
      start_line(depth_of(section.substr(0, dot)));
      out_ += fmt::format("{}:\n", section.substr(start, dot - start));
    }
    section_ = section;
  }

  // One entry a line, so that a change of a list is a change of a line.
  void print_list(const OptionShape& shape, const OptionValue& value, std::size_t leaf) {
    std::vector<std::string> entries;
    if (const auto* prefixes = std::get_if<std::vector<IpPrefix>>(&value)) {
      for (const IpPrefix& prefix : *prefixes) entries.push_back(to_string(prefix));
    } else {
      entries = std::get<std::vector<std::string>>(value);
    }
    out_ += fmt::format("{}:{}\n", shape.path.substr(leaf), entries.empty() ? " []" : "");
    for (const std::string& entry : entries) {
      start_line(depth_of(shape.path) + 1);
      out_ += fmt::format("- {}\n", quoted(entry));
    }
  }

  std::size_t base_indent_;
  std::string out_;
  std::string_view section_;
};

template <class Record>
std::string print_record(std::span<const Option<Record>> options, const Record& record,
                         std::size_t base_indent) {
  BlockPrinter printer(base_indent);
  for (const Option<Record>& option : options) printer.print(option.shape, option.read(record));
  return printer.text();
}

template <class Record>
std::string print_list(std::string_view key, std::span<const Option<Record>> options,
                       const std::vector<Record>& records) {
  if (records.empty()) return fmt::format("{}: []\n", key);
  std::string out = fmt::format("{}:\n", key);
  for (const Record& record : records) {
    std::string entry = print_record(options, record, 2 * kIndent);
    entry[kIndent] = '-';  // the first option stands behind the dash
    out += entry;
  }
  return out;
}

/// Within the section `rules`; nothing where there are none.
std::string print_exceptions(const std::vector<RuleExceptionConfig>& exceptions) {
  if (exceptions.empty()) return {};
  std::string out(kIndent, ' ');
  out += "exceptions:\n";
  for (const RuleExceptionConfig& exception : exceptions) {
    std::string entry = print_record(exception_options(), exception, 3 * kIndent);
    entry[2 * kIndent] = '-';
    out += entry;
  }
  return out;
}

/// How many options stand in front of the end of the section `rules`.
std::size_t rows_to_end_of_rules(std::span<const Option<Config>> options) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i].shape.path.starts_with("rules.")) end = i + 1;
  }
  return end;
}

}  // namespace

std::string print_config(const Config& config) {
  // The mode first, then the wires, then everything else, lists of entries last.
  const auto options = config_options();
  const std::size_t end = rows_to_end_of_rules(options);
  return print_record(options.first(1), config, 0) +
         print_list("pairs", pair_options(), config.pairs) +
         print_record(options.subspan(1, end - 1), config, 0) +
         print_exceptions(config.rules.exceptions) + print_record(options.subspan(end), config, 0) +
         (config.rule_limits.empty()
              ? ""
              : print_list("rule_limits", rule_limit_options(), config.rule_limits)) +
         (config.sets.empty() ? "" : print_list("sets", set_options(), config.sets));
}

}  // namespace sluice
