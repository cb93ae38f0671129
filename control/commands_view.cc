// The verbs that look: what is running, how much of it, and the rows of the workers' tables.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "control/command_handlers.h"
#include "control/keeper_link.h"
#include "control/observe/health.h"
#include "control/observe/view_json.h"
#include "control/observe/wire_view.h"
#include "control/store/eve_words.h"
#include "control/user_share.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::uint64_t kProtocolVersion = 1;
constexpr std::uint64_t kLargestUnlessAsked = 10;
constexpr std::uint64_t kLargestMax = 64;

double seconds_between(TimeNs from, TimeNs to) noexcept {
  return to > from ? static_cast<double>(to - from) / 1e9 : 0.0;
}

std::uint64_t number_in(const json& args, const char* name, std::uint64_t otherwise) {
  const auto found = args.find(name);
  return found != args.end() && found->is_number_unsigned() ? found->get<std::uint64_t>()
                                                            : otherwise;
}

bool flag_in(const json& args, const char* name) {
  const auto found = args.find(name);
  return found != args.end() && found->is_boolean() && found->get<bool>();
}

/// Errors: invalid, for a cursor that no answer gave or text that is no prefix.
Result<RowQuery> row_query(const json& args) {
  RowQuery query;
  query.most = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(number_in(args, "limit", kRowsPerPage), 1, kRowsPerPage));
  query.refused_only = flag_in(args, "refused");
  if (const auto cursor = args.find("cursor"); cursor != args.end()) {
    if (!cursor->is_number_unsigned()) {
      return fail(ErrorKind::invalid, "cursor: not one of this list: its `next`");
    }
    query.cursor = cursor->get<std::uint64_t>();
  }
  const auto touching = args.find("touching");
  if (touching == args.end() || !touching->is_string()) return query;
  auto prefix = parse_ip_prefix(touching->get_ref<const std::string&>());
  if (!prefix) return with_context("touching", prefix.error());
  query.touching = *prefix;
  return query;
}

json next_json(std::uint64_t next) { return next == 0 ? json() : json(next); }

std::string port_name(const WireView& view, std::size_t port) {
  const auto& ports = view.last().ports;
  return port < ports.size() ? ports[port].name : std::string();
}

json flow_json(const FlowRecord& record, const WireView& view, TimeNs now) {
  const FiveTuple tuple = tuple_from(record.key, record.initiator_is_low != 0);
  ProtocolText digits;
  json flow = {{"flow_id", record.flow_number},
               {"proto", protocol_word(record.key.protocol, digits)},
               {"src_ip", to_string(tuple.source)},
               {"src_port", tuple.source_port},
               {"dest_ip", to_string(tuple.destination)},
               {"dest_port", tuple.destination_port},
               {"state", flow_state_word(record)},
               {"pkts_toserver", record.packets[0]},
               {"pkts_toclient", record.packets[1]},
               {"bytes_toserver", record.bytes[0]},
               {"bytes_toclient", record.bytes[1]},
               {"dropped", record.dropped_packets},
               {"age_seconds", seconds_between(record.first_seen, now)},
               {"idle_seconds", seconds_between(record.last_seen, now)},
               {"worker", record.worker},
               {"in_port", port_name(view, record.in_port)}};
  if (record.refused_reason != DropReason::none) {
    flow["refused_reason"] = reason_word(record.refused_reason);
  }
  return flow;
}

json flows_json(const FlowRows& rows, const WireView& view, TimeNs now) {
  json items = json::array();
  for (const FlowRecord& record : rows.rows) items.push_back(flow_json(record, view, now));
  return items;
}

json source_json(const SourceRow& row, TimeNs now) {
  return {{"source", to_string(row.source)},
          {"packets_refused", row.packets_refused},
          {"packets_left", row.packets_left},
          {"bytes_left", row.bytes_left},
          {"worker", row.worker},
          {"idle_seconds", seconds_between(row.last_seen, now)}};
}

void add_limit(json& limits, const char* name, const RateConfig& rate, const char* unit) {
  if (rate.rate == 0) return;
  limits.push_back({{"name", name}, {"rate", rate.rate}, {"burst", rate.burst}, {"unit", unit}});
}

json limits_json(const LimitsConfig& config) {
  json limits = json::array();
  add_limit(limits, "flow.packets", config.flow.packets, "packets/s");
  add_limit(limits, "flow.bits", config.flow.bits, "bits/s");
  add_limit(limits, "source.packets", config.source.packets, "packets/s");
  add_limit(limits, "source.bits", config.source.bits, "bits/s");
  return limits;
}

/// To be held until the rows are there.
Result<UserShare::Place> place_for_rows(const Services& services, const Caller& caller) {
  if (services.row_lists == nullptr) return UserShare::Place();
  UserShare::Place place = services.row_lists->try_take(caller.uid);
  if (place != nullptr) return place;
  return fail(ErrorKind::limit,
              fmt::format("rows: {} has {} lists under way, which is all that one user can have",
                          caller.user, services.row_lists->most()),
              "wait for one of them");
}

const HealthReport& health_of(const Services& services) { return services.health->report(); }

}  // namespace

void show_version(Services& services, const Caller&, const json&, Reply reply) {
  reply(json{{"protocol", kProtocolVersion}, {"program", services.view->facts().version}});
}

void show_status(Services& services, const Caller&, const json&, Reply reply) {
  reply(status_json(*services.view, health_of(services), services.clock->now()));
}

void show_stats(Services& services, const Caller&, const json&, Reply reply) {
  reply(stats_json(*services.view));
}

void show_drops(Services& services, const Caller&, const json& args, Reply reply) {
  reply(drops_json(*services.view, flag_in(args, "all")));
}

void show_health(Services& services, const Caller&, const json& args, Reply reply) {
  reply(health_json(health_of(services), flag_in(args, "detailed")));
}

// Without the flows the rest is still worth seeing: why they are missing stands beside it.
void show_top(Services& services, const Caller& caller, const json& args, Reply reply) {
  json top = top_json(*services.view, health_of(services));
  RowQuery query;
  query.largest = true;
  query.most = static_cast<std::uint32_t>(
      std::min(number_in(args, "flows", kLargestUnlessAsked), kLargestMax));
  if (query.most == 0) return reply(std::move(top));
  auto place = place_for_rows(services, caller);
  if (!place) {
    top["flows_error"] = place.error().message;
    return reply(std::move(top));
  }
  services.keeper->request(
      RequestKind::list_flows, encode(query),
      [&services, place = std::move(*place), top = std::move(top),
       reply = std::move(reply)](auto body) mutable {
        const auto rows = body ? decode_as<FlowRows>(body->bytes())
                               : Result<FlowRows>(tl::unexpected<Error>(body.error()));
        if (rows) {
          top["flows"] = flows_json(*rows, *services.view, services.clock->now());
        } else {
          top["flows_error"] = rows.error().message;
        }
        reply(std::move(top));
      });
}

void list_flows(Services& services, const Caller& caller, const json& args, Reply reply) {
  const auto query = row_query(args);
  if (!query) return reply(tl::unexpected<Error>(query.error()));
  auto place = place_for_rows(services, caller);
  if (!place) return reply(tl::unexpected<Error>(place.error()));
  services.keeper->request(
      RequestKind::list_flows, encode(*query),
      [&services, place = std::move(*place), reply = std::move(reply)](auto body) {
        if (!body) return reply(tl::unexpected<Error>(body.error()));
        const auto rows = decode_as<FlowRows>(body->bytes());
        if (!rows) return reply(tl::unexpected<Error>(rows.error()));
        reply(json{{"items", flows_json(*rows, *services.view, services.clock->now())},
                   {"next", next_json(rows->next)}});
      });
}

void list_limits(Services& services, const Caller& caller, const json& args, Reply reply) {
  const auto query = row_query(args);
  if (!query) return reply(tl::unexpected<Error>(query.error()));
  auto place = place_for_rows(services, caller);
  if (!place) return reply(tl::unexpected<Error>(place.error()));
  services.keeper->request(
      RequestKind::list_sources, encode(*query),
      [&services, place = std::move(*place), reply = std::move(reply)](auto body) {
        if (!body) return reply(tl::unexpected<Error>(body.error()));
        const auto rows = decode_as<SourceRows>(body->bytes());
        if (!rows) return reply(tl::unexpected<Error>(rows.error()));
        json items = json::array();
        const TimeNs now = services.clock->now();
        for (const SourceRow& row : rows->rows) items.push_back(source_json(row, now));
        reply(json{{"limits", limits_json(services.view->facts().limits)},
                   {"items", std::move(items)},
                   {"next", next_json(rows->next)}});
      });
}

}  // namespace sluice
