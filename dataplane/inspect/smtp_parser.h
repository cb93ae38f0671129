// Commands of SMTP (RFC 5321), and of its replies what they make of the next bytes: 354 begins a
// mail's text, 220 after STARTTLS encrypts. Worker thread only.
//
// A message is a mail: from HELO, or from the end of the one before, to its last dot. Its buffers
// come one command at a time; a later mail of the same client is told with the name of the HELO
// before. What a mail says is passed over up to a dot alone on a line, with any of the line ends
// that servers take: where they differ the rest is read as commands, which harms nobody, while
// commands that are taken for text would be missed. So are chunks of BDAT, and where one ends
// within a line, what stands behind it is read as a command too. Where files are wanted, the text
// goes to a MailReader, and so do lines that come between DATA and its answer: they are text or
// commands, as the server likes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/line_reader.h"
#include "dataplane/inspect/mail_reader.h"

namespace sluice {

/// Of a name given with HELO that is kept for later mails.
inline constexpr std::size_t kSmtpHeloBytesMax = 256;

/// Of all flows of a generation.
struct MailLimits {
  bool wants_files = true;                ///< the parts of a mail are told as file.data
  std::uint32_t part_bytes_max = 65'536;  ///< of each
};

class SmtpParser {
 public:
  /// Pool and limits outlive the parser; `release` comes before its end.
  SmtpParser(ChunkPool& pool, const MailLimits& limits) noexcept : pool_(&pool), limits_(&limits) {}
  SmtpParser(const SmtpParser&) = delete;
  SmtpParser& operator=(const SmtpParser&) = delete;

  /// Spans hold during the call, also those of a message that has not ended.
  /// Nothing that a client sent is told while the server's bytes are pushed.
  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// Reading goes on behind the next line end.
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  void end(unsigned direction, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// Nothing more will be read in this direction.
  [[nodiscard]] bool has_left(unsigned) const noexcept { return has_left_; }

 private:
  /// Where in a line of a mail's text the last push ended.
  enum class TextPlace : std::uint8_t { in_line, line_start, behind_dot, behind_dot_cr };

  /// The front of a name, in a chunk.
  class Kept {
   public:
    void keep(ByteSpan name, ChunkPool& pool) noexcept;
    void release(ChunkPool& pool) noexcept;
    [[nodiscard]] bool is_kept() const noexcept { return room_ != nullptr; }
    [[nodiscard]] ByteSpan bytes() const noexcept { return {room_, std::size_t{size_}}; }

   private:
    std::uint8_t* room_ = nullptr;
    std::uint16_t size_ = 0;
  };

  void read_commands(ByteSpan bytes, const AppSink& sink) noexcept;
  void read_replies(ByteSpan bytes, const AppSink& sink) noexcept;
  /// False where there is no line, or no room for one.
  [[nodiscard]] bool next_line(unsigned direction, ByteSpan& bytes, const AppSink& sink) noexcept;
  [[nodiscard]] std::size_t pass_text(ByteSpan bytes, const AppSink& sink) noexcept;
  void begin_text() noexcept;
  void pass_begun(const AppSink& sink) noexcept;
  void open_mail(const AppSink& sink) noexcept;
  void tell_text(ByteSpan bytes, const AppSink& sink) noexcept;
  void tell_line(ByteSpan line, const AppSink& sink) noexcept;
  void end_parts(const AppSink& sink) noexcept;
  void close_mail() noexcept;
  [[nodiscard]] bool step_text(std::uint8_t byte) noexcept;
  void read_long_line(ByteSpan& bytes, const AppSink& sink) noexcept;
  void read_chunk(ByteSpan& bytes, const AppSink& sink) noexcept;
  void take_line(ByteSpan line, const AppSink& sink) noexcept;
  void take_command(ByteSpan line, const AppSink& sink) noexcept;
  void take_chunk(ByteSpan argument) noexcept;
  void take_helo(ByteSpan name, const AppSink& sink) noexcept;
  void take_mail(ByteSpan address, const AppSink& sink) noexcept;
  void take_recipient(ByteSpan address, const AppSink& sink) noexcept;
  void take_reply(ByteSpan line, const AppSink& sink) noexcept;
  void ask_to_send(const AppSink& sink) noexcept;
  void end_early_text(const AppSink& sink) noexcept;
  void expect_reply() noexcept;
  void count_reply(unsigned code) noexcept;
  void tell(std::span<const BufferBytes> buffers, const AppSink& sink) noexcept;
  void end_mail(const AppSink& sink) noexcept;

  ChunkPool* pool_;
  std::array<LineReader, 2> lines_;
  const MailLimits* limits_;
  MailReader* mail_ = nullptr;  ///< of the text that is under way; a chunk
  Kept helo_;                   ///< the name, for mails to come
  Kept sender_;                 ///< of the mail at hand, for its recipients
  std::uint32_t message_ = 0;
  std::uint32_t chunk_bytes_ = 0;      ///< of BDAT, that are still to come
  std::uint16_t split_ = 0;            ///< where in the line at hand such a chunk ended
  std::uint16_t unanswered_ = 0;       ///< commands; full: nobody knows how many
  std::uint16_t replies_to_data_ = 0;  ///< that come up to its answer, and with it
  TextPlace place_ = TextPlace::line_start;
  bool is_open_ = false;          ///< something of the message was told
  bool has_mail_ = false;         ///< MAIL FROM among it
  bool is_in_long_line_ = false;  ///< its front was told as text, its rest is to come
  bool is_in_text_ = false;
  bool has_lost_text_ = false;         ///< its end may be in a gap
  bool has_begun_text_ = false;        ///< what was gathered before the reply is still to be told
  bool has_asked_to_send_ = false;     ///< DATA, not answered yet
  bool has_asked_to_encrypt_ = false;  ///< STARTTLS
  bool has_greeting_ = false;
  bool was_too_long_ = false;  ///< told once
  bool has_left_ = false;
};
static_assert(sizeof(SmtpParser) <= 192);

}  // namespace sluice
