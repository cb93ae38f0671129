// QUIC as far as anybody on the path can read it: the ClientHello in the client's Initial packets,
// over as many of them and in whatever order. Told as the buffers of TLS and quic.sni. Datagrams
// are pushed as they come; only the client's are looked at. Worker thread only.
//
// `encrypted` is told once, with the first ClientHello. Datagrams with a long header can be pushed
// behind it, and should: another connection may begin under the same addresses and ports, and its
// ClientHello is the next message.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/quic_crypto.h"
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

 private:
  struct Initial;

  [[nodiscard]] bool read_initial(const Initial& initial, const AppSink& sink) noexcept;
  [[nodiscard]] ByteSpan open(const Initial& initial) noexcept;
  [[nodiscard]] bool read_frames(ByteSpan frames, const AppSink& sink) noexcept;
  [[nodiscard]] bool take_crypto(std::uint64_t offset, ByteSpan bytes,
                                 const AppSink& sink) noexcept;
  void tell_hello(const AppSink& sink, ByteSpan body) noexcept;
  void tell_bad(const AppSink& sink) noexcept;

  ChunkPool* pool_;
  TlsWorkspace* workspace_;
  QuicKeys keys_{};
  QuicCrypto crypto_;
  std::uint32_t message_ = 0;
  bool has_keys_ = false;
  bool has_told_hello_ = false;  ///< of the connection at hand
  bool has_told_bad_ = false;
  bool has_told_limit_ = false;
  bool is_encrypted_ = false;
};
static_assert(sizeof(QuicParser) <= 192);

}  // namespace sluice
