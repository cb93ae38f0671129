// Builds frames for tests, header by header: what is not said is filled in correctly (lengths, next
// protocols, checksums), and every such value can be broken on purpose. Test code only.
//
//   auto frame = PacketBuilder().eth().vlan(7).ipv4("10.0.0.1", "10.0.0.2")
//                    .tcp(1234, 80, {.flags = kSyn}).payload("hello").build();
//
// Knobs (`length`, `checksum`, `next`, `version`, `header_words`, `patch`) belong to the header
// that was added last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

using Bytes = std::vector<std::uint8_t>;

struct Ipv4Fields {
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  std::uint16_t id = 1;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  ///< bytes, a multiple of 8
  Bytes options = {};                 ///< padded with zeros to a multiple of 4
};

struct Ipv6Fields {
  std::uint8_t hop_limit = 64;
  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;
};

struct FragmentFields {
  std::uint32_t id = 1;
  std::uint16_t offset = 0;  ///< bytes, a multiple of 8
  bool more = false;
};

struct RoutingFields {
  std::uint8_t type = 4;
  std::uint8_t segments_left = 0;
  std::vector<std::string> addresses = {};
};

struct TcpFields {
  std::uint8_t flags = 0x10;  ///< TcpFlag bits; ACK unless said
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledgement = 2000;
  std::uint16_t window = 65535;
  std::uint16_t urgent = 0;
  Bytes options = {};  ///< padded with zeros to a multiple of 4
};

struct GreFields {
  bool with_checksum = false;
  std::optional<std::uint32_t> key = {};
  std::optional<std::uint32_t> sequence = {};
  std::uint16_t extra_flags = 0;  ///< or-ed into the first two bytes
};

struct GtpFields {
  std::uint32_t teid = 1;
  std::uint8_t message_type = 255;
  std::optional<std::uint16_t> sequence = {};
  std::vector<std::pair<std::uint8_t, Bytes>> extensions = {};  ///< type, content (4n + 2 bytes)
};

class PacketBuilder {
 public:
  // Link layer.
  PacketBuilder& eth(std::string_view source = "02:00:00:00:00:01",
                     std::string_view destination = "02:00:00:00:00:02");
  PacketBuilder& vlan(std::uint16_t id, std::uint16_t tpid = 0x8100, std::uint8_t priority = 0);
  PacketBuilder& mpls(std::uint32_t label, std::uint8_t ttl = 64);
  PacketBuilder& pppoe(std::uint16_t session = 1);
  /// 802.3 length frame with an LLC header; `llc(0xaa, 0xaa, 3)` is followed by `snap`.
  PacketBuilder& llc(std::uint8_t dsap, std::uint8_t ssap, std::uint8_t control);
  PacketBuilder& snap(std::uint32_t oui = 0);
  PacketBuilder& arp();

  // Network layer.
  PacketBuilder& ipv4(std::string_view source, std::string_view destination,
                      const Ipv4Fields& fields = {});
  PacketBuilder& ipv6(std::string_view source, std::string_view destination,
                      const Ipv6Fields& fields = {});
  /// `options` is padded with one PadN to a multiple of 8 together with the first two bytes.
  PacketBuilder& hop_by_hop(const Bytes& options = {});
  PacketBuilder& destination_options(const Bytes& options = {});
  PacketBuilder& mobility();
  PacketBuilder& routing(const RoutingFields& fields);
  PacketBuilder& fragment(const FragmentFields& fields = {});
  PacketBuilder& auth(std::uint32_t spi = 1);

  // Transport layer.
  PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination, const TcpFields& fields = {});
  PacketBuilder& udp(std::uint16_t source, std::uint16_t destination);
  /// `rest` is the second word: identifier and sequence of an echo, MTU of frag-needed.
  PacketBuilder& icmp(std::uint8_t type, std::uint8_t code = 0, std::uint32_t rest = 0);
  PacketBuilder& icmpv6(std::uint8_t type, std::uint8_t code = 0, std::uint32_t rest = 0);
  PacketBuilder& sctp(std::uint16_t source, std::uint16_t destination, std::uint32_t tag = 1);

  // Tunnels; VXLAN, Geneve and GTP-U go behind `udp` with their port.
  PacketBuilder& gre(const GreFields& fields = {});
  PacketBuilder& vxlan(std::uint32_t vni = 1);
  PacketBuilder& geneve(std::uint32_t vni = 1, const Bytes& options = {});
  PacketBuilder& gtpu(const GtpFields& fields = {});

  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(const Bytes& bytes);
  PacketBuilder& payload(std::size_t count, std::uint8_t fill = 'x');

  // Knobs of the header added last.
  PacketBuilder& length(std::uint32_t value);       ///< the length field as it shall stand
  PacketBuilder& checksum(std::uint32_t value);     ///< the checksum field as it shall stand
  PacketBuilder& next(std::uint16_t value);         ///< EtherType, protocol or next header
  PacketBuilder& version(std::uint8_t value);       ///< IP or GRE version
  PacketBuilder& header_words(std::uint8_t value);  ///< IHL, TCP offset, extension header length
  /// Overwrites bytes of this header last of all, before enclosing checksums are made.
  PacketBuilder& patch(std::size_t offset, std::initializer_list<std::uint8_t> bytes);

  // Knobs of the frame.
  PacketBuilder& pad_to(std::size_t frame_bytes, std::uint8_t fill = 0);  ///< Ethernet padding
  PacketBuilder& cut_to(std::size_t frame_bytes);

  [[nodiscard]] Bytes build() const;

 private:
  enum class Kind : std::uint8_t {
    eth,
    vlan,
    mpls,
    pppoe,
    llc,
    snap,
    arp,
    ipv4,
    ipv6,
    hop_by_hop,
    destination,
    mobility,
    routing,
    fragment,
    auth,
    tcp,
    udp,
    icmp,
    icmpv6,
    sctp,
    gre,
    vxlan,
    geneve,
    gtpu,
    payload,
  };
  struct Header {
    Kind kind;
    Bytes bytes;
    std::optional<std::uint32_t> length = {};
    std::optional<std::uint32_t> checksum = {};
    std::optional<std::uint16_t> next = {};
    std::vector<std::pair<std::size_t, Bytes>> patches = {};
  };

  PacketBuilder& add(Kind kind, Bytes bytes);
  PacketBuilder& add_options(Kind kind, const Bytes& options);
  [[nodiscard]] std::uint16_t ether_type_behind(std::size_t index) const;
  [[nodiscard]] std::uint8_t protocol_behind(std::size_t index) const;
  [[nodiscard]] Bytes pseudo_header(std::size_t index, std::uint8_t protocol,
                                    std::size_t size) const;
  void complete(std::size_t index, Bytes& header, const Bytes& behind) const;
  void write_next(std::size_t index, Bytes& header) const;
  void write_length(std::size_t index, Bytes& header, std::size_t behind_bytes) const;
  void write_checksum(std::size_t index, Bytes& header, const Bytes& behind) const;

  std::vector<Header> headers_;
  std::size_t pad_to_ = 0;
  std::uint8_t pad_fill_ = 0;
  std::optional<std::size_t> cut_to_ = {};
};

/// The Internet checksum as a plain loop (RFC 1071), for tests to compare with.
[[nodiscard]] std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes);
/// CRC32c bit by bit (RFC 9260 appendix A), for tests to compare with.
[[nodiscard]] std::uint32_t crc32c_bitwise(std::span<const std::uint8_t> bytes);

/// Splits the IP packet of an untagged Ethernet frame into fragments whose payload is
/// `piece_bytes` (a multiple of 8) but for the last; IPv6 gets a fragment header behind the fixed
/// header.
[[nodiscard]] std::vector<Bytes> split_into_fragments(const Bytes& frame, std::size_t piece_bytes,
                                                      std::uint32_t id = 7);

}  // namespace sluice::test
