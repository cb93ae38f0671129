// Outcomes of what changes the gateway, and what a change would do.
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

std::string findings_of(const json& result) {
  const json& findings = member(result, "findings");
  if (!findings.is_string()) return {};
  std::string text = escape_lines(findings.get_ref<const std::string&>());
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

std::string notice_of(const json& result) {
  const std::string notice = text_in(result, "notice");
  return notice.empty() ? std::string() : fmt::format("notice: {}\n", notice);
}

std::string counted(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", grouped(count), one, count == 1 ? "" : "s");
}

std::string changed_option(const json& change, const Paper& paper) {
  const std::string path = text_in(change, "path");
  std::string text;
  if (!member(change, "from").is_null()) {
    text += paint(paper, Colour::red, fmt::format("- {}: {}", path, text_in(change, "from")));
    text += '\n';
  }
  if (!member(change, "to").is_null()) {
    text += paint(paper, Colour::green, fmt::format("+ {}: {}", path, text_in(change, "to")));
    text += '\n';
  }
  if (flag_in(change, "needs_restart")) text += "  takes a restart\n";
  return text;
}

std::string list_lines(const json& lists, const Paper& paper) {
  std::string text;
  const auto side = [&](std::string_view sign, std::string_view count, std::string_view examples,
                        Colour colour) {
    const std::uint64_t entries = count_in(lists, count);
    if (entries == 0) return;
    std::uint64_t shown = 0;
    const json& names = member(lists, examples);
    if (names.is_array()) {
      for (const json& name : names) {
        if (!name.is_string()) continue;
        ++shown;
        text += paint(paper, colour,
                      fmt::format("{} {}", sign, escape_lines(name.get_ref<const std::string&>())));
        text += '\n';
      }
    }
    if (entries > shown) {
      text += paint(paper, colour,
                    fmt::format("{} {} more list entries", sign, grouped(entries - shown)));
      text += '\n';
    }
  };
  side("-", "removed", "removed_examples", Colour::red);
  side("+", "added", "added_examples", Colour::green);
  return text;
}

}  // namespace

std::string show_added_blocks(const json& result, const Paper&) {
  const json& items = member(result, "items");
  std::string text;
  if (!items.is_array()) return text;
  for (const json& item : items) {
    const std::string replaced = text_in(item, "replaced");
    text += fmt::format("block {}: {} until {}{}{}\n", text_in(item, "id"), text_in(item, "what"),
                        time_in(item, "until"),
                        replaced.empty() ? "" : fmt::format(" (in place of block {})", replaced),
                        flag_in(item, "allowed") ? ", but an allow prefix beats it" : "");
  }
  text += notice_of(result);
  return text;
}

std::string show_removed(const json& result, const Paper&) {
  return fmt::format("removed {}\n", grouped(count_in(result, "removed")));
}

std::string show_bypass(const json& result, const Paper&) {
  return fmt::format("bypass {}: {} goes uninspected until {}\n", text_in(result, "id"),
                     text_in(result, "what"), time_in(result, "until"));
}

std::string show_check(const json& result, const Paper&) {
  const std::string findings = findings_of(result);
  return findings.empty() ? "no findings\n" : findings;
}

int exit_code_of_check(const json& result) { return flag_in(result, "ok") ? 0 : 2; }

std::string show_difference(const json& result, const Paper& paper) {
  const std::uint64_t errors = count_in(result, "errors");
  if (errors > 0) {
    return findings_of(result) +
           fmt::format("the file has {}: a reload would refuse it\n", counted(errors, "error"));
  }
  std::string text;
  const json& changed = member(result, "changed");
  if (changed.is_array()) {
    for (const json& change : changed) text += changed_option(change, paper);
  }
  const std::uint64_t more = count_in(result, "more");
  if (more > 0) text += fmt::format("  {} more\n", counted(more, "option"));
  text += list_lines(member(result, "lists"), paper);
  return text.empty() ? "a reload would change nothing\n" : text;
}

std::string show_reload(const json& result, const Paper& paper) {
  std::string text =
      fmt::format("generation {} is in force, {} changed\n", count_in(result, "generation"),
                  counted(count_in(result, "changed"), "option"));
  const std::string restart = texts_in(result, "needs_restart");
  if (!restart.empty()) text += fmt::format("takes a restart: {}\n", restart);
  const std::string idle = texts_in(result, "idle_sets");
  if (!idle.empty()) text += fmt::format("notice: {}\n", idle);
  text += notice_of(result);
  if (member(result, "confirm_by_at").is_string()) {
    text += paint(paper, Colour::yellow,
                  fmt::format("goes back at {} unless you run: sluicectl confirm",
                              time_in(result, "confirm_by_at")));
    text += '\n';
  }
  return text;
}

std::string show_confirmed(const json& result, const Paper&) {
  return fmt::format("generation {} stays\n", count_in(result, "generation"));
}

std::string show_reverted(const json& result, const Paper&) {
  return fmt::format("generation {} is in force: configuration {} again\n",
                     count_in(result, "generation"), text_in(result, "restored")) +
         notice_of(result);
}

std::string show_mode(const json& result, const Paper& paper) {
  const std::string mode = text_in(result, "mode");
  return fmt::format("mode {} since generation {}\n", paint(paper, colour_of_state(mode), mode),
                     count_in(result, "generation"));
}

}  // namespace sluice
