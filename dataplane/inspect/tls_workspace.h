// What all TLS and QUIC parsers of a worker share: which buffers are asked for, room for what a
// handshake message becomes, and contexts of libcrypto, made at start because a worker takes no
// memory. One per worker; everything but `create` is that worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/http_scan.h"
#include "dataplane/inspect/quic_cipher.h"

namespace sluice {

/// Certificates of a chain that are told; the handshake's length bounds the rest.
inline constexpr std::size_t kTlsCertificatesMax = 16;

class TlsWorkspace {
 public:
  /// internal where libcrypto has no AES.
  [[nodiscard]] static Result<std::unique_ptr<TlsWorkspace>> create();

  /// Bit i: Buffer i is built and told; what nobody asks for costs nothing.
  std::uint64_t wanted = ~std::uint64_t{0};
  [[nodiscard]] bool wants(Buffer buffer) const noexcept {
    return (wanted >> static_cast<unsigned>(buffer) & 1) != 0;
  }

  // Of the message at hand: rows and the text that they point into, until the next `begin`.
  void begin() noexcept { row_count_ = text_bytes_ = 0; }
  /// Left out where nobody wants it or there is no room for the row.
  void add(Buffer buffer, ByteSpan bytes) noexcept;
  /// What is left of the room for text; `keep` says how much of its front was written.
  [[nodiscard]] std::span<std::uint8_t> text_room() noexcept {
    return std::span(text_).subspan(text_bytes_);
  }
  [[nodiscard]] ByteSpan keep(std::size_t bytes) noexcept;
  [[nodiscard]] std::span<const BufferBytes> rows() const noexcept {
    return std::span(rows_).first(row_count_);
  }

  [[nodiscard]] QuicCipher& quic() noexcept { return *quic_; }

 private:
  explicit TlsWorkspace(std::unique_ptr<QuicCipher> quic) noexcept : quic_(std::move(quic)) {}

  static constexpr std::size_t kTextBytes = 32 * 1024;

  std::unique_ptr<QuicCipher> quic_;
  std::size_t row_count_ = 0;
  std::size_t text_bytes_ = 0;
  std::array<BufferBytes, 16 + kTlsCertificatesMax> rows_;
  std::array<std::uint8_t, kTextBytes> text_;
};

}  // namespace sluice
