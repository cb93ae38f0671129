#include "ctl/arguments.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "base/escape.h"
#include "base/suggest.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kHelpColumn = 24;

std::uint64_t parse_number(const OptionRow& row, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw CLI::ValidationError(std::string(row.name),
                             fmt::format("'{}' is not a whole number", text));
}

void check_choice(const OptionRow& row, const std::string& word) {
  const bool is_free = row.choices.empty();
  if (is_free || std::find(row.choices.begin(), row.choices.end(), word) != row.choices.end()) {
    return;
  }
  throw CLI::ValidationError(std::string(row.name), fmt::format("is '{}': {} would do", word,
                                                                fmt::join(row.choices, " or ")));
}

json value_of(const OptionRow& row, const std::string& text) {
  check_choice(row, text);
  if (row.kind == OptionKind::number) return parse_number(row, text);
  return text;
}

json list_of(const OptionRow& row, const std::vector<std::string>& words) {
  json values = json::array();
  for (const std::string& word : words) {
    check_choice(row, word);
    values.push_back(word);
  }
  return values;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// Where the value of an option goes.
json& slot(Asked& asked, const OptionRow& row) {
  return (row.is_local ? asked.local : asked.args)[std::string(row.argument)];
}

void add_option(CLI::App& app, Asked& asked, const OptionRow& row) {
  const std::string name(row.name);
  const std::string help(row.help);
  CLI::Option* option = nullptr;
  switch (row.kind) {
    case OptionKind::flag:
      app.add_flag_callback(
          name, [&asked, &row] { slot(asked, row) = true; }, help);
      return;
    case OptionKind::words:
      option = app.add_option_function<std::vector<std::string>>(
          name, [&](const auto& words) { slot(asked, row) = joined(words); }, help);
      break;
    case OptionKind::several:
      option = app.add_option_function<std::vector<std::string>>(
          name, [&](const auto& words) { slot(asked, row) = words; }, help);
      break;
    case OptionKind::list:
      option = app.add_option_function<std::vector<std::string>>(
          name, [&](const auto& words) { slot(asked, row) = list_of(row, words); }, help);
      option->delimiter(',')->allow_extra_args(false);
      break;
    default:
      option = app.add_option_function<std::string>(
          name, [&](const std::string& text) { slot(asked, row) = value_of(row, text); }, help);
  }
  option->required(row.is_required);
  option->option_text(std::string(row.value));
}

/// The application in which the last word of `words` becomes a verb.
CLI::App* parent_of(CLI::App& app, std::string_view words) {
  const std::size_t space = words.find(' ');
  if (space == std::string_view::npos) return &app;
  const std::string_view group = words.substr(0, space);
  for (CLI::App* known : app.get_subcommands({})) {
    if (known->get_name() == group) return known;
  }
  for (const VerbGroup& row : verb_groups()) {
    if (row.word != group) continue;
    CLI::App* added = app.add_subcommand(std::string(group), std::string(row.help));
    added->require_subcommand(1);
    return added;
  }
  return &app;
}

void add_verb(CLI::App& app, Asked& asked, const VerbRow& row) {
  CLI::App* parent = parent_of(app, row.words);
  const std::string word(row.words.substr(row.words.rfind(' ') + 1));
  CLI::App* verb = parent->add_subcommand(word, std::string(row.help));
  for (const OptionRow& option : row.options) add_option(*verb, asked, option);
  verb->footer(fmt::format("example: {}", row.example));
  verb->callback([&asked, &row] { asked.verb = &row; });
}

std::vector<std::string> names_of_verbs(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options({})) {
      if (!option->get_lnames().empty()) names.push_back("--" + option->get_lnames().front());
    }
  }
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view near = nearest_word(word, views);
  return near.empty() ? std::string() : fmt::format("did you mean '{}'?", near);
}

/// "sluicectl blocks add".
std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

tl::unexpected<Error> wrong(std::string message, std::string hint, const CLI::App& at) {
  if (hint.empty()) hint = fmt::format("see `{} --help`", path_of(at));
  return fail(ErrorKind::invalid, path_of(at) + ": " + escape_control(message), std::move(hint));
}

/// The innermost verb that `words` name.
CLI::App& innermost(CLI::App& app) {
  CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

/// CLI11 tells the words that it could not place.
Result<Asked> refuse(CLI::App& app, const CLI::ParseError& error) {
  CLI::App& at = innermost(app);
  const std::vector<std::string> extras = app.remaining(true);
  const std::vector<std::string> verbs = names_of_verbs(at);
  if (extras.empty() && !verbs.empty()) {
    return wrong(fmt::format("no verb: {}", fmt::join(verbs, ", ")), {}, at);
  }
  if (extras.empty()) return wrong(error.what(), {}, at);
  const std::string& word = extras.front();
  if (word.starts_with("-")) {
    return wrong(fmt::format("unknown option '{}'", word),
                 did_you_mean(word.substr(0, word.find('=')), names_of_options(at)), at);
  }
  if (verbs.empty()) return wrong(fmt::format("'{}' has no place here", word), {}, at);
  return wrong(fmt::format("unknown verb '{}'", word), did_you_mean(word, verbs), at);
}

}  // namespace

Result<Asked> parse_arguments(std::span<const std::string> words) {
  Asked asked;
  CLI::App app{"sluicectl: what a running gateway does, and how to change it", "sluicectl"};
  app.set_version_flag("--version", fmt::format("sluicectl {}", SLUICE_VERSION));
  app.add_option("--socket", asked.socket, "control socket of the daemon")->option_text("PATH");
  app.add_flag("--json", asked.as_json, "answers as JSON, for scripts");
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(kHelpColumn);
  app.footer("example: sluicectl status\nEach verb has a help of its own: sluicectl drops --help");
  for (const VerbRow& row : verb_table()) add_verb(app, asked, row);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForVersion& version) {
    asked.help = fmt::format("{}\n", version.what());
  } catch (const CLI::CallForHelp&) {
    const CLI::App& at = innermost(app);
    asked.help = at.help(at.get_parent() == nullptr ? "" : path_of(*at.get_parent()));
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  if (!asked.help.empty()) asked.verb = nullptr;
  return asked;
}

}  // namespace sluice
