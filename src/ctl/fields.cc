#include "ctl/fields.h"

#include "base/escape.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr double kCountMax = 9007199254740992.0;  // 2^53: exact as a number of JSON

std::string text_of(const json& value) {
  if (value.is_string()) return escape_control(value.get_ref<const std::string&>());
  return value.is_number() ? value.dump() : std::string();
}

}  // namespace

const json& member(const json& object, std::string_view name) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string text_in(const json& object, std::string_view name) {
  return text_of(member(object, name));
}

std::uint64_t count_in(const json& object, std::string_view name) {
  const json& value = member(object, name);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  const double number = number_in(object, name);
  return number > 0 && number < kCountMax ? static_cast<std::uint64_t>(number) : 0;
}

double number_in(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_number() ? value.get<double>() : 0.0;
}

bool flag_in(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::string texts_in(const json& object, std::string_view name) {
  const json& values = member(object, name);
  std::string text;
  if (!values.is_array()) return text;
  for (const json& value : values) {
    if (!text.empty()) text += ", ";
    text += text_of(value);
  }
  return text;
}

std::string escape_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out += escape_control(text.substr(0, end));
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string time_in(const json& object, std::string_view name) {
  std::string text = text_in(object, name);
  const bool is_time = text.size() >= 20 && text[10] == 'T' && text.back() == 'Z';
  if (!is_time) return text;
  text[10] = ' ';
  return text.substr(0, 19) + " UTC";
}

std::string json_line(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

}  // namespace sluice
