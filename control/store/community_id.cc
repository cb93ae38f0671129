// The digest is SHA-1 over seed (2 bytes), the lower endpoint's address, the other address,
// protocol, a zero byte, and for protocols with ports the two ports in the same order; all in
// network order. ICMP puts type and code where ports would be. A type that has a counterpart (echo
// and echo reply) takes the counterpart as its other port, so that question and answer share an id;
// any other ICMP message is one-way, and its endpoints keep the order of the packet.
#include "control/store/community_id.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/endian.h"

namespace sluice {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kIcmpV6 = 58;
constexpr std::size_t kDigestBytes = 20;

struct Counterpart {
  std::uint8_t one;
  std::uint8_t other;
};
constexpr Counterpart kIcmpPairs[] = {
    {8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9},  // echo, timestamp, information, mask, router
};
constexpr Counterpart kIcmpV6Pairs[] = {
    {128, 129}, {133, 134}, {135, 136}, {130, 131}, {139, 140}, {144, 145},
    // echo, router, neighbour, listener, node information, home agent
};

struct Ports {
  std::uint16_t source;
  std::uint16_t destination;
  bool one_way = false;
};

template <std::size_t N>
Ports icmp_ports(const Counterpart (&pairs)[N], std::uint16_t type, std::uint16_t code) noexcept {
  for (const Counterpart& pair : pairs) {
    if (type == pair.one) return {type, pair.other};
    if (type == pair.other) return {type, pair.one};
  }
  return {type, code, true};
}

Ports ports_of(const CommunityTuple& tuple) noexcept {
  if (tuple.protocol == kIcmp) {
    return icmp_ports(kIcmpPairs, tuple.source_port, tuple.destination_port);
  }
  if (tuple.protocol == kIcmpV6) {
    return icmp_ports(kIcmpV6Pairs, tuple.source_port, tuple.destination_port);
  }
  return {tuple.source_port, tuple.destination_port};
}

bool has_ports(std::uint8_t protocol) noexcept {
  return protocol == 6 || protocol == 17 || protocol == 132 || protocol == kIcmp ||
         protocol == kIcmpV6;
}

struct Digested {
  std::array<std::uint8_t, 40> bytes;
  std::size_t size = 0;

  void add(const void* from, std::size_t count) noexcept {
    std::memcpy(bytes.data() + size, from, count);
    size += count;
  }
  void add_port(std::uint16_t port) noexcept {
    const Be16 wire(port);
    add(&wire, sizeof wire);
  }
};

Digested digested(const CommunityTuple& tuple) noexcept {
  const std::size_t address_bytes = tuple.version == 6 ? 16 : 4;
  const Ports ports = ports_of(tuple);
  const int order = std::memcmp(tuple.source.data(), tuple.destination.data(), address_bytes);
  const bool source_first =
      ports.one_way || order < 0 || (order == 0 && ports.source < ports.destination);
  const auto& first = source_first ? tuple.source : tuple.destination;
  const auto& second = source_first ? tuple.destination : tuple.source;
  const std::uint8_t protocol_and_padding[] = {tuple.protocol, 0};
  Digested out;
  out.add_port(0);  // the seed
  out.add(first.data(), address_bytes);
  out.add(second.data(), address_bytes);
  out.add(protocol_and_padding, 2);
  if (!has_ports(tuple.protocol)) return out;
  out.add_port(source_first ? ports.source : ports.destination);
  out.add_port(source_first ? ports.destination : ports.source);
  return out;
}

/// Twenty bytes make six whole groups and two bytes: 28 characters, the last one padding.
void base64(const std::uint8_t* bytes, char* out) noexcept {
  for (std::size_t i = 0; i < kDigestBytes; i += 3, out += 4) {
    const unsigned third = i + 2 < kDigestBytes ? bytes[i + 2] : 0U;
    const unsigned group = unsigned{bytes[i]} << 16 | unsigned{bytes[i + 1]} << 8 | third;
    out[0] = kBase64Digits[group >> 18];
    out[1] = kBase64Digits[group >> 12 & 63];
    out[2] = kBase64Digits[group >> 6 & 63];
    out[3] = i + 2 < kDigestBytes ? kBase64Digits[group & 63] : '=';
  }
}

}  // namespace

CommunityId::CommunityId()
    : digest_(EVP_MD_fetch(nullptr, "SHA1", nullptr)), context_(EVP_MD_CTX_new()), text_{} {}

CommunityId::~CommunityId() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(digest_);
}

std::string_view CommunityId::of(const CommunityTuple& tuple) noexcept {
  if (digest_ == nullptr || context_ == nullptr) return {};
  const Digested input = digested(tuple);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> sha1;
  unsigned bytes = 0;
  if (EVP_DigestInit_ex2(context_, digest_, nullptr) != 1 ||
      EVP_DigestUpdate(context_, input.bytes.data(), input.size) != 1 ||
      EVP_DigestFinal_ex(context_, sha1.data(), &bytes) != 1 || bytes != kDigestBytes) {
    return {};
  }
  text_[0] = '1';
  text_[1] = ':';
  base64(sha1.data(), text_.data() + 2);
  return {text_.data(), text_.size()};
}

}  // namespace sluice
