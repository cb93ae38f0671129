#include "dataplane/inspect/reorder.h"

#include <algorithm>
#include <cstring>

#include "dataplane/flow/tcp_state.h"

namespace sluice {
namespace {

using detail::ahead;

constexpr std::size_t kPieceBytesMax = 16 * 1024;  // sequences of one piece fit its 16 bits

/// Index of the first piece that ends behind `sequence`. The last one is asked first: what comes
/// out of order comes in order behind its gap.
[[nodiscard]] std::size_t place_of(std::span<const ReorderPiece> pieces,
                                   std::uint32_t sequence) noexcept {
  if (!pieces.empty() && ahead(pieces.back().end(), sequence) <= 0) return pieces.size();
  const auto at = std::partition_point(
      pieces.begin(), pieces.end(),
      [&](const ReorderPiece& piece) { return ahead(piece.end(), sequence) <= 0; });
  return static_cast<std::size_t>(at - pieces.begin());
}

/// How many of `count` bytes at `sequence` stand in front of `piece`.
[[nodiscard]] std::size_t bytes_before(const ReorderPiece& piece, std::uint32_t sequence,
                                       std::size_t count) noexcept {
  const std::int32_t before = ahead(piece.sequence, sequence);
  return before <= 0 ? 0 : std::min(count, static_cast<std::size_t>(before));
}

/// How many of `count` bytes from `sequence` on, which the piece covers, it covers.
[[nodiscard]] std::size_t bytes_covered(const ReorderPiece& piece, std::uint32_t sequence,
                                        std::size_t count) noexcept {
  return std::min<std::size_t>(count, piece.end() - sequence);
}

}  // namespace

bool ReorderStore::is_conflicting(ReorderList* list, std::uint32_t sequence,
                                  std::span<const std::uint8_t> bytes) noexcept {
  if (list == nullptr) return false;
  const auto pieces = list->pieces();
  for (std::size_t at = place_of(pieces, sequence); at < pieces.size(); ++at) {
    const ReorderPiece& piece = pieces[at];
    const std::size_t before = bytes_before(piece, sequence, bytes.size());
    sequence += static_cast<std::uint32_t>(before);
    bytes = bytes.subspan(before);
    if (bytes.empty()) return false;
    const std::size_t covered = bytes_covered(piece, sequence, bytes.size());
    if (std::memcmp(piece.data + (sequence - piece.sequence), bytes.data(), covered) != 0) {
      return true;
    }
    sequence += static_cast<std::uint32_t>(covered);
    bytes = bytes.subspan(covered);
  }
  return false;
}

bool ReorderStore::insert(ReorderList*& list, std::uint32_t sequence,
                          std::span<const std::uint8_t> bytes,
                          std::uint32_t chunk_bytes_max) noexcept {
  std::size_t at = list == nullptr ? 0 : place_of(list->pieces(), sequence);
  while (!bytes.empty()) {
    std::size_t count = std::min(bytes.size(), kPieceBytesMax);
    if (list != nullptr && at < list->count) {
      const ReorderPiece& piece = list->pieces()[at];
      count = bytes_before(piece, sequence, count);
      if (count == 0) {
        count = bytes_covered(piece, sequence, bytes.size());
        sequence += static_cast<std::uint32_t>(count);
        bytes = bytes.subspan(count);
        ++at;
        continue;
      }
    }
    const std::size_t pieces_before = list == nullptr ? 0 : list->count;
    if (!add(list, at, sequence, bytes.first(count), chunk_bytes_max)) return false;
    at += list->count - pieces_before;
    sequence += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
  }
  return true;
}

/// Bytes that no piece covers, in front of the piece at `place`: as the end of the piece before
/// where they follow it and it has room, the rest as a new piece. Neighbours share a chunk that
/// grows, so that a long run behind one gap takes few pieces.
bool ReorderStore::add(ReorderList*& list, std::size_t place, std::uint32_t sequence,
                       std::span<const std::uint8_t> bytes,
                       std::uint32_t chunk_bytes_max) noexcept {
  std::size_t wanted = bytes.size();
  if (place > 0) {
    ReorderPiece& before = list->pieces()[place - 1];
    if (before.end() == sequence) {
      const std::size_t room = before.capacity - before.bytes;
      const std::size_t count = std::min(bytes.size(), room);
      std::memcpy(before.data + before.bytes, bytes.data(), count);
      before.bytes = static_cast<std::uint16_t>(before.bytes + count);
      bytes = bytes.subspan(count);
      sequence += static_cast<std::uint32_t>(count);
      if (bytes.empty()) return true;
      wanted = std::clamp(std::size_t{before.capacity} * 4, bytes.size(), kPieceBytesMax);
    }
  }
  if (!make_place(list, chunk_bytes_max)) return false;
  const std::size_t capacity = ChunkPool::chunk_bytes(wanted);
  auto* data = static_cast<std::uint8_t*>(take(list->chunk_bytes, capacity, chunk_bytes_max));
  if (data == nullptr) {
    if (list->count == 0) release_all(list);
    return false;
  }
  std::memcpy(data, bytes.data(), bytes.size());
  list->chunk_bytes += static_cast<std::uint32_t>(capacity);
  ++list->count;
  const auto pieces = list->pieces();
  std::copy_backward(pieces.begin() + static_cast<std::ptrdiff_t>(place), pieces.end() - 1,
                     pieces.end());
  pieces[place] = {data, sequence, static_cast<std::uint16_t>(bytes.size()),
                   static_cast<std::uint16_t>(capacity)};
  return true;
}

/// Sees to it that one more piece can be listed.
bool ReorderStore::make_place(ReorderList*& list, std::uint32_t chunk_bytes_max) noexcept {
  if (list != nullptr && list->count < list->capacity) return true;
  if (list != nullptr && list->count == kReorderPiecesMax) return false;
  const std::uint32_t bytes = list == nullptr ? 64 : list->list_bytes * 2;
  const std::uint32_t held = list == nullptr ? 0 : list->chunk_bytes;
  auto* larger = static_cast<ReorderList*>(take(held, bytes, chunk_bytes_max));
  if (larger == nullptr) return false;
  *larger = {held + bytes, bytes, 0, static_cast<std::uint16_t>(bytes / sizeof(ReorderPiece) - 1),
             0};
  if (list != nullptr) {
    larger->count = list->count;
    std::ranges::copy(list->pieces(), larger->pieces().begin());
    larger->chunk_bytes -= list->list_bytes;
    give(list, list->list_bytes);
  }
  list = larger;
  return true;
}

void* ReorderStore::take(std::uint32_t held, std::size_t bytes,
                         std::uint32_t chunk_bytes_max) noexcept {
  if (held + bytes > chunk_bytes_max || chunk_bytes_ + bytes > chunk_bytes_max_) return nullptr;
  void* chunk = pool_->take(bytes);
  if (chunk != nullptr) chunk_bytes_ += bytes;
  return chunk;
}

void ReorderStore::give(void* chunk, std::size_t bytes) noexcept {
  chunk_bytes_ -= bytes;
  pool_->give(chunk, bytes);
}

void ReorderStore::remove_first(ReorderList*& list) noexcept {
  const auto pieces = list->pieces();
  list->chunk_bytes -= pieces.front().capacity;
  give(pieces.front().data, pieces.front().capacity);
  std::copy(pieces.begin() + 1, pieces.end(), pieces.begin());
  --list->count;
  if (list->count == 0) release_all(list);
}

void ReorderStore::release_all(ReorderList*& list) noexcept {
  if (list == nullptr) return;
  for (const ReorderPiece& piece : list->pieces()) give(piece.data, piece.capacity);
  give(list, list->list_bytes);
  list = nullptr;
}

}  // namespace sluice
