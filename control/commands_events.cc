// Handlers of what is followed and looked up in order of time: events and the audit log.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/command_handlers.h"
#include "control/event_followers.h"
#include "control/store/audit_log.h"

namespace sluice {
namespace {

using nlohmann::json;

tl::unexpected<Error> not_running(std::string_view what) {
  return fail(ErrorKind::unavailable, std::string(what) + ": not running");
}

Result<json> follow(EventFollowers& followers, const Caller& caller, const json& args) {
  std::vector<std::string> names;
  if (const auto types = args.find("types"); types != args.end()) {
    names = types->get<std::vector<std::string>>();
  }
  const auto types = event_types(names);
  if (!types) return tl::unexpected(types.error());
  if (auto status = followers.follow(caller.request_id, caller.uid, *types); !status) {
    return tl::unexpected(status.error());
  }
  return json{{"following", true}};
}

Result<json> audit_page(const AuditLog& audit, const json& args) {
  std::optional<std::uint64_t> cursor;
  if (const auto given = args.find("cursor"); given != args.end()) {
    cursor = given->get<std::uint64_t>();
  }
  auto page = audit.list(cursor, std::min(args.value("limit", kRowsPerPage), kRowsPerPage));
  if (!page) return tl::unexpected(page.error());
  return json{{"items", std::move(page->items)}, {"next", page->next ? json(*page->next) : json()}};
}

}  // namespace

void follow_events(Services& services, const Caller& caller, const json& args, Reply reply) {
  if (services.followers == nullptr) return reply(not_running("events"));
  reply(follow(*services.followers, caller, args));
}

void list_audit(Services& services, const Caller&, const json& args, Reply reply) {
  if (services.audit == nullptr) return reply(not_running("audit"));
  reply(audit_page(*services.audit, args));
}

}  // namespace sluice
