// Transforms: keywords behind a buffer's name that change what its terms see.
#include <array>
#include <utility>

#include "rules/suricata_keywords.h"
#include "rules/suricata_values.h"

namespace sluice {
namespace {

using Keyword = SuricataKeyword;
using Option = SuricataOption;

template <Transform transform>
Status read_transform(RuleDraft& draft, const Option&, const Keyword&) {
  return draft.add_transform({transform, {}});
}

Status read_xor(RuleDraft& draft, const Option& option, const Keyword&) {
  auto key = read_hex(strip_quotes(option.value));
  if (!key || key->empty()) {
    return fail(ErrorKind::invalid, "a key in hexadecimal belongs there");
  }
  return draft.add_transform({Transform::xor_key, std::move(*key)});
}

template <Transform transform>
constexpr Keyword step(std::string_view name) noexcept {
  return {name, SuricataValue::none, &read_transform<transform>};
}

constexpr std::array kKeywords{
    step<Transform::dotprefix>("dotprefix"),
    step<Transform::strip_whitespace>("strip_whitespace"),
    step<Transform::compress_whitespace>("compress_whitespace"),
    step<Transform::to_lowercase>("to_lowercase"),
    step<Transform::to_uppercase>("to_uppercase"),
    step<Transform::url_decode>("url_decode"),
    step<Transform::to_md5>("to_md5"),
    step<Transform::to_sha1>("to_sha1"),
    step<Transform::to_sha256>("to_sha256"),
    step<Transform::strip_pseudo_headers>("strip_pseudo_headers"),
    step<Transform::header_lowercase>("header_lowercase"),
    Keyword{"xor", SuricataValue::required, &read_xor},
};

}  // namespace

std::span<const SuricataKeyword> suricata_transform_keywords() noexcept { return kKeywords; }

}  // namespace sluice
