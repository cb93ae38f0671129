// QUIC as far as anybody on the path can read it: the ClientHello in the client's Initial packets,
// over as many of them and in whatever order. Told as the buffers of TLS and quic.sni. Datagrams
// are pushed as they come; of the server's it only matters that they are QUIC. Worker thread only.
//
// `encrypted` is told once, when the server has answered a ClientHello. Datagrams with a long
// header can be pushed behind it, and should: another connection may begin under the same addresses
// and ports, and its ClientHello is the next message.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/quic_crypto.h"
#include "dataplane/inspect/quic_packet.h"
#include "dataplane/inspect/tls_workspace.h"

namespace sluice {

class QuicParser {
 public:
  /// Both outlive the parser; `release` comes before its end.
  QuicParser(ChunkPool& pool, TlsWorkspace& workspace) noexcept
      : pool_(&pool), workspace_(&workspace) {}
  QuicParser(const QuicParser&) = delete;
  QuicParser& operator=(const QuicParser&) = delete;

  void datagram(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// `AppSink::encrypted` was called.
  [[nodiscard]] bool is_encrypted() const noexcept { return is_encrypted_; }
  /// The ClientHello hides another one (Encrypted Client Hello), or pretends to.
  [[nodiscard]] bool offers_ech() const noexcept { return offers_ech_; }

 private:
  [[nodiscard]] ByteSpan open(const QuicPacket& packet, bool may_begin,
                              const AppSink& sink) noexcept;
  [[nodiscard]] bool read_frames(ByteSpan frames, const AppSink& sink) noexcept;
  void take_crypto(std::uint64_t offset, ByteSpan bytes, const AppSink& sink) noexcept;
  void take_answer(ByteSpan bytes, const AppSink& sink) noexcept;
  void take_front(const AppSink& sink) noexcept;
  void tell_hello(ByteSpan body, const AppSink& sink) noexcept;
  /// Nothing more is read of this connection.
  void give_up(AppAnomaly anomaly, const AppSink& sink) noexcept;
  void tell(AppAnomaly anomaly, const AppSink& sink) noexcept;

  ChunkPool* pool_;
  TlsWorkspace* workspace_;
  QuicKeys keys_{};
  std::uint64_t next_number_ = 0;  ///< one more than the largest packet number so far
  QuicCrypto crypto_;
  std::uint32_t message_ = 0;
  std::uint32_t told_ = 0;  ///< bit i: anomaly i, once a flow
  bool has_keys_ = false;
  bool is_done_ = false;  ///< the ClientHello of the connection at hand was told, or cannot be
  bool is_encrypted_ = false;
  bool offers_ech_ = false;
};
static_assert(sizeof(QuicParser) <= 192);
static_assert(static_cast<unsigned>(AppAnomaly::count_) <= 32, "a bit of told_ for each");

}  // namespace sluice
