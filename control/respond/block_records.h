// The bytes of the blocks' journal: a header, then one record for each change, all of it or none.
// A reader takes any bytes: what is damaged is passed over up to the next whole record. Pure
// functions; any one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "control/respond/block_set.h"

namespace sluice {

inline constexpr std::size_t kBlocksPerRecordMax = 1024;
inline constexpr std::size_t kJournalHeaderBytes = 24;

/// Order: all that there are are lifted where `clears`, then `removed`, then `added` come, which
/// have ids above every id added before.
struct BlockRecord {
  bool clears = false;
  std::vector<std::uint64_t> removed;  ///< at most kBlocksPerRecordMax; unknown ones do not matter
  std::vector<Block> added;            ///< at most kBlocksPerRecordMax
};

/// `next_id`: above every id that was ever given.
[[nodiscard]] std::vector<std::byte> encode_journal_header(std::uint64_t next_id);
[[nodiscard]] std::vector<std::byte> encode_record(BlockRecord record);
/// The bytes of a record with this body, which `encode_record` makes; for tests of the reader.
[[nodiscard]] std::vector<std::byte> frame_record(std::span<const std::byte> body);

/// What a journal turned out to be.
struct JournalScan {
  bool has_header = false;
  std::uint64_t next_id = 1;      ///< of the header; above every id in the records
  std::uint64_t added = 0;        ///< blocks in records
  std::uint64_t removed = 0;      ///< ids in records
  std::size_t whole_bytes = 0;    ///< up to the end of the last whole record
  std::size_t damaged_bytes = 0;  ///< in front of or between whole records, or no record at all
  std::size_t torn_bytes = 0;     ///< at the end, of a record that was not written to its end
};

/// Calls `each` with every whole record in order. Time is linear: looking for the next record after
/// damage gives up when it has hashed too much, and what follows counts as damaged.
[[nodiscard]] JournalScan scan_journal(std::span<const std::byte> bytes,
                                       const std::function<void(const BlockRecord&)>& each);

}  // namespace sluice
