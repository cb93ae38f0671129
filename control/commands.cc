#include "control/commands.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/ip_address.h"
#include "base/suggest.h"
#include "base/units.h"
#include "control/access.h"
#include "control/protocol.h"
#include "control/store/audit_log.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kTextBytesMax = 1024;

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view near = nearest_word(word, known);
  return near.empty() ? "" : fmt::format("did you mean '{}'?", near);
}

tl::unexpected<Error> wrong(std::string_view where, std::string message, std::string hint = {}) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", where, std::move(message)),
              std::move(hint));
}

tl::unexpected<Error> wrong_type(const ArgumentRow& row, const json& value,
                                 std::string_view expected) {
  return wrong(row.name, fmt::format("{}: {}", value.type_name(), expected));
}

Status check_text(std::string_view where, const json& value, std::size_t bytes_max) {
  if (!value.is_string()) return wrong(where, fmt::format("{}: a text", value.type_name()));
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) return wrong(where, "has a NUL: a text without");
  if (text.size() <= bytes_max) return {};
  return wrong(where, fmt::format("a text of {} bytes: at most {}", text.size(), bytes_max));
}

Status check_number(const ArgumentRow& row, const json& value) {
  if (!value.is_number_unsigned()) return wrong_type(row, value, "a whole number, not negative");
  const auto number = value.get<std::uint64_t>();
  if (number <= row.most) return {};
  return wrong(row.name, fmt::format("{}: at most {}", number, row.most));
}

/// A text that `parse` understands. What it says in an error names no place yet.
template <class Parse>
Status check_parsed(const ArgumentRow& row, const json& value, Parse&& parse) {
  if (auto text = check_text(row.name, value, kTextBytesMax); !text) return text;
  if (auto parsed = parse(value.get_ref<const std::string&>()); !parsed) {
    return with_context(row.name, parsed.error());
  }
  return {};
}

Status check_array(const ArgumentRow& row, const json& value, json::value_t element) {
  if (!value.is_array()) return wrong_type(row, value, "an array");
  if (value.size() > row.most) {
    return wrong(row.name, fmt::format("{} elements: at most {}", value.size(), row.most));
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string where = fmt::format("{}[{}]", row.name, i);
    if (value[i].type() != element) {
      return wrong(where, fmt::format("{}: {}", value[i].type_name(), json(element).type_name()));
    }
    if (!value[i].is_string()) continue;
    if (auto text = check_text(where, value[i], kTextBytesMax); !text) return text;
  }
  return {};
}

Status check_argument(const ArgumentRow& row, const json& value) {
  if (row.type == "text") return check_text(row.name, value, kTextBytesMax);
  if (row.type == "number") return check_number(row, value);
  if (row.type == "cursor") return check_number(row, value);
  if (row.type == "duration") return check_parsed(row, value, parse_duration);
  if (row.type == "prefix") return check_parsed(row, value, parse_ip_prefix);
  if (row.type == "texts") return check_array(row, value, json::value_t::string);
  if (row.type == "objects") return check_array(row, value, json::value_t::object);
  if (value.is_boolean()) return {};
  return wrong_type(row, value, "true or false");
}

tl::unexpected<Error> unknown_argument(const CommandRow& row, const std::string& name) {
  std::vector<std::string_view> known;
  for (const ArgumentRow& argument : row.arguments) known.push_back(argument.name);
  std::string hint = did_you_mean(name, known);
  if (hint.empty() && known.empty()) hint = "it takes no arguments";
  if (hint.empty()) hint = fmt::format("it takes {}", fmt::join(known, ", "));
  return wrong(row.verb,
               fmt::format("unknown argument '{}'", escape_control(name.substr(0, kVerbBytesMax))),
               std::move(hint));
}

const ArgumentRow* find_argument(const CommandRow& row, std::string_view name) noexcept {
  for (const ArgumentRow& argument : row.arguments) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
}

AuditRecord audit_record(const CommandRow& row, const Services& services, const Caller& caller,
                         const json& args) {
  AuditRecord record;
  record.at = services.clock == nullptr ? 0 : services.clock->now();
  record.user = caller.user;
  record.uid = caller.uid;
  record.pid = caller.pid;
  record.role = name_of(caller.role);
  record.request_id = caller.request_id;
  record.client_id = caller.client_id;
  record.verb = row.verb;
  record.is_denied = !is_allowed(caller.role, row);
  // What was refused is not kept word for word: nobody fills the disk with what he may not do.
  if (!record.is_denied) record.args = json_text(args);
  return record;
}

void note_outcome(AuditRecord& record, const Result<json>& answer) {
  if (!answer) {
    record.error = answer.error().message.empty() ? "failed" : answer.error().message;
    return;
  }
  if (!answer->is_object()) return;
  const auto generation = answer->find("generation");
  if (generation != answer->end() && generation->is_number_integer()) {
    record.generation = generation->get<std::uint64_t>();
  }
}

/// `reply`, after the outcome has been written down.
Reply audited(AuditLog& audit, AuditRecord record, Reply reply) {
  return
      [&audit, record = std::move(record), reply = std::move(reply)](Result<json> answer) mutable {
        note_outcome(record, answer);
        audit.append(record);
        reply(std::move(answer));
      };
}

}  // namespace

Status check_arguments(const CommandRow& row, const json& args) {
  if (!args.is_object()) {
    return wrong(row.verb, fmt::format("args is {}: an object", args.type_name()));
  }
  for (const auto& member : args.items()) {
    const ArgumentRow* argument = find_argument(row, member.key());
    if (argument == nullptr) return unknown_argument(row, member.key());
    if (auto status = check_argument(*argument, member.value()); !status) {
      return with_context(row.verb, status.error());
    }
  }
  for (const ArgumentRow& argument : row.arguments) {
    if (!argument.is_required || args.contains(argument.name)) continue;
    return wrong(row.verb, fmt::format("no {}: {}", argument.name, argument.help));
  }
  return {};
}

void run_command(const CommandRow& row, Services& services, const Caller& caller, const json& args,
                 Reply reply) {
  if (row.is_change && services.audit != nullptr) {
    reply = audited(*services.audit, audit_record(row, services, caller, args), std::move(reply));
  }
  if (!is_allowed(caller.role, row)) {
    return reply(wrong(row.verb,
                       fmt::format("{} has the role {}: {} is needed", caller.user,
                                   name_of(caller.role), name_of(row.role)),
                       "control.operator_group and control.admin_group give roles to groups"));
  }
  if (auto status = check_arguments(row, args); !status) {
    return reply(tl::unexpected(status.error()));
  }
  row.run(services, caller, args, std::move(reply));
}

void run_command(Services& services, const Caller& caller, std::string_view verb, const json& args,
                 Reply reply) {
  if (const CommandRow* row = find_command(verb)) {
    return run_command(*row, services, caller, args, std::move(reply));
  }
  std::vector<std::string_view> known;
  for (const CommandRow& row : command_table()) known.push_back(row.verb);
  reply(wrong("verb", fmt::format("unknown verb '{}'", escape_control(verb)),
              did_you_mean(verb, known)));
}

}  // namespace sluice
