#include "dataplane/inspect/ftp_parser.h"

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/line_words.h"

namespace sluice {
namespace {

constexpr unsigned kFirstFinal = 200;  // before: more replies to the same command follow
constexpr unsigned kBeginsToEncrypt = 234;

/// Commands of Telnet (RFC 854) among a line, which many servers take out: IAC and one byte, or
/// two where an option is negotiated; IAC twice is a byte of the line.
[[nodiscard]] ByteSpan without_telnet(ByteSpan line, std::span<std::uint8_t> room) noexcept {
  constexpr std::uint8_t kIac = 255, kWill = 251, kFirstCommand = 240;
  if (find_byte(line, 0, static_cast<char>(kIac)) == line.size()) return line;
  std::size_t size = 0;
  for (std::size_t at = 0; at < line.size();) {
    const std::uint8_t next = at + 1 < line.size() ? line[at + 1] : std::uint8_t{0};
    if (line[at] != kIac || next < kFirstCommand) {
      room[size++] = line[at++];
    } else if (next == kIac) {
      room[size++] = kIac;
      at += 2;
    } else {
      at += next >= kWill ? 3 : 2;
    }
  }
  return room.first(size);
}

}  // namespace

void FtpParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  while (!side.has_left) {
    const LineStep step = side.lines.read(bytes, *pool_);
    if (step == LineStep::wants_more) return;
    if (step == LineStep::no_memory) {
      sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
      return leave(side);
    }
    if (step == LineStep::cut_line && !side.was_too_long) {
      side.was_too_long = true;
      sink.anomaly(sink.self, direction, AppAnomaly::ftp_line_too_long);
    }
    take_line(direction, side.lines.line(), sink);
  }
}

void FtpParser::take_line(unsigned direction, ByteSpan line, const AppSink& sink) noexcept {
  if (line.empty()) return;
  const bool is_command = direction == kToServer;
  std::array<std::uint8_t, kLineBytesMax> room;
  if (is_command) line = without_telnet(line, room);
  if (line.empty()) return;
  std::array<BufferBytes, 3> told{{{is_command ? Buffer::ftp_command : Buffer::ftp_reply, line}}};
  std::size_t count = 1;
  if (is_command) {
    const ByteSpan text = trimmed(line);
    const std::size_t verb_end = find_blank(text, 0);
    told[count++] = {Buffer::ftp_verb, text.first(verb_end)};
    const ByteSpan argument = trimmed(text.subspan(verb_end));
    if (!argument.empty()) told[count++] = {Buffer::ftp_argument, argument};
  }
  Side& side = sides_[direction];
  sink.buffers(sink.self, direction, side.message, std::span(told).first(count));
  sink.message_ends(sink.self, direction, side.message++);
  if (is_command) {
    has_asked_to_encrypt_ |= is_word(trimmed(line), "auth");
    return;
  }
  const unsigned code = ended_reply(line);
  if (code < kFirstFinal) return;
  if (std::exchange(has_asked_to_encrypt_, false) && code == kBeginsToEncrypt) {
    release();
    sink.encrypted(sink.self);
  }
}

/// The code of the reply that ends with this line, or 0. Between the first line of a reply and its
/// last one may stand anything (RFC 959 4.2), as lines of a file that its client has put there.
unsigned FtpParser::ended_reply(ByteSpan line) noexcept {
  const unsigned code = leading_code(line);
  const bool goes_on = has_dash_behind_code(line);
  if (open_reply_ == 0 && goes_on) open_reply_ = static_cast<std::uint16_t>(code);
  if (goes_on || (open_reply_ != 0 && code != open_reply_)) return 0;
  open_reply_ = 0;
  return code;
}

void FtpParser::gap(unsigned direction, std::uint64_t, const AppSink&) noexcept {
  sides_[direction].lines.lose_line(*pool_);
}

void FtpParser::end(unsigned direction, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  if (side.has_left) return;
  take_line(direction, side.lines.unfinished(), sink);
  leave(side);
}

void FtpParser::release() noexcept {
  for (Side& side : sides_) leave(side);
}

void FtpParser::leave(Side& side) noexcept {
  side.lines.release(*pool_);
  side.has_left = true;
}

}  // namespace sluice
