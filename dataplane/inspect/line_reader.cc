#include "dataplane/inspect/line_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kFirstRoom = 128;

[[nodiscard]] ByteSpan without_cr(ByteSpan line) noexcept {
  return !line.empty() && line.back() == '\r' ? line.first(line.size() - 1) : line;
}

}  // namespace

LineStep LineReader::read(ByteSpan& bytes, ChunkPool& pool) noexcept {
  if (was_shown_) release(pool);
  if (bytes.empty()) return LineStep::wants_more;
  if (is_passing_) {
    const std::size_t end = find_byte(bytes, 0, '\n');
    is_passing_ = end == bytes.size();
    bytes = bytes.subspan(std::min(end + 1, bytes.size()));
    if (is_passing_ || bytes.empty()) return LineStep::wants_more;
  }
  // One byte behind the longest line may be its LF.
  const ByteSpan within = bytes.first(std::min(bytes.size(), kLineBytesMax - size_ + 1));
  const std::size_t end = find_byte(within, 0, '\n');
  const bool has_end = end < within.size();
  const bool is_cut = !has_end && size_ + within.size() > kLineBytesMax;
  const ByteSpan found = within.first(is_cut ? within.size() - 1 : end);
  const bool is_in_place = size_ == 0 && (has_end || is_cut);
  if (!is_in_place && !append(found, pool)) return LineStep::no_memory;
  bytes = bytes.subspan(found.size() + (has_end ? 1 : 0));
  if (!has_end && !is_cut) return LineStep::wants_more;
  is_passing_ = is_cut;
  was_shown_ = true;
  const ByteSpan shown = is_in_place ? found : ByteSpan{gathered_, size_};
  line_ = is_cut ? shown : without_cr(shown);
  return is_cut ? LineStep::cut_line : LineStep::line;
}

ByteSpan LineReader::unfinished() const noexcept { return without_cr({gathered_, size_}); }

bool LineReader::append(ByteSpan bytes, ChunkPool& pool) noexcept {
  if (bytes.empty()) return true;
  const std::size_t needed = size_ + bytes.size();
  if (needed > room_) {
    const std::size_t room = std::max(kFirstRoom, std::bit_ceil(needed));
    auto* chunk = static_cast<std::uint8_t*>(pool.take(room));
    if (chunk == nullptr) return false;
    if (gathered_ != nullptr) {
      std::memcpy(chunk, gathered_, size_);
      pool.give(gathered_, room_);
    }
    gathered_ = chunk;
    room_ = static_cast<std::uint16_t>(room);
  }
  std::memcpy(gathered_ + size_, bytes.data(), bytes.size());
  size_ = static_cast<std::uint16_t>(needed);
  return true;
}

ByteSpan LineReader::read_rest(ByteSpan& bytes) noexcept {
  if (!is_passing_) return {};
  const std::size_t end = find_byte(bytes, 0, '\n');
  is_passing_ = end == bytes.size();
  const ByteSpan rest = bytes.first(std::min(end + 1, bytes.size()));
  bytes = bytes.subspan(rest.size());
  return rest;
}

std::size_t LineReader::split_line(ChunkPool& pool) noexcept {
  is_passing_ = false;
  if (was_shown_ || size_ > kLineBytesMax / 2) release(pool);
  return size_;
}

void LineReader::lose_line(ChunkPool& pool) noexcept {
  release(pool);
  is_passing_ = true;
}

void LineReader::release(ChunkPool& pool) noexcept {
  if (gathered_ != nullptr) pool.give(gathered_, room_);
  gathered_ = nullptr;
  size_ = 0;
  room_ = 0;
  was_shown_ = false;
  line_ = {};
}

}  // namespace sluice
