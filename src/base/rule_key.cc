#include "base/rule_key.h"

#include <charconv>

#include <fmt/format.h>

namespace sluice {
namespace {

[[nodiscard]] bool read_number(std::string_view text, std::uint32_t& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && number != 0;
}

}  // namespace

Result<RuleKey> parse_rule_key(std::string_view text) {
  RuleKey key;
  const std::size_t colon = text.find(':');
  const bool has_gid = colon != std::string_view::npos;
  const std::string_view id = has_gid ? text.substr(colon + 1) : text;
  if (read_number(id, key.id) && (!has_gid || read_number(text.substr(0, colon), key.gid))) {
    return key;
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no id of a rule: a number such as 20031, or 3:20031 with its "
                          "gid, would do",
                          text.substr(0, 32)));
}

std::string to_string(const RuleKey& key) {
  return key.gid <= 1 ? fmt::format("{}", key.id) : fmt::format("{}:{}", key.gid, key.id);
}

}  // namespace sluice
