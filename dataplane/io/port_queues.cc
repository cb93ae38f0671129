#include "dataplane/io/port_queues.h"

#include <algorithm>
#include <array>
#include <span>

#include <sys/random.h>

#include <fmt/format.h>
#include <rte_ethdev.h>

#include "config/mbuf_need.h"

namespace sluice {
namespace {

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

rte_eth_conf device_configuration(const rte_eth_dev_info& info, const WantedPort& wanted,
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

Status make_queues(std::uint16_t port, const WantedPort& wanted, std::uint16_t queues,
                   const rte_eth_dev_info& info) {
  const std::uint32_t least = wanted.device.kind == DeviceKind::af_xdp ? kAfXdpRingSlots : 0;
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

}  // namespace

Result<std::uint16_t> set_up_queues(std::uint16_t port, const WantedPort& wanted) {
  rte_eth_dev_info info{};
  if (const int e = rte_eth_dev_info_get(port, &info); e != 0) {
    return device_error("says nothing of itself", e);
  }
  const std::uint16_t queues = queue_pairs(info, wanted.workers);
  std::array<std::uint8_t, 64> rss_key = symmetric_rss_key();
  const rte_eth_conf conf = device_configuration(info, wanted, queues, rss_key);
  if (const int e = rte_eth_dev_configure(port, queues, queues, &conf); e != 0) {
    return device_error("cannot be configured", e);
  }
  if (auto made = make_queues(port, wanted, queues, info); !made) {
    return tl::unexpected<Error>(made.error());
  }
  return queues;
}

}  // namespace sluice
