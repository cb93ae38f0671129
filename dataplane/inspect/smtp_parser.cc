#include "dataplane/inspect/smtp_parser.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/line_words.h"

namespace sluice {
namespace {

constexpr unsigned kServiceReady = 220;
constexpr unsigned kStartMailInput = 354;
constexpr unsigned kFirstRefusal = 400;
constexpr std::uint16_t kUncounted = 0xffff;
constexpr std::array<std::uint8_t, 1> kCr{'\r'};
constexpr std::array<std::uint8_t, 2> kLineEnd{'\r', '\n'};

/// What stands behind "FROM:" or "TO:": to the bracket's end, or to a blank where there is none.
[[nodiscard]] ByteSpan address_of(ByteSpan argument, std::string_view word) noexcept {
  argument = trimmed(argument);
  if (!starts_with_letters(argument, word)) return {};
  argument = trimmed(argument.subspan(word.size()));
  if (!argument.empty() && argument.front() == ':') argument = trimmed(argument.subspan(1));
  if (!argument.empty() && argument.front() == '<') {
    const std::size_t bracket = find_byte(argument, 0, '>');
    if (bracket < argument.size()) return argument.first(bracket + 1);
  }
  return argument.first(find_blank(argument, 0));
}

[[nodiscard]] bool is_dot(ByteSpan line) noexcept {
  return line.size() == 1 && line.front() == '.';
}

}  // namespace

void SmtpParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  if (direction == kToServer) {
    read_commands(bytes, sink);
  } else {
    read_replies(bytes, sink);
  }
}

void SmtpParser::read_commands(ByteSpan bytes, const AppSink& sink) noexcept {
  pass_begun(sink);
  for (;;) {
    if (is_in_long_line_) read_long_line(bytes, sink);
    if (is_in_text_) bytes = bytes.subspan(pass_text(bytes, sink));
    if (chunk_bytes_ > 0) read_chunk(bytes, sink);
    if (!next_line(kToServer, bytes, sink)) return;
    take_line(lines_[kToServer].line(), sink);
  }
}

/// The rest of a line that may be of the text, as its front was told.
void SmtpParser::read_long_line(ByteSpan& bytes, const AppSink& sink) noexcept {
  LineReader& lines = lines_[kToServer];
  const ByteSpan rest = lines.read_rest(bytes);
  if (has_asked_to_send_) tell_text(rest, sink);
  is_in_long_line_ = lines.has_rest();
}

/// Lines that end within the chunk are read like any; one that goes on behind it is split there.
void SmtpParser::read_chunk(ByteSpan& bytes, const AppSink& sink) noexcept {
  ByteSpan chunk = bytes.first(std::min<std::size_t>(bytes.size(), chunk_bytes_));
  bytes = bytes.subspan(chunk.size());
  const std::uint32_t left = chunk_bytes_ - static_cast<std::uint32_t>(chunk.size());
  while (next_line(kToServer, chunk, sink)) take_line(lines_[kToServer].line(), sink);
  if (is_in_text_ || has_left_) return;
  chunk_bytes_ = left;
  if (left == 0) split_ = static_cast<std::uint16_t>(lines_[kToServer].split_line(*pool_));
}

void SmtpParser::read_replies(ByteSpan bytes, const AppSink& sink) noexcept {
  while (next_line(kToClient, bytes, sink)) take_reply(lines_[kToClient].line(), sink);
}

bool SmtpParser::next_line(unsigned direction, ByteSpan& bytes, const AppSink& sink) noexcept {
  if (has_left_) return false;
  const LineStep step = lines_[direction].read(bytes, *pool_);
  if (step == LineStep::no_memory) {
    sink.anomaly(sink.self, direction, AppAnomaly::state_limit);
    end_mail(sink);
    release();
  }
  if (step == LineStep::cut_line && !was_too_long_ && chunk_bytes_ == 0) {
    was_too_long_ = true;
    sink.anomaly(sink.self, direction, AppAnomaly::smtp_line_too_long);
  }
  if (direction == kToServer) {
    const bool is_cut = step == LineStep::cut_line;
    if (is_cut) unanswered_ = kUncounted;
    if (step != LineStep::wants_more) {
      is_in_long_line_ = is_cut && has_asked_to_send_ && chunk_bytes_ == 0;
    }
  }
  return step == LineStep::line || step == LineStep::cut_line;
}

/// What has come of a line before the reply is text already, and told with the client's next bytes:
/// here its server speaks.
void SmtpParser::begin_text() noexcept {
  has_asked_to_send_ = false;
  unanswered_ = replies_to_data_ = 0;
  chunk_bytes_ = 0;
  split_ = 0;
  is_in_text_ = true;
  place_ = lines_[kToServer].has_rest() ? TextPlace::in_line : TextPlace::line_start;
  lines_[kToServer].end_rest();
  is_in_long_line_ = false;
  has_begun_text_ = true;
  has_lost_text_ = false;
}

void SmtpParser::pass_begun(const AppSink& sink) noexcept {
  if (!has_begun_text_) return;
  has_begun_text_ = false;
  LineReader& lines = lines_[kToServer];
  static_cast<void>(pass_text(lines.gathered(), sink));
  lines.release(*pool_);
}

/// True where the byte ends the text.
bool SmtpParser::step_text(std::uint8_t byte) noexcept {
  const bool is_behind_dot = place_ == TextPlace::behind_dot || place_ == TextPlace::behind_dot_cr;
  if (byte == '\n') {
    place_ = TextPlace::line_start;
    return is_behind_dot;
  }
  if (place_ == TextPlace::line_start && byte == '.') {
    place_ = TextPlace::behind_dot;
  } else if (place_ == TextPlace::behind_dot && byte == '\r') {
    place_ = TextPlace::behind_dot_cr;
  } else {
    place_ = TextPlace::in_line;
  }
  return false;
}

/// A dot that a line begins with is not of the text; a CR behind it waits for what follows.
std::size_t SmtpParser::pass_text(ByteSpan bytes, const AppSink& sink) noexcept {
  std::size_t at = 0;
  std::size_t told = 0;
  while (at < bytes.size()) {
    if (place_ == TextPlace::in_line) {
      at = find_byte(bytes, at, '\n');
      if (at == bytes.size()) break;
    }
    const bool has_held = place_ == TextPlace::behind_dot_cr;
    if (step_text(bytes[at++])) {
      is_in_text_ = false;
      expect_reply();
      end_mail(sink);
      return at;
    }
    if (has_held) tell_text(kCr, sink);
    if (place_ != TextPlace::behind_dot && place_ != TextPlace::behind_dot_cr) continue;
    tell_text(bytes.subspan(told, at - 1 - told), sink);
    told = at;
  }
  tell_text(bytes.subspan(told, at - told), sink);
  return at;
}

void SmtpParser::open_mail(const AppSink& sink) noexcept {
  if (!limits_->wants_files) return;
  if (mail_ != nullptr) mail_->end({sink, message_});
  if (mail_ == nullptr) mail_ = static_cast<MailReader*>(pool_->take(sizeof(MailReader)));
  if (mail_ == nullptr) return sink.anomaly(sink.self, kToServer, AppAnomaly::state_limit);
  new (mail_) MailReader(limits_->part_bytes_max);
}

void SmtpParser::tell_text(ByteSpan bytes, const AppSink& sink) noexcept {
  if (mail_ == nullptr || bytes.empty()) return;
  is_open_ = true;
  mail_->push(bytes, {sink, message_});
}

/// A line that was read as a command, and is text if the server takes it for that.
void SmtpParser::tell_line(ByteSpan line, const AppSink& sink) noexcept {
  tell_text(line.subspan(!line.empty() && line.front() == '.' ? 1 : 0), sink);
  if (!is_in_long_line_) tell_text(kLineEnd, sink);
}

void SmtpParser::end_parts(const AppSink& sink) noexcept {
  if (mail_ != nullptr) mail_->end({sink, message_});
  close_mail();
}

void SmtpParser::close_mail() noexcept {
  if (mail_ != nullptr) pool_->give(mail_, sizeof(MailReader));
  mail_ = nullptr;
}

void SmtpParser::take_line(ByteSpan line, const AppSink& sink) noexcept {
  const std::size_t split = std::min<std::size_t>(split_, line.size());
  split_ = 0;
  const std::uint32_t chunk = chunk_bytes_;
  take_command(line, sink);
  if (split == 0) return;
  chunk_bytes_ = chunk;  // the chunk that it began in is over, whatever stood there
  take_command(line.subspan(split), sink);
}

void SmtpParser::take_command(ByteSpan line, const AppSink& sink) noexcept {
  if (has_asked_to_send_) {
    if (is_dot(line)) return end_early_text(sink);
    tell_line(line, sink);
  }
  expect_reply();
  line = trimmed(line);
  constexpr std::size_t kVerbBytes = 4;
  const ByteSpan argument = line.subspan(std::min(kVerbBytes, line.size()));
  if (is_word(line, "ehlo") || is_word(line, "helo") || is_word(line, "lhlo")) {
    take_helo(trimmed(argument), sink);
  } else if (is_word(line, "mail")) {
    take_mail(address_of(argument, "from"), sink);
  } else if (is_word(line, "rcpt")) {
    take_recipient(address_of(argument, "to"), sink);
  } else if (is_word(line, "data")) {
    ask_to_send(sink);
  } else if (is_word(line, "bdat")) {
    take_chunk(trimmed(argument));
  } else if (is_word(line, "starttls")) {
    has_asked_to_encrypt_ = true;
    if (!has_asked_to_send_) end_parts(sink);
  } else if (has_mail_ && !has_asked_to_send_ && (is_word(line, "rset") || is_word(line, "quit"))) {
    end_mail(sink);
  }
}

/// A line of text may look like the command: what is under way goes on, and the last one's answer
/// is waited for.
void SmtpParser::ask_to_send(const AppSink& sink) noexcept {
  replies_to_data_ = unanswered_;
  if (!has_asked_to_send_) open_mail(sink);
  has_asked_to_send_ = true;
}

/// The whole text came before the server asked for it.
void SmtpParser::end_early_text(const AppSink& sink) noexcept {
  has_asked_to_send_ = false;
  expect_reply();
  end_mail(sink);
}

void SmtpParser::take_helo(ByteSpan name, const AppSink& sink) noexcept {
  if (!has_asked_to_send_) end_mail(sink);
  helo_.keep(name, *pool_);
  const BufferBytes told{Buffer::smtp_helo, name};
  tell({&told, 1}, sink);
}

/// A rule may ask for both: what was told before is told again with what comes.
void SmtpParser::take_mail(ByteSpan address, const AppSink& sink) noexcept {
  if (has_mail_ && !has_asked_to_send_) end_mail(sink);
  sender_.keep(address, *pool_);
  has_mail_ = true;
  const std::array<BufferBytes, 2> told{
      {{Buffer::smtp_helo, helo_.bytes()}, {Buffer::smtp_mail_from, address}}};
  tell(std::span(told).subspan(helo_.is_kept() ? 0 : 1), sink);
}

void SmtpParser::take_recipient(ByteSpan address, const AppSink& sink) noexcept {
  std::array<BufferBytes, 3> told;
  std::size_t count = 0;
  if (has_mail_ && helo_.is_kept()) told[count++] = {Buffer::smtp_helo, helo_.bytes()};
  if (has_mail_ && sender_.is_kept()) told[count++] = {Buffer::smtp_mail_from, sender_.bytes()};
  told[count++] = {Buffer::smtp_rcpt_to, address};
  tell({told.data(), count}, sink);
}

/// What looks like the command within a chunk is none.
void SmtpParser::take_chunk(ByteSpan argument) noexcept {
  if (chunk_bytes_ > 0) return;
  constexpr std::uint64_t kMost = 0xffff'ffff;
  std::uint64_t bytes = 0;
  for (const std::uint8_t byte : argument) {
    if (byte < '0' || byte > '9') break;
    bytes = std::min(bytes * 10 + (byte - '0'), kMost);
  }
  chunk_bytes_ = static_cast<std::uint32_t>(bytes);
}

// The first reply is the greeting, which is 220 too, whatever a hasty client has asked before it.
void SmtpParser::take_reply(ByteSpan line, const AppSink& sink) noexcept {
  const unsigned code = reply_code(line);
  if (code == 0) return;
  // A server is silent until the text ends: else both are out of step, and lines may be either.
  if (is_in_text_ && !has_lost_text_) has_asked_to_send_ = true;
  is_in_text_ = false;
  if (has_greeting_) count_reply(code);
  if (code == kStartMailInput && has_asked_to_send_) begin_text();
  if (code == kServiceReady && has_greeting_ && has_asked_to_encrypt_) {
    close_mail();  // the server took nothing of it for text
    end_mail(sink);
    release();
    sink.encrypted(sink.self);
  }
  has_greeting_ = true;
}

void SmtpParser::expect_reply() noexcept {
  if (unanswered_ < kUncounted) ++unanswered_;
}

/// Replies come in the order of the commands: a refused recipient is no answer to DATA behind it.
void SmtpParser::count_reply(unsigned code) noexcept {
  if (unanswered_ > 0 && unanswered_ < kUncounted) --unanswered_;
  if (replies_to_data_ == 0 || replies_to_data_ == kUncounted) return;
  if (--replies_to_data_ == 0 && code >= kFirstRefusal) has_asked_to_send_ = false;
}

/// Without room for it what comes later is told alone.
void SmtpParser::Kept::keep(ByteSpan name, ChunkPool& pool) noexcept {
  if (room_ == nullptr) room_ = static_cast<std::uint8_t*>(pool.take(kSmtpHeloBytesMax));
  if (room_ == nullptr) return;
  size_ = static_cast<std::uint16_t>(std::min(name.size(), kSmtpHeloBytesMax));
  if (size_ > 0) std::memcpy(room_, name.data(), size_);
}

void SmtpParser::Kept::release(ChunkPool& pool) noexcept {
  if (room_ != nullptr) pool.give(room_, kSmtpHeloBytesMax);
  room_ = nullptr;
  size_ = 0;
}

void SmtpParser::tell(std::span<const BufferBytes> buffers, const AppSink& sink) noexcept {
  is_open_ = true;
  sink.buffers(sink.self, kToServer, message_, buffers);
}

void SmtpParser::end_mail(const AppSink& sink) noexcept {
  end_parts(sink);
  if (is_open_) sink.message_ends(sink.self, kToServer, message_++);
  is_open_ = false;
  sender_.release(*pool_);
  has_mail_ = false;
}

void SmtpParser::gap(unsigned direction, std::uint64_t, const AppSink& sink) noexcept {
  if (direction == kToServer) {
    pass_begun(sink);
    unanswered_ = kUncounted;
    if (replies_to_data_ > 0) replies_to_data_ = kUncounted;
    has_lost_text_ = true;
  }
  if (direction == kToServer && is_in_text_) {
    place_ = TextPlace::in_line;
    if (mail_ != nullptr) mail_->lose();
  } else {
    lines_[direction].lose_line(*pool_);
    if (direction == kToServer) chunk_bytes_ = split_ = 0;
  }
}

void SmtpParser::end(unsigned direction, const AppSink& sink) noexcept {
  if (has_left_ || direction != kToServer) return;
  pass_begun(sink);
  if (!is_in_text_) take_command(lines_[kToServer].unfinished(), sink);
  end_mail(sink);
  release();
}

void SmtpParser::release() noexcept {
  for (LineReader& lines : lines_) lines.release(*pool_);
  close_mail();
  helo_.release(*pool_);
  sender_.release(*pool_);
  has_left_ = true;
}

}  // namespace sluice
