// The readable part of TLS in both directions of a flow: pushed bytes as they come in order, tells
// the buffers of each hello, and those of the server's certificates with its ServerHello (up to TLS
// 1.2; behind TLS 1.3's ServerHello all is encrypted). Worker thread only.
//
// A handshake message that lies whole within a push is read in place; others are gathered in a
// chunk of the pool that grows with what has come. A ServerHello is kept until it is clear whether
// certificates follow, so that one message has both. Each message is told and ended at once.
// Behind `encrypted` no memory is held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/tls_workspace.h"

namespace sluice {

/// A longer handshake message is not read.
inline constexpr std::uint32_t kTlsMessageBytesMax = kChunkBytesMax;

class TlsParser {
 public:
  /// Both outlive the parser; `release` comes before its end.
  TlsParser(ChunkPool& pool, TlsWorkspace& workspace) noexcept
      : pool_(&pool), workspace_(&workspace) {}
  TlsParser(const TlsParser&) = delete;
  TlsParser& operator=(const TlsParser&) = delete;

  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// So many bytes will never come. What is skipped anyhow may miss them; else the direction is
  /// left alone.
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  /// FIN: nothing more comes in this direction.
  void end(unsigned direction, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// Nothing more will be read in this direction.
  [[nodiscard]] bool has_left(unsigned direction) const noexcept {
    return sides_[direction].has_left;
  }
  /// `AppSink::encrypted` was called.
  [[nodiscard]] bool is_encrypted() const noexcept { return is_encrypted_; }
  /// Of the bytes pushed last, so many at their end were not read.
  [[nodiscard]] std::size_t unread_bytes() const noexcept { return unread_bytes_; }
  /// The ClientHello hides another one (Encrypted Client Hello), or pretends to.
  [[nodiscard]] bool offers_ech() const noexcept { return offers_ech_; }

 private:
  struct Side {
    std::uint8_t* gathered = nullptr;  ///< of the body of a message, if not all at once
    std::uint32_t gathered_bytes = 0;
    std::uint32_t gathered_room = 0;
    std::uint32_t skipped_left = 0;  ///< of the body of a message that is not read
    std::uint32_t message = 0;
    std::uint16_t record_left = 0;
    std::uint8_t record_type = 0;  ///< 0: no record has begun yet
    std::uint8_t record_header_bytes = 0;
    std::uint8_t message_header_bytes = 0;
    std::uint8_t hellos = 0;
    std::array<std::uint8_t, 5> record_header{};
    std::array<std::uint8_t, 4> message_header{};
    bool has_bytes = false;
    bool has_told_disorder = false;
    bool is_sealed = false;  ///< what follows in this direction is encrypted
    bool has_data = false;   ///< application data has come
    bool has_left = false;
  };
  /// What a call works on.
  struct Turn {
    Side& side;
    const AppSink& sink;
    unsigned direction;
  };

  // Records (tls_parser.cc); each takes bytes from the front and says how many.
  [[nodiscard]] std::size_t read_record_header(const Turn& turn, ByteSpan bytes) noexcept;
  [[nodiscard]] std::size_t read_record(const Turn& turn, ByteSpan bytes) noexcept;
  void open_record(const Turn& turn) noexcept;
  [[nodiscard]] static bool is_readable(const Side& side) noexcept;
  void note_change_of_cipher(const Turn& turn) noexcept;
  void seal(const Turn& turn) noexcept;
  void note_application_data(const Turn& turn) noexcept;
  void tell_encrypted(const AppSink& sink) noexcept;
  void leave(const Turn& turn) noexcept;

  // Handshake messages (tls_handshake.cc).
  [[nodiscard]] std::size_t read_message(const Turn& turn, ByteSpan bytes) noexcept;
  void open_message(const Turn& turn) noexcept;
  [[nodiscard]] bool wants_message(const Turn& turn, std::uint8_t type) noexcept;
  [[nodiscard]] std::size_t read_message_body(const Turn& turn, ByteSpan bytes) noexcept;
  [[nodiscard]] bool append(Side& side, ByteSpan bytes) noexcept;
  void take_message(const Turn& turn, ByteSpan body) noexcept;
  void take_client_hello(const Turn& turn, ByteSpan body) noexcept;
  void take_server_hello(const Turn& turn, ByteSpan body) noexcept;
  void take_certificates(const Turn& turn, ByteSpan body) noexcept;
  [[nodiscard]] bool keep_server_hello(ByteSpan body) noexcept;
  void tell_server_hello(const Turn& turn) noexcept;
  void tell_rows(const Turn& turn) noexcept;
  void give_gathered(Side& side) noexcept;
  void give_server_hello() noexcept;
  static void tell(const Turn& turn, AppAnomaly anomaly) noexcept;
  static void tell_disorder(const Turn& turn) noexcept;

  ChunkPool* pool_;
  TlsWorkspace* workspace_;
  std::array<Side, 2> sides_;
  std::uint8_t* server_hello_ = nullptr;  ///< waits for certificates
  std::uint32_t server_hello_bytes_ = 0;
  std::size_t unread_bytes_ = 0;
  bool is_retried_ = false;  ///< the server has asked for another ClientHello, of TLS 1.3
  bool offers_ech_ = false;
  bool has_certificates_ = false;
  bool is_encrypted_ = false;
};
static_assert(sizeof(TlsParser) <= 192);

}  // namespace sluice
