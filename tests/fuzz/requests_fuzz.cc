// Any bytes as the body of a request or reply: refused, or written back as the same bytes; and a
// change of blocks that was understood can be carried out whatever is in it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/keeper_blocks.h"
#include "dataplane/requests.h"

namespace {

template <class T>
void check_body(std::span<const std::byte> bytes) {
  const auto body = sluice::decode_as<T>(bytes);
  if (!body) return;
  SLUICE_CHECK(std::ranges::equal(bytes, sluice::encode(*body)),
               "what was accepted is written back the same");
}

void check_receipt(std::span<const std::byte> bytes) {
  check_body<sluice::BlockReceipt>(bytes);
  const auto slots = sluice::ReceiptSlots::of(bytes);
  const auto receipt = sluice::decode_as<sluice::BlockReceipt>(bytes);
  SLUICE_CHECK(slots || !receipt, "what can be decoded can be read in place");
  for (std::size_t i = 0; slots && i < slots->size(); ++i) {
    SLUICE_CHECK(!receipt || slots->at(i) == receipt->slots[i], "both read the same");
  }
}

void check_change(std::span<const std::byte> bytes) {
  check_body<sluice::BlockChanges>(bytes);
  if (bytes.empty()) return;
  static sluice::MemoryArena arena;
  static const auto table = std::move(*sluice::BlockTable::create(64, {1, 2}, arena));
  static sluice::KeeperBlocks blocks(*table);
  auto memfd = sluice::make_memfd("fuzz");
  SLUICE_CHECK(memfd && sluice::write_and_seal(memfd->fd(), bytes), "a small memfd");
  sluice::Message request;
  request.kind = sluice::MessageKind::request;
  request.bulk = std::move(*memfd);
  SLUICE_CHECK(blocks.take(std::move(request)), "none waits");
  for (int turns = 0; blocks.is_busy(); ++turns) {
    static_cast<void>(blocks.turn(1, 64));
    SLUICE_CHECK(turns < 1 << 16, "every change comes to an end");
  }
  SLUICE_CHECK(table->active() <= table->capacity(), "no more blocks than there is room for");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 5) {
    case 0:
      check_change(bytes);
      break;
    case 1:
      check_receipt(bytes);
      break;
    case 2:
      check_body<sluice::RowQuery>(bytes);
      break;
    case 3:
      check_body<sluice::FlowRows>(bytes);
      break;
    default:
      check_body<sluice::SourceRows>(bytes);
      break;
  }
  return 0;
}
