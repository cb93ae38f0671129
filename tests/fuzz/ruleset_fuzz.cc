// Any bytes as a compiled ruleset or as its texts, once as they are and once with a digest that
// fits: refused, or written back as the same bytes, so that nothing in them was misread.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "rules/ruleset_codec.h"

namespace {

void check_ruleset(const std::vector<std::byte>& bytes) {
  const auto parts = sluice::decode_ruleset(bytes);
  if (!parts) return;
  // Compiled expressions are written with what the engine leaves in them: only sizes are the same.
  const auto again = sluice::encode_ruleset(*parts);
  SLUICE_CHECK(again.size() == bytes.size(), "what was accepted is written back");
}

void check_texts(const std::vector<std::byte>& bytes) {
  const auto texts = sluice::decode_rule_texts(bytes);
  if (!texts) return;
  SLUICE_CHECK(sluice::encode_rule_texts(*texts) == bytes, "what was accepted is written the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto given = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> bytes(given.begin(), given.end());
  const auto check = data[0] % 2 == 0 ? check_ruleset : check_texts;
  check(bytes);
  sluice::renew_digest(bytes);
  check(bytes);
  return 0;
}
