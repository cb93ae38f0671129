#include "packet_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace sluice::test {

namespace {

void check(bool condition, const char* why) {
  if (condition) return;
  std::fprintf(stderr, "packet_builder: %s\n", why);
  std::abort();
}

void append(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void append16(Bytes& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
void append32(Bytes& to, std::uint32_t value) {
  append16(to, value >> 16);
  append16(to, value & 0xffff);
}
void put16(Bytes& to, std::size_t at, std::uint32_t value) {
  to.at(at) = static_cast<std::uint8_t>(value >> 8);
  to.at(at + 1) = static_cast<std::uint8_t>(value);
}

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

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t crc32c_bitwise(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

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

PacketBuilder& PacketBuilder::length(std::uint32_t value) {
  headers_.back().length = value;
  return *this;
}
PacketBuilder& PacketBuilder::checksum(std::uint32_t value) {
  headers_.back().checksum = value;
  return *this;
}
PacketBuilder& PacketBuilder::next(std::uint16_t value) {
  headers_.back().next = value;
  return *this;
}

PacketBuilder& PacketBuilder::version(std::uint8_t value) {
  Header& header = headers_.back();
  if (header.kind == Kind::gre) {
    header.bytes.at(1) = static_cast<std::uint8_t>((header.bytes.at(1) & 0xf8) | value);
  } else {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0x0f) | value << 4);
  }
  return *this;
}

PacketBuilder& PacketBuilder::header_words(std::uint8_t value) {
  Header& header = headers_.back();
  if (header.kind == Kind::ipv4) {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0xf0) | value);
  } else if (header.kind == Kind::tcp) {
    header.bytes.at(12) = static_cast<std::uint8_t>(value << 4);
  } else if (header.kind == Kind::geneve) {
    header.bytes.at(0) = static_cast<std::uint8_t>((header.bytes.at(0) & 0xc0) | value);
  } else {
    header.bytes.at(1) = value;
  }
  return *this;
}

PacketBuilder& PacketBuilder::patch(std::size_t offset, std::initializer_list<std::uint8_t> bytes) {
  headers_.back().patches.emplace_back(offset, Bytes(bytes));
  return *this;
}

PacketBuilder& PacketBuilder::pad_to(std::size_t frame_bytes, std::uint8_t fill) {
  pad_to_ = frame_bytes;
  pad_fill_ = fill;
  return *this;
}
PacketBuilder& PacketBuilder::cut_to(std::size_t frame_bytes) {
  cut_to_ = frame_bytes;
  return *this;
}

std::uint16_t PacketBuilder::ether_type_behind(std::size_t index) const {
  if (index + 1 >= headers_.size()) return 0x0800;
  switch (headers_[index + 1].kind) {
    case Kind::eth:
      return 0x6558;
    case Kind::vlan:
      return 0x8100;
    case Kind::mpls:
      return 0x8847;
    case Kind::pppoe:
      return 0x8864;
    case Kind::arp:
      return 0x0806;
    case Kind::ipv6:
      return 0x86dd;
    default:
      return 0x0800;
  }
}

std::uint8_t PacketBuilder::protocol_behind(std::size_t index) const {
  if (index + 1 >= headers_.size()) return 59;
  switch (headers_[index + 1].kind) {
    case Kind::ipv4:
      return 4;
    case Kind::ipv6:
      return 41;
    case Kind::hop_by_hop:
      return 0;
    case Kind::routing:
      return 43;
    case Kind::fragment:
      return 44;
    case Kind::auth:
      return 51;
    case Kind::destination:
      return 60;
    case Kind::mobility:
      return 135;
    case Kind::tcp:
      return 6;
    case Kind::udp:
      return 17;
    case Kind::icmp:
      return 1;
    case Kind::icmpv6:
      return 58;
    case Kind::sctp:
      return 132;
    case Kind::gre:
      return 47;
    default:
      return 253;  // RFC 3692 experiments
  }
}

void PacketBuilder::write_next(std::size_t index, Bytes& header) const {
  const Header& spec = headers_[index];
  const auto ether_type = spec.next.value_or(ether_type_behind(index));
  const auto protocol = static_cast<std::uint8_t>(spec.next.value_or(protocol_behind(index)));
  switch (spec.kind) {
    case Kind::eth:
      put16(header, 12, ether_type);
      break;
    case Kind::vlan:
      put16(header, 2, ether_type);
      break;
    case Kind::snap:
      put16(header, 3, ether_type);
      break;
    case Kind::gre:
      put16(header, 2, ether_type);
      break;
    case Kind::geneve:
      put16(header, 2, ether_type);
      break;
    case Kind::pppoe:
      put16(header, 6, spec.next.value_or(ether_type_behind(index) == 0x86dd ? 0x0057 : 0x0021));
      break;
    case Kind::ipv4:
      header.at(9) = protocol;
      break;
    case Kind::ipv6:
      header.at(6) = protocol;
      break;
    case Kind::hop_by_hop:
    case Kind::destination:
    case Kind::mobility:
    case Kind::routing:
    case Kind::fragment:
    case Kind::auth:
      header.at(0) = protocol;
      break;
    default:
      break;
  }
}

void PacketBuilder::write_length(std::size_t index, Bytes& header, std::size_t behind_bytes) const {
  const Header& spec = headers_[index];
  const auto behind = static_cast<std::uint32_t>(behind_bytes);
  const auto whole = static_cast<std::uint32_t>(header.size()) + behind;
  switch (spec.kind) {
    case Kind::eth:
    case Kind::vlan:  // 802.3: the type field is the length of what follows
      if (index + 1 < headers_.size() && headers_[index + 1].kind == Kind::llc && !spec.next) {
        put16(header, header.size() - 2, spec.length.value_or(behind));
      }
      break;
    case Kind::mpls: {
      const bool bottom = index + 1 >= headers_.size() || headers_[index + 1].kind != Kind::mpls;
      if (bottom) header.at(2) = static_cast<std::uint8_t>(header.at(2) | 1);
      break;
    }
    case Kind::pppoe:
      put16(header, 4, spec.length.value_or(behind + 2));
      break;
    case Kind::ipv4:
      put16(header, 2, spec.length.value_or(whole));
      break;
    case Kind::ipv6:
      put16(header, 4, spec.length.value_or(behind));
      break;
    case Kind::udp:
      put16(header, 4, spec.length.value_or(whole));
      break;
    case Kind::gtpu:
      put16(header, 2, spec.length.value_or(whole - 8));
      break;
    default:
      break;
  }
}

Bytes PacketBuilder::pseudo_header(std::size_t index, std::uint8_t protocol,
                                   std::size_t size) const {
  Bytes pseudo;
  for (std::size_t i = index; i-- > 0;) {
    const Header& ip = headers_[i];
    if (ip.kind == Kind::ipv4) {
      append(pseudo, std::span(ip.bytes).subspan(12, 8));
      append16(pseudo, protocol);
      append16(pseudo, static_cast<std::uint32_t>(size));
      return pseudo;
    }
    if (ip.kind == Kind::ipv6) {
      append(pseudo, std::span(ip.bytes).subspan(8, 32));
      append32(pseudo, static_cast<std::uint32_t>(size));
      append32(pseudo, protocol);
      return pseudo;
    }
  }
  return pseudo;
}

void PacketBuilder::write_checksum(std::size_t index, Bytes& header, const Bytes& behind) const {
  const Header& spec = headers_[index];
  Bytes covered = header;
  append(covered, behind);
  const auto with_pseudo = [&](std::uint8_t protocol) {
    Bytes all = pseudo_header(index, protocol, covered.size());
    append(all, covered);
    return internet_checksum(all);
  };
  switch (spec.kind) {
    case Kind::ipv4:
      put16(header, 10, spec.checksum.value_or(internet_checksum(header)));
      break;
    case Kind::tcp:
      put16(header, 16, spec.checksum.value_or(with_pseudo(6)));
      break;
    case Kind::udp: {
      const std::uint16_t sum = with_pseudo(17);
      put16(header, 6, spec.checksum.value_or(sum == 0 ? 0xffff : sum));
      break;
    }
    case Kind::icmp:
      put16(header, 2, spec.checksum.value_or(internet_checksum(covered)));
      break;
    case Kind::icmpv6:
      put16(header, 2, spec.checksum.value_or(with_pseudo(58)));
      break;
    case Kind::gre:
      if ((header.at(0) & 0x80) != 0 && header.size() >= 8) {
        put16(header, 4, spec.checksum.value_or(internet_checksum(covered)));
      }
      break;
    case Kind::sctp: {
      const std::uint32_t crc = spec.checksum.value_or(crc32c_bitwise(covered));
      for (unsigned i = 0; i < 4; ++i) header.at(8 + i) = static_cast<std::uint8_t>(crc >> (8 * i));
      break;
    }
    default:
      break;
  }
}

void PacketBuilder::complete(std::size_t index, Bytes& header, const Bytes& behind) const {
  write_next(index, header);
  write_length(index, header, behind.size());
  // Checksums of IP cover patched fields too, unless the patch is the checksum itself.
  const auto apply_patches = [&] {
    for (const auto& [offset, bytes] : headers_[index].patches) {
      for (std::size_t i = 0; i < bytes.size(); ++i) header.at(offset + i) = bytes[i];
    }
  };
  apply_patches();
  write_checksum(index, header, behind);
  apply_patches();
}

Bytes PacketBuilder::build() const {
  Bytes frame;
  for (std::size_t i = headers_.size(); i-- > 0;) {
    Bytes header = headers_[i].bytes;
    complete(i, header, frame);
    frame.insert(frame.begin(), header.begin(), header.end());
  }
  if (frame.size() < pad_to_) frame.resize(pad_to_, pad_fill_);
  if (cut_to_ && *cut_to_ < frame.size()) frame.resize(*cut_to_);
  return frame;
}

namespace {

Bytes v4_fragment(const Bytes& frame, std::span<const std::uint8_t> piece, std::size_t offset,
                  bool more, std::uint32_t id) {
  const std::size_t header_bytes = (frame.at(14) & 0x0fU) * 4U;
  Bytes header(frame.begin() + 14, frame.begin() + 14 + static_cast<std::ptrdiff_t>(header_bytes));
  put16(header, 2, static_cast<std::uint32_t>(header_bytes + piece.size()));
  put16(header, 4, id & 0xffff);
  put16(header, 6, (more ? 0x2000U : 0U) | static_cast<std::uint32_t>(offset / 8));
  put16(header, 10, 0);
  put16(header, 10, internet_checksum(header));
  Bytes out(frame.begin(), frame.begin() + 14);
  append(out, header);
  append(out, piece);
  return out;
}

Bytes v6_fragment(const Bytes& frame, std::span<const std::uint8_t> piece, std::size_t offset,
                  bool more, std::uint32_t id) {
  Bytes out(frame.begin(), frame.begin() + 54);
  put16(out, 18, static_cast<std::uint32_t>(8 + piece.size()));
  const std::uint8_t inner = out.at(20);
  out.at(20) = 44;
  append(out, Bytes{inner, 0});
  append16(out, static_cast<std::uint32_t>(offset) | (more ? 1U : 0U));
  append32(out, id);
  append(out, piece);
  return out;
}

}  // namespace

std::vector<Bytes> split_into_fragments(const Bytes& frame, std::size_t piece_bytes,
                                        std::uint32_t id) {
  check(piece_bytes % 8 == 0 && piece_bytes > 0, "pieces are multiples of 8");
  const bool v4 = frame.at(14) >> 4 == 4;
  const std::size_t payload_at = 14 + (v4 ? (frame.at(14) & 0x0fU) * 4U : 40U);
  const std::span<const std::uint8_t> payload = std::span(frame).subspan(payload_at);
  std::vector<Bytes> fragments;
  for (std::size_t offset = 0; offset < payload.size(); offset += piece_bytes) {
    const std::size_t size = std::min(piece_bytes, payload.size() - offset);
    const bool more = offset + size < payload.size();
    const auto piece = payload.subspan(offset, size);
    fragments.push_back(v4 ? v4_fragment(frame, piece, offset, more, id)
                           : v6_fragment(frame, piece, offset, more, id));
  }
  return fragments;
}

}  // namespace sluice::test
