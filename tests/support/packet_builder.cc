// The headers as they are added, before anything is known of what follows them.
#include "tests/support/packet_builder.h"

#include <arpa/inet.h>

#include <array>
#include <cstdio>

#include "tests/support/frame_bytes.h"

namespace sluice::test {

namespace {

void append_address(Bytes& to, int family, std::string_view text) {
  std::array<std::uint8_t, 16> address{};
  check(inet_pton(family, std::string(text).c_str(), address.data()) == 1, "bad address");
  append(to, std::span(address).first(family == AF_INET ? 4 : 16));
}

void append_mac(Bytes& to, std::string_view text) {
  std::array<unsigned, 6> m{};
  const int fields = std::sscanf(std::string(text).c_str(), "%x:%x:%x:%x:%x:%x", &m[0], &m[1],
                                 &m[2], &m[3], &m[4], &m[5]);
  check(fields == 6, "bad MAC address");
  for (const unsigned byte : m) to.push_back(static_cast<std::uint8_t>(byte));
}

void pad_to_multiple(Bytes& bytes, std::size_t unit) {
  bytes.resize((bytes.size() + unit - 1) / unit * unit);
}

}  // namespace

PacketBuilder& PacketBuilder::add(Kind kind, Bytes bytes) {
  headers_.push_back({.kind = kind, .bytes = std::move(bytes)});
  return *this;
}

PacketBuilder& PacketBuilder::eth(std::string_view source, std::string_view destination) {
  Bytes header;
  append_mac(header, destination);
  append_mac(header, source);
  append16(header, 0);
  return add(Kind::eth, std::move(header));
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t id, std::uint16_t tpid, std::uint8_t priority) {
  // The tag's own type stands in the header before it; the tag holds the next type.
  check(!headers_.empty(), "a VLAN tag needs a header before it");
  next(tpid);
  Bytes header;
  append16(header, static_cast<std::uint32_t>(priority) << 13 | id);
  append16(header, 0);
  return add(Kind::vlan, std::move(header));
}

PacketBuilder& PacketBuilder::mpls(std::uint32_t label, std::uint8_t ttl) {
  Bytes header;
  append32(header, label << 12 | ttl);
  return add(Kind::mpls, std::move(header));
}

PacketBuilder& PacketBuilder::pppoe(std::uint16_t session) {
  Bytes header{0x11, 0x00};
  append16(header, session);
  append16(header, 0);
  append16(header, 0);  // PPP protocol
  return add(Kind::pppoe, std::move(header));
}

PacketBuilder& PacketBuilder::llc(std::uint8_t dsap, std::uint8_t ssap, std::uint8_t control) {
  return add(Kind::llc, {dsap, ssap, control});
}

PacketBuilder& PacketBuilder::snap(std::uint32_t oui) {
  Bytes header;
  header.push_back(static_cast<std::uint8_t>(oui >> 16));
  append16(header, oui & 0xffff);
  append16(header, 0);
  return add(Kind::snap, std::move(header));
}

PacketBuilder& PacketBuilder::arp() {
  Bytes body{0, 1, 8, 0, 6, 4, 0, 1};
  body.resize(28);
  return add(Kind::arp, std::move(body));
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination,
                                   const Ipv4Fields& fields) {
  Bytes options = fields.options;
  pad_to_multiple(options, 4);
  Bytes header;
  header.push_back(static_cast<std::uint8_t>(0x40 | (5 + options.size() / 4)));
  header.push_back(fields.tos);
  append16(header, 0);
  append16(header, fields.id);
  append16(header, (fields.dont_fragment ? 0x4000U : 0U) | (fields.more_fragments ? 0x2000U : 0U) |
                       fields.fragment_offset / 8U);
  header.push_back(fields.ttl);
  header.push_back(0);
  append16(header, 0);
  append_address(header, AF_INET, source);
  append_address(header, AF_INET, destination);
  append(header, options);
  return add(Kind::ipv4, std::move(header));
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination,
                                   const Ipv6Fields& fields) {
  Bytes header;
  append32(header,
           6U << 28 | static_cast<std::uint32_t>(fields.traffic_class) << 20 | fields.flow_label);
  append16(header, 0);
  header.push_back(0);
  header.push_back(fields.hop_limit);
  append_address(header, AF_INET6, source);
  append_address(header, AF_INET6, destination);
  return add(Kind::ipv6, std::move(header));
}

PacketBuilder& PacketBuilder::add_options(Kind kind, const Bytes& options) {
  Bytes header{0, 0};
  append(header, options);
  const std::size_t missing = (8 - header.size() % 8) % 8;
  if (missing == 1) header.push_back(0);  // Pad1
  if (missing > 1) {
    append(header, Bytes{1, static_cast<std::uint8_t>(missing - 2)});
    header.resize(header.size() + missing - 2);
  }
  header[1] = static_cast<std::uint8_t>(header.size() / 8 - 1);
  return add(kind, std::move(header));
}

PacketBuilder& PacketBuilder::hop_by_hop(const Bytes& options) {
  return add_options(Kind::hop_by_hop, options);
}
PacketBuilder& PacketBuilder::destination_options(const Bytes& options) {
  return add_options(Kind::destination, options);
}
PacketBuilder& PacketBuilder::mobility() { return add(Kind::mobility, {0, 0, 0, 0, 0, 0, 0, 0}); }

PacketBuilder& PacketBuilder::routing(const RoutingFields& fields) {
  Bytes header{0, 0, fields.type, fields.segments_left, 0, 0, 0, 0};
  for (const std::string& address : fields.addresses) append_address(header, AF_INET6, address);
  header[1] = static_cast<std::uint8_t>(header.size() / 8 - 1);
  return add(Kind::routing, std::move(header));
}

PacketBuilder& PacketBuilder::fragment(const FragmentFields& fields) {
  Bytes header{0, 0};
  append16(header, fields.offset | (fields.more ? 1U : 0U));
  append32(header, fields.id);
  return add(Kind::fragment, std::move(header));
}

PacketBuilder& PacketBuilder::auth(std::uint32_t spi) {
  Bytes header{0, 4, 0, 0};
  append32(header, spi);
  append32(header, 1);
  header.resize(24);
  return add(Kind::auth, std::move(header));
}

PacketBuilder& PacketBuilder::tcp(std::uint16_t source, std::uint16_t destination,
                                  const TcpFields& fields) {
  Bytes options = fields.options;
  pad_to_multiple(options, 4);
  Bytes header;
  append16(header, source);
  append16(header, destination);
  append32(header, fields.sequence);
  append32(header, fields.acknowledgement);
  header.push_back(static_cast<std::uint8_t>((5 + options.size() / 4) << 4));
  header.push_back(fields.flags);
  append16(header, fields.window);
  append16(header, 0);
  append16(header, fields.urgent);
  append(header, options);
  return add(Kind::tcp, std::move(header));
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source, std::uint16_t destination) {
  Bytes header;
  append16(header, source);
  append16(header, destination);
  append32(header, 0);
  return add(Kind::udp, std::move(header));
}

PacketBuilder& PacketBuilder::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
  Bytes header{type, code, 0, 0};
  append32(header, rest);
  return add(Kind::icmp, std::move(header));
}

PacketBuilder& PacketBuilder::icmpv6(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
  Bytes header{type, code, 0, 0};
  append32(header, rest);
  return add(Kind::icmpv6, std::move(header));
}

PacketBuilder& PacketBuilder::sctp(std::uint16_t source, std::uint16_t destination,
                                   std::uint32_t tag) {
  Bytes header;
  append16(header, source);
  append16(header, destination);
  append32(header, tag);
  append32(header, 0);
  return add(Kind::sctp, std::move(header));
}

PacketBuilder& PacketBuilder::gre(const GreFields& fields) {
  Bytes header;
  append16(header, fields.extra_flags | (fields.with_checksum ? 0x8000U : 0U) |
                       (fields.key ? 0x2000U : 0U) | (fields.sequence ? 0x1000U : 0U));
  append16(header, 0);
  if (fields.with_checksum) append32(header, 0);
  if (fields.key) append32(header, *fields.key);
  if (fields.sequence) append32(header, *fields.sequence);
  return add(Kind::gre, std::move(header));
}

PacketBuilder& PacketBuilder::vxlan(std::uint32_t vni) {
  Bytes header{0x08, 0, 0, 0};
  append32(header, vni << 8);
  return add(Kind::vxlan, std::move(header));
}

PacketBuilder& PacketBuilder::geneve(std::uint32_t vni, const Bytes& options) {
  Bytes padded = options;
  pad_to_multiple(padded, 4);
  Bytes header{static_cast<std::uint8_t>(padded.size() / 4), 0, 0, 0};
  append32(header, vni << 8);
  append(header, padded);
  return add(Kind::geneve, std::move(header));
}

PacketBuilder& PacketBuilder::gtpu(const GtpFields& fields) {
  const bool extended = !fields.extensions.empty();
  Bytes header{static_cast<std::uint8_t>(0x30 | (extended ? 0x04 : 0) | (fields.sequence ? 2 : 0)),
               fields.message_type, 0, 0};
  append32(header, fields.teid);
  if (extended || fields.sequence) {
    append16(header, fields.sequence.value_or(0));
    header.push_back(0);
    header.push_back(extended ? fields.extensions.front().first : std::uint8_t{0});
  }
  for (std::size_t i = 0; i < fields.extensions.size(); ++i) {
    const Bytes& content = fields.extensions[i].second;
    header.push_back(static_cast<std::uint8_t>((content.size() + 2) / 4));
    append(header, content);
    const bool last = i + 1 == fields.extensions.size();
    header.push_back(last ? std::uint8_t{0} : fields.extensions[i + 1].first);
  }
  return add(Kind::gtpu, std::move(header));
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  return add(Kind::payload, Bytes(text.begin(), text.end()));
}
PacketBuilder& PacketBuilder::payload(const Bytes& bytes) { return add(Kind::payload, bytes); }
PacketBuilder& PacketBuilder::payload(std::size_t count, std::uint8_t fill) {
  return add(Kind::payload, Bytes(count, fill));
}

}  // namespace sluice::test
