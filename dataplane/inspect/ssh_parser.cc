#include "dataplane/inspect/ssh_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/endian.h"
#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/ja_fingerprint.h"

namespace sluice {
namespace {

constexpr std::string_view kPrefix = "SSH-";
constexpr std::size_t kLineEndBytes = 2;

[[nodiscard]] bool is_banner(ByteSpan line) noexcept {
  return line.size() >= kPrefix.size() &&
         std::memcmp(line.data(), kPrefix.data(), kPrefix.size()) == 0;
}

/// The only one of a direction.
constexpr std::uint32_t kMessage = 0;

struct SshBuffers {
  std::array<BufferBytes, 4> buffers;
  std::size_t count = 0;

  void add(Buffer buffer, ByteSpan bytes) noexcept { buffers[count++] = {buffer, bytes}; }
  [[nodiscard]] std::span<const BufferBytes> all() const noexcept {
    return {buffers.data(), count};
  }
};

/// Of "SSH-2.0-software comment"; none where there is no room for the banner.
[[nodiscard]] SshBuffers banner_buffers(ByteSpan banner) noexcept {
  SshBuffers told;
  if (banner.empty()) return told;
  const std::size_t dash = find_byte(banner, kPrefix.size(), '-');
  told.add(Buffer::ssh_protocol, banner.subspan(kPrefix.size(), dash - kPrefix.size()));
  if (dash == banner.size()) return told;
  const ByteSpan rest = banner.subspan(dash + 1);
  told.add(Buffer::ssh_software, rest.first(find_blank(rest, 0)));
  return told;
}

constexpr std::size_t kLengthBytes = 4;

/// Of the packet that `bytes` begin with, its length with it; none as long as that is not there.
[[nodiscard]] std::optional<std::size_t> packet_size(ByteSpan bytes) noexcept {
  if (bytes.size() < kLengthBytes) return std::nullopt;
  return kLengthBytes + load_be32(bytes.data());
}

/// Key exchange, host keys, and by direction encryption, integrity, compression (RFC 4253 7.1).
constexpr std::size_t kListsMax = 8;
using NameLists = std::array<ByteSpan, kListsMax>;

/// The lists of an SSH_MSG_KEXINIT; none where the packet is another or does not hold them.
[[nodiscard]] std::optional<NameLists> lists_of(ByteSpan packet) noexcept {
  constexpr std::size_t kTypeAt = kLengthBytes + 1;
  constexpr std::size_t kListsAt = kTypeAt + 1 + 16;  // behind a cookie
  constexpr std::uint8_t kKexInit = 20;
  if (packet.size() < kListsAt || packet[kTypeAt] != kKexInit) return std::nullopt;
  ByteSpan left = packet.subspan(kListsAt);
  NameLists lists;
  for (ByteSpan& list : lists) {
    if (left.size() < kLengthBytes) return std::nullopt;
    const std::size_t size = load_be32(left.data());
    left = left.subspan(kLengthBytes);
    if (left.size() < size) return std::nullopt;
    list = left.first(size);
    left = left.subspan(size);
  }
  return lists;
}

}  // namespace

void SshParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  while (!side.has_left && !side.has_banner) {
    const LineStep step = side.lines.read(bytes, *pool_);
    if (step == LineStep::wants_more) return;
    if (step == LineStep::no_memory) {
      sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
      return leave(direction, sink);
    }
    take_line(direction, side.lines.line(), sink);
  }
  if (!side.has_left && !bytes.empty()) read_packet(direction, bytes, sink);
}

void SshParser::take_line(unsigned direction, ByteSpan line, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const bool is_found = is_banner(line);
  const bool is_odd = is_found ? line.size() + kLineEndBytes > kSshBannerBytesMax
                               : ++side.lines_before == kSshLinesMax;
  if (is_odd) sink.anomaly(sink.self, direction, AppAnomaly::ssh_banner_too_long);
  if (is_found) tell_banner(direction, line, sink);
  if (is_found) side.lines.release(*pool_);
  if (is_odd && !is_found) leave(direction, sink);
}

void SshParser::read_packet(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const bool is_gathered = side.packet_bytes > 0;
  bool has_room = true;
  if (is_gathered) {
    has_room = append_to_packet(side, bytes);
    bytes = {side.packet, side.packet_bytes};
  }
  const auto size = packet_size(bytes);
  if (has_room && size && *size <= kSshPacketBytesMax && bytes.size() >= *size) {
    tell_offer(direction, bytes.first(*size), sink);
    return finish(direction, sink);
  }
  if (size && *size > kSshPacketBytesMax) return finish(direction, sink);
  if (!is_gathered) has_room = append_to_packet(side, bytes);
  if (has_room) return;
  sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
  leave(direction, sink);
}

bool SshParser::append_to_packet(Side& side, ByteSpan bytes) noexcept {
  constexpr std::size_t kFirstRoom = 2048;
  bytes = bytes.first(std::min(bytes.size(), kSshPacketBytesMax - side.packet_bytes));
  const std::size_t needed = side.packet_bytes + bytes.size();
  if (needed > side.packet_room) {
    const std::size_t room = std::max(kFirstRoom, std::bit_ceil(needed));
    auto* chunk = static_cast<std::uint8_t*>(pool_->take(room));
    if (chunk == nullptr) return false;
    if (side.packet != nullptr) {
      std::memcpy(chunk, side.packet, side.packet_bytes);
      pool_->give(side.packet, side.packet_room);
    }
    side.packet = chunk;
    side.packet_room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(side.packet + side.packet_bytes, bytes.data(), bytes.size());
  side.packet_bytes = static_cast<std::uint32_t>(needed);
  return true;
}

/// What is no offer is passed over.
void SshParser::tell_offer(unsigned direction, ByteSpan packet, const AppSink& sink) noexcept {
  const auto lists = lists_of(packet);
  if (!lists) return;
  const bool is_client = direction == kToServer;
  const std::size_t own = is_client ? 0 : 1;  // of each pair the client's direction comes first
  auto* text = static_cast<std::uint8_t*>(pool_->take(packet.size()));
  if (text == nullptr) return sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
  std::size_t size = 0;
  for (const std::size_t index : {std::size_t{0}, 2 + own, 4 + own, 6 + own}) {
    const ByteSpan list = (*lists)[index];
    if (index != 0) text[size++] = ';';
    std::ranges::copy(list, text + size);
    size += list.size();
  }
  const auto hash = md5_hex({text, size});
  const Side& side = sides_[direction];
  SshBuffers told = banner_buffers({side.banner, side.banner_bytes});
  told.add(is_client ? Buffer::ssh_hassh : Buffer::ssh_hassh_server, hash);
  told.add(is_client ? Buffer::ssh_hassh_string : Buffer::ssh_hassh_server_string, {text, size});
  sink.buffers(sink.self, direction, kMessage, told.all());
  pool_->give(text, packet.size());
}

void SshParser::tell_banner(unsigned direction, ByteSpan banner, const AppSink& sink) noexcept {
  sides_[direction].has_banner = true;
  sink.buffers(sink.self, direction, kMessage, banner_buffers(banner).all());
  keep_banner(direction, banner, sink);
}

/// Rules may ask for it and for the offer behind it, which comes later.
void SshParser::keep_banner(unsigned direction, ByteSpan banner, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  side.banner = static_cast<std::uint8_t*>(pool_->take(banner.size()));
  if (side.banner == nullptr) return sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
  std::ranges::copy(banner, side.banner);
  side.banner_bytes = static_cast<std::uint16_t>(banner.size());
}

void SshParser::gap(unsigned direction, std::uint64_t, const AppSink& sink) noexcept {
  if (!sides_[direction].has_left) finish(direction, sink);
}

void SshParser::end(unsigned direction, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  if (side.has_left) return;
  const ByteSpan line = side.lines.unfinished();
  if (!side.has_banner && is_banner(line)) take_line(direction, line, sink);
  leave(direction, sink);
}

void SshParser::release() noexcept {
  for (Side& side : sides_) release(side);
}

void SshParser::finish(unsigned direction, const AppSink& sink) noexcept {
  leave(direction, sink);
  if (is_agreed()) sink.encrypted(sink.self);
}

/// Both begin with their banners. Lines in front of one may be the answer of quite another server,
/// which shows what its client has it show: of that nothing is encrypted.
bool SshParser::is_agreed() const noexcept {
  return std::ranges::all_of(sides_, [](const Side& side) {
    return side.has_left && side.has_banner && side.lines_before == 0;
  });
}

void SshParser::leave(unsigned direction, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  if (side.has_banner) sink.message_ends(sink.self, direction, kMessage);
  release(side);
}

void SshParser::release(Side& side) noexcept {
  side.lines.release(*pool_);
  if (side.packet != nullptr) pool_->give(side.packet, side.packet_room);
  if (side.banner != nullptr) pool_->give(side.banner, side.banner_bytes);
  side.packet = side.banner = nullptr;
  side.packet_bytes = 0;
  side.has_left = true;
}

}  // namespace sluice
