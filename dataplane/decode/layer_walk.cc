#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

// More headers than any chain that the caps of the single layers allow.
constexpr unsigned kStepsMax = 64;

}  // namespace

void LayerWalk::walk_frame(const SipKey& flow_key) noexcept {
  packet_.l3_offset = 0;
  packet_.vlan_count = 0;
  packet_.tunnel_depth = 0;
  packet_.vlan[0] = packet_.vlan[1] = packet_.vlan[2] = 0;
  packet_.domain = port_.domain;
  packet_.out_port = port_.out_port;
  forget_layers();
  run(Step::ethernet);
  identify(flow_key);
  judge_sums();
}

void LayerWalk::walk_datagram(const SipKey& flow_key) noexcept {
  depth_ = packet_.tunnel_depth;
  cursor_.advance(packet_.l3_offset);
  forget_layers();
  const auto first = cursor_.peek<1>();
  run(first && first.u8<0>() >> 4 == 6 ? Step::ipv6 : Step::ipv4);
  identify(flow_key);
  judge_sums();
}

void LayerWalk::forget_layers() noexcept {
  packet_.id = {};
  packet_.hash = 0;
  packet_.flow = nullptr;
  packet_.ip_version = 0;
  packet_.protocol = 0;
  packet_.l3_bytes = 0;
  packet_.since_previous = 0;
  packet_.l4_offset = packet_.payload_offset = packet_.payload_bytes = 0;
  packet_.source_port = packet_.destination_port = 0;
  packet_.tcp_sequence = packet_.tcp_acknowledgement = 0;
  packet_.tcp_window = 0;
  packet_.tcp_flags = packet_.icmp_type = 0;
}

void LayerWalk::run(Step first) noexcept {
  Step next = first;
  for (unsigned i = 0; i < kStepsMax && next != Step::done; ++i) next = step(next);
  if (next != Step::done) refuse(DropReason::too_many_headers);
}

LayerWalk::Step LayerWalk::step(Step which) noexcept {
  switch (which) {
    case Step::ethernet:
      return ethernet();
    case Step::link_type:
      return link_type();
    case Step::llc:
      return llc();
    case Step::mpls:
      return mpls();
    case Step::pppoe:
      return pppoe();
    case Step::ipv4:
      return ipv4();
    case Step::ipv6:
      return ipv6();
    case Step::upper:
      return upper();
    case Step::tcp:
      return tcp();
    case Step::udp:
      return udp();
    case Step::icmp:
      return icmp();
    case Step::icmpv6:
      return icmpv6();
    case Step::sctp:
      return sctp();
    case Step::gre:
      return gre();
    case Step::done:
      break;
  }
  return Step::done;
}

// With `malformed: pass` the packet travels on with what was found before the fault.
LayerWalk::Step LayerWalk::refuse(DropReason reason) noexcept {
  is_malformed_ = true;
  if (config_.malformed == MalformedPolicy::drop) packet_.drop(reason);
  return Step::done;
}

/// For `count` bytes that the cursor does not have: a fault, unless only the capture lacks them.
LayerWalk::Step LayerWalk::short_of(std::uint32_t count) noexcept {
  switch (cursor_.shortage(count)) {
    case Shortage::past_end:
      return refuse(DropReason::truncated_header);
    case Shortage::past_bound:
      return refuse(DropReason::too_many_headers);
    case Shortage::not_captured:
      break;
  }
  return Step::done;
}

void LayerWalk::identify(const SipKey& flow_key) noexcept {
  if (packet_.ip_version == 0) return;
  const bool is_quoted = packet_.has(kIcmpError);
  FlowPorts ports = is_quoted ? quoted_ : own_;
  ports.domain = packet_.domain;
  if (!is_quoted) ports.protocol = packet_.protocol;
  const std::uint8_t version = is_quoted ? quoted_version_ : packet_.ip_version;
  const std::uint32_t l3 = is_quoted ? quoted_l3_offset_ : packet_.l3_offset;
  bool source_is_low = false;
  if (version == 4) {
    const auto header = cursor_.at<20>(l3);
    const FlowIdentityV4 flow = v4_identity(header.be32<12>(), header.be32<16>(), ports);
    packet_.id = flow.id;
    source_is_low = flow.source_is_low;
  } else {
    const auto header = cursor_.at<40>(l3);
    const FlowWordsV6 flow =
        v6_words({header.raw<std::uint64_t, 8>(), header.raw<std::uint64_t, 16>()},
                 {header.raw<std::uint64_t, 24>(), header.raw<std::uint64_t, 32>()}, ports);
    packet_.id = v6_identity(flow_key, flow);
    source_is_low = flow.source_is_low;
  }
  packet_.hash = table_hash(flow_key, packet_.id);
  // An error about a packet travels against it, in the direction of the flow's other side.
  if (source_is_low != is_quoted) packet_.set(kSourceIsLow);
}

// From the innermost sum outwards: a sum that is repaired lies in the payload of the next.
void LayerWalk::judge_sums() noexcept {
  if (!packet_.is_undecided() || is_malformed_) return;
  for (std::uint8_t i = sum_count_; i-- > 0;) {
    const SumTask& task = sums_[i];
    switch (judge_sum(packet_, task)) {
      case SumState::right:
      case SumState::unknown:
        continue;
      case SumState::partial:
        if (port_.checksums == ChecksumMode::automatic) continue;
        break;
      case SumState::wrong:
        break;
    }
    if (port_.checksums != ChecksumMode::fix || packet_.has(kIsDatagram)) {
      refuse(DropReason::bad_l4_checksum);
      return;
    }
    rewrite_sum(packet_, task);
    packet_.set(kChecksumFixed);
  }
}

void LayerWalk::add_sum(std::uint8_t protocol, std::uint32_t l4_bytes) noexcept {
  if (!checks_sums() || final_hop_unknown_ || sum_count_ == sums_.size()) return;
  const bool nic_looks = protocol == kProtoTcp || protocol == kProtoUdp || protocol == kProtoSctp;
  const bool is_outermost = depth_ == 0 && !packet_.has(kIsDatagram);
  if (nic_looks && is_outermost && nic_found_l4_right(*packet_.mbuf, port_.checksums)) return;
  sums_[sum_count_++] = {
      .source_at = source_at_,
      .destination_at = destination_at_,
      .l4_offset = static_cast<std::uint16_t>(cursor_.offset()),
      .l4_bytes = static_cast<std::uint16_t>(l4_bytes),
      .protocol = protocol,
      .ip_version = packet_.ip_version,
  };
}

}  // namespace sluice
