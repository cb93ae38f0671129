// Any bytes as what the control process reads back of its own: a child's digest, what is told of
// compiled rules, an entry of the history, the runtime state. Held: what is taken encodes to the
// same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "control/config_digest.h"
#include "control/rules_child.h"
#include "control/store/config_history.h"
#include "control/store/runtime_state.h"

namespace {

void check_same(std::span<const std::byte> bytes, const std::vector<std::byte>& again) {
  SLUICE_CHECK(std::equal(bytes.begin(), bytes.end(), again.begin(), again.end()),
               "what was taken is what was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto digest = sluice::decode_digest(bytes)) {
    check_same(bytes, sluice::encode_digest(*digest));
  }
  if (const auto answer = sluice::decode_rules_answer(bytes)) {
    check_same(bytes, sluice::encode_rules_answer(*answer));
  }
  if (const auto entry = sluice::decode_entry(bytes)) {
    check_same(bytes, sluice::encode_entry(*entry));
  }
  if (const auto state = sluice::decode_state(bytes)) {
    SLUICE_CHECK(state->bypasses.entries().size() <= sluice::kBypassesMax, "bypasses are bounded");
    check_same(bytes, sluice::encode_state(*state));
  }
  return 0;
}
