#include "dataplane/io/open_port.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rte_ethdev.h>

#include "dataplane/io/frame_room.h"
#include "dataplane/io/port_queues.h"

namespace sluice {
namespace {

// A receive ring of an interface holds this much, whatever the size of its slots.
constexpr std::uint32_t kReceiveRingBytes = 16U << 20;
// Behind those an operator can name.
constexpr std::uint16_t kOwnDomains = 256;

std::uint16_t receive_ethdev(const PortIo& io, rte_mbuf** mbufs, std::uint16_t most) noexcept {
  return rte_eth_rx_burst(io.port_id, io.rx_queue, mbufs, most);
}
std::uint16_t transmit_ethdev(const PortIo& io, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return rte_eth_tx_burst(io.port_id, io.tx_queue, mbufs, count);
}
std::uint16_t receive_shared(const PortIo& io, rte_mbuf** mbufs, std::uint16_t most) noexcept {
  return static_cast<SharedQueue*>(io.context)->receive(mbufs, most);
}
std::uint16_t transmit_shared(const PortIo& io, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return static_cast<SharedQueue*>(io.context)->transmit(mbufs, count);
}
std::uint16_t transmit_as_guest(const PortIo& io, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return SharedQueue::leave(static_cast<rte_ring*>(io.context), mbufs, count);
}
std::uint16_t receive_socket(const PortIo& io, rte_mbuf** mbufs, std::uint16_t most) noexcept {
  return static_cast<PacketQueue*>(io.context)->receive(mbufs, most);
}
std::uint16_t transmit_socket(const PortIo& io, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return static_cast<PacketQueue*>(io.context)->transmit(mbufs, count);
}

/// Drivers of kernel interfaces do this through their socket, see KernelInterface.
void accept_all_frames(std::uint16_t port) {
  rte_eth_promiscuous_enable(port);
  rte_eth_allmulticast_enable(port);
}

}  // namespace

Status PortSet::Port::open(const WantedPort& wanted) {
  kind = wanted.device.kind;
  number = wanted.number;
  frame_bytes_max = frame_bytes_for_mtu(wanted.mtu);
  if (wanted.device.is_kernel_interface()) {
    auto prepared = KernelInterface::prepare(
        wanted.device.name,
        {.mtu = wanted.mtu, .replaces_xdp_program = kind == DeviceKind::af_xdp});
    if (!prepared) return tl::unexpected<Error>(prepared.error());
    interface = std::move(*prepared);
  }
  return kind == DeviceKind::af_packet ? open_sockets(wanted) : open_ethdev(wanted);
}

Status PortSet::Port::open_sockets(const WantedPort& wanted) {
  PacketQueueOptions options;
  options.interface_index = interface->index();
  options.interface_mtu = interface->mtu();
  options.slot_bytes = af_packet_slot_bytes(wanted.mtu);
  options.rx_slots = std::max(wanted.config.rx_descriptors, kReceiveRingBytes / options.slot_bytes);
  options.tx_slots = wanted.config.tx_descriptors;
  options.port = number;
  options.pool = wanted.pool;
  for (std::uint16_t worker = 0; worker < wanted.workers; ++worker) {
    options.makes_group = wanted.workers > 1 && worker == 0;
    options.group = worker > 0 ? sockets.front()->group() : 0;
    auto queue = PacketQueue::open(options);
    if (!queue) return tl::unexpected<Error>(queue.error());
    sockets.push_back(std::move(*queue));
  }
  queues = wanted.workers;
  frame_bytes_max = std::min(sockets.front()->frame_bytes_max(), frame_bytes_for_mtu(wanted.mtu));
  return {};
}

Status PortSet::Port::open_ethdev(const WantedPort& wanted) {
  auto found = find_device(wanted);
  if (!found) return tl::unexpected<Error>(found.error());
  ethdev = *found;
  auto set_up = set_up_queues(ethdev, wanted);
  if (!set_up) return tl::unexpected<Error>(set_up.error());
  queues = *set_up;
  if (kind == DeviceKind::tap) rte_eth_dev_set_mtu(ethdev, static_cast<std::uint16_t>(wanted.mtu));
  if (const int e = rte_eth_dev_start(ethdev); e != 0) return device_error("cannot be started", e);
  is_started = true;
  if (!interface) accept_all_frames(ethdev);
  return share_queues(wanted.workers);
}

Status PortSet::Port::share_queues(unsigned workers) {
  guest_rings.assign(workers, nullptr);
  if (queues >= workers) return {};
  for (std::uint16_t q = 0; q < queues; ++q) {
    shared.push_back(std::make_unique<SharedQueue>(SharedQueue::Place{ethdev, q}));
  }
  for (unsigned worker = 0; worker < workers; ++worker) {
    const Seat seat = seat_of(worker, workers);
    if (seat.owns) continue;
    auto ring = shared[seat.queue]->add_guest(fmt::format("tx{}w{}", number, worker));
    if (!ring) return tl::unexpected<Error>(ring.error());
    guest_rings[worker] = *ring;
  }
  return {};
}

PortIo PortSet::Port::io_of(unsigned worker, unsigned workers) const {
  PortIo io;
  io.port_id = ethdev;
  io.peer = static_cast<std::uint8_t>(number ^ 1U);
  io.domain = pair.domain != 0 ? pair.domain : static_cast<std::uint16_t>(kOwnDomains + number / 2);
  io.vlan_in_key = pair.vlan_in_key;
  // Only virtual ports carry frames with unfinished sums; on a wire such a frame is a decoy.
  const bool is_wire = kind == DeviceKind::pci;
  io.checksums =
      is_wire && pair.checksums == ChecksumMode::automatic ? ChecksumMode::verify : pair.checksums;
  io.frame_bytes_max = frame_bytes_max;
  if (kind == DeviceKind::af_packet) {
    io.context = sockets[worker].get();
    io.receive = receive_socket;
    io.transmit = transmit_socket;
    return io;
  }
  const Seat seat = seat_of(worker, workers);
  io.rx_queue = io.tx_queue = seat.queue;
  io.receives = seat.owns;
  io.receive = shared.empty() ? receive_ethdev : receive_shared;
  io.transmit = shared.empty() ? transmit_ethdev : seat.owns ? transmit_shared : transmit_as_guest;
  if (!shared.empty()) {
    io.context = seat.owns ? static_cast<void*>(shared[seat.queue].get()) : guest_rings[worker];
  }
  return io;
}

void PortSet::Port::close() noexcept {
  shared.clear();
  sockets.clear();
  if (ethdev != RTE_MAX_ETHPORTS) {
    if (is_started) rte_eth_dev_stop(ethdev);
    rte_eth_dev_close(ethdev);
  }
  interface.reset();
}

PortLosses PortSet::Port::losses() {
  PortLosses lost;
  for (const auto& socket : sockets) {
    socket_drops += socket->take_kernel_drops();
    lost.lost_before_receive += socket->losses().cut_frames.load(std::memory_order_relaxed);
    lost.lost_after_transmit += socket->losses().refused_by_kernel.load(std::memory_order_relaxed);
  }
  lost.lost_before_receive += socket_drops;
  rte_eth_stats stats{};
  if (ethdev != RTE_MAX_ETHPORTS && rte_eth_stats_get(ethdev, &stats) == 0) {
    lost.lost_before_receive += stats.imissed + stats.ierrors + stats.rx_nombuf;
    lost.lost_after_transmit += stats.oerrors;
  }
  return lost;
}

}  // namespace sluice
