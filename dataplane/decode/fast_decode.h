// The straight path of the decoder for nearly all packets: Ethernet with at most one VLAN tag, IPv4
// without options or IPv6 without extensions, TCP or UDP outside of tunnels, in one segment, nothing
// wrong. It declines whatever is not that, and the general path (layer_walk.h) starts anew; both give
// equal packets, which a differential test holds. Called by `Decoder` only, on the worker's thread.
#pragma once

#include <cstdint>

#include "config/config.h"
#include "dataplane/decode/decoder.h"
#include "dataplane/decode/flow_identity.h"
#include "dataplane/packet.h"

namespace sluice {

enum class FastOutcome : std::uint8_t {
  declined,  ///< the general path must look
  ipv4,      ///< decoded; id is set, hash is not
  ipv6,      ///< decoded; id and hash are not set
};

[[nodiscard]] inline FlowPorts flow_ports(const Packet& packet) noexcept {
  return {packet.source_port, packet.destination_port, packet.domain, packet.protocol};
}

[[nodiscard]] FastOutcome fast_decode(Packet& packet, const PortDecode& port) noexcept;

}  // namespace sluice
