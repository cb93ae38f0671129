#include "tests/support/malformed.h"

#include <algorithm>

#include "tests/support/fuzz_seeds.h"

namespace sluice::test {

namespace {

constexpr const char* kV4a = "10.0.0.1";
constexpr const char* kV4b = "10.0.0.2";
constexpr const char* kV6a = "2001:db8::1";
constexpr const char* kV6b = "2001:db8::2";

PacketBuilder eth() { return PacketBuilder().eth(); }
PacketBuilder v4() { return eth().ipv4(kV4a, kV4b); }
PacketBuilder v6() { return eth().ipv6(kV6a, kV6b); }
Bytes inner(PacketBuilder tunnel) {
  return tunnel.ipv4("192.0.2.1", "192.0.2.2").tcp(1234, 80).payload("GET / HTTP/1.1").build();
}
/// A frame from its IP header on, as a router quotes it.
Bytes quoted(const Bytes& frame) { return {frame.begin() + 14, frame.end()}; }

void add_links(std::vector<Bytes>& frames) {
  for (PacketBuilder link :
       {eth(), eth().vlan(5), eth().vlan(5, 0x88a8).vlan(6).vlan(7, 0x9100),
        eth().mpls(16).mpls(17), eth().pppoe(), eth().llc(0xaa, 0xaa, 3).snap()}) {
    frames.push_back(inner(link));
  }
  frames.push_back(eth().arp().build());
  frames.push_back(eth().llc(0x42, 0x42, 3).payload(35).build());
  frames.push_back(eth().next(0x88b5).payload(46).build());
}

void add_transports(std::vector<Bytes>& frames, const PacketBuilder& ip) {
  const auto with = [&ip] { return PacketBuilder(ip); };
  const Bytes mss_and_sack{2, 4, 5, 0xb4, 4, 2, 1, 1};
  const Bytes timestamp{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
  frames.push_back(with().tcp(1234, 80, {.flags = 2, .options = mss_and_sack}).build());
  frames.push_back(with().tcp(1234, 80, {.options = timestamp}).payload("data").build());
  frames.push_back(with().tcp(1234, 179).payload("bgp").build());
  frames.push_back(with().udp(5353, 53).payload("a question").build());
  frames.push_back(with().udp(68, 67).payload(240).build());
  frames.push_back(with().sctp(3868, 3868).payload(Bytes{0, 3, 0, 4}).build());
  frames.push_back(with().next(89).payload(44).build());
}

void add_icmp(std::vector<Bytes>& frames) {
  frames.push_back(v4().icmp(8, 0, 0x12340001).payload(56).build());
  frames.push_back(v6().icmpv6(129, 0, 0x12340001).payload(56).build());
  frames.push_back(v6().icmpv6(135).payload(16).build());
  frames.push_back(v4().icmp(3, 4, 1400).payload(quoted(v4().tcp(1, 2).build())).build());
  frames.push_back(v6().icmpv6(2, 0, 1280)
                       .payload(quoted(v6().destination_options().udp(1, 2).build()))
                       .build());
}

void add_extensions(std::vector<Bytes>& frames) {
  frames.push_back(v6().hop_by_hop({5, 2, 0, 0})
                       .destination_options()
                       .routing({.type = 4, .addresses = {kV6a}})
                       .fragment()
                       .auth()
                       .tcp(1, 2)
                       .build());
  frames.push_back(v6().mobility().next(59).build());
  frames.push_back(eth()
                       .ipv4(kV4a, kV4b, {.options = {0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0}})
                       .udp(1, 2)
                       .payload("x")
                       .build());
  for (PacketBuilder ip : {v4(), v6()}) {
    const Bytes whole = ip.udp(1000, 2000).payload(120).build();
    for (Bytes& piece : split_into_fragments(whole, 48)) frames.push_back(std::move(piece));
  }
}

void add_tunnels(std::vector<Bytes>& frames) {
  for (PacketBuilder tunnel :
       {v4(), v6(), v4().gre({.with_checksum = true, .key = 5, .sequence = 6}), v4().gre().eth(),
        v6().udp(5000, 4789).vxlan().eth().vlan(9), v4().udp(5000, 6081).geneve(1, {1, 2, 3, 0}),
        v4().udp(2152, 2152).gtpu({.sequence = 7, .extensions = {{0x85, {0, 9}}}}),
        v4().gre().ipv6(kV6a, kV6b).udp(5, 4789).vxlan().eth().ipv4(kV4a, kV4b)}) {
    frames.push_back(inner(tunnel));
  }
}

}  // namespace

std::vector<Bytes> well_formed_frames() {
  std::vector<Bytes> frames;
  add_links(frames);
  add_transports(frames, v4());
  add_transports(frames, v6());
  add_icmp(frames);
  add_extensions(frames);
  add_tunnels(frames);
  return frames;
}

MalformedFrames::MalformedFrames(std::uint32_t seed)
    : random_(seed), seeds_(well_formed_frames()) {}

std::size_t MalformedFrames::below(std::size_t bound) { return random_() % bound; }

Bytes MalformedFrames::any_frame() { return seeds_[below(seeds_.size())]; }

Bytes MalformedFrames::next() {
  const SeedPause pause;
  Bytes frame = any_frame();
  switch (static_cast<Kind>(below(static_cast<std::size_t>(Kind::count)))) {
    case Kind::cut:
      frame = seeds_[cut_seed_];
      frame.resize(cut_bytes_);
      if (++cut_bytes_ >= seeds_[cut_seed_].size()) {
        cut_bytes_ = 0;
        cut_seed_ = (cut_seed_ + 1) % seeds_.size();
      }
      break;
    case Kind::flip:
      flip_bits(frame);
      break;
    case Kind::chain:
      frame = chain_of_headers();
      break;
    case Kind::lengths:
      nonsense_lengths(frame);
      break;
    case Kind::splice: {  // the head of one before the tail of another
      const Bytes other = any_frame();
      frame.resize(below(frame.size() + 1));
      frame.insert(frame.end(), other.begin() + static_cast<long>(below(other.size())),
                   other.end());
      break;
    }
    case Kind::random:
      frame.resize(14 + below(200));
      for (std::size_t i = 14; i < frame.size(); ++i)
        frame[i] = static_cast<std::uint8_t>(random_());
      break;
    case Kind::jumbo:
      frame.resize(frame.size() + below(9018 - frame.size() + 1), 0xa5);
      if (below(2) == 0) nonsense_lengths(frame);
      break;
    case Kind::whole:
    case Kind::count:
      break;
  }
  return frame;
}

void MalformedFrames::flip_bits(Bytes& frame) {
  for (std::size_t i = 1 + below(8); i > 0; --i) {
    frame[below(frame.size())] ^= static_cast<std::uint8_t>(1U << below(8));
  }
}

// Extreme values where lengths, counts and types are likely to stand.
void MalformedFrames::nonsense_lengths(Bytes& frame) {
  constexpr std::uint8_t kExtremes[]{0, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 0x4f, 0x7f, 0x80, 0xfe, 0xff};
  for (std::size_t i = 1 + below(4); i > 0; --i) {
    const std::size_t at = 12 + below(std::min<std::size_t>(frame.size(), 120) - 12);
    frame[at] = kExtremes[below(std::size(kExtremes))];
  }
}

Bytes MalformedFrames::chain_of_headers() {
  PacketBuilder builder = eth();
  for (std::size_t i = below(16); i > 0; --i) append_random_header(builder);
  return builder.payload(below(64)).build();
}

void MalformedFrames::append_random_header(PacketBuilder& builder) {
  const std::size_t which = below(24);
  if (which == 0) {
    builder.vlan(static_cast<std::uint16_t>(below(4096)));
  } else if (which == 1) {
    builder.mpls(static_cast<std::uint32_t>(below(1 << 20)));
  } else if (which == 2) {
    builder.pppoe();
  } else if (which <= 5) {
    builder.ipv4(kV4a, kV4b);
  } else if (which <= 8) {
    builder.ipv6(kV6a, kV6b);
  } else if (which <= 13) {
    append_random_tunnel(builder, which - 9);
  } else if (which <= 18) {
    append_random_transport(builder, which - 14);
  } else {
    append_random_extension(builder, which - 19);
  }
  if (below(8) == 0) builder.length(static_cast<std::uint32_t>(below(80)));
  if (below(16) == 0) builder.next(static_cast<std::uint16_t>(below(256)));
}

void MalformedFrames::append_random_tunnel(PacketBuilder& builder, std::size_t which) {
  switch (which) {
    case 0:
      builder.gre({.extra_flags = static_cast<std::uint16_t>(below(2) == 0 ? 0 : random_())});
      break;
    case 1:
      builder.udp(5000, 4789).vxlan();
      break;
    case 2:
      builder.udp(5000, 6081).geneve(1, Bytes(4 * below(4), 1));
      break;
    case 3:
      builder.udp(2152, 2152).gtpu({.extensions = {{0x85, {0, 9}}}});
      break;
    default:
      builder.eth();
      break;
  }
}

void MalformedFrames::append_random_transport(PacketBuilder& builder, std::size_t which) {
  const auto port = [this] { return static_cast<std::uint16_t>(random_()); };
  switch (which) {
    case 0:
      builder.tcp(port(), port(),
                  {.flags = static_cast<std::uint8_t>(random_()),
                   .options = Bytes(below(41), static_cast<std::uint8_t>(below(9)))});
      break;
    case 1:
      builder.udp(port(), port());
      break;
    case 2:
      builder.icmp(static_cast<std::uint8_t>(below(20)));
      break;
    case 3:
      builder.icmpv6(static_cast<std::uint8_t>(random_()));
      break;
    default:
      builder.sctp(port(), port());
      break;
  }
}

void MalformedFrames::append_random_extension(PacketBuilder& builder, std::size_t which) {
  switch (which) {
    case 0:
      builder.hop_by_hop(Bytes(below(30), static_cast<std::uint8_t>(random_())));
      break;
    case 1:
      builder.destination_options(Bytes(below(30), static_cast<std::uint8_t>(random_())));
      break;
    case 2:
      builder.routing({.type = static_cast<std::uint8_t>(below(5)),
                       .segments_left = static_cast<std::uint8_t>(below(3)),
                       .addresses = {kV6a}});
      break;
    case 3:
      builder.fragment({.offset = static_cast<std::uint16_t>(8 * below(3)), .more = below(2) == 0});
      break;
    default:
      builder.auth();
      break;
  }
}

}  // namespace sluice::test
