#include "dataplane/inspect/tls_hello.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

constexpr std::uint16_t kVersion13 = 0x0304;
constexpr std::size_t kRandomBytes = 32;

enum Extension : std::uint16_t {
  kServerName = 0,
  kSupportedGroups = 10,
  kPointFormats = 11,
  kSignatureAlgorithms = 13,
  kAlpn = 16,
  kSupportedVersions = 43,
  kEncryptedClientHello = 0xfe0d,
};

/// What a ServerHello that is a retry has for a random (RFC 8446 4.1.3).
constexpr std::array<std::uint8_t, kRandomBytes> kRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/// The vector that an extension's content is, if it is that and nothing else.
ByteSpan only_vector(ByteSpan content, std::size_t length_bytes, bool& is_odd) noexcept {
  TlsReader reader(content);
  const ByteSpan vector = reader.vector(length_bytes);
  is_odd |= reader.is_bad() || !reader.is_empty();
  return vector;
}

ByteSpan only_u16s(ByteSpan content, std::size_t length_bytes, bool& is_odd) noexcept {
  const ByteSpan vector = only_vector(content, length_bytes, is_odd);
  is_odd |= vector.size() % 2 != 0;
  return vector.first(vector.size() & ~std::size_t{1});
}

/// RFC 6066 3 allows one name of a host, and none of another kind. Of several each is one that
/// some server goes by.
void take_names(TlsClientHello& hello, ByteSpan content) noexcept {
  TlsReader names(only_vector(content, 2, hello.is_odd));
  std::size_t count = 0;
  while (!names.is_empty()) {
    const std::uint8_t type = names.u8();
    const ByteSpan name = names.vector(2);
    if (type != 0 || names.is_bad()) continue;
    ++count;
    if (hello.server_name_count == kTlsServerNamesMax) continue;
    hello.server_names[hello.server_name_count++] = name;
  }
  hello.is_odd |= count != 1;
}

void take_extension(TlsClientHello& hello, std::uint16_t type, ByteSpan content) noexcept {
  switch (type) {
    case kServerName:
      hello.is_odd |= hello.has_server_name;
      take_names(hello, content);
      hello.has_server_name = true;
      return;
    case kAlpn:
      hello.is_odd |= hello.has_alpn;
      if (!hello.has_alpn) hello.protocols = only_vector(content, 2, hello.is_odd);
      hello.has_alpn = true;
      return;
    case kSupportedGroups:
      hello.groups = only_u16s(content, 2, hello.is_odd);
      return;
    case kPointFormats:
      hello.point_formats = only_vector(content, 1, hello.is_odd);
      return;
    case kSignatureAlgorithms:
      hello.signature_algorithms = only_u16s(content, 2, hello.is_odd);
      return;
    case kSupportedVersions:
      hello.versions = only_u16s(content, 1, hello.is_odd);
      return;
    case kEncryptedClientHello:
      hello.has_ech = true;
      return;
    default:
      return;
  }
}

/// Calls `take` with each extension's type and content. False: the last one ends early.
template <typename Take>
bool each_extension(ByteSpan extensions, Take take) noexcept {
  TlsReader reader(extensions);
  while (!reader.is_empty()) {
    const std::uint16_t type = reader.u16();
    const ByteSpan content = reader.vector(2);
    if (reader.is_bad()) return false;
    take(type, content);
  }
  return true;
}

}  // namespace

std::optional<TlsClientHello> read_client_hello(ByteSpan body) noexcept {
  TlsReader reader(body);
  TlsClientHello hello;
  hello.legacy_version = reader.u16();
  (void)reader.bytes(kRandomBytes);
  (void)reader.vector(1);  // session id
  hello.ciphers = reader.vector(2);
  (void)reader.vector(1);  // compression methods
  if (reader.is_bad() || hello.ciphers.size() % 2 != 0) return std::nullopt;
  if (reader.is_empty()) return hello;  // before TLS 1.2 there need be no extensions
  hello.extensions = reader.vector(2);
  hello.is_odd = !reader.is_empty();
  const bool is_whole = each_extension(
      hello.extensions,
      [&](std::uint16_t type, ByteSpan content) noexcept { take_extension(hello, type, content); });
  if (reader.is_bad() || !is_whole) return std::nullopt;
  return hello;
}

std::optional<TlsServerHello> read_server_hello(ByteSpan body) noexcept {
  TlsReader reader(body);
  TlsServerHello hello;
  hello.legacy_version = hello.version = reader.u16();
  hello.is_retry = std::ranges::equal(reader.bytes(kRandomBytes), kRetryRandom);
  (void)reader.vector(1);  // session id
  hello.cipher = reader.u16();
  (void)reader.u8();  // compression method
  if (reader.is_bad()) return std::nullopt;
  if (reader.is_empty()) return hello;
  hello.extensions = reader.vector(2);
  hello.is_odd = !reader.is_empty();
  const bool is_whole =
      each_extension(hello.extensions, [&](std::uint16_t type, ByteSpan content) noexcept {
        if (type != kSupportedVersions) return;
        hello.is_odd |= content.size() != 2;
        if (content.size() == 2) hello.version = tls_u16(content, 0);
      });
  if (reader.is_bad() || !is_whole) return std::nullopt;
  return hello;
}

std::uint16_t offered_version(const TlsClientHello& hello) noexcept {
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i < hello.versions.size() / 2; ++i) {
    const std::uint16_t version = tls_u16(hello.versions, i);
    if (!is_grease(version) && version <= kVersion13) highest = std::max(highest, version);
  }
  return highest != 0 ? highest : hello.legacy_version;
}

std::string_view version_text(std::uint16_t version) noexcept {
  constexpr std::array<std::string_view, 5> kTexts = {"SSLv3", "1.0", "1.1", "1.2", "1.3"};
  const unsigned minor = version & 0xff;
  return version >> 8 == 3 && minor < kTexts.size() ? kTexts[minor] : std::string_view{};
}

}  // namespace sluice
