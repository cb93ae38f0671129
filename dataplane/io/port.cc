#include "dataplane/io/port.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <sys/random.h>

#include <fmt/format.h>
#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "config/device_word.h"
#include "dataplane/io/eal.h"
#include "dataplane/io/frame_room.h"
#include "dataplane/io/kernel_interface.h"
#include "dataplane/io/packet_socket.h"
#include "dataplane/io/shared_queue.h"
#include "dataplane/packet.h"

namespace sluice {
namespace {

constexpr std::uint32_t kMempoolCache = 256;
constexpr std::uint16_t kNoteBytes = RTE_ALIGN(sizeof(MbufNote), RTE_MBUF_PRIV_ALIGN);
// A receive ring of an interface holds this much, whatever the size of its slots.
constexpr std::uint32_t kReceiveRingBytes = 16U << 20;
// Behind those an operator can name.
constexpr std::uint16_t kOwnDomains = 256;
constexpr std::uint32_t kRingSlots = 1024;
// The kernel fills these rings from softirqs, in bursts; smaller ones lose frames between two
// polls.
constexpr std::uint32_t kAfXdpSlots = 2048;

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

tl::unexpected<Error> device_error(std::string_view what, int code) {
  const std::string said = take_eal_message();
  return fail(
      ErrorKind::unavailable,
      fmt::format("{}: {}", what, said.empty() ? rte_strerror(code < 0 ? -code : code) : said));
}

struct Wanted {
  DeviceWord device;
  PortConfig config;
  std::uint32_t mtu = 1500;
  std::uint16_t number = 0;
  std::uint16_t workers = 1;
  rte_mempool* pool = nullptr;
};

/// Device arguments of a vdev; the name also says which driver it is.
struct VirtualDevice {
  std::string name;
  std::string arguments;
};

VirtualDevice virtual_device(const Wanted& wanted) {
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
Result<std::uint16_t> open_ring(const Wanted& wanted) {
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
int make_virtual_device(const Wanted& wanted, const VirtualDevice& device) {
  if (wanted.device.kind == DeviceKind::af_xdp) {
    const std::string shared = device.arguments + ",shared_umem=1";
    if (rte_vdev_init(device.name.c_str(), shared.c_str()) == 0) return 0;
  }
  static_cast<void>(take_eal_message());
  return rte_vdev_init(device.name.c_str(), device.arguments.c_str());
}

Result<std::uint16_t> find_device(const Wanted& wanted) {
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

/// Both directions of a connection hash alike where the 16-bit pattern of a Toeplitz key repeats.
std::array<std::uint8_t, 64> symmetric_rss_key() {
  std::array<std::uint8_t, 2> pattern{0x6d, 0x5a};
  if (getrandom(pattern.data(), pattern.size(), 0) != static_cast<ssize_t>(pattern.size()) ||
      pattern == std::array<std::uint8_t, 2>{}) {
    pattern = {0x6d, 0x5a};
  }
  std::array<std::uint8_t, 64> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = pattern[i % 2];
  return key;
}

/// Receive and transmit queues come in pairs, at most one pair per worker.
std::uint16_t queue_pairs(const rte_eth_dev_info& info, std::uint16_t workers) {
  return std::max<std::uint16_t>(std::min({workers, info.max_rx_queues, info.max_tx_queues}), 1);
}

rte_eth_conf device_configuration(const rte_eth_dev_info& info, const Wanted& wanted,
                                  std::uint16_t queues, std::span<std::uint8_t> rss_key) {
  rte_eth_conf conf{};
  constexpr std::uint64_t kWantedRx = RTE_ETH_RX_OFFLOAD_SCATTER;
  constexpr std::uint64_t kWantedTx = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  conf.rxmode.offloads = info.rx_offload_capa & kWantedRx;
  conf.txmode.offloads = info.tx_offload_capa & kWantedTx;
  if (wanted.device.kind == DeviceKind::pci) conf.rxmode.mtu = wanted.mtu;
  const std::uint64_t hashes =
      info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  if (queues > 1 && hashes != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = hashes;
    if (info.hash_key_size <= rss_key.size()) {
      conf.rx_adv_conf.rss_conf.rss_key = rss_key.data();
      conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
    }
  }
  return conf;
}

Status set_up_queues(std::uint16_t port, const Wanted& wanted, std::uint16_t queues,
                     const rte_eth_dev_info& info) {
  const std::uint32_t least = wanted.device.kind == DeviceKind::af_xdp ? kAfXdpSlots : 0;
  auto rx_slots = static_cast<std::uint16_t>(std::max(wanted.config.rx_descriptors, least));
  auto tx_slots = static_cast<std::uint16_t>(std::max(wanted.config.tx_descriptors, least));
  if (const int e = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx_slots, &tx_slots); e != 0) {
    return device_error("its descriptor rings cannot be sized", e);
  }
  const auto node = static_cast<unsigned>(SOCKET_ID_ANY);
  for (std::uint16_t q = 0; q < queues; ++q) {
    const rte_eth_rxconf conf = info.default_rxconf;
    const int e = rte_eth_rx_queue_setup(port, q, rx_slots, node, &conf, wanted.pool);
    if (e != 0) return device_error(fmt::format("receive queue {}", q), e);
  }
  for (std::uint16_t q = 0; q < queues; ++q) {
    const int e = rte_eth_tx_queue_setup(port, q, tx_slots, node, nullptr);
    if (e != 0) return device_error(fmt::format("transmit queue {}", q), e);
  }
  return {};
}

/// Drivers of kernel interfaces do this through their socket, see KernelInterface.
void accept_all_frames(std::uint16_t port) {
  rte_eth_promiscuous_enable(port);
  rte_eth_allmulticast_enable(port);
}

}  // namespace

/// One port, whichever back end carries it.
struct PortSet::Port {
  std::string name;
  DeviceKind kind = DeviceKind::null;
  std::uint16_t number = 0;
  std::uint16_t ethdev = RTE_MAX_ETHPORTS;
  bool is_started = false;
  std::uint16_t queues = 1;
  std::uint32_t frame_bytes_max = 0;
  PortPairConfig pair;
  std::unique_ptr<KernelInterface> interface;
  std::vector<std::unique_ptr<PacketQueue>> sockets;  ///< af_packet: by worker
  std::vector<std::unique_ptr<SharedQueue>> shared;   ///< by queue, where workers share queues
  std::vector<rte_ring*> guest_rings;                 ///< by worker; null for owners of a queue
  std::uint64_t socket_drops = 0;

  Status open(const Wanted& wanted);
  Status open_sockets(const Wanted& wanted);
  Status open_ethdev(const Wanted& wanted);
  Status share_queues(unsigned workers);
  void close() noexcept;

  /// Which queue a worker uses. A different worker is first for each port, so that two ports with
  /// one queue each keep two workers busy.
  struct Seat {
    std::uint16_t queue = 0;
    bool owns = true;
  };
  [[nodiscard]] Seat seat_of(unsigned worker, unsigned workers) const noexcept {
    const unsigned turn = (worker + workers - number % workers) % workers;
    return {static_cast<std::uint16_t>(turn % queues), turn < queues};
  }
  [[nodiscard]] PortIo io_of(unsigned worker, unsigned workers) const;
};

Status PortSet::Port::open(const Wanted& wanted) {
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

Status PortSet::Port::open_sockets(const Wanted& wanted) {
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

Status PortSet::Port::open_ethdev(const Wanted& wanted) {
  auto found = find_device(wanted);
  if (!found) return tl::unexpected<Error>(found.error());
  ethdev = *found;
  rte_eth_dev_info info{};
  if (const int e = rte_eth_dev_info_get(ethdev, &info); e != 0)
    return device_error("says nothing of itself", e);
  queues = queue_pairs(info, wanted.workers);
  std::array<std::uint8_t, 64> rss_key = symmetric_rss_key();
  const rte_eth_conf conf = device_configuration(info, wanted, queues, rss_key);
  if (const int e = rte_eth_dev_configure(ethdev, queues, queues, &conf); e != 0) {
    return device_error("cannot be configured", e);
  }
  if (auto done = set_up_queues(ethdev, wanted, queues, info); !done) return done;
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

namespace {

Result<rte_mempool*> make_pool(const PoolPlan& plan, std::size_t pair) {
  const std::string name = fmt::format("pair{}", pair);
  const auto room = static_cast<std::uint16_t>(plan.frame_room_bytes + RTE_PKTMBUF_HEADROOM);
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), plan.mbufs, kMempoolCache, kNoteBytes,
                                              room, SOCKET_ID_ANY);
  if (pool != nullptr) return pool;
  return fail(ErrorKind::limit,
              fmt::format("no memory for {} mbufs: {}", plan.mbufs, rte_strerror(rte_errno)),
              "lower memory.mbufs, or reserve hugepages: sysctl -w vm.nr_hugepages=512");
}

}  // namespace

Result<std::unique_ptr<PortSet>> PortSet::open(const WirePlan& plan) {
  std::unique_ptr<PortSet> set(new PortSet);
  if (auto opened = set->open_all(plan); !opened) return tl::unexpected<Error>(opened.error());
  return set;
}

Status PortSet::open_all(const WirePlan& plan) {
  for (std::size_t i = 0; i < plan.pairs.size() * 2; ++i) {
    const PortPairConfig& pair = plan.pairs[i / 2];
    if (i % 2 == 0) {
      auto pool = make_pool(plan.pools[i / 2], i / 2);
      if (!pool) return with_context(pair.name, pool.error());
      pools_.push_back(*pool);
    }
    const PortConfig& config = i % 2 == 0 ? pair.outside : pair.inside;
    auto device = parse_device_word(config.device);
    if (!device) return with_context(port_name(plan, i), device.error());
    auto port = std::make_unique<Port>();
    port->name = port_name(plan, i);
    port->pair = pair;
    const Wanted wanted{*device,
                        config,
                        pair.mtu,
                        static_cast<std::uint16_t>(i),
                        static_cast<std::uint16_t>(plan.workers.size()),
                        pools_.back()};
    ports_.push_back(std::move(port));
    if (auto opened = ports_.back()->open(wanted); !opened) {
      return with_context("port " + port_name(plan, i), opened.error());
    }
    const std::size_t queues = ports_.back()->queues;
    if (queues < plan.workers.size()) {
      notices_.push_back(
          fmt::format("port {}: {} has {} queue(s) for {} workers, the others get its "
                      "packets from those that read it",
                      port_name(plan, i), config.device, queues, plan.workers.size()));
    }
  }
  workers_ = static_cast<unsigned>(plan.workers.size());
  return {};
}

PortSet::~PortSet() {
  for (auto port = ports_.rbegin(); port != ports_.rend(); ++port) (*port)->close();
  for (rte_mempool* pool : pools_) rte_mempool_free(pool);
}

std::size_t PortSet::size() const noexcept { return ports_.size(); }

std::vector<PortIo> PortSet::io_of_worker(unsigned worker) const {
  std::vector<PortIo> list;
  for (const auto& port : ports_) list.push_back(port->io_of(worker, workers_));
  return list;
}

PortLosses PortSet::losses(std::size_t index) {
  Port& port = *ports_[index];
  PortLosses losses;
  for (const auto& socket : port.sockets) {
    port.socket_drops += socket->take_kernel_drops();
    losses.lost_before_receive += socket->losses().cut_frames.load(std::memory_order_relaxed);
    losses.lost_after_transmit +=
        socket->losses().refused_by_kernel.load(std::memory_order_relaxed);
  }
  losses.lost_before_receive += port.socket_drops;
  rte_eth_stats stats{};
  if (port.ethdev != RTE_MAX_ETHPORTS && rte_eth_stats_get(port.ethdev, &stats) == 0) {
    losses.lost_before_receive += stats.imissed + stats.ierrors + stats.rx_nombuf;
    losses.lost_after_transmit += stats.oerrors;
  }
  return losses;
}

KernelInterface* PortSet::interface(std::size_t port) const noexcept {
  return ports_[port]->interface.get();
}

}  // namespace sluice
