// Any bytes as the blocks' journal: every byte is accounted for, what was read can be written and
// read again the same, and a set takes it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "control/respond/block_records.h"

namespace {

using sluice::BlockRecord;

void check_scan(std::span<const std::byte> bytes) {
  std::vector<std::byte> written = sluice::encode_journal_header(1);
  sluice::BlockSet set(64);
  std::uint64_t last_id = 0;
  const auto scan = sluice::scan_journal(bytes, [&](const BlockRecord& record) {
    const auto again = sluice::encode_record(record);
    written.insert(written.end(), again.begin(), again.end());
    if (record.clears) set.clear();
    for (const std::uint64_t id : record.removed) set.remove(id);
    for (const sluice::Block& block : record.added) {
      SLUICE_CHECK(block.id > last_id, "ids rise");
      SLUICE_CHECK(sluice::is_well_formed(block.target), "only what can be blocked");
      last_id = block.id;
      static_cast<void>(set.insert(block));
    }
  });
  SLUICE_CHECK(scan.next_id > last_id, "the next id is a new one");
  SLUICE_CHECK(scan.whole_bytes + scan.torn_bytes <= bytes.size(), "bytes are counted once");
  SLUICE_CHECK(set.size() <= set.capacity(), "no more blocks than there is room for");
  const auto second = sluice::scan_journal(written, [](const BlockRecord&) {});
  SLUICE_CHECK(second.damaged_bytes == 0 && second.torn_bytes == 0 && second.has_header,
               "what is written is whole");
  SLUICE_CHECK(second.added == scan.added && second.removed == scan.removed, "and says the same");
}

/// The bytes as the body of a record, behind the right marker, length and checksum: what a fuzzer
/// does not guess.
std::vector<std::byte> framed(std::span<const std::byte> body) {
  std::vector<std::byte> bytes = sluice::encode_journal_header(1);
  const auto record = sluice::frame_record(body);
  bytes.insert(bytes.end(), record.begin(), record.end());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check_scan(bytes);
  check_scan(framed(bytes));
  return 0;
}
