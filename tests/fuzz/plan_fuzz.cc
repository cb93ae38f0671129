// Any bytes as a wire plan, as policy parts or as their lists: refused, or written back as the same
// bytes, so that no two byte strings mean one plan and nothing in it was misread.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/parts_codec.h"
#include "dataplane/wire_plan.h"

namespace {

void check_same(std::span<const std::byte> given, const std::vector<std::byte>& written) {
  SLUICE_CHECK(std::ranges::equal(given, written), "what was accepted is written back the same");
}

void check_plan(std::span<const std::byte> bytes) {
  const auto plan = sluice::decode_wire_plan(bytes);
  if (!plan) return;
  check_same(bytes, sluice::encode_wire_plan(*plan));
  for (std::size_t port = 0; port < plan->pairs.size() * 2; ++port) {
    SLUICE_CHECK(!sluice::port_name(*plan, port).empty(), "every port has a name");
  }
}

void check_parts(std::span<const std::byte> bytes) {
  const auto parts = sluice::decode_parts(bytes);
  if (parts) check_same(bytes, sluice::encode_parts(*parts));
}

void check_lists(std::span<const std::byte> bytes) {
  const auto lists = sluice::decode_lists(bytes);
  if (lists) check_same(bytes, sluice::encode_lists(lists->lists, lists->sets));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 3) {
    case 0:
      check_lists(bytes);
      break;
    case 1:
      check_plan(bytes);
      break;
    default:
      check_parts(bytes);
  }
  return 0;
}
