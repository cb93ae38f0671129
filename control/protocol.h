// What crosses the control socket: one JSON object per line, requests in, replies out. Every byte
// that comes in is from anybody who may connect. Text only, no state: any one thread; the client
// uses it as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

inline constexpr std::uint64_t kProtocolVersion = 1;
inline constexpr std::size_t kRequestLineBytesMax = 64 * 1024;  ///< one line without its newline
inline constexpr unsigned kRequestDepthMax = 16;                ///< of arrays and objects
inline constexpr std::size_t kVerbBytesMax = 64;
inline constexpr std::size_t kClientIdBytesMax = 64;  ///< where the client's id is a text
inline constexpr std::size_t kReplyBytesMax = 1U << 20;

/// A request, or why it is none. The id is known wherever the line was an object with a valid one,
/// and null otherwise, so that the client can tell which of its requests was refused.
struct Request {
  nlohmann::json id;  ///< a whole number, a short text, or null
  std::string verb;
  nlohmann::json args = nlohmann::json::object();
  std::optional<Error> error = {};
};
/// Of one line without its newline. Refused: bytes that are not UTF-8, no JSON, too long, too deep,
/// unknown members.
[[nodiscard]] Request parse_request(std::string_view line);

/// What an answer belongs to.
struct RequestName {
  nlohmann::json id;
  std::string request_id;  ///< the daemon's
};
/// Reply lines, newline included. Controls and everything beyond ASCII are escaped; bytes that are
/// not UTF-8 come out as U+FFFD. A result larger than a reply may be becomes an error.
[[nodiscard]] std::string result_line(const RequestName& name, const nlohmann::json& result);
[[nodiscard]] std::string error_line(const RequestName& name, std::string_view kind,
                                     const Error& error);
/// `event` is one JSON object as text.
[[nodiscard]] std::string event_line(const nlohmann::json& id, std::string_view event);
[[nodiscard]] std::string lost_line(const nlohmann::json& id, std::uint64_t events);
/// One JSON value as results are written.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

/// The word of an error on the wire. A role that is too low is told as kDeniedKind instead.
[[nodiscard]] std::string_view name_of(ErrorKind kind) noexcept;
inline constexpr std::string_view kDeniedKind = "denied";

/// "2026-01-02T03:04:05.000006Z", as every time in a result is written.
[[nodiscard]] std::string time_text(TimeNs when);

/// The daemon's numbers of requests: short texts, no two alike, also over restarts that are at
/// least a millisecond apart.
class RequestIds {
 public:
  explicit RequestIds(TimeNs started);
  [[nodiscard]] std::string next();

 private:
  std::string prefix_;
  std::uint64_t count_ = 0;
};

}  // namespace sluice
