// Community ID v1 (github.com/corelight/community-id-spec), seed 0: the name that Zeek, Suricata
// and Arkime give to the same flow. Control side; one object per thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace sluice {

/// One direction of a flow, addresses in network order (IPv4 in the first four bytes). Ports in
/// host order, as the packet has them; for ICMP and ICMPv6 the type and the code instead.
struct CommunityTuple {
  std::array<std::uint8_t, 16> source;
  std::array<std::uint8_t, 16> destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint8_t protocol;
  std::uint8_t version;  ///< 4 or 6
};

class CommunityId {
 public:
  CommunityId();
  ~CommunityId();
  CommunityId(const CommunityId&) = delete;
  CommunityId& operator=(const CommunityId&) = delete;

  /// "1:" and the digest in base64, equal for both directions; valid until the next call. Empty
  /// where libcrypto offers no SHA-1.
  [[nodiscard]] std::string_view of(const CommunityTuple& tuple) noexcept;

 private:
  evp_md_st* digest_;
  evp_md_ctx_st* context_;
  std::array<char, 30> text_;
};

}  // namespace sluice
