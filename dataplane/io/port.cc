#include "dataplane/io/port.h"

#include <utility>

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "config/device_word.h"
#include "config/mbuf_need.h"
#include "dataplane/io/open_port.h"
#include "dataplane/packet.h"

namespace sluice {
namespace {

constexpr std::uint16_t kNoteBytes = RTE_ALIGN(sizeof(MbufNote), RTE_MBUF_PRIV_ALIGN);

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
  workers_ = static_cast<unsigned>(plan.workers.size());
  for (std::size_t i = 0; i < plan.pairs.size(); ++i) {
    auto pool = make_pool(plan.pools[i], i);
    if (!pool) return with_context(plan.pairs[i].name, pool.error());
    pools_.push_back(*pool);
    for (const std::size_t port : {2 * i, 2 * i + 1}) {
      if (auto opened = open_port(plan, port); !opened) return opened;
    }
  }
  return {};
}

Status PortSet::open_port(const WirePlan& plan, std::size_t number) {
  const PortPairConfig& pair = plan.pairs[number / 2];
  const PortConfig& config = number % 2 == 0 ? pair.outside : pair.inside;
  const std::string name = port_name(plan, number);
  auto device = parse_device_word(config.device);
  if (!device) return with_context(name, device.error());
  Port& port = *ports_.emplace_back(std::make_unique<Port>());
  port.pair = pair;
  const WantedPort wanted{.device = *device,
                          .config = config,
                          .mtu = pair.mtu,
                          .number = static_cast<std::uint16_t>(number),
                          .workers = static_cast<std::uint16_t>(workers_),
                          .pool = pools_.back()};
  if (auto opened = port.open(wanted); !opened) return with_context("port " + name, opened.error());
  if (port.queues < workers_) {
    notices_.push_back(
        fmt::format("port {}: {} has {} queue(s) for {} workers, the others get its packets from "
                    "those that read it",
                    name, config.device, port.queues, workers_));
  }
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

PortLosses PortSet::losses(std::size_t port) { return ports_[port]->losses(); }

PoolLevel PortSet::pool_level(std::size_t pair) const noexcept {
  return {pools_[pair]->size, rte_mempool_avail_count(pools_[pair])};
}

KernelInterface* PortSet::interface(std::size_t port) const noexcept {
  return ports_[port]->interface.get();
}

}  // namespace sluice
