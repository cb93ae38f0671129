// Rows of lists, and one-line events.
#include <initializer_list>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ctl/fields.h"
#include "ctl/figures.h"
#include "ctl/views.h"

namespace sluice {
namespace {

using nlohmann::json;

/// An address with its port; `of` is "src" or "dest".
std::string end_point(const json& row, std::string_view of) {
  const std::string address = text_in(row, fmt::format("{}_ip", of));
  const std::string port = text_in(row, fmt::format("{}_port", of));
  if (port.empty() || port == "0") return address;
  const bool is_v6 = address.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

Cell as_end_point(const json& row, std::string_view of) { return {end_point(row, of)}; }

Cell as_packets_of_both(const json& row, std::string_view) {
  return {si_text(number_in(row, "pkts_toserver") + number_in(row, "pkts_toclient"), "")};
}

Cell as_bytes_of_both(const json& row, std::string_view) {
  return {si_text(number_in(row, "bytes_toserver") + number_in(row, "bytes_toclient"), "B")};
}

Cell as_refused(const json& row, std::string_view field) {
  const std::uint64_t count = count_in(row, field);
  return {grouped(count), count > 0 ? Colour::red : Colour::none};
}

Cell as_outcome(const json& row, std::string_view) {
  if (flag_in(row, "ok")) return {"done", Colour::green};
  return {text_in(row, "error"), Colour::red};
}

Cell as_in_force(const json& row, std::string_view field) {
  return flag_in(row, field) ? Cell{"in force", Colour::green} : Cell{};
}

/// Text that is not empty, an object as JSON.
Cell as_arguments(const json& row, std::string_view field) {
  const json& args = member(row, field);
  if (!args.is_object()) return {text_in(row, field)};
  std::string text = args.empty() ? std::string() : json_line(args);
  if (!text.empty()) text.pop_back();
  return {std::move(text)};
}

Cell as_limit_rate(const json& row, std::string_view field) {
  return {fmt::format("{} {}", grouped(count_in(row, field)), text_in(row, "unit"))};
}

constexpr Column kFlowColumns[] = {
    {"PROTO", "proto", as_text},
    {"FROM", "src", as_end_point, false, Fit::cut_middle},
    {"TO", "dest", as_end_point, false, Fit::cut_middle},
    {"STATE", "state", as_text},
    {"PACKETS", "", as_packets_of_both, true},
    {"REFUSED", "dropped", as_refused, true},
    {"BYTES", "", as_bytes_of_both, true, Fit::leave_out},
    {"IDLE", "idle_seconds", as_span, true, Fit::leave_out},
    {"AGE", "age_seconds", as_span, true, Fit::leave_out},
    {"WORKER", "worker", as_count, true, Fit::leave_out},
    {"PORT", "in_port", as_text, false, Fit::leave_out},
    {"FLOW ID", "flow_id", as_text, true, Fit::leave_out},
};

constexpr Column kSourceColumns[] = {
    {"SOURCE", "source", as_text, false, Fit::cut_middle},
    {"REFUSED", "packets_refused", as_refused, true},
    {"PACKETS LEFT", "packets_left", as_count, true},
    {"BYTES LEFT", "bytes_left", as_count, true},
    {"WORKER", "worker", as_count, true, Fit::leave_out},
    {"IDLE", "idle_seconds", as_span, true},
};

constexpr Column kLimitColumns[] = {
    {"LIMIT", "name", as_text},
    {"RATE", "rate", as_limit_rate, true},
    {"BURST", "burst", as_count, true},
};

constexpr Column kBlockColumns[] = {
    {"ID", "id", as_text, true},
    {"WHAT", "what", as_text, false, Fit::cut_middle},
    {"LEFT", "seconds_left", as_span, true},
    {"HITS", "hits", as_count, true},
    {"OWNER", "owner", as_text, false, Fit::cut},
    {"REASON", "reason", as_text, false, Fit::cut},
    {"SINCE", "created_at", as_time, false, Fit::leave_out},
};

constexpr Column kAuditColumns[] = {
    {"AT", "at", as_time},
    {"USER", "user", as_text, false, Fit::cut},
    {"VERB", "verb", as_text},
    {"OUTCOME", "", as_outcome, false, Fit::cut},
    {"ARGUMENTS", "args", as_arguments, false, Fit::cut},
};

constexpr Column kBypassColumns[] = {
    {"ID", "id", as_text, true},
    {"WHAT", "what", as_text, false, Fit::cut_middle},
    {"LEFT", "seconds_left", as_span, true},
    {"OWNER", "owner", as_text, false, Fit::cut},
    {"REASON", "reason", as_text, false, Fit::cut},
};

constexpr Column kConfigColumns[] = {
    {"ID", "id", as_text, true},
    {"LOADED", "loaded_at", as_time},
    {"BY", "by", as_text, false, Fit::cut},
    {"CHANGED", "changed", as_count, true},
    {"", "in_force", as_in_force},
    {"DIGEST", "digest", as_text, false, Fit::cut},
};

std::string with_rows(std::string text, std::span<const Column> columns, const json& rows,
                      const Paper& paper) {
  Table table(columns, paper);
  return text + table.render(rows);
}

/// "2026-01-02T03:04:05.000006+0000" without the day.
std::string time_of_day(const json& event) {
  const std::string text = text_in(event, "timestamp");
  return text.size() > 23 ? text.substr(11, 12) : text;
}

std::string drop_text(const json& event) { return text_in(member(event, "drop"), "reason"); }

std::string flow_text(const json& event) {
  const json& flow = member(event, "flow");
  return fmt::format("{} {}/{} packets {}", text_in(flow, "state"),
                     grouped(count_in(flow, "pkts_toserver")),
                     grouped(count_in(flow, "pkts_toclient")), text_in(flow, "reason"));
}

/// What tells one message from others, the words that it has.
std::string words_of(const json& object, std::initializer_list<const char*> keys) {
  std::string words;
  for (const char* key : keys) {
    const std::string word = text_in(object, key);
    if (!word.empty()) words += (words.empty() ? "" : " ") + word;
  }
  return words;
}

std::string http_text(const json& http) {
  const std::uint64_t status = count_in(http, "status");
  return words_of(http, {"http_method", "hostname", "url"}) +
         (status == 0 ? "" : fmt::format(" {}", status));
}

std::string detail_of(const std::string& type, const json& event) {
  const json& own = member(event, type);
  if (type == "drop") return drop_text(event);
  if (type == "flow") return flow_text(event);
  if (type == "alert") {
    return fmt::format("{} {} {}", count_in(own, "signature_id"), text_in(own, "action"),
                       text_in(own, "signature"));
  }
  if (type == "http") return http_text(own);
  if (type == "anomaly") return words_of(own, {"event"});
  if (type == "dns") return words_of(own, {"type", "rrname", "rrtype", "rcode"});
  if (type == "tls" || type == "quic") return words_of(own, {"version", "sni"});
  if (type == "smtp") return words_of(own, {"helo", "mail_from"});
  if (type == "ftp") return words_of(own, {"command", "command_data"});
  if (type == "ssh") return words_of(member(own, "client"), {"software_version"});
  return {};
}

}  // namespace

std::span<const Column> flow_columns() noexcept { return kFlowColumns; }
std::span<const Column> source_columns() noexcept { return kSourceColumns; }
std::span<const Column> block_columns() noexcept { return kBlockColumns; }
std::span<const Column> audit_columns() noexcept { return kAuditColumns; }

std::string show_limits(const json& result, const Paper& paper) {
  const std::string rows = with_rows({}, kLimitColumns, member(result, "limits"), paper);
  return rows.empty() ? "no limits are set\n\n" : rows + "\n";
}

std::string show_block_count(const json& result, const Paper&) {
  return fmt::format("{} blocks in force\n",
                     share_text(count_in(result, "active"), count_in(result, "capacity")));
}

std::string show_bypasses(const json& result, const Paper& paper) {
  const std::string rows = with_rows({}, kBypassColumns, member(result, "items"), paper);
  return (rows.empty() ? "no bypass is on\n" : rows) +
         fmt::format("let through so far: {} packets, {}\n", grouped(count_in(result, "packets")),
                     si_text(number_in(result, "bytes"), "B"));
}

std::string show_configs(const json& result, const Paper& paper) {
  const std::string rows = with_rows({}, kConfigColumns, member(result, "items"), paper);
  return rows.empty() ? "no configuration is kept\n" : rows;
}

std::string show_event(const json& event, const Paper& paper) {
  const std::string type = text_in(event, "event_type");
  const std::string detail = detail_of(type, event);
  std::string line = fmt::format("{} {:<5}", time_of_day(event), type);
  const bool has_ends = member(event, "src_ip").is_string();
  if (has_ends) {
    line += fmt::format(" {} {} > {}", text_in(event, "proto"), end_point(event, "src"),
                        end_point(event, "dest"));
  }
  if (!detail.empty()) line += "  " + detail;
  const Colour colour = type == "drop" ? Colour::red : Colour::none;
  return paint(paper, colour, line) + "\n";
}

}  // namespace sluice
