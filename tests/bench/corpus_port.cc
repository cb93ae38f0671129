#include "tests/bench/corpus_port.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/check.h"
#include "dataplane/packet.h"

namespace sluice::bench {
namespace {

constexpr std::uint16_t kPorts = 4;
constexpr std::size_t kAhead = 48;  // frames of the corpus fetched before their turn

std::uint16_t receive(const PortIo& port, rte_mbuf** mbufs, std::uint16_t most) noexcept {
  auto& corpus = *static_cast<Corpus*>(port.context);
  const std::uint16_t count = rte_eth_rx_burst(port.port_id, 0, mbufs, most);
  const std::uint64_t flags =
      corpus.checksums_good ? RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
  for (std::uint16_t i = 0; i < count; ++i) {
    if (corpus.next == corpus.frames.size()) corpus.next = 0;
    std::memcpy(rte_pktmbuf_mtod(mbufs[i], void*), &corpus.frames[corpus.next], kFrameBytes);
    mbufs[i]->ol_flags |= flags;
    ++corpus.next;
    // A NIC writes frames beside the core: the wait for the corpus is not the pipeline's.
    if (corpus.next + kAhead < corpus.frames.size()) {
      __builtin_prefetch(&corpus.frames[corpus.next + kAhead], 0, 2);
    }
  }
  return count;
}

std::uint16_t receive_nothing(const PortIo&, rte_mbuf**, std::uint16_t) noexcept { return 0; }

std::uint16_t transmit(const PortIo& port, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  return rte_eth_tx_burst(port.port_id, 0, mbufs, count);
}

void start_port(std::uint16_t port, rte_mempool* pool) {
  rte_eth_conf conf{};
  SLUICE_CHECK(rte_eth_dev_configure(port, 1, 1, &conf) == 0, "a null port takes one queue pair");
  SLUICE_CHECK(rte_eth_rx_queue_setup(port, 0, 512, 0, nullptr, pool) == 0, "it has a queue");
  SLUICE_CHECK(rte_eth_tx_queue_setup(port, 0, 512, 0, nullptr) == 0, "and one more");
  SLUICE_CHECK(rte_eth_dev_start(port) == 0, "it starts");
}

}  // namespace

NullPorts::NullPorts(bool hugepages, std::uint32_t mbufs) {
  std::vector<std::string> words = {"bench",          "-l",           "0", "--no-pci",
                                    "--no-telemetry", "--log-level=4"};
  for (std::uint16_t port = 0; port < kPorts; ++port) {
    words.push_back("--vdev=net_null" + std::to_string(port) + ",size=64");
  }
  if (hugepages) {
    words.insert(words.end(), {"--in-memory", "--iova-mode=va"});
  } else {
    words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", "256"});
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    std::fputs("bench: EAL did not start\n", stderr);
    std::exit(1);
  }
  pool_ = rte_pktmbuf_pool_create("bench", mbufs, 256, sizeof(MbufNote), RTE_MBUF_DEFAULT_BUF_SIZE,
                                  SOCKET_ID_ANY);
  SLUICE_CHECK(pool_ != nullptr, "the pool fits");
  for (std::uint16_t port = 0; port < kPorts; ++port) start_port(port, pool_);
}

NullPorts::~NullPorts() {
  for (std::uint16_t port = 0; port < kPorts; ++port) rte_eth_dev_stop(port);
  rte_eal_cleanup();
}

std::vector<PortIo> NullPorts::over(Corpus& corpus, unsigned pair) const {
  PortIo in;
  in.port_id = static_cast<std::uint16_t>(2 * pair);
  in.peer = 1;
  in.context = &corpus;
  in.receive = &receive;
  in.transmit = &transmit;
  PortIo out = in;
  out.port_id = static_cast<std::uint16_t>(2 * pair + 1);
  out.peer = 0;
  out.receives = false;
  out.receive = &receive_nothing;
  return {in, out};
}

void NullPorts::release(rte_mbuf** mbufs, std::uint32_t count) noexcept {
  rte_pktmbuf_free_bulk(mbufs, count);
}

}  // namespace sluice::bench
