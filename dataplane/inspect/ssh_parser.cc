#include "dataplane/inspect/ssh_parser.h"

#include <cstring>
#include <string_view>

namespace sluice {
namespace {

constexpr std::string_view kPrefix = "SSH-";
constexpr std::size_t kLineEndBytes = 2;

[[nodiscard]] bool is_banner(ByteSpan line) noexcept {
  return line.size() >= kPrefix.size() &&
         std::memcmp(line.data(), kPrefix.data(), kPrefix.size()) == 0;
}

}  // namespace

void SshParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  while (!side.has_left) {
    const LineStep step = side.lines.read(bytes, *pool_);
    if (step == LineStep::wants_more) return;
    if (step == LineStep::no_memory) {
      sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
      return leave(side);
    }
    take_line(direction, side.lines.line(), sink);
  }
}

void SshParser::take_line(unsigned direction, ByteSpan line, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const bool is_found = is_banner(line);
  const bool is_odd = is_found ? line.size() + kLineEndBytes > kSshBannerBytesMax
                               : ++side.lines_before == kSshLinesMax;
  if (is_odd) sink.anomaly(sink.self, direction, AppAnomaly::ssh_banner_too_long);
  if (is_found) tell_banner(direction, line, sink);
  if (is_found || is_odd) leave(side);
  if (is_found && sides_[0].has_banner && sides_[1].has_banner) sink.encrypted(sink.self);
}

/// "SSH-2.0-software comment".
void SshParser::tell_banner(unsigned direction, ByteSpan banner, const AppSink& sink) noexcept {
  sides_[direction].has_banner = true;
  const std::size_t dash = find_byte(banner, kPrefix.size(), '-');
  std::array<BufferBytes, 2> buffers;
  buffers[0] = {Buffer::ssh_protocol, banner.subspan(kPrefix.size(), dash - kPrefix.size())};
  std::size_t count = 1;
  if (dash < banner.size()) {
    const ByteSpan rest = banner.subspan(dash + 1);
    buffers[count++] = {Buffer::ssh_software, rest.first(find_blank(rest, 0))};
  }
  sink.buffers(sink.self, direction, 0, {buffers.data(), count});
  sink.message_ends(sink.self, direction, 0);
}

void SshParser::gap(unsigned direction, std::uint64_t, const AppSink&) noexcept {
  leave(sides_[direction]);
}

void SshParser::end(unsigned direction, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  if (side.has_left) return;
  const ByteSpan line = side.lines.unfinished();
  if (is_banner(line)) take_line(direction, line, sink);
  leave(side);
}

void SshParser::release() noexcept {
  for (Side& side : sides_) leave(side);
}

void SshParser::leave(Side& side) noexcept {
  side.lines.release(*pool_);
  side.has_left = true;
}

}  // namespace sluice
