// Any bytes as a line on the control socket: whatever it says, each verb is answered exactly once,
// on one harmless line of JSON that carries the id of the request, and handlers see only arguments
// of the types that the table tells.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "control/commands.h"
#include "control/protocol.h"

namespace {

using nlohmann::json;

const sluice::CommandRow* g_row = nullptr;

/// Stands for every handler: takes its arguments as the table promises them.
void use_arguments(sluice::Services&, const sluice::Caller&, const json& args,
                   sluice::Reply reply) {
  SLUICE_CHECK(args.is_object(), "arguments are an object");
  for (const sluice::ArgumentRow& row : g_row->arguments) {
    const auto value = args.find(row.name);
    SLUICE_CHECK(value != args.end() || !row.is_required, "what is required is there");
    if (value == args.end()) continue;
    if (row.type == "number" || row.type == "cursor") {
      SLUICE_CHECK(value->get<std::uint64_t>() <= row.most, "numbers are in range");
    } else if (row.type == "boolean") {
      (void)value->get<bool>();
    } else if (row.type == "texts" || row.type == "objects") {
      SLUICE_CHECK(value->is_array() && value->size() <= row.most, "arrays are bounded");
    } else {
      SLUICE_CHECK(value->get_ref<const std::string&>().size() <= 1024, "texts are bounded");
    }
  }
  reply(args);
}

void check_reply(const std::string& line, const json& id) {
  SLUICE_CHECK(line.find('\n') == line.size() - 1, "one reply, one line");
  for (const char c : std::string_view(line).substr(0, line.size() - 1)) {
    SLUICE_CHECK(c >= 0x20 && c < 0x7f, "no control character is left");
  }
  SLUICE_CHECK(json::parse(line)["id"] == id, "the reply has the id of the request");
}

void run(const sluice::Request& request, sluice::Role role) {
  sluice::Services services;
  sluice::Caller caller{1000, 1, "fuzz", role, "k-1", sluice::json_text(request.id)};
  unsigned answers = 0;
  const sluice::Reply reply = [&](const sluice::Result<json>& result) {
    ++answers;
    const sluice::RequestName name{request.id, caller.request_id};
    check_reply(result ? sluice::result_line(name, *result)
                       : sluice::error_line(name, name_of(result.error().kind), result.error()),
                request.id);
  };
  g_row = sluice::find_command(request.verb);
  if (g_row == nullptr) {
    run_command(services, caller, request.verb, request.args, reply);
  } else {
    sluice::CommandRow row = *g_row;
    row.run = use_arguments;
    run_command(row, services, caller, request.args, reply);
  }
  SLUICE_CHECK(answers == 1, "each request is answered once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const sluice::Request request = sluice::parse_request(line);
  if (request.error) {
    SLUICE_CHECK(!request.error->message.empty(), "a refusal says what is wrong");
    check_reply(
        sluice::error_line({request.id, "k-1"}, name_of(request.error->kind), *request.error),
        request.id);
    return 0;
  }
  for (const sluice::Role role :
       {sluice::Role::viewer, sluice::Role::operator_, sluice::Role::admin}) {
    run(request, role);
  }
  return 0;
}
