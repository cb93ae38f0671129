#include "control/protocol.h"

#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/suggest.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kMembers{"id", "verb", "args"};
constexpr std::size_t kShownBytesMax = 64;

std::string shown(std::string_view text) {
  if (text.size() > kShownBytesMax) return escape_control(text.substr(0, kShownBytesMax)) + "...";
  return escape_control(text);
}

tl::unexpected<Error> refused(std::string message, std::string hint = {}) {
  return fail(ErrorKind::invalid, "request: " + std::move(message), std::move(hint));
}

/// The parser takes any depth, and a NUL for the end of the text; both are refused before it runs.
Status check_shape(std::string_view line) {
  if (line.size() > kRequestLineBytesMax) {
    return refused(
        fmt::format("a line of {} bytes: at most {}", line.size(), kRequestLineBytesMax));
  }
  unsigned depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\0') return refused(fmt::format("byte {} is NUL: JSON text", i + 1));
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '{' || c == '[')) {
      if (++depth > kRequestDepthMax) {
        return refused(fmt::format("nested deeper than {} levels", kRequestDepthMax));
      }
    } else if (!in_text && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return {};
}

Result<json> parse_object(std::string_view line) {
  if (auto shape = check_shape(line); !shape) return tl::unexpected(shape.error());
  constexpr std::string_view kExample = R"(a request reads {"id": 1, "verb": "status"})";
  try {
    json value = json::parse(line);
    if (value.is_object()) return value;
    return refused(fmt::format("{}: a JSON object", value.type_name()), std::string(kExample));
  } catch (const json::parse_error& error) {
    return refused(fmt::format("not JSON at byte {}: one object per line", error.byte),
                   std::string(kExample));
  } catch (const json::exception&) {
    return refused("a number out of range: whole numbers below 2^64");
  }
}

bool is_id(const json& id) {
  if (id.is_null() || id.is_number_integer()) return true;
  return id.is_string() && id.get_ref<const std::string&>().size() <= kClientIdBytesMax;
}

json usable_id(const json& object) {
  const auto id = object.find("id");
  return id != object.end() && is_id(*id) ? *id : json();
}

Status check_id(const json& object) {
  const auto id = object.find("id");
  if (id == object.end() || is_id(*id)) return {};
  return refused(fmt::format("id is {}: a whole number, or a text of at most {} bytes",
                             id->type_name(), kClientIdBytesMax));
}

Status check_members(const json& object) {
  for (const auto& member : object.items()) {
    const std::string& name = member.key();
    bool is_known = false;
    for (const std::string_view known : kMembers) is_known = is_known || name == known;
    if (is_known) continue;
    const std::string_view near = nearest_word(name, kMembers);
    return refused(fmt::format("unknown member '{}': id, verb, args", shown(name)),
                   near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  return {};
}

Status check_verb(const json& object) {
  const auto verb = object.find("verb");
  if (verb == object.end()) return refused("no verb: a text such as \"status\"");
  if (!verb->is_string()) return refused(fmt::format("verb is {}: a text", verb->type_name()));
  const auto& text = verb->get_ref<const std::string&>();
  if (text.empty() || text.size() > kVerbBytesMax) {
    return refused(fmt::format("a verb of {} bytes: 1 to {}", text.size(), kVerbBytesMax));
  }
  return {};
}

Status check_args(const json& object) {
  const auto args = object.find("args");
  if (args == object.end() || args->is_object()) return {};
  return refused(fmt::format("args is {}: an object", args->type_name()));
}

std::string reply_head(const RequestName& name, bool is_ok) {
  return fmt::format(R"({{"id":{},"request_id":{},"ok":{},)", json_text(name.id),
                     json_text(name.request_id), is_ok);
}

}  // namespace

Request parse_request(std::string_view line) {
  Request request;
  Result<json> object = parse_object(line);
  if (!object) {
    request.error = object.error();
    return request;
  }
  request.id = usable_id(*object);
  for (const auto check : {check_id, check_members, check_verb, check_args}) {
    if (auto status = check(*object); !status) {
      request.error = status.error();
      return request;
    }
  }
  request.verb = (*object)["verb"].get<std::string>();
  if (const auto args = object->find("args"); args != object->end()) {
    request.args = std::move(*args);
  }
  return request;
}

std::string json_text(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string result_line(const RequestName& name, const json& result) {
  std::string text = json_text(result);
  if (text.size() > kReplyBytesMax - 1024) {
    return error_line(
        name, name_of(ErrorKind::limit),
        Error{ErrorKind::limit,
              fmt::format("reply: {} bytes, above the largest of {}", text.size(), kReplyBytesMax),
              "ask for fewer items with limit"});
  }
  return reply_head(name, true) + R"("result":)" + text + "}\n";
}

std::string error_line(const RequestName& name, std::string_view kind, const Error& error) {
  json body{{"kind", kind}, {"message", error.message}};
  if (!error.hint.empty()) body["hint"] = error.hint;
  return reply_head(name, false) + R"("error":)" + json_text(body) + "}\n";
}

std::string event_line(const json& id, std::string_view event) {
  return fmt::format("{{\"id\":{},\"event\":{}}}\n", json_text(id), event);
}

std::string lost_line(const json& id, std::uint64_t events) {
  return fmt::format("{{\"id\":{},\"lost\":{}}}\n", json_text(id), events);
}

std::string_view name_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::limit:
      return "limit";
    case ErrorKind::io:
      return "io";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

std::string time_text(TimeNs when) {
  const auto seconds = static_cast<std::time_t>(when / kNsPerSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     when % kNsPerSecond / kNsPerUs);
}

RequestIds::RequestIds(TimeNs started) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), started / kNsPerMs, 36);
  prefix_.assign(text.data(), end.ptr);
}

std::string RequestIds::next() { return fmt::format("{}-{}", prefix_, ++count_); }

}  // namespace sluice
