// Station 2: bytes -> `Packet`. Finds the layers of every frame of a burst, judges whether they
// hold together, and gives IP packets their flow id and hash. One decoder per worker, called by it
// only.
#pragma once

#include <array>
#include <cstdint>

#include "base/siphash.h"
#include "config/config.h"
#include "dataplane/burst.h"
#include "dataplane/decode/cursor.h"
#include "dataplane/packet.h"
#include "dataplane/policy_parts.h"

namespace sluice {

struct PendingHashes;

/// What the decoder must know of the port a frame came in by.
struct PortDecode {
  ChecksumMode checksums = ChecksumMode::automatic;
  bool vlan_in_key = false;  ///< VLAN ids belong to the tracking domain
  std::uint16_t domain = 0;
  std::uint8_t out_port = 0;  ///< the peer
};

/// What the fast path must know of it.
struct FastPort {
  FastPort() noexcept : FastPort(PortDecode{}) {}
  explicit FastPort(const PortDecode& settings) noexcept;

  std::uint64_t sums_mask;   ///< the flags by which an mbuf tells what the NIC found
  std::uint64_t sums_right;  ///< how they must stand for the sums not to be looked at
  std::uint16_t domain;      ///< of frames without a VLAN tag
  std::uint16_t vlan_mask;   ///< what of a VLAN id is added to it: all or nothing
  ChecksumMode checksums;
  std::uint8_t out_port;
};

class Decoder {
 public:
  /// `flow_key` seeds flow ids and table hashes; the same for all workers.
  explicit Decoder(const SipKey& flow_key) noexcept : flow_key_(flow_key) {}

  /// Before the first burst; `port` is below kPortsMax.
  void configure_port(std::uint8_t port, const PortDecode& settings) noexcept;

  /// The station. Expects what `receive` sets (mbuf, bytes, bytes_at_hand, wire_bytes, now,
  /// in_port, packet_number, frames, verdict) and writes every other member. Afterwards a packet is
  /// either undecided or dropped with a reason of the decoder. Where the first segment is short,
  /// `bytes` points at a copy of the first kHeaderBytesMax bytes, valid until the next call.
  void decode(Burst& burst, const DecodeConfig& config) noexcept;

  /// A datagram put together from fragments: `bytes` points at `bytes_at_hand` contiguous bytes,
  /// the frame headers up to `l3_offset`, then the IP packet with its length corrected and no
  /// fragment left. `l3_offset`, the VLANs, `tunnel_depth`, `domain` and `out_port` are those
  /// `decode` found in a fragment with these frame headers. Reads from the IP header on, and may
  /// find tunnels.
  void decode_datagram(Packet& packet, const DecodeConfig& config) noexcept;

  /// One packet by the general path alone; `decode` gives the same, sooner.
  void decode_general(Packet& packet, const DecodeConfig& config) noexcept;

 private:
  void hash_pending(PendingHashes& pending) noexcept;
  void decode_by_layers(Packet& packet, std::uint32_t index, const DecodeConfig& config) noexcept;

  using HeaderCopy = std::array<std::uint8_t, kHeaderBytesMax>;

  SipKey flow_key_;
  std::array<PortDecode, kPortsMax> ports_{};
  std::array<FastPort, kPortsMax> fast_ports_{};
  alignas(64) std::array<HeaderCopy, kBurstMax> copies_;
};

}  // namespace sluice
