// Taking the protection off Initial packets of QUIC (RFC 9001 5, RFC 9369): keys from a connection
// id that everybody on the path can read, the mask of the header, AES-128-GCM. One per worker, with
// contexts of libcrypto made at start. Worker thread only but for `create`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/inspect/http_scan.h"

struct evp_cipher_ctx_st;

namespace sluice {

inline constexpr std::size_t kQuicTagBytes = 16;
inline constexpr std::size_t kQuicConnectionIdMax = 20;

/// Of the client's Initial packets.
struct QuicKeys {
  std::array<std::uint8_t, 16> key;
  std::array<std::uint8_t, 12> iv;
  std::array<std::uint8_t, 16> header;
};

enum class QuicVersion : std::uint8_t { none, v1, v2 };
[[nodiscard]] QuicVersion quic_version(std::uint32_t on_the_wire) noexcept;

/// `connection_id` is what the client has called the server first.
[[nodiscard]] QuicKeys client_initial_keys(QuicVersion version, ByteSpan connection_id) noexcept;

/// A packet as it was sent, from its first byte to the end that its length says, and where its
/// packet number begins.
struct QuicSealed {
  ByteSpan packet;
  std::size_t number_at;
};

class QuicCipher {
 public:
  /// internal where libcrypto has no AES.
  [[nodiscard]] static Result<std::unique_ptr<QuicCipher>> create();
  ~QuicCipher();
  QuicCipher(const QuicCipher&) = delete;
  QuicCipher& operator=(const QuicCipher&) = delete;

  /// The frames of the packet, valid until the next call; empty where it is too short or its tag
  /// is wrong. `expected` is one more than the largest packet number so far (RFC 9000 A.3).
  [[nodiscard]] ByteSpan open(const QuicKeys& keys, const QuicSealed& sealed,
                              std::uint64_t expected) noexcept;
  /// Of the packet that was opened last.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  QuicCipher() = default;
  /// What the mask hid, and the nonce that follows from it.
  struct Header {
    std::uint8_t first;
    std::size_t number_bytes;
    std::array<std::uint8_t, 4> number;
    std::array<std::uint8_t, 12> nonce;
  };
  [[nodiscard]] ByteSpan decrypt(const QuicKeys& keys, const QuicSealed& sealed,
                                 const Header& header) noexcept;
  [[nodiscard]] bool mask_of(const QuicKeys& keys, ByteSpan sample,
                             std::array<std::uint8_t, 16>& mask) noexcept;

  std::uint64_t number_ = 0;
  evp_cipher_ctx_st* gcm_ = nullptr;
  evp_cipher_ctx_st* ecb_ = nullptr;
  std::array<std::uint8_t, 65'536> frames_;
};

}  // namespace sluice
