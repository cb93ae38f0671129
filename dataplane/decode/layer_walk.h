// The general path of the decoder: a walk from layer to layer of one packet. Each step reads one
// header, judges it and names the next; `run` is the loop, so nothing recurses. The steps stand in
// link_layers.cc, ip_layers.cc, extension_headers.cc, transport_layers.cc, icmp_layers.cc and
// tunnels.cc. Made and used by `Decoder` only, on the worker's thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/siphash.h"
#include "config/config.h"
#include "dataplane/decode/checksum.h"
#include "dataplane/decode/cursor.h"
#include "dataplane/decode/decoder.h"
#include "dataplane/decode/flow_identity.h"
#include "dataplane/decode/transport_rules.h"
#include "dataplane/packet.h"

namespace sluice {

inline constexpr unsigned kMplsLabelsMax = 8;
inline constexpr unsigned kExtensionHeadersMax = 8;  ///< of one IP header
inline constexpr unsigned kTunnelExtensionsMax = 8;  ///< of one GTP-U header

class LayerWalk {
 public:
  LayerWalk(Packet& packet, const DecodeConfig& config, const PortDecode& port,
            std::uint32_t frame_end) noexcept
      : packet_(packet),
        config_(config),
        port_(port),
        cursor_(packet.bytes, packet.bytes_at_hand, frame_end) {}

  /// A whole frame, from its Ethernet header.
  void walk_frame(const SipKey& flow_key) noexcept;
  /// An IP packet at `packet.l3_offset`, inside `packet.tunnel_depth` tunnels.
  void walk_datagram(const SipKey& flow_key) noexcept;

 private:
  enum class Step : std::uint8_t {
    ethernet,
    link_type,
    llc,
    mpls,
    pppoe,
    ipv4,
    ipv6,
    upper,
    tcp,
    udp,
    icmp,
    icmpv6,
    sctp,
    gre,
    done,
  };

  // link_layers.cc
  Step ethernet() noexcept;
  Step link_type() noexcept;
  Step vlan_tag() noexcept;
  Step llc() noexcept;
  Step mpls() noexcept;
  Step pppoe() noexcept;
  Step not_ip(bool is_control) noexcept;
  [[nodiscard]] bool is_plausible_ip() const noexcept;
  void finish_link_layers() noexcept;

  // ip_layers.cc
  Step ipv4() noexcept;
  Step ipv6() noexcept;
  Step ipv4_options(std::uint32_t option_bytes) noexcept;
  Step judge_ipv4_sum(ByteRange header) noexcept;
  void enter_ip(std::uint8_t version, std::uint32_t l3_bytes, std::uint8_t protocol) noexcept;
  Step fragment_of(std::uint8_t protocol) noexcept;

  // extension_headers.cc
  Step upper() noexcept;
  Step option_header() noexcept;
  Step options(std::uint32_t header_bytes) noexcept;
  Step routing_header() noexcept;
  Step fragment_header() noexcept;
  Step auth_header() noexcept;
  Step past_extension(std::uint8_t next, std::uint32_t header_bytes) noexcept;

  // transport_layers.cc
  Step tcp() noexcept;
  Step tcp_options(std::uint32_t option_bytes) noexcept;
  Step udp() noexcept;
  Step sctp() noexcept;
  Step transport_of(std::uint8_t protocol) noexcept;
  void enter_ports(std::uint16_t source, std::uint16_t destination) noexcept;
  void enter_payload(std::uint32_t header_bytes, std::uint32_t payload_bytes) noexcept;
  void add_sum(std::uint8_t protocol, std::uint32_t l4_bytes) noexcept;
  void exempt_if(bool is_control) noexcept;

  // icmp_layers.cc
  Step icmp() noexcept;
  Step icmpv6() noexcept;
  Step quoted_ipv4() noexcept;
  Step quoted_ipv6() noexcept;
  Step quoted_ports(std::uint8_t protocol, bool is_first) noexcept;
  Step quote_short_of(std::uint32_t count) noexcept;
  Step neighbor_discovery() noexcept;
  [[nodiscard]] static std::uint32_t quoted_extension_bytes(std::uint8_t protocol,
                                                            std::uint8_t length) noexcept;

  // tunnels.cc
  Step enter_tunnel(Step inner) noexcept;
  Step inner_of(std::uint16_t ether_type) noexcept;
  Step gre() noexcept;
  Step udp_tunnel(std::uint16_t destination_port) noexcept;
  Step vxlan() noexcept;
  Step geneve() noexcept;
  Step gtp_u() noexcept;
  Step gtp_extensions(std::uint8_t type) noexcept;

  // layer_walk.cc
  void run(Step first) noexcept;
  Step step(Step which) noexcept;
  void forget_layers() noexcept;
  void judge_sums() noexcept;
  void identify(const SipKey& flow_key) noexcept;
  Step refuse(DropReason reason) noexcept;
  Step short_of(std::uint32_t count) noexcept;
  [[nodiscard]] bool checks_sums() const noexcept { return port_.checksums != ChecksumMode::trust; }

  Packet& packet_;
  const DecodeConfig& config_;
  const PortDecode& port_;
  Cursor cursor_;

  std::uint16_t ether_type_ = 0;
  std::uint8_t protocol_ = 0;    ///< of the header at the cursor
  std::uint8_t depth_ = 0;       ///< tunnels entered
  std::uint8_t extensions_ = 0;  ///< extension headers of this IP header
  std::uint8_t vlan_tags_ = 0;   ///< of this Ethernet header
  bool is_link_local_ = false;   ///< the frame is for a group that bridges keep
  bool is_malformed_ = false;
  bool had_fragment_header_ = false;
  bool final_hop_unknown_ = false;  ///< a routing header hides the pseudo-header's address
  std::uint8_t hop_limit_ = 0;
  std::uint16_t source_at_ = 0;  ///< addresses of the pseudo-header
  std::uint16_t destination_at_ = 0;

  // What the flow key is made of where it is not the packet's own.
  std::uint16_t quoted_l3_offset_ = 0;
  std::uint8_t quoted_version_ = 0;
  FlowPorts quoted_{};
  FlowPorts own_{};

  // Innermost sums must be right before the outer ones can be.
  std::array<SumTask, 10> sums_;
  std::uint8_t sum_count_ = 0;
};

}  // namespace sluice
