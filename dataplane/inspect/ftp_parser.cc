#include "dataplane/inspect/ftp_parser.h"

#include <string_view>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/line_words.h"

namespace sluice {

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
  } else if (has_asked_to_encrypt_ && reply_code(line) == 234) {
    release();
    sink.encrypted(sink.self);
  }
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
