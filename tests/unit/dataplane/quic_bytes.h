// Initial packets of QUIC, protected as a client does it, for tests.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/hex.h"
#include "dataplane/inspect/quic_cipher.h"
#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice::test {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

inline std::vector<std::uint8_t> bytes_from(std::string_view text) {
  return {text.begin(), text.end()};
}

/// In one byte up to 63, else in two or four.
inline std::string quic_varint(std::size_t value) {
  if (value < 0x40) return big_endian(value, 1);
  return value < 0x4000 ? big_endian(0x4000 | value, 2) : big_endian(0x8000'0000 | value, 4);
}
inline std::string crypto_frame(std::size_t offset, std::string_view bytes) {
  return big_endian(6, 1) + quic_varint(offset) + quic_varint(bytes.size()) + std::string(bytes);
}

struct InitialSpec {
  QuicVersion version = QuicVersion::v1;
  std::string connection_id = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";
  std::string keyed_by = connection_id;  ///< what the client has called the server first
  std::size_t number = 2;
  std::string token = {};
  std::size_t number_bytes = 4;
};

inline std::string quic_encrypted(const QuicKeys& keys, std::string_view header,
                                  std::string_view frames, std::size_t number) {
  const CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < 4; ++i) {
    nonce[11 - i] ^= static_cast<std::uint8_t>(number >> (8 * i) & 0xff);
  }
  std::vector<std::uint8_t> out(frames.size() + kQuicTagBytes);
  const auto added = bytes_from(header);
  const auto plain = bytes_from(frames);
  int size = 0;
  EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data());
  EVP_EncryptUpdate(context.get(), nullptr, &size, added.data(), static_cast<int>(added.size()));
  EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(), static_cast<int>(plain.size()));
  SLUICE_CHECK(EVP_EncryptFinal_ex(context.get(), out.data() + frames.size(), &size) == 1,
               "libcrypto has AES");
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kQuicTagBytes,
                      out.data() + frames.size());
  return {out.begin(), out.end()};
}

inline std::string quic_mask(const QuicKeys& keys, std::string_view sample) {
  const CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const auto plain = bytes_from(sample);
  std::array<std::uint8_t, 32> out;
  int size = 0;
  EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr);
  EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(), 16);
  return {out.begin(), out.begin() + 16};
}

/// With its packet number in four bytes (RFC 9001 5).
inline std::string quic_initial(const InitialSpec& spec, std::string_view frames) {
  const bool is_v2 = spec.version == QuicVersion::v2;
  std::string packet = is_v2 ? "\xd0\x6b\x33\x43\xcf" : std::string("\xc0\0\0\0\1", 5);
  packet[0] = static_cast<char>(packet[0] | static_cast<char>(spec.number_bytes - 1));
  packet += counted(1, spec.connection_id) + counted(1, "") + quic_varint(spec.token.size()) +
            spec.token +
            big_endian(0x4000 | (frames.size() + spec.number_bytes + kQuicTagBytes), 2);
  const std::size_t number_at = packet.size();
  packet +=
      big_endian(spec.number & ((std::size_t{1} << 8 * spec.number_bytes) - 1), spec.number_bytes);
  const QuicKeys keys = client_initial_keys(spec.version, bytes_from(spec.keyed_by));
  packet += quic_encrypted(keys, packet, frames, spec.number);
  const std::string mask = quic_mask(keys, std::string_view(packet).substr(number_at + 4, 16));
  packet[0] = static_cast<char>(packet[0] ^ (mask[0] & 0x0f));
  for (std::size_t i = 0; i < spec.number_bytes; ++i) {
    packet[number_at + i] = static_cast<char>(packet[number_at + i] ^ mask[1 + i]);
  }
  return packet;
}
/// One that fills its datagram with padding.
inline std::string quic_datagram(const InitialSpec& spec, std::string frames) {
  frames.resize(std::max<std::size_t>(frames.size(), 1162), '\0');
  return quic_initial(spec, frames);
}

inline std::string from_hex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(hex_byte(digits[i], digits[i + 1]));
  }
  return out;
}
inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<std::uint8_t>(c) >> 4];
    out += kDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return out;
}

}  // namespace sluice::test
