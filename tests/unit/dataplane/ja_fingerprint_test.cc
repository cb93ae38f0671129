#include "dataplane/inspect/ja_fingerprint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

ByteSpan span_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

struct Fingerprints {
  std::string ja3;
  std::string ja3_hash;
  std::string ja4;
};

Fingerprints fingerprints(const std::string& body, JaTransport transport = JaTransport::tcp) {
  const TlsClientHello hello = read_client_hello(span_of(body)).value();
  std::vector<std::uint8_t> room(kJa3BytesMax);
  Fingerprints found;
  found.ja3 = text_of(write_ja3(hello, room));
  found.ja3_hash = text_of(md5_hex(span_of(found.ja3)));
  found.ja4 = text_of(write_ja4(hello, transport, room));
  return found;
}

/// An extension of each type, with nothing in those that have no content of interest.
std::string extensions_of(const std::vector<std::uint16_t>& types) {
  std::string out;
  for (const std::uint16_t type : types) {
    switch (type) {
      case 0:
        out += server_name("example.com");
        break;
      case 10:
        out += groups({0x1a1a, 23, 24, 25});
        break;
      case 11:
        out += point_formats(std::string(1, '\0'));
        break;
      case 13:
        out +=
            signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601});
        break;
      case 16:
        out += protocols({"h2", "http/1.1"});
        break;
      case 43:
        out += versions_offered({0xbaba, 0x0304, 0x0303});
        break;
      default:
        out += extension(type);
    }
  }
  return out;
}

// The examples of the descriptions of JA3.
TEST(Ja3, PublishedExamplesComeOut) {
  const Fingerprints full = fingerprints(client_hello_body(
      769, {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, extensions_of({0, 10, 11})));
  EXPECT_EQ(full.ja3, "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(full.ja3_hash, "ada70206e40642a3e4461f35503241d5");
  const Fingerprints bare =
      fingerprints(client_hello_body(769, {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, ""));
  EXPECT_EQ(bare.ja3, "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  EXPECT_EQ(bare.ja3_hash, "de350869b8c85de67a350c8d186f11e6");
}

TEST(Ja3, GreaseIsLeftOut) {
  const std::string plain = client_hello_body(771, {47, 53}, extensions_of({0, 11}));
  const std::string strewn =
      client_hello_body(771, {0x0a0a, 47, 53, 0xfafa}, extensions_of({0x2a2a, 0, 0x3a3a, 11}));
  EXPECT_EQ(fingerprints(plain).ja3, fingerprints(strewn).ja3);
  EXPECT_EQ(fingerprints(plain).ja4, fingerprints(strewn).ja4);
}

TEST(Ja3s, ServerHelloIsVersionCipherAndExtensions) {
  const std::string body = server_hello_body(771, 49199, extension(65281) + extension(11));
  std::vector<std::uint8_t> room(kJa3BytesMax);
  const std::string text = text_of(write_ja3s(read_server_hello(span_of(body)).value(), room));
  EXPECT_EQ(text, "771,49199,65281-11");
}

// The example of the description of JA4.
const std::vector<std::uint16_t> kBrowserCiphers = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                                    0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                                    0x009c, 0x009d, 0x002f, 0x0035};
const std::vector<std::uint16_t> kBrowserExtensions = {
    0x9a9a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
    0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};

TEST(Ja4, PublishedExampleComesOut) {
  const std::string body =
      client_hello_body(0x0303, kBrowserCiphers, extensions_of(kBrowserExtensions));
  EXPECT_EQ(fingerprints(body).ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(fingerprints(body, JaTransport::quic).ja4, "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, OrderDoesNotMatter) {
  auto ciphers = kBrowserCiphers;
  auto extensions = kBrowserExtensions;
  std::reverse(ciphers.begin(), ciphers.end());
  std::reverse(extensions.begin(), extensions.end());
  EXPECT_EQ(fingerprints(client_hello_body(0x0303, ciphers, extensions_of(extensions))).ja4,
            "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, WhatIsNotThereIsZero) {
  EXPECT_EQ(fingerprints(client_hello_body(0x0301, {}, "")).ja4,
            "t10i000000_000000000000_000000000000");
  EXPECT_EQ(fingerprints(client_hello_body(0x7f00, {}, extensions_of({0, 16}))).ja4,
            "t00d0002h2_000000000000_000000000000");
}

TEST(Ja4, OddProtocolsAreWrittenInHexadecimal) {
  const auto ends = [](std::string_view name) {
    return fingerprints(client_hello_body(0x0303, {}, protocols({name}))).ja4.substr(8, 2);
  };
  EXPECT_EQ(ends("h2"), "h2");
  EXPECT_EQ(ends("http/1.1"), "h1");
  EXPECT_EQ(ends("a"), "aa");
  EXPECT_EQ(ends("\xab"), "ab");
  EXPECT_EQ(ends("0\xab"), "3b");
  EXPECT_EQ(ends("\xab-z"), "aa");
}

TEST(Ja4, WithoutSignatureAlgorithmsNothingIsAppended) {
  const std::string with = client_hello_body(0x0303, {1}, extensions_of({5, 13}));
  const std::string without = client_hello_body(0x0303, {1}, extension(5) + extension(13));
  EXPECT_NE(fingerprints(with).ja4, fingerprints(without).ja4);
  // SHA-256 of "0005,000d".
  EXPECT_EQ(fingerprints(without).ja4.substr(24), "37e7dda7b8ff");
}

}  // namespace
}  // namespace sluice
