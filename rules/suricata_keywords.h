// The keywords of Suricata's rules that the importer knows: one row each, with what reads it. The
// page docs/import.md lists them. Control side only.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "rules/buffers.h"
#include "rules/rule.h"
#include "rules/suricata_draft.h"
#include "rules/suricata_parser.h"

namespace sluice {

struct SuricataKeyword;
/// An error's message is the reason why the rule is refused, without the keyword's name.
using ReadSuricataKeyword = Status (*)(RuleDraft&, const SuricataOption&, const SuricataKeyword&);

enum class SuricataValue : std::uint8_t { none, required, optional };

struct SuricataKeyword {
  std::string_view name;
  SuricataValue value = SuricataValue::none;
  ReadSuricataKeyword read = nullptr;
  Buffer buffer = Buffer::payload;       ///< of keywords that name one
  HeaderField field = HeaderField::ttl;  ///< of keywords that test one
  std::uint64_t max = 0;                 ///< largest number that belongs there
  std::string_view note = {};            ///< why it is refused, or what is lost
};

// By topic.
[[nodiscard]] std::span<const SuricataKeyword> suricata_about_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_flow_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_flag_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_header_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_content_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_byte_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_buffer_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_transform_keywords() noexcept;
[[nodiscard]] std::span<const SuricataKeyword> suricata_dataset_keywords() noexcept;
/// Known and refused.
[[nodiscard]] std::span<const SuricataKeyword> suricata_refused_keywords() noexcept;

/// Null where no row has the name.
[[nodiscard]] const SuricataKeyword* suricata_keyword_named(std::string_view name);
/// Every name, for "did you mean".
[[nodiscard]] std::span<const std::string_view> suricata_keyword_names();

/// Reads one option of a rule into its draft.
[[nodiscard]] Status read_suricata_option(RuleDraft& draft, const SuricataOption& option);

}  // namespace sluice
