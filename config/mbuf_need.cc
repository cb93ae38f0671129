// Why an AF_XDP port can stop. Its fill ring takes kAfXdpRingSlots buffers before the first frame
// and never gives them back: a frame is received only against a fresh buffer. Frames that were sent
// return only when the next one is sent. Where every other buffer waits to return, nothing is
// received, so nothing is sent, so nothing returns. What can wait is what its transmit ring holds.
// Other ports take a frame without a spare buffer, or lose it and go on.
//
// Over veth frames return at once, and a pair goes on with a burst each way above the fill rings
// (4,192 buffers do, 4,164 do not); a NIC's driver may fill its ring.
#include "config/mbuf_need.h"

#include <algorithm>

namespace sluice {

std::uint64_t ring_mbufs(const PortConfig& port, DeviceKind kind, std::uint32_t workers) {
  if (kind == DeviceKind::af_xdp) {
    return kAfXdpRingSlots + std::max(port.rx_descriptors, kAfXdpRingSlots);
  }
  const std::uint64_t queues = kind == DeviceKind::pci ? workers : 1;
  return queues * (port.rx_descriptors + std::uint64_t{port.tx_descriptors});
}

std::uint64_t mbufs_min(const PortPairConfig& pair, const WorkerConfig& config,
                        std::uint32_t workers) {
  bool can_stop = false;
  std::uint64_t least = workers * (kMempoolCacheMbufs + config.burst);
  for (const PortConfig* port : {&pair.outside, &pair.inside}) {
    const auto device = parse_device_word(port->device);
    if (!device) continue;
    can_stop |= device->kind == DeviceKind::af_xdp;
    least += ring_mbufs(*port, device->kind, workers);
  }
  return can_stop ? least : 0;
}

}  // namespace sluice
