#include "dataplane/io/port_device.h"

#include <cerrno>
#include <string>

#include <fmt/format.h>
#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "dataplane/io/eal.h"

namespace sluice {
namespace {

constexpr std::uint32_t kRingSlots = 1024;

/// Device arguments of a vdev; the name also says which driver it is.
struct VirtualDevice {
  std::string name;
  std::string arguments;
};

VirtualDevice virtual_device(const WantedPort& wanted) {
  const std::string& name = wanted.device.name;
  const unsigned n = wanted.number;
  switch (wanted.device.kind) {
    case DeviceKind::af_xdp:
      return {fmt::format("net_af_xdp{}", n),
              fmt::format("iface={},start_queue=0,queue_count=1", name)};
    case DeviceKind::tap:
      return {fmt::format("net_tap{}", n), fmt::format("iface={}", name)};
    case DeviceKind::null:
      return {fmt::format("net_null{}", n), fmt::format("size={}", wanted.device.name)};
    case DeviceKind::ring:
    case DeviceKind::pci:
    case DeviceKind::af_packet:
      break;
  }
  return {};
}

// A ring port gives back what is sent into it, unless somebody in the process made the two rings
// "NAME.rx" and "NAME.tx" before, as tests and benchmarks do.
Result<std::uint16_t> open_ring(const WantedPort& wanted) {
  const auto ring = [&](const char* side) {
    const std::string name = wanted.device.name + side;
    rte_ring* found = rte_ring_lookup(name.c_str());
    return found;
  };
  rte_ring* rx = ring(".rx");
  rte_ring* tx = ring(".tx");
  if (rx == nullptr || tx == nullptr) {
    rx = tx = rte_ring_create(wanted.device.name.c_str(), kRingSlots, SOCKET_ID_ANY, 0);
  }
  if (rx == nullptr) return device_error("no memory for the ring", rte_errno);
  const int port = rte_eth_from_rings(wanted.device.name.c_str(), &rx, 1, &tx, 1, 0);
  if (port < 0) return device_error("the ring cannot be a port", rte_errno);
  return static_cast<std::uint16_t>(port);
}

// Both ports of a pair use one pool. A driver that was built without shared UMEMs says so at once;
// it then registers the pool once for each port, which costs locked memory and no copy.
int make_virtual_device(const WantedPort& wanted, const VirtualDevice& device) {
  if (wanted.device.kind == DeviceKind::af_xdp) {
    const std::string shared = device.arguments + ",shared_umem=1";
    if (rte_vdev_init(device.name.c_str(), shared.c_str()) == 0) return 0;
  }
  static_cast<void>(take_eal_message());
  return rte_vdev_init(device.name.c_str(), device.arguments.c_str());
}

}  // namespace

tl::unexpected<Error> device_error(std::string_view what, int code) {
  const std::string said = take_eal_message();
  return fail(
      ErrorKind::unavailable,
      fmt::format("{}: {}", what, said.empty() ? rte_strerror(code < 0 ? -code : code) : said));
}

Result<std::uint16_t> find_device(const WantedPort& wanted) {
  if (wanted.device.kind == DeviceKind::ring) return open_ring(wanted);
  std::string name = wanted.device.name;
  if (wanted.device.kind != DeviceKind::pci) {
    const VirtualDevice device = virtual_device(wanted);
    name = device.name;
    if (const int made = make_virtual_device(wanted, device); made != 0) {
      return device_error("the device cannot be opened", made);
    }
  }
  std::uint16_t port = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port) != 0) {
    return device_error("no driver of DPDK took the device", ENODEV);
  }
  return port;
}

}  // namespace sluice
