#include "rules/suricata_keywords.h"

#include <array>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/suggest.h"

namespace sluice {
namespace {

using KeywordIndex = std::unordered_map<std::string_view, const SuricataKeyword*>;

std::array<std::span<const SuricataKeyword>, 10> all_keywords() noexcept {
  return {suricata_about_keywords(),  suricata_flow_keywords(),      suricata_flag_keywords(),
          suricata_header_keywords(), suricata_content_keywords(),   suricata_byte_keywords(),
          suricata_buffer_keywords(), suricata_transform_keywords(), suricata_dataset_keywords(),
          suricata_refused_keywords()};
}

KeywordIndex index_keywords() {
  KeywordIndex index;
  for (const auto& keywords : all_keywords()) {
    for (const SuricataKeyword& keyword : keywords) index.emplace(keyword.name, &keyword);
  }
  return index;
}

std::vector<std::string_view> list_names() {
  std::vector<std::string_view> names;
  for (const auto& keywords : all_keywords()) {
    for (const SuricataKeyword& keyword : keywords) names.push_back(keyword.name);
  }
  return names;
}

}  // namespace

const SuricataKeyword* suricata_keyword_named(std::string_view name) {
  static const KeywordIndex index = index_keywords();
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

std::span<const std::string_view> suricata_keyword_names() {
  static const std::vector<std::string_view> names = list_names();
  return names;
}

Status read_suricata_option(RuleDraft& draft, const SuricataOption& option) {
  const SuricataKeyword* keyword = suricata_keyword_named(option.name);
  if (keyword == nullptr) {
    const std::string_view near = nearest_word(option.name, suricata_keyword_names());
    return fail(ErrorKind::not_found,
                near.empty() ? std::string("unknown keyword")
                             : fmt::format("unknown keyword: did you mean '{}'?", near));
  }
  if (keyword->value == SuricataValue::required && option.value.empty()) {
    return fail(ErrorKind::invalid, "a value belongs behind it");
  }
  if (keyword->value == SuricataValue::none && option.has_value && !option.value.empty()) {
    return fail(ErrorKind::invalid, fmt::format("no value belongs behind it, but there is '{}'",
                                                escape_control(option.value)));
  }
  return keyword->read(draft, option, *keyword);
}

}  // namespace sluice
