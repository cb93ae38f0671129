// What an operator can ask for: one table of verbs, each with the role it needs, its arguments and
// its handler. Help, completion, the API reference and the socket all read it. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

class AuditLog;
class Blocks;
class Bypasses;
class ConfigHistory;
class EventFollowers;
class Health;
class KeeperLink;
class Reload;
class RuleDesk;
class UserShare;
class WireView;

enum class Role : std::uint8_t { viewer, operator_, admin };
[[nodiscard]] std::string_view name_of(Role role) noexcept;

/// Who asks, as the kernel says it, and under which number.
struct Caller {
  std::uint32_t uid = 0;
  std::int32_t pid = 0;
  std::string user;  ///< name of the uid, or its number
  Role role = Role::viewer;
  std::string request_id;
  std::string client_id = {};  ///< the `id` of the client's request, as JSON text
};

/// Called exactly once, now or in a later turn of the loop. After the client went away it does
/// nothing.
using Reply = std::function<void(Result<nlohmann::json>)>;

/// Everything outlives the commands.
struct Services {
  const Clock* clock = nullptr;
  WireView* view = nullptr;
  KeeperLink* keeper = nullptr;
  Reload* reload = nullptr;
  Blocks* blocks = nullptr;
  RuleDesk* rules = nullptr;
  Bypasses* bypasses = nullptr;
  Health* health = nullptr;
  AuditLog* audit = nullptr;
  EventFollowers* followers = nullptr;
  UserShare* row_lists = nullptr;  ///< lists of rows that are being made; null = unbounded
};

/// What `args` may hold. Members that stand in no row, or are not of the row's type, are refused
/// before the handler runs; what depends on more than one member is the handler's to check.
struct ArgumentRow {
  std::string_view name;
  /// "text", "number" (whole, not negative), "duration" (text such as "10m"), "boolean", "prefix"
  /// (text), "cursor" (a number, as `next` was), "texts", "objects" (arrays).
  std::string_view type;
  bool is_required = false;
  std::string_view help;
  std::uint64_t most = kNumberMax;  ///< of a number; of the elements of an array

  static constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53) - 1;  ///< exact in any JSON
};

struct CommandRow {
  std::string_view verb;  ///< "blocks.add"
  Role role = Role::viewer;
  bool is_change = false;  ///< written to the audit log, with its outcome
  std::string_view help;   ///< one sentence without a full stop
  std::span<const ArgumentRow> arguments;
  void (*run)(Services&, const Caller&, const nlohmann::json& args, Reply reply) = nullptr;
};

[[nodiscard]] std::span<const CommandRow> command_table() noexcept;
/// Null where there is none.
[[nodiscard]] const CommandRow* find_command(std::string_view verb) noexcept;

/// What is wrong with `args` by itself, if anything is.
[[nodiscard]] Status check_arguments(const CommandRow& row, const nlohmann::json& args);

/// Checks role and arguments, runs the verb, and has a change written to the audit log when its
/// answer is known. Errors reach `reply`.
void run_command(Services& services, const Caller& caller, std::string_view verb,
                 const nlohmann::json& args, Reply reply);
void run_command(const CommandRow& row, Services& services, const Caller& caller,
                 const nlohmann::json& args, Reply reply);

/// The page of all verbs, in Markdown, from the table.
[[nodiscard]] std::string render_command_reference();

}  // namespace sluice
