// Messages and records of TLS, and certificates in DER, built from their parts for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

inline std::string big_endian(std::size_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
/// Behind its length of so many bytes.
inline std::string counted(std::size_t length_bytes, std::string_view text) {
  return big_endian(text.size(), length_bytes) + std::string(text);
}
inline std::string u16s(const std::vector<std::uint16_t>& numbers) {
  std::string out;
  for (const std::uint16_t number : numbers) out += big_endian(number, 2);
  return out;
}

inline constexpr std::uint8_t kChangeCipherSpecType = 20;
inline constexpr std::uint8_t kAlertType = 21;
inline constexpr std::uint8_t kHandshakeType = 22;
inline constexpr std::uint8_t kDataType = 23;

inline std::string record(std::uint8_t type, std::string_view content) {
  return big_endian(type, 1) + "\x03\x01" + counted(2, content);
}
/// Each byte in a record of its own.
inline std::string records_of_one_byte(std::string_view content) {
  std::string out;
  for (const char byte : content) out += record(kHandshakeType, {&byte, 1});
  return out;
}
inline std::string change_cipher_spec() { return record(kChangeCipherSpecType, "\x01"); }
inline std::string application_data(std::size_t bytes = 100) {
  return record(kDataType, std::string(bytes, 'x'));
}
inline std::string message(std::uint8_t type, std::string_view body) {
  return big_endian(type, 1) + counted(3, body);
}

inline std::string extension(std::uint16_t type, std::string_view content = {}) {
  return big_endian(type, 2) + counted(2, content);
}
inline std::string server_name(std::string_view name) {
  return extension(0, counted(2, std::string(1, '\0') + counted(2, name)));
}
inline std::string protocols(std::initializer_list<std::string_view> names) {
  std::string list;
  for (const std::string_view name : names) list += counted(1, name);
  return extension(16, counted(2, list));
}
inline std::string versions_offered(const std::vector<std::uint16_t>& versions) {
  return extension(43, counted(1, u16s(versions)));
}
inline std::string groups(const std::vector<std::uint16_t>& numbers) {
  return extension(10, counted(2, u16s(numbers)));
}
inline std::string point_formats(std::string_view formats) {
  return extension(11, counted(1, formats));
}
inline std::string signature_algorithms(const std::vector<std::uint16_t>& numbers) {
  return extension(13, counted(2, u16s(numbers)));
}

/// A message without its type and length.
inline std::string client_hello_body(std::uint16_t version,
                                     const std::vector<std::uint16_t>& ciphers,
                                     std::string_view extensions) {
  return big_endian(version, 2) + std::string(32, 'r') + counted(1, "session") +
         counted(2, u16s(ciphers)) + counted(1, std::string(1, '\0')) + counted(2, extensions);
}
inline std::string client_hello(std::string_view extensions) {
  return message(1, client_hello_body(0x0303, {0x1301, 0xc02f}, extensions));
}
inline std::string server_hello_body(std::uint16_t version, std::uint16_t cipher,
                                     std::string_view extensions) {
  return big_endian(version, 2) + std::string(32, 's') + counted(1, "session") +
         big_endian(cipher, 2) + std::string(1, '\0') + counted(2, extensions);
}
inline std::string server_hello_12() {
  return message(2, server_hello_body(0x0303, 0xc02f, extension(0xff01, std::string(1, '\0'))));
}
inline std::string server_hello_13() {
  return message(2, server_hello_body(0x0303, 0x1301, extension(43, big_endian(0x0304, 2))));
}
/// RFC 8446 4.1.3.
inline std::string hello_retry_request() {
  const std::string random =
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
      "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
  return message(2, big_endian(0x0303, 2) + random + counted(1, "session") + big_endian(0x1301, 2) +
                        std::string(1, '\0') + counted(2, extension(43, big_endian(0x0304, 2))));
}
inline std::string certificates(std::initializer_list<std::string_view> chain) {
  std::string list;
  for (const std::string_view der : chain) list += counted(3, der);
  return message(11, counted(3, list));
}

/// Length in the short form or in two bytes.
inline std::string der(std::uint8_t tag, std::string_view content) {
  const std::string length = content.size() < 0x80
                                 ? big_endian(content.size(), 1)
                                 : std::string("\x82") + big_endian(content.size(), 2);
  return big_endian(tag, 1) + length + std::string(content);
}
inline std::string attribute(std::string_view id, std::string_view value,
                             std::uint8_t value_tag = 0x0c) {
  return der(0x30, der(0x06, id) + der(value_tag, value));
}
inline std::string name_part(std::string_view attributes) { return der(0x31, attributes); }

inline constexpr std::string_view kCountryId = "\x55\x04\x06";
inline constexpr std::string_view kOrganizationId = "\x55\x04\x0a";
inline constexpr std::string_view kCommonNameId = "\x55\x04\x03";

/// As far as its subject and something behind it; names without the sequence around their parts.
inline std::string certificate(std::string_view serial, std::string_view issuer,
                               std::string_view subject) {
  const std::string algorithm = der(0x30, der(0x06, "\x2a\x86\x48"));
  const std::string validity = der(0x30, der(0x17, "250101000000Z") + der(0x17, "260101000000Z"));
  return der(0x30,
             der(0x30, der(0xa0, der(0x02, "\x02")) + der(0x02, serial) + algorithm +
                           der(0x30, issuer) + validity + der(0x30, subject) + der(0x30, "key")) +
                 algorithm + der(0x03, "signature"));
}
inline std::string example_certificate() {
  return certificate("\x1a\x2b\x3c", name_part(attribute(kCommonNameId, "Some CA")),
                     name_part(attribute(kCountryId, "US", 0x13)) +
                         name_part(attribute(kOrganizationId, "Example, Inc")) +
                         name_part(attribute(kCommonNameId, "www.example.com")));
}

}  // namespace sluice::test
