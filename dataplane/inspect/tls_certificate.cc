#include "dataplane/inspect/tls_certificate.h"

// The functions below EVP, though deprecated, take no memory.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "dataplane/inspect/der_reader.h"
#include "dataplane/inspect/tls_text.h"

namespace sluice {
namespace {

using namespace std::string_view_literals;

struct AttributeName {
  std::string_view id;  ///< content of the object identifier
  std::string_view name;
};

/// The short names that Suricata prints.
constexpr std::array<AttributeName, 22> kAttributes{{
    {"\x55\x04\x03"sv, "CN"},
    {"\x55\x04\x0a"sv, "O"},
    {"\x55\x04\x06"sv, "C"},
    {"\x55\x04\x0b"sv, "OU"},
    {"\x55\x04\x08"sv, "ST"},
    {"\x55\x04\x07"sv, "L"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"sv, "Email"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"sv, "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"sv, "UID"},
    {"\x55\x04\x04"sv, "surname"},
    {"\x55\x04\x05"sv, "serialNumber"},
    {"\x55\x04\x09"sv, "streetAddress"},
    {"\x55\x04\x0c"sv, "title"},
    {"\x55\x04\x0d"sv, "description"},
    {"\x55\x04\x0f"sv, "businessCategory"},
    {"\x55\x04\x11"sv, "postalCode"},
    {"\x55\x04\x29"sv, "name"},
    {"\x55\x04\x2a"sv, "givenName"},
    {"\x55\x04\x61"sv, "organizationIdentifier"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01"sv, "jurisdictionL"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02"sv, "jurisdictionST"},
    {"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03"sv, "jurisdictionC"},
}};

std::string_view text_of(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An identifier in numbers (X.690 8.19).
void put_numbers(TlsText& text, ByteSpan id) noexcept {
  text.put("OID(");
  std::uint32_t arc = 0;
  bool is_first = true;
  for (const std::uint8_t byte : id) {
    arc = arc << 7 | (byte & 0x7f);
    if ((byte & 0x80) != 0) continue;
    const std::uint32_t top = std::min<std::uint32_t>(arc / 40, 2);
    if (is_first) text.put_decimal(top);
    text.put('.');
    text.put_decimal(is_first ? arc - top * 40 : arc);
    arc = 0;
    is_first = false;
  }
  text.put(')');
}

void put_type(TlsText& text, ByteSpan id) noexcept {
  const auto* found = std::ranges::find(kAttributes, text_of(id), &AttributeName::id);
  if (found != kAttributes.end()) return text.put(found->name);
  put_numbers(text, id);
}

/// UTF8String, NumericString to GeneralString, BMPString.
bool is_text(std::uint8_t tag) noexcept {
  return tag == 0x0c || (tag >= 0x12 && tag <= 0x16) || (tag >= 0x19 && tag <= 0x1b) || tag == 0x1e;
}

void put_value(TlsText& text, const DerElement& value) noexcept {
  if (is_text(value.tag)) return text.put(value.content);
  for (std::size_t i = 0; i < value.content.size() && text.left() > 0; ++i) {
    text.put_hex(value.content[i], 'A');
  }
}

/// Attributes of one part of a name stand beside each other with a plus.
void put_part(TlsText& text, ByteSpan part) noexcept {
  DerReader attributes(part);
  bool is_first = true;
  while (!attributes.is_empty()) {
    DerReader attribute(attributes.next(kDerSequence));
    const ByteSpan type = attribute.next(kDerObjectId);
    const DerElement value = attribute.next();
    if (attributes.is_bad() || attribute.is_bad()) return;
    if (!is_first) text.put(" + ");
    is_first = false;
    put_type(text, type);
    text.put('=');
    put_value(text, value);
  }
}

}  // namespace

std::optional<TlsCertificate> read_certificate(ByteSpan der) noexcept {
  constexpr std::uint8_t kVersionTag = 0xa0;
  DerReader outer(der);
  DerReader certificate(outer.next(kDerSequence));
  DerReader signed_part(certificate.next(kDerSequence));
  if (signed_part.next_tag() == kVersionTag) (void)signed_part.next();
  TlsCertificate found;
  found.serial = signed_part.next(kDerInteger);
  (void)signed_part.next(kDerSequence);  // signature algorithm
  found.issuer = signed_part.next(kDerSequence);
  (void)signed_part.next(kDerSequence);  // validity
  found.subject = signed_part.next(kDerSequence);
  if (signed_part.is_bad()) return std::nullopt;
  return found;
}

ByteSpan write_name(ByteSpan name, std::span<std::uint8_t> out) noexcept {
  TlsText text(out.first(std::min(out.size(), kCertificateTextMax)));
  DerReader parts(name);
  while (!parts.is_empty() && text.left() > 0) {
    const ByteSpan part = parts.next(kDerSet);
    if (parts.is_bad()) break;
    if (text.size() > 0) text.put(", ");
    put_part(text, part);
  }
  return text.written();
}

ByteSpan write_serial(ByteSpan serial, std::span<std::uint8_t> out) noexcept {
  TlsText text(out.first(std::min(out.size(), kCertificateTextMax)));
  text.put_hex_pairs(serial, 'A');
  return text.written();
}

ByteSpan write_fingerprint(ByteSpan der, std::span<std::uint8_t> out) noexcept {
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, der.data(), der.size());
  SHA1_Final(digest.data(), &context);
  TlsText text(out);
  text.put_hex_pairs(digest, 'a');
  return text.written();
}

}  // namespace sluice
