// Link types other than Ethernet: how long the header in front of the network bytes is, and which
// EtherType says the same. Used by the capture reader only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sluice {

inline constexpr std::uint32_t kLinkEthernet = 1;

struct LinkHeader {
  std::uint32_t bytes = 0;       ///< to be taken away from the front of the frame
  std::uint16_t ether_type = 0;  ///< of what follows; 0 = 802.2 LLC, which has a length instead
  bool is_cut = false;           ///< the frame ends inside its link header
};

/// Nothing where sluice does not read `link_type`; Ethernet needs no reading and is not known here.
[[nodiscard]] std::optional<LinkHeader> read_link_header(
    std::uint32_t link_type, std::span<const std::uint8_t> frame) noexcept;

/// What bytes 12 and 13 of the Ethernet header are, given how many network bytes the wire had.
[[nodiscard]] std::uint16_t ether_type_of(const LinkHeader& header,
                                          std::uint32_t network_bytes) noexcept;

[[nodiscard]] bool is_supported_link_type(std::uint32_t link_type) noexcept;

/// "link type 127 (IEEE 802.11 with radiotap) is not supported: Ethernet, raw IP, ...".
[[nodiscard]] std::string unsupported_link_type(std::uint32_t link_type);

}  // namespace sluice
