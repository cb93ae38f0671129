// Handlers of temporary denies.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/units.h"
#include "control/bypasses.h"
#include "control/command_handlers.h"
#include "control/protocol.h"
#include "control/respond/blocks.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kTextBytesMax = 1024;

/// The blocks, or an answer that there are none.
Blocks* blocks_of(Services& services, const Reply& reply) {
  if (services.blocks == nullptr) reply(fail(ErrorKind::unavailable, "blocks: not running"));
  return services.blocks;
}

double seconds_left(TimeNs until, TimeNs now) {
  return until > now ? static_cast<double>(until - now) / static_cast<double>(kNsPerSecond) : 0.0;
}

/// A member of one item: the place says which.
Result<std::string> text_in(const json& item, const char* name) {
  const auto found = item.find(name);
  if (found == item.end()) return std::string();
  if (!found->is_string()) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}: a text", name, found->type_name()));
  }
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() <= kTextBytesMax) return text;
  return fail(ErrorKind::invalid,
              fmt::format("{}: a text of {} bytes: at most {}", name, text.size(), kTextBytesMax));
}

Result<DurationNs> duration_in(const json& item, DurationNs longest) {
  const auto text = text_in(item, "for");
  if (!text) return tl::unexpected<Error>(text.error());
  if (text->empty()) return fail(ErrorKind::invalid, "for: missing: how long, such as 10m");
  const auto duration = parse_duration(*text);
  if (!duration) return with_context("for", duration.error());
  if (*duration >= kBlockDurationMin && *duration <= longest) return *duration;
  return fail(ErrorKind::invalid,
              fmt::format("for: is {}: {} to {} would do", print_duration(*duration),
                          print_duration(kBlockDurationMin), print_duration(longest)),
              *duration > longest ? "blocks.duration_max is the longest" : "");
}

Result<std::string> reason_in(const json& item) {
  auto reason = text_in(item, "reason");
  if (!reason) return reason;
  if (reason->size() > kReasonBytesMax) {
    return fail(ErrorKind::invalid, fmt::format("reason: is {} bytes long, above the largest of {}",
                                                reason->size(), kReasonBytesMax));
  }
  if (escape_control(*reason) == *reason) return reason;
  return fail(ErrorKind::invalid, "reason: has control characters: plain text would do");
}

Result<BlockTarget> target_in(const json& item) {
  const auto text = text_in(item, "what");
  if (!text) return tl::unexpected<Error>(text.error());
  auto target = parse_block_target(*text);
  if (!target) return with_context("what", target.error());
  return target;
}

Result<BlockRequest> parse_item(const json& item, DurationNs longest) {
  for (const auto& member : item.items()) {
    const std::string& name = member.key();
    if (name == "what" || name == "for" || name == "reason") continue;
    return fail(ErrorKind::invalid,
                fmt::format("unknown member '{}': what, for and reason would do",
                            escape_control(name.substr(0, 64))));
  }
  auto target = target_in(item);
  if (!target) return tl::unexpected<Error>(target.error());
  const auto duration = duration_in(item, longest);
  if (!duration) return tl::unexpected<Error>(duration.error());
  auto reason = reason_in(item);
  if (!reason) return tl::unexpected<Error>(reason.error());
  return BlockRequest{*target, *duration, std::move(*reason)};
}

Result<std::vector<BlockRequest>> parse_items(const json& items, DurationNs longest) {
  if (items.empty()) return fail(ErrorKind::invalid, "items: is empty: one or more are needed");
  std::vector<BlockRequest> requests;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string place = fmt::format("items[{}]", i);
    auto request = parse_item(items[i], longest);
    if (!request) {
      Error error = request.error();
      const bool is_of_member = !error.message.starts_with("unknown");
      error.message.insert(0, place + (is_of_member ? "." : ": "));
      return tl::unexpected<Error>(std::move(error));
    }
    const auto same = std::ranges::find(requests, request->target, &BlockRequest::target);
    if (same != requests.end()) {
      return fail(ErrorKind::invalid,
                  fmt::format("{}.what: {} is items[{}] already: each once", place,
                              to_string(request->target), same - requests.begin()));
    }
    requests.push_back(std::move(*request));
  }
  return requests;
}

Result<std::vector<BlockRequest>> parse_requests(const json& args, DurationNs longest) {
  const auto items = args.find("items");
  if (items == args.end()) {
    auto request = parse_item(args, longest);
    if (!request) return tl::unexpected<Error>(request.error());
    return std::vector<BlockRequest>{std::move(*request)};
  }
  if (args.size() == 1) return parse_items(*items, longest);
  return fail(ErrorKind::invalid,
              "blocks.add: items and others are given: what, for and reason "
              "stand in each of the items");
}

json added_json(const std::vector<BlockAdded>& added, const Status& journal) {
  json items = json::array();
  for (const BlockAdded& block : added) {
    json item{{"id", block.id},
              {"what", to_string(block.target)},
              {"until", time_text(block.until)},
              {"replaced", block.replaced ? json(*block.replaced) : json()}};
    if (block.is_allowed) item["allowed"] = true;
    items.push_back(std::move(item));
  }
  json result{{"items", std::move(items)}};
  if (!journal) result["notice"] = "a restart would not know of it: " + journal.error().message;
  return result;
}

json listed_json(const ListedBlock& listed, TimeNs now) {
  const Block& block = listed.block;
  return {{"id", block.id},
          {"what", to_string(block.target)},
          {"kind", block.target.kind == BlockKind::source ? "source" : "flow"},
          {"until", time_text(block.until)},
          {"seconds_left", seconds_left(block.until, now)},
          {"owner", block.owner},
          {"reason", block.reason},
          {"hits", listed.hits},
          {"created_at", time_text(block.created)}};
}

Result<BlockRemoval> parse_removal(const json& args) {
  const bool is_all = args.value("all", false);
  const int given =
      (is_all ? 1 : 0) + (args.contains("id") ? 1 : 0) + (args.contains("what") ? 1 : 0);
  if (given != 1) {
    return fail(
        ErrorKind::invalid,
        fmt::format("blocks.remove: {} of id, what and all are given: exactly one is needed",
                    given == 0 ? "none" : "several"));
  }
  BlockRemoval removal;
  if (args.contains("id")) removal.id = args["id"].get<std::uint64_t>();
  if (args.contains("what")) {
    auto target = target_in(args);
    if (!target) return tl::unexpected<Error>(target.error());
    removal.target = *target;
  }
  return removal;
}

}  // namespace

void list_blocks(Services& services, const Caller&, const json& args, Reply reply) {
  const Blocks* blocks = blocks_of(services, reply);
  if (blocks == nullptr) return;
  BlockQuery query;
  query.cursor = args.value("cursor", std::uint64_t{0});
  query.most = std::clamp<std::uint64_t>(args.value("limit", kRowsPerPage), 1, kRowsPerPage);
  if (args.contains("touching")) {
    auto prefix = parse_ip_prefix(args["touching"].get_ref<const std::string&>());
    if (!prefix) return reply(with_context("touching", prefix.error()));
    query.touching = *prefix;
  }
  if (!blocks->is_ready()) {
    return reply(fail(ErrorKind::unavailable, "blocks: their journal is being read",
                      "try again in a moment"));
  }
  const BlockPage page = blocks->list(query);
  json items = json::array();
  for (const ListedBlock& listed : page.items) {
    items.push_back(listed_json(listed, services.clock->now()));
  }
  reply(json{{"items", std::move(items)},
             {"next", page.next == 0 ? json() : json(page.next)},
             {"active", blocks->active()},
             {"capacity", blocks->capacity()}});
}

void add_blocks(Services& services, const Caller& caller, const json& args, Reply reply) {
  Blocks* blocks = blocks_of(services, reply);
  if (blocks == nullptr) return;
  auto requests = parse_requests(args, blocks->duration_max());
  if (!requests) return reply(tl::unexpected<Error>(requests.error()));
  blocks->add(std::move(*requests), caller.user,
              [blocks, reply = std::move(reply)](Result<std::vector<BlockAdded>> added) {
                if (!added) return reply(tl::unexpected<Error>(added.error()));
                reply(added_json(*added, blocks->journal_status()));
              });
}

void remove_blocks(Services& services, const Caller&, const json& args, Reply reply) {
  Blocks* blocks = blocks_of(services, reply);
  if (blocks == nullptr) return;
  auto removal = parse_removal(args);
  if (!removal) return reply(tl::unexpected<Error>(removal.error()));
  blocks->remove(*removal, [reply = std::move(reply)](Result<std::uint64_t> removed) {
    if (!removed) return reply(tl::unexpected<Error>(removed.error()));
    reply(json{{"removed", *removed}});
  });
}

}  // namespace sluice
