// A record is a marker, the length of its body, a checksum (the body's CRC-32C of RFC 3720,
// appendix B.4, and its length), and the body. A kill cuts the last record somewhere; losing power
// may leave zeros there; a bad sector or a foreign hand damages any of them. The marker is no
// UTF-8, so that no text in a record looks like one, and after damage the next marker in front of a
// right CRC goes on. Rejected: to stop at the first damage, which would lift every block that was
// made later.
#include "control/respond/block_records.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <nmmintrin.h>

#include "base/plain_codec.h"
#include "control/bypasses.h"

namespace sluice {
namespace {

constexpr std::array<char, 8> kMagic = {'s', 'l', 'b', 'l', 'o', 'c', 'k', 's'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMarker = 0x4cc2'fffe;
constexpr std::size_t kRecordHeadBytes = 12;
constexpr std::size_t kBodyBytesMax = 1U << 20;
/// Looking for a record after damage hashes no more than this beyond the file's own length.
constexpr std::size_t kSearchBytesMax = 256U << 20;
static_assert(kBlocksPerRecordMax * (2 * sizeof(std::uint64_t) * 2 + sizeof(BlockTarget) +
                                     kBlockOwnerBytesMax + kReasonBytesMax + 8) <
              kBodyBytesMax);

using Bytes = std::span<const std::byte>;

std::uint32_t crc32c(Bytes bytes) noexcept {
  std::uint64_t crc = 0xffff'ffff;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (const std::byte byte : bytes) {
    narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(byte));
  }
  return ~narrow;
}

/// The length is part of it: a body of zeros is told from a shorter one.
std::uint32_t checksum_of(Bytes body) noexcept {
  return crc32c(body) ^ static_cast<std::uint32_t>(body.size());
}

template <class T>
T load_at(Bytes bytes, std::size_t offset) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), first, first + sizeof value);
}

// --- bodies -------------------------------------------------------------------------------------

template <class Archive>
void code_block(Archive& io, Block& block) {
  io.number(block.id, 1);
  io.number(block.until);
  io.number(block.created);
  io.raw(&block.target, sizeof block.target);
  io.text(block.owner, kBlockOwnerBytesMax);
  io.text(block.reason, kReasonBytesMax);
}

template <class Archive>
void code_body(Archive& io, BlockRecord& record) {
  io.boolean(record.clears);
  io.sequence(record.removed, kBlocksPerRecordMax, [&io](std::uint64_t& id) { io.number(id, 1); });
  io.sequence(record.added, kBlocksPerRecordMax, [&io](Block& block) { code_block(io, block); });
}

std::optional<BlockRecord> decode_body(Bytes body) {
  BlockRecord record;
  PlainReader reader(body);
  code_body(reader, record);
  const bool is_good =
      reader.is_complete() && std::ranges::all_of(record.added, [](const Block& block) {
        return is_well_formed(block.target);
      });
  if (!is_good) return std::nullopt;
  return record;
}

// --- reading ------------------------------------------------------------------------------------

/// Walks over the records of a file.
class Scanner {
 public:
  Scanner(Bytes bytes, const std::function<void(const BlockRecord&)>& each)
      : bytes_(bytes), each_(each), search_left_(bytes.size() + kSearchBytesMax) {}

  JournalScan run() {
    take_header();
    while (place_ < bytes_.size()) {
      if (take_record(place_)) continue;
      const std::size_t next = find_record(place_ + 1);
      if (next == bytes_.size()) {
        end_tail();
        break;
      }
      scan_.damaged_bytes += next - place_;
      place_ = next;
    }
    scan_.next_id = std::max(scan_.next_id, last_id_ + 1);
    return scan_;
  }

 private:
  void take_header() {
    scan_.has_header = bytes_.size() >= kJournalHeaderBytes &&
                       std::memcmp(bytes_.data(), kMagic.data(), kMagic.size()) == 0 &&
                       load_at<std::uint32_t>(bytes_, 8) == kVersion &&
                       load_at<std::uint32_t>(bytes_, 20) == crc32c(bytes_.first(20));
    if (!scan_.has_header) return;
    scan_.next_id = std::clamp<std::uint64_t>(load_at<std::uint64_t>(bytes_, 12), 1, kIdMax);
    scan_.whole_bytes = place_ = kJournalHeaderBytes;
  }

  /// The body of a record at `offset`, if there is one with the right CRC.
  std::optional<Bytes> body_at(std::size_t offset) {
    if (bytes_.size() - offset < kRecordHeadBytes) return std::nullopt;
    if (load_at<std::uint32_t>(bytes_, offset) != kMarker) return std::nullopt;
    const std::size_t length = load_at<std::uint32_t>(bytes_, offset + 4);
    if (length > kBodyBytesMax || length > bytes_.size() - offset - kRecordHeadBytes) {
      return std::nullopt;
    }
    search_left_ -= std::min(search_left_, length);
    const Bytes body = bytes_.subspan(offset + kRecordHeadBytes, length);
    if (checksum_of(body) != load_at<std::uint32_t>(bytes_, offset + 8)) return std::nullopt;
    return body;
  }

  bool take_record(std::size_t offset) {
    const auto body = body_at(offset);
    if (!body) return false;
    const auto record = decode_body(*body);
    if (!record || !has_new_ids(*record)) return false;
    scan_.added += record->added.size();
    scan_.removed += record->removed.size();
    place_ = scan_.whole_bytes = offset + kRecordHeadBytes + body->size();
    each_(*record);
    return true;
  }

  bool has_new_ids(const BlockRecord& record) {
    std::uint64_t last = last_id_;
    for (const Block& block : record.added) {
      if (block.id <= last || block.id >= kIdMax) return false;
      last = block.id;
    }
    last_id_ = last;
    return true;
  }

  /// Where the next record with a right CRC begins; the end of the file = nowhere.
  std::size_t find_record(std::size_t offset) {
    for (; bytes_.size() - offset >= kRecordHeadBytes && search_left_ > 0; ++offset) {
      const void* found = std::memchr(bytes_.data() + offset, static_cast<int>(kMarker & 0xff),
                                      bytes_.size() - offset);
      if (found == nullptr) break;
      offset = static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes_.data());
      if (body_at(offset)) return offset;
    }
    return bytes_.size();
  }

  /// A record, or the header, of which the beginning is there and the rest was never written.
  void end_tail() {
    const Bytes tail = bytes_.subspan(place_);
    (is_torn(tail) ? scan_.torn_bytes : scan_.damaged_bytes) += tail.size();
  }
  [[nodiscard]] bool is_torn(Bytes tail) const noexcept {
    if (!scan_.has_header && place_ == 0) {
      const std::size_t common = std::min(tail.size(), kMagic.size());
      return tail.size() < kJournalHeaderBytes &&
             std::memcmp(tail.data(), kMagic.data(), common) == 0;
    }
    if (std::memcmp(tail.data(), &kMarker, std::min(tail.size(), sizeof kMarker)) != 0) {
      return false;
    }
    if (tail.size() < kRecordHeadBytes) return true;
    const std::size_t length = load_at<std::uint32_t>(tail, 4);
    return length <= kBodyBytesMax && length > tail.size() - kRecordHeadBytes;
  }

  /// Far below 2^53, up to which a number is exact in any JSON.
  static constexpr std::uint64_t kIdMax = std::uint64_t{1} << 52;

  Bytes bytes_;
  const std::function<void(const BlockRecord&)>& each_;
  JournalScan scan_;
  std::size_t place_ = 0;
  std::size_t search_left_;
  std::uint64_t last_id_ = 0;
};

}  // namespace

std::vector<std::byte> encode_journal_header(std::uint64_t next_id) {
  std::vector<std::byte> bytes;
  append(bytes, kMagic);
  append(bytes, kVersion);
  append(bytes, next_id);
  append(bytes, crc32c(bytes));
  return bytes;
}

std::vector<std::byte> encode_record(BlockRecord record) {
  PlainWriter body;
  code_body(body, record);
  return frame_record(body.bytes());
}

std::vector<std::byte> frame_record(std::span<const std::byte> body) {
  std::vector<std::byte> bytes;
  bytes.reserve(kRecordHeadBytes + body.size());
  append(bytes, kMarker);
  append(bytes, static_cast<std::uint32_t>(body.size()));
  append(bytes, checksum_of(body));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

JournalScan scan_journal(std::span<const std::byte> bytes,
                         const std::function<void(const BlockRecord&)>& each) {
  return Scanner(bytes, each).run();
}

}  // namespace sluice
