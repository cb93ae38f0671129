#include "dataplane/inspect/tls_certificate.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/inspect/der_reader.h"
#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

ByteSpan span_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

std::string name_text(std::string_view name, std::size_t room_bytes = 1000) {
  std::vector<std::uint8_t> room(room_bytes);
  return text_of(write_name(span_of(name), room));
}

TEST(DerReader, ElementsComeOneAfterAnother) {
  const std::string bytes = der(0x02, "ab") + der(0x30, std::string(300, 'c'));
  DerReader reader(span_of(bytes));
  EXPECT_EQ(text_of(reader.next(kDerInteger)), "ab");
  EXPECT_EQ(reader.next_tag(), kDerSequence);
  EXPECT_EQ(reader.next().content.size(), 300U);
  EXPECT_TRUE(reader.is_empty());
  EXPECT_FALSE(reader.is_bad());
}

TEST(DerReader, WhatGoesBeyondTheEndIsBad) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes :
       {""sv, "\x30"sv, "\x30\x05"sv, "\x30\x02x"sv, "\x30\x80xx"sv, "\x30\x82\x01"sv,
        "\x30\x84\xff\xff\xff\xffx"sv, "\x30\x85\0\0\0\0\1x"sv, "\x1f\x81\x01\x01x"sv}) {
    DerReader reader(span_of(bytes));
    (void)reader.next();
    EXPECT_TRUE(reader.is_bad()) << testing::PrintToString(bytes);
    EXPECT_TRUE(reader.is_empty());
  }
}

TEST(TlsCertificate, NamesAreWrittenAsListsOfAttributes) {
  const std::string name =
      name_part(attribute(kCountryId, "US", 0x13)) +
      name_part(attribute("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "a@b.example", 0x16)) +
      name_part(attribute(kCommonNameId, "first") + attribute(kOrganizationId, "second")) +
      name_part(attribute("\x2a\x86\x48\x81\x05", "unknown")) +
      name_part(attribute("\x55\x04\x2d", "\x01\xab", 0x03));
  EXPECT_EQ(name_text(name),
            "C=US, Email=a@b.example, CN=first + O=second, OID(1.2.840.133)=unknown, "
            "OID(2.5.4.45)=01AB");
}

TEST(TlsCertificate, LongNamesAreCut) {
  const std::string part = name_part(attribute(kCommonNameId, std::string(1000, 'x')));
  std::string name;
  for (int i = 0; i < 10; ++i) name += part;
  EXPECT_EQ(name_text(name, 10'000).size(), kCertificateTextMax);
  EXPECT_EQ(name_text(name, 5), "CN=xx");
  EXPECT_EQ(name_text(name, 0), "");
}

TEST(TlsCertificate, DamagedNamesAreWrittenAsFarAsTheyGo) {
  const std::string good = name_part(attribute(kCommonNameId, "good"));
  EXPECT_EQ(name_text(good + name_part("\x30\x7fxx")), "CN=good, ");
  EXPECT_EQ(name_text(good + "\x30\x01x"), "CN=good");
}

TEST(TlsCertificate, EveryCutIsNoneOrTheSame) {
  const std::string whole = example_certificate();
  const TlsCertificate expected = read_certificate(span_of(whole)).value();
  EXPECT_EQ(text_of(expected.serial), "\x1a\x2b\x3c");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(read_certificate(span_of(whole).first(cut)).has_value()) << cut;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    const auto found = read_certificate(span_of(damaged));
    EXPECT_LE(found ? found->subject.size() : 0, whole.size());
  }
}

TEST(TlsCertificate, VersionOneHasNoVersion) {
  const std::string algorithm = der(0x30, "");
  const std::string bytes =
      der(0x30, der(0x30, der(0x02, "\x07") + algorithm + der(0x30, "") + der(0x30, "") +
                              der(0x30, name_part(attribute(kCommonNameId, "old")))));
  const TlsCertificate found = read_certificate(span_of(bytes)).value();
  EXPECT_EQ(name_text(text_of(found.subject)), "CN=old");
}

/// A certificate that libcrypto wrote.
class LibcryptoCertificate {
 public:
  LibcryptoCertificate() {
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509_.get()), 0xdeadbeefcafef00d);
    X509_set_version(x509_.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600);
    add(X509_get_issuer_name(x509_.get()), "O", "Tests");
    add(X509_get_subject_name(x509_.get()), "C", "DE");
    add(X509_get_subject_name(x509_.get()), "ST", "Bayern");
    add(X509_get_subject_name(x509_.get()), "L", "M\xc3\xbcnchen");
    add(X509_get_subject_name(x509_.get()), "OU", "Unit");
    add(X509_get_subject_name(x509_.get()), "CN", "tls.example");
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
    X509_set_pubkey(x509_.get(), key.get());
    X509_sign(x509_.get(), key.get(), nullptr);
  }
  [[nodiscard]] std::string bytes() const {
    std::uint8_t* encoded = nullptr;
    const int size = i2d_X509(x509_.get(), &encoded);
    std::string out(encoded, encoded + size);
    OPENSSL_free(encoded);
    return out;
  }
  [[nodiscard]] std::string fingerprint() const {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    X509_digest(x509_.get(), EVP_sha1(), digest.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      if (i > 0) out += ':';
      out += kDigits[digest[i] >> 4];
      out += kDigits[digest[i] & 15];
    }
    return out;
  }

 private:
  static void add(X509_NAME* name, const char* type, const char* value) {
    X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
                               reinterpret_cast<const std::uint8_t*>(value), -1, -1, 0);
  }

  std::unique_ptr<X509, decltype(&X509_free)> x509_{X509_new(), X509_free};
};

TEST(TlsCertificate, WhatLibcryptoWroteIsReadTheSame) {
  const LibcryptoCertificate written;
  const std::string bytes = written.bytes();
  const TlsCertificate found = read_certificate(span_of(bytes)).value();
  std::vector<std::uint8_t> room(1000);
  EXPECT_EQ(text_of(write_name(found.subject, room)),
            "C=DE, ST=Bayern, L=M\xc3\xbcnchen, OU=Unit, CN=tls.example");
  EXPECT_EQ(text_of(write_name(found.issuer, room)), "O=Tests");
  EXPECT_EQ(text_of(write_serial(found.serial, room)), "00:DE:AD:BE:EF:CA:FE:F0:0D");
  EXPECT_EQ(text_of(write_fingerprint(span_of(bytes), room)), written.fingerprint());
}

}  // namespace
}  // namespace sluice
