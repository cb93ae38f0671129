// The verbs about rules: which there are, what they find and cost, and their stages.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/suggest.h"
#include "control/command_handlers.h"
#include "control/protocol.h"
#include "control/reload.h"
#include "control/rule_desk.h"

namespace sluice {
namespace {

using nlohmann::json;

/// Of one request: more than a tenth of a millisecond less than a whole one.
constexpr std::uint32_t kRowsLookedAtMax = 8192;
/// Of the rows of one answer, which is 64 KiB at most.
constexpr std::size_t kRowsBytesMax = 48U << 10;
constexpr std::size_t kExceptionsShownMax = 4;
constexpr std::size_t kExceptionBytesMax = 240;
constexpr std::uint64_t kRankedUnlessAsked = 20;

/// What a list is about, and what it is read from.
struct RuleView {
  const RuleDesk& desk;
  std::shared_ptr<const RuleCatalog> catalog;
  const StageOverrides& stages;
  std::span<const RuleException> exceptions;
  TimeNs now = 0;
};

struct RuleFilter {
  std::string class_name;
  std::optional<RuleStage> stage;
  std::optional<RuleActionKind> action;
  std::string search;  ///< folded
  bool changed = false;
};

[[nodiscard]] Result<RuleView> view_of(const Services& services) {
  if (services.rules == nullptr || services.reload == nullptr) {
    return fail(ErrorKind::unavailable, "rules: not running");
  }
  auto catalog = services.rules->catalog();
  if (!catalog) return tl::unexpected<Error>(catalog.error());
  const ConfigEntry* entry = services.reload->in_force();
  return RuleView{*services.rules, std::move(*catalog), services.reload->stages(),
                  entry == nullptr ? std::span<const RuleException>() : entry->digest.exceptions,
                  services.clock->now()};
}

[[nodiscard]] RuleStage stage_of(const RuleView& view, const CatalogRow& row) {
  const SetStage* set = view.stages.find(row.key);
  return set == nullptr ? row.stage : set->set.stage;
}

[[nodiscard]] Status check_class(const RuleCatalog& catalog, const std::string& name) {
  const auto& classes = catalog.classes();
  if (name.empty() || std::ranges::binary_search(classes, name)) return {};
  const std::vector<std::string_view> words(classes.begin(), classes.end());
  const std::string_view near = nearest_word(name, words);
  return fail(ErrorKind::not_found,
              fmt::format("class: no rule in force is of '{}'", name.substr(0, 64)),
              near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

[[nodiscard]] Result<RuleFilter> parse_filter(const RuleCatalog& catalog, const json& args) {
  RuleFilter filter;
  filter.class_name = args.value("class", "");
  if (auto known = check_class(catalog, filter.class_name); !known) {
    return tl::unexpected<Error>(known.error());
  }
  if (args.contains("stage")) {
    const auto stage = parse_stage("stage", args.value("stage", ""));
    if (!stage) return tl::unexpected<Error>(stage.error());
    filter.stage = *stage;
  }
  if (args.contains("action")) {
    const auto action = parse_action("action", args.value("action", ""));
    if (!action) return tl::unexpected<Error>(action.error());
    filter.action = *action;
  }
  filter.search = folded(args.value("search", ""));
  filter.changed = args.value("changed", false);
  return filter;
}

[[nodiscard]] bool fits(const RuleView& view, const RuleFilter& filter, const CatalogRow& row) {
  if (filter.changed && view.stages.find(row.key) == nullptr) return false;
  if (filter.action && row.action != *filter.action) return false;
  if (!filter.class_name.empty() && row.class_name != filter.class_name) return false;
  if (filter.stage && stage_of(view, row) != *filter.stage) return false;
  return filter.search.empty() || row.words.find(filter.search) != std::string::npos;
}

[[nodiscard]] bool is_about(const RuleException& exception, const CatalogRow& row) {
  if (exception.rules.empty()) return exception.class_name == row.class_name;
  return std::ranges::any_of(exception.rules,
                             [&row](const RuleKey& key) { return key.names(row.key); });
}

[[nodiscard]] std::string describe(const RuleException& exception, TimeNs now) {
  std::string text;
  const auto add = [&text](std::string_view what, std::string_view value) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, value);
  };
  const auto add_prefixes = [&add](std::string_view what, const std::vector<IpPrefix>& prefixes) {
    if (prefixes.empty()) return;
    const std::string more =
        prefixes.size() > 1 ? fmt::format(" and {} more", prefixes.size() - 1) : std::string();
    add(what, to_string(prefixes.front()) + more);
  };
  add_prefixes("source", exception.sources);
  add_prefixes("destination", exception.destinations);
  if (!exception.uri.empty()) add("uri", exception.uri);
  if (exception.until != 0) {
    add(exception.until <= now ? "ended" : "until", time_text(exception.until));
  }
  text += fmt::format(", by {}: {}", exception.owner, exception.reason);
  if (text.size() > kExceptionBytesMax) text.resize(kExceptionBytesMax);
  return text;
}

[[nodiscard]] json exceptions_json(const RuleView& view, const CatalogRow& row) {
  json shown = json::array();
  for (const RuleException& exception : view.exceptions) {
    if (!is_about(exception, row)) continue;
    if (shown.size() == kExceptionsShownMax) {
      shown.push_back("and more");
      break;
    }
    shown.push_back(describe(exception, view.now));
  }
  return shown;
}

[[nodiscard]] json set_json(const SetStage* set) {
  if (set == nullptr) return {};
  return {{"by", set->owner}, {"reason", set->reason}, {"at", time_text(set->at)}};
}

[[nodiscard]] json row_json(const RuleView& view, const CatalogRow& row,
                            const RuleFigures& figures) {
  return {{"id", row.key.id},
          {"gid", row.key.gid},
          {"rev", row.rev},
          {"name", row.name},
          {"class", row.class_name},
          {"severity", name_of(row.severity)},
          {"stage", name_of(stage_of(view, row))},
          {"stage_written", name_of(row.stage)},
          {"stage_set", set_json(view.stages.find(row.key))},
          {"action", name_of(row.action)},
          {"candidates", figures.candidates},
          {"hits", figures.hits},
          {"refused", figures.refused},
          {"excepted", figures.excepted},
          {"pack", row.pack}};
}

[[nodiscard]] json page_json(const RuleView& view, const RuleFilter& filter, const json& args) {
  const auto& rows = view.catalog->rows();
  const std::size_t most =
      std::clamp<std::uint64_t>(args.value("limit", kRowsPerPage), 1, kRowsPerPage);
  const std::size_t begin = std::min<std::uint64_t>(args.value("cursor", 0ULL), rows.size());
  const std::size_t end = std::min<std::size_t>(begin + kRowsLookedAtMax, rows.size());
  json items = json::array();
  std::size_t bytes = 0;
  std::size_t place = begin;
  for (; place < end && items.size() < most && bytes < kRowsBytesMax; ++place) {
    if (!fits(view, filter, rows[place])) continue;
    json item = row_json(view, rows[place], view.desk.figures(static_cast<std::uint32_t>(place)));
    item["exceptions"] = exceptions_json(view, rows[place]);
    bytes += json_text(item).size();
    items.push_back(std::move(item));
  }
  return {{"items", std::move(items)},
          {"next", place < rows.size() ? json(place) : json()},
          {"rules", rows.size()},
          {"stages_set", view.stages.entries().size()}};
}

double share_of(double part, double whole) { return whole > 0 ? 100.0 * part / whole : 0.0; }

[[nodiscard]] json ranking_json(const RuleView& view, RankBy by, const Ranking& ranking) {
  json items = json::array();
  for (const RankedRule& ranked : ranking.rules) {
    const RuleFigures& figures = ranked.figures;
    json item = row_json(view, ranking.catalog->rows()[ranked.place], figures);
    item["cycles_per_look"] = figures.cycles_per_look();
    item["share_percent"] = by == RankBy::cost ? share_of(figures.cycles(), ranking.cycles)
                                               : share_of(static_cast<double>(figures.hits),
                                                          static_cast<double>(ranking.hits));
    items.push_back(std::move(item));
  }
  return {{"by", by == RankBy::cost ? "cost" : "hits"},
          {"items", std::move(items)},
          {"rules", ranking.catalog->rows().size()},
          {"cycles", ranking.cycles},
          {"hits", ranking.hits}};
}

// --- stages -------------------------------------------------------------------------------------

tl::unexpected<Error> unknown(const RuleCatalog& catalog, const RuleKey& key) {
  const std::uint32_t near = catalog.nearest_id(key.id);
  return fail(ErrorKind::not_found,
              fmt::format("rules: no rule in force has the id {}", to_string(key)),
              near == 0 ? "see 'rules list --search TEXT'" : fmt::format("did you mean {}?", near));
}

/// The one rule that was meant.
[[nodiscard]] Result<std::uint32_t> place_of(const RuleCatalog& catalog, const std::string& text) {
  const auto key = parse_rule_key(text);
  if (!key) return with_context("rules", key.error());
  const std::vector<std::uint32_t> places = catalog.find(*key);
  if (places.empty()) return unknown(catalog, *key);
  if (places.size() == 1) return places.front();
  const CatalogRow& first = catalog.rows()[places.front()];
  return fail(ErrorKind::invalid,
              fmt::format("rules: {} is the id of {} rules: one with its gid, such as {}:{}, "
                          "would do",
                          text, places.size(), first.key.gid, first.key.id));
}

struct StageRequest {
  RuleStage stage = RuleStage::alert;
  std::vector<std::uint32_t> places;
  SetStage entry;  ///< but for the rule
};

[[nodiscard]] Result<StageRequest> parse_request(const RuleView& view, const Caller& caller,
                                                 const json& args) {
  StageRequest request;
  const auto stage = parse_stage("stage", args.value("stage", ""));
  if (!stage) return tl::unexpected<Error>(stage.error());
  request.stage = *stage;
  for (const json& text : args.value("rules", json::array())) {
    const auto place = place_of(*view.catalog, text.get_ref<const std::string&>());
    if (!place) return tl::unexpected<Error>(place.error());
    request.places.push_back(*place);
  }
  if (request.places.empty()) return fail(ErrorKind::invalid, "rules: none: one id or more");
  request.entry.at = view.now;
  request.entry.owner = caller.user;
  request.entry.reason = args.value("reason", "");
  if (request.entry.reason.size() <= kStageReasonBytesMax) return request;
  return fail(ErrorKind::invalid, fmt::format("reason: is {} bytes long, above the largest of {}",
                                              request.entry.reason.size(), kStageReasonBytesMax));
}

/// A rule that is to have the stage it was written with has nothing set.
[[nodiscard]] Result<std::uint64_t> apply(const RuleCatalog& catalog, const StageRequest& request,
                                          StageOverrides& stages) {
  for (const std::uint32_t place : request.places) {
    const CatalogRow& row = catalog.rows()[place];
    if (row.stage == request.stage) {
      static_cast<void>(stages.clear(row.key));
      continue;
    }
    SetStage entry = request.entry;
    entry.set = {row.key, request.stage};
    if (auto set = stages.set(std::move(entry)); !set) return tl::unexpected<Error>(set.error());
  }
  return request.places.size();
}

[[nodiscard]] json changed_json(const RuleCatalog& catalog, const StageRequest& request,
                                const StageAnswer& answer) {
  json items = json::array();
  for (const std::uint32_t place : request.places) {
    const CatalogRow& row = catalog.rows()[place];
    items.push_back({{"id", row.key.id},
                     {"gid", row.key.gid},
                     {"name", row.name},
                     {"stage", name_of(request.stage)},
                     {"stage_written", name_of(row.stage)}});
  }
  return {
      {"changed", answer.value}, {"generation", answer.generation}, {"items", std::move(items)}};
}

[[nodiscard]] Result<Reload::StageChange> parse_clear(const json& args) {
  const bool is_all = args.value("all", false);
  const json rules = args.value("rules", json::array());
  if (is_all != rules.empty() || args.contains("stage")) {
    return fail(ErrorKind::invalid,
                "rules.stage: to clear, exactly one of rules and all is needed, and no stage");
  }
  if (is_all)
    return [](StageOverrides& stages) { return Result<std::uint64_t>(stages.clear_all()); };
  std::vector<RuleKey> keys;
  for (const json& text : rules) {
    const auto key = parse_rule_key(text.get_ref<const std::string&>());
    if (!key) return with_context("rules", key.error());
    keys.push_back(*key);
  }
  return [keys](StageOverrides& stages) -> Result<std::uint64_t> {
    std::uint64_t cleared = 0;
    for (const RuleKey& key : keys) {
      auto one = stages.clear(key);
      if (!one) return one;
      cleared += *one;
    }
    return cleared;
  };
}

void clear_stages(Reload& reload, const json& args, Reply reply) {
  auto change = parse_clear(args);
  if (!change) return reply(tl::unexpected<Error>(change.error()));
  reload.change_stages(std::move(*change), [reply = std::move(reply)](
                                               const Result<StageAnswer>& answer) {
    if (!answer) return reply(tl::unexpected<Error>(answer.error()));
    reply(json{
        {"changed", answer->value}, {"generation", answer->generation}, {"items", json::array()}});
  });
}

}  // namespace

void list_rules(Services& services, const Caller&, const json& args, Reply reply) {
  const auto view = view_of(services);
  if (!view) return reply(tl::unexpected<Error>(view.error()));
  const auto filter = parse_filter(*view->catalog, args);
  if (!filter) return reply(tl::unexpected<Error>(filter.error()));
  reply(page_json(*view, *filter, args));
}

void rank_rules(Services& services, const Caller&, const json& args, Reply reply) {
  const auto view = view_of(services);
  if (!view) return reply(tl::unexpected<Error>(view.error()));
  const std::string by = args.value("by", "cost");
  if (by != "cost" && by != "hits") {
    return reply(fail(ErrorKind::invalid,
                      fmt::format("by: is '{}': cost or hits would do", by.substr(0, 64))));
  }
  const RankBy rank_by = by == "cost" ? RankBy::cost : RankBy::hits;
  const auto most = std::max<std::uint64_t>(args.value("limit", kRankedUnlessAsked), 1);
  services.rules->rank(
      rank_by, most,
      [&services, rank_by, reply = std::move(reply)](const Result<Ranking>& ranking) {
        if (!ranking) return reply(tl::unexpected<Error>(ranking.error()));
        const auto now = view_of(services);
        if (!now) return reply(tl::unexpected<Error>(now.error()));
        reply(ranking_json(*now, rank_by, *ranking));
      });
}

void set_stages(Services& services, const Caller& caller, const json& args, Reply reply) {
  if (services.reload == nullptr) {
    return reply(fail(ErrorKind::unavailable, "rules: not running"));
  }
  // Rules that are not in force any more can be cleared as well.
  if (args.value("clear", false)) return clear_stages(*services.reload, args, std::move(reply));
  const auto view = view_of(services);
  if (!view) return reply(tl::unexpected<Error>(view.error()));
  const auto request = parse_request(*view, caller, args);
  if (!request) return reply(tl::unexpected<Error>(request.error()));
  services.reload->change_stages(
      [catalog = view->catalog, request = *request](StageOverrides& stages) {
        return apply(*catalog, request, stages);
      },
      [catalog = view->catalog, request = *request,
       reply = std::move(reply)](const Result<StageAnswer>& answer) {
        if (!answer) return reply(tl::unexpected<Error>(answer.error()));
        reply(changed_json(*catalog, request, *answer));
      });
}

}  // namespace sluice
