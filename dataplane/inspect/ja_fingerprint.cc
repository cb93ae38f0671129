#include "dataplane/inspect/ja_fingerprint.h"

// The functions below EVP, though deprecated, take no memory.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>

#include "dataplane/inspect/tls_text.h"

namespace sluice {
namespace {

/// Numbers of a list, GREASE left out.
template <std::size_t kMax>
struct NumberList {
  std::array<std::uint16_t, kMax> numbers;
  std::size_t count = 0;
  bool is_over = false;

  void add(std::uint16_t number) noexcept {
    if (is_grease(number)) return;
    is_over |= count == kMax;
    if (count < kMax) numbers[count++] = number;
  }
  void add_all(ByteSpan bytes) noexcept {
    for (std::size_t i = 0; i < bytes.size() / 2 && !is_over; ++i) add(tls_u16(bytes, i));
  }
  void add_types(ByteSpan extensions) noexcept {
    TlsReader reader(extensions);
    while (!reader.is_empty() && !is_over) {
      add(reader.u16());
      (void)reader.vector(2);
    }
  }
  [[nodiscard]] std::span<std::uint16_t> all() noexcept { return std::span(numbers).first(count); }
};
using Ciphers = NumberList<kJaCiphersMax>;
using Extensions = NumberList<kJaExtensionsMax>;
using ShortList = NumberList<kJaListMax>;

void put_decimals(TlsText& text, std::span<const std::uint16_t> numbers) noexcept {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text.put('-');
    text.put_decimal(numbers[i]);
  }
}

void put_hex(TlsText& text, std::span<const std::uint16_t> numbers) noexcept {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text.put(',');
    text.put_hex_u16(numbers[i]);
  }
}

/// The first half of a SHA-256, or zeros where nothing was listed.
void put_short_hash(TlsText& text, ByteSpan hashed) noexcept {
  constexpr std::size_t kBytes = 6;
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  if (!hashed.empty()) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, hashed.data(), hashed.size());
    SHA256_Final(digest.data(), &context);
  }
  for (std::size_t i = 0; i < kBytes; ++i) text.put_hex(digest[i], 'a');
}

std::string_view ja4_version(std::uint16_t version) noexcept {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

/// The highest that is offered, whether or not there is such a version.
std::uint16_t ja4_highest(const TlsClientHello& hello) noexcept {
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i < hello.versions.size() / 2; ++i) {
    const std::uint16_t version = tls_u16(hello.versions, i);
    if (!is_grease(version)) highest = std::max(highest, version);
  }
  return highest != 0 ? highest : hello.legacy_version;
}

void put_two_digits(TlsText& text, std::size_t count) noexcept {
  count = std::min<std::size_t>(count, 99);
  text.put(static_cast<char>('0' + count / 10));
  text.put(static_cast<char>('0' + count % 10));
}

bool is_alphanumeric(std::uint8_t byte) noexcept {
  const std::uint8_t letter = lower(byte);
  return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9');
}

/// First and last character of the first protocol, of its hexadecimal form where they are odd.
void put_alpn_ends(TlsText& text, ByteSpan protocols) noexcept {
  const ByteSpan first = TlsReader(protocols).vector(1);
  if (first.empty()) return text.put("00");
  const bool is_plain = is_alphanumeric(first.front()) && is_alphanumeric(first.back());
  text.put(is_plain ? static_cast<char>(first.front())
                    : TlsText::hex_digit(first.front() >> 4, 'a'));
  text.put(is_plain ? static_cast<char>(first.back()) : TlsText::hex_digit(first.back() & 15, 'a'));
}

/// Sorted, but for the two that stand in the first part already, and the signature algorithms.
void put_extension_hash(TlsText& text, Extensions& extensions, ShortList& algorithms) noexcept {
  constexpr std::uint16_t kServerName = 0;
  constexpr std::uint16_t kAlpn = 16;
  auto types = extensions.all();
  const auto rest = std::ranges::remove_if(
      types, [](std::uint16_t type) { return type == kServerName || type == kAlpn; });
  types = types.first(types.size() - rest.size());
  std::ranges::sort(types);
  std::array<std::uint8_t, 5 * (kJaExtensionsMax + kJaListMax)> room;
  TlsText listed(room);
  put_hex(listed, types);
  if (listed.size() > 0 && algorithms.count > 0) {
    listed.put('_');
    put_hex(listed, algorithms.all());
  }
  put_short_hash(text, listed.written());
}

void put_cipher_hash(TlsText& text, Ciphers& ciphers) noexcept {
  std::ranges::sort(ciphers.all());
  std::array<std::uint8_t, 5 * kJaCiphersMax> room;
  TlsText listed(room);
  put_hex(listed, ciphers.all());
  put_short_hash(text, listed.written());
}

}  // namespace

ByteSpan write_ja3(const TlsClientHello& hello, std::span<std::uint8_t> out) noexcept {
  Ciphers ciphers;
  Extensions extensions;
  ShortList groups;
  ciphers.add_all(hello.ciphers);
  extensions.add_types(hello.extensions);
  groups.add_all(hello.groups);
  if (ciphers.is_over || extensions.is_over || groups.is_over) return {};
  TlsText text(out);
  text.put_decimal(hello.legacy_version);
  text.put(',');
  put_decimals(text, ciphers.all());
  text.put(',');
  put_decimals(text, extensions.all());
  text.put(',');
  put_decimals(text, groups.all());
  text.put(',');
  for (std::size_t i = 0; i < hello.point_formats.size(); ++i) {
    if (i > 0) text.put('-');
    text.put_decimal(hello.point_formats[i]);
  }
  return text.written();
}

ByteSpan write_ja3s(const TlsServerHello& hello, std::span<std::uint8_t> out) noexcept {
  Extensions extensions;
  extensions.add_types(hello.extensions);
  if (extensions.is_over) return {};
  TlsText text(out);
  text.put_decimal(hello.legacy_version);
  text.put(',');
  text.put_decimal(hello.cipher);
  text.put(',');
  put_decimals(text, extensions.all());
  return text.written();
}

ByteSpan write_ja4(const TlsClientHello& hello, JaTransport transport,
                   std::span<std::uint8_t> out) noexcept {
  Ciphers ciphers;
  Extensions extensions;
  ShortList algorithms;
  ciphers.add_all(hello.ciphers);
  extensions.add_types(hello.extensions);
  algorithms.add_all(hello.signature_algorithms);
  if (ciphers.is_over || extensions.is_over || algorithms.is_over) return {};
  TlsText text(out);
  text.put(transport == JaTransport::quic ? 'q' : 't');
  text.put(ja4_version(ja4_highest(hello)));
  text.put(hello.has_server_name ? 'd' : 'i');
  put_two_digits(text, ciphers.count);
  put_two_digits(text, extensions.count);
  put_alpn_ends(text, hello.protocols);
  text.put('_');
  put_cipher_hash(text, ciphers);
  text.put('_');
  put_extension_hash(text, extensions, algorithms);
  return text.written();
}

std::array<std::uint8_t, 32> md5_hex(ByteSpan text) noexcept {
  std::array<std::uint8_t, MD5_DIGEST_LENGTH> digest;
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, text.data(), text.size());
  MD5_Final(digest.data(), &context);
  std::array<std::uint8_t, 32> hex;
  TlsText out(hex);
  for (const std::uint8_t byte : digest) out.put_hex(byte, 'a');
  return hex;
}

}  // namespace sluice
