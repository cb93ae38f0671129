// Both scripts work alike: find the verb among the words before the cursor, and offer what a `case`
// over it lists. Options with a value are known by name, so that their values are not taken for
// verbs.
#include "ctl/completion.h"

#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ctl/verbs.h"

namespace sluice {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kEverywhere[] = {"--socket", "--json", "--help"};

/// First words: groups, and verbs that stand alone.
Words first_words() {
  Words words;
  for (const VerbRow& row : verb_table()) {
    const std::string first(row.words.substr(0, row.words.find(' ')));
    if (words.empty() || words.back() != first) words.push_back(first);
  }
  return words;
}

Words words_behind(std::string_view group) {
  Words words;
  for (const VerbRow& row : verb_table()) {
    if (row.words.starts_with(fmt::format("{} ", group))) {
      words.emplace_back(row.words.substr(group.size() + 1));
    }
  }
  return words;
}

Words options_of(const VerbRow& row) {
  Words words;
  for (const OptionRow& option : row.options) {
    if (option.name.starts_with("--")) {
      words.emplace_back(option.name);
    } else {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
    }
  }
  return words;
}

/// "  'flows list') words='--touching ...' ;;" for each place on the line.
std::string cases(std::string_view indent) {
  const auto arm = [indent](std::string_view path, const Words& words) {
    return fmt::format("{}'{}') words='{} {}' ;;\n", indent, path, fmt::join(words, " "),
                       fmt::join(kEverywhere, " "));
  };
  std::string text = arm("", first_words());
  for (const VerbGroup& group : verb_groups()) text += arm(group.word, words_behind(group.word));
  for (const VerbRow& row : verb_table()) text += arm(row.words, options_of(row));
  return text;
}

std::string groups_pattern() {
  Words words;
  for (const VerbGroup& group : verb_groups()) words.emplace_back(group.word);
  return fmt::format("{}", fmt::join(words, "|"));
}

/// Options with a value: those that take a file, or the others.
std::string valued_options(bool takes_file) {
  std::set<std::string_view> names;
  if (takes_file) names.insert("--socket");
  for (const VerbRow& row : verb_table()) {
    for (const OptionRow& option : row.options) {
      const bool has_value = option.name.starts_with("--") && option.kind != OptionKind::flag;
      if (has_value && (option.kind == OptionKind::file) == takes_file) names.insert(option.name);
    }
  }
  return fmt::format("{}", fmt::join(names, "|"));
}

/// Options whose value is one of a few words.
std::string choice_cases(std::string_view indent, std::string_view reply) {
  std::string text;
  std::set<std::string_view> told;
  for (const VerbRow& row : verb_table()) {
    for (const OptionRow& option : row.options) {
      if (option.choices.empty() || !option.name.starts_with("--")) continue;
      if (!told.insert(option.name).second) continue;
      text += fmt::format("{}{}) {} ;;\n", indent, option.name,
                          fmt::format(fmt::runtime(reply), fmt::join(option.choices, " ")));
    }
  }
  return text;
}

constexpr std::string_view kBash = R"(# bash completion for sluicectl
_sluicectl() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path='' words='' i
  case "$prev" in
    {files}) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
{choices}    {values}) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
      {files}|{values}) ((i++)) ;;
      -*) ;;
      *)
        case "$path" in
          '') path=${{COMP_WORDS[i]}} ;;
          {groups}) path="$path ${{COMP_WORDS[i]}}" ;;
        esac ;;
    esac
  done
  case "$path" in
{cases}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -F _sluicectl sluicectl
)";

// `words` is an array of zsh's own in a completion function, so that the list has another name.
constexpr std::string_view kZsh = R"(#compdef sluicectl
_sluicectl() {{
  local at='' prev=${{words[CURRENT-1]}} offered='' i
  case "$prev" in
    {files}) _files; return ;;
{choices}    {values}) return ;;
  esac
  for ((i = 2; i < CURRENT; i++)); do
    case "${{words[i]}}" in
      {files}|{values}) ((i++)) ;;
      -*) ;;
      *)
        case "$at" in
          '') at=${{words[i]}} ;;
          {groups}) at="$at ${{words[i]}}" ;;
        esac ;;
    esac
  done
  case "$at" in
{cases}  esac
  compadd -- ${{=offered}}
}}
if [[ $funcstack[1] == _sluicectl ]]; then
  _sluicectl "$@"
else
  compdef _sluicectl sluicectl
fi
)";

std::string renamed(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

std::string bash_completion() {
  constexpr std::string_view kReply =
      R"(mapfile -t COMPREPLY < <(compgen -W '{}' -- "$cur"); return)";
  return fmt::format(fmt::runtime(kBash), fmt::arg("files", valued_options(true)),
                     fmt::arg("values", valued_options(false)),
                     fmt::arg("choices", choice_cases("    ", kReply)),
                     fmt::arg("groups", groups_pattern()), fmt::arg("cases", cases("    ")));
}

std::string zsh_completion() {
  return fmt::format(fmt::runtime(kZsh), fmt::arg("files", valued_options(true)),
                     fmt::arg("values", valued_options(false)),
                     fmt::arg("choices", choice_cases("    ", "compadd -- {}; return")),
                     fmt::arg("groups", groups_pattern()),
                     fmt::arg("cases", renamed(cases("    "), " words=", " offered=")));
}

}  // namespace sluice
