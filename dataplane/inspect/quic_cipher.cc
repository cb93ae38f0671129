#include "dataplane/inspect/quic_cipher.h"

// HMAC and HKDF of EVP take memory whenever they begin, which a worker must not; the functions
// below it, though deprecated, do not. AES has no such door to its fast form, but contexts of EVP
// keep what they have when only key and nonce are new.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sluice {
namespace {

constexpr std::size_t kHashBytes = SHA256_DIGEST_LENGTH;
constexpr std::size_t kBlockBytes = SHA256_CBLOCK;
constexpr std::size_t kSampleBytes = 16;
constexpr std::size_t kNumberBytesMax = 4;
using Hash = std::array<std::uint8_t, kHashBytes>;

/// HMAC with SHA-256 (RFC 2104); `key` is no longer than a block.
class Hmac {
 public:
  explicit Hmac(ByteSpan key) noexcept {
    begin(inner_, key, 0x36);
    begin(outer_, key, 0x5c);
  }
  void add(ByteSpan bytes) noexcept { SHA256_Update(&inner_, bytes.data(), bytes.size()); }
  [[nodiscard]] Hash finish() noexcept {
    Hash hash;
    SHA256_Final(hash.data(), &inner_);
    SHA256_Update(&outer_, hash.data(), hash.size());
    SHA256_Final(hash.data(), &outer_);
    return hash;
  }

 private:
  static void begin(SHA256_CTX& context, ByteSpan key, std::uint8_t pad) noexcept {
    std::array<std::uint8_t, kBlockBytes> block;
    block.fill(pad);
    for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
    SHA256_Init(&context);
    SHA256_Update(&context, block.data(), block.size());
  }

  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

/// HKDF-Expand-Label (RFC 8446 7.1) without a context, of one block: `size` bytes of what it
/// returns.
Hash expand(ByteSpan secret, std::string_view label, std::size_t size) noexcept {
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<std::uint8_t, 40> info{};
  std::size_t at = 1;  // the length is below 256
  info[at++] = static_cast<std::uint8_t>(size);
  info[at++] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
  for (const std::string_view part : {kPrefix, label}) {
    std::memcpy(info.data() + at, part.data(), part.size());
    at += part.size();
  }
  ++at;            // no context
  info[at++] = 1;  // first block
  Hmac hmac(secret);
  hmac.add(ByteSpan(info).first(at));
  return hmac.finish();
}

template <std::size_t kSize>
void expand_into(std::array<std::uint8_t, kSize>& out, ByteSpan secret,
                 std::string_view label) noexcept {
  const Hash hash = expand(secret, label, kSize);
  std::copy_n(hash.begin(), kSize, out.begin());
}

/// What a version has of its own (RFC 9001 5.2, RFC 9369 3.3).
struct VersionParts {
  std::array<std::uint8_t, 20> salt;
  std::string_view key;
  std::string_view iv;
  std::string_view header;
};
constexpr VersionParts kVersion1{{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
                                 "quic key",
                                 "quic iv",
                                 "quic hp"};
constexpr VersionParts kVersion2{{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
                                 "quicv2 key",
                                 "quicv2 iv",
                                 "quicv2 hp"};

/// RFC 9000 A.3: of the numbers that end in what was sent, the one nearest to `expected`.
[[nodiscard]] std::uint64_t whole_number(std::uint64_t sent, std::size_t bytes,
                                         std::uint64_t expected) noexcept {
  const std::uint64_t window = std::uint64_t{1} << 8 * bytes;
  const std::uint64_t half = window / 2;
  const std::uint64_t number = (expected & ~(window - 1)) | sent;
  if (number + half <= expected) return number + window;
  if (number > expected + half && number >= window) return number - window;
  return number;
}

}  // namespace

QuicVersion quic_version(std::uint32_t on_the_wire) noexcept {
  if (on_the_wire == 1) return QuicVersion::v1;
  return on_the_wire == 0x6b3343cf ? QuicVersion::v2 : QuicVersion::none;
}

QuicKeys client_initial_keys(QuicVersion version, ByteSpan connection_id) noexcept {
  const VersionParts& parts = version == QuicVersion::v2 ? kVersion2 : kVersion1;
  Hmac extract(parts.salt);
  extract.add(connection_id);
  const Hash secret = expand(extract.finish(), "client in", kHashBytes);
  QuicKeys keys;
  expand_into(keys.key, secret, parts.key);
  expand_into(keys.iv, secret, parts.iv);
  expand_into(keys.header, secret, parts.header);
  return keys;
}

Result<std::unique_ptr<QuicCipher>> QuicCipher::create() {
  std::unique_ptr<QuicCipher> cipher(new QuicCipher);
  cipher->gcm_ = EVP_CIPHER_CTX_new();
  cipher->ecb_ = EVP_CIPHER_CTX_new();
  EVP_CIPHER* gcm = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER* ecb = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  // A context holds on to its cipher.
  const bool is_ready = cipher->gcm_ != nullptr && cipher->ecb_ != nullptr &&
                        EVP_DecryptInit_ex(cipher->gcm_, gcm, nullptr, nullptr, nullptr) == 1 &&
                        EVP_EncryptInit_ex(cipher->ecb_, ecb, nullptr, nullptr, nullptr) == 1 &&
                        EVP_CIPHER_CTX_set_padding(cipher->ecb_, 0) == 1;
  EVP_CIPHER_free(gcm);
  EVP_CIPHER_free(ecb);
  if (!is_ready) {
    return fail(ErrorKind::internal, "libcrypto: AES-128 in GCM and ECB cannot be set up");
  }
  return cipher;
}

QuicCipher::~QuicCipher() {
  EVP_CIPHER_CTX_free(gcm_);
  EVP_CIPHER_CTX_free(ecb_);
}

bool QuicCipher::mask_of(const QuicKeys& keys, ByteSpan sample,
                         std::array<std::uint8_t, 16>& mask) noexcept {
  int size = 0;
  return EVP_EncryptInit_ex(ecb_, nullptr, nullptr, keys.header.data(), nullptr) == 1 &&
         EVP_EncryptUpdate(ecb_, mask.data(), &size, sample.data(), kSampleBytes) == 1;
}

ByteSpan QuicCipher::open(const QuicKeys& keys, const QuicSealed& sealed,
                          std::uint64_t expected) noexcept {
  const ByteSpan packet = sealed.packet;
  const std::size_t sample_at = sealed.number_at + kNumberBytesMax;
  std::array<std::uint8_t, 16> mask;
  if (packet.size() > frames_.size() || packet.size() < sample_at + kSampleBytes ||
      !mask_of(keys, packet.subspan(sample_at, kSampleBytes), mask)) {
    return {};
  }
  Header header;
  header.first = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
  header.number_bytes = (header.first & 3U) + 1;
  header.nonce = keys.iv;
  std::uint64_t sent = 0;
  for (std::size_t i = 0; i < header.number_bytes; ++i) {
    header.number[i] = static_cast<std::uint8_t>(packet[sealed.number_at + i] ^ mask[1 + i]);
    sent = sent << 8 | header.number[i];
  }
  number_ = whole_number(sent, header.number_bytes, expected);
  for (std::size_t i = 0; i < sizeof number_; ++i) {
    header.nonce[header.nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(number_ >> 8 * i);
  }
  return decrypt(keys, sealed, header);
}

ByteSpan QuicCipher::decrypt(const QuicKeys& keys, const QuicSealed& sealed,
                             const Header& header) noexcept {
  const std::size_t begin = sealed.number_at + header.number_bytes;
  const std::size_t count = sealed.packet.size() - begin - kQuicTagBytes;
  const ByteSpan between = sealed.packet.subspan(1, sealed.number_at - 1);
  std::array<std::uint8_t, kQuicTagBytes> tag;
  std::memcpy(tag.data(), sealed.packet.data() + begin + count, tag.size());
  int size = 0;
  const auto add = [&](std::uint8_t* out, const std::uint8_t* bytes, std::size_t bytes_count) {
    return EVP_DecryptUpdate(gcm_, out, &size, bytes, static_cast<int>(bytes_count)) == 1;
  };
  const bool is_open =
      EVP_DecryptInit_ex(gcm_, nullptr, nullptr, keys.key.data(), header.nonce.data()) == 1 &&
      EVP_CIPHER_CTX_ctrl(gcm_, EVP_CTRL_AEAD_SET_TAG, kQuicTagBytes, tag.data()) == 1 &&
      add(nullptr, &header.first, 1) && add(nullptr, between.data(), between.size()) &&
      add(nullptr, header.number.data(), header.number_bytes) &&
      add(frames_.data(), sealed.packet.data() + begin, count) &&
      EVP_DecryptFinal_ex(gcm_, frames_.data() + count, &size) == 1;
  return is_open ? ByteSpan(frames_).first(count) : ByteSpan{};
}

}  // namespace sluice
