// The port of a benchmark: a DPDK null device whose frames get their first bytes from a corpus of
// prepared frames, as a NIC would have written them. The bare loop and the pipeline use the same.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dataplane/io/port_io.h"

struct rte_mempool;

namespace sluice::bench {

inline constexpr std::uint32_t kFrameBytes = 64;

struct alignas(64) Frame {
  std::uint8_t bytes[kFrameBytes];
};

/// Frames are given out in order, over and over.
struct Corpus {
  std::vector<Frame> frames;
  std::uint64_t next = 0;
  /// True: a NIC has verified the checksums (RTE_MBUF_F_RX_*_CKSUM_GOOD).
  bool checksums_good = true;
};

/// The EAL, a pool and two pairs of null ports; made once per process.
class NullPorts {
 public:
  NullPorts(bool hugepages, std::uint32_t mbufs);
  ~NullPorts();

  /// Two ports: 0 receives from `corpus`, 1 is its peer and only sends. `pair` 0 or 1 says which
  /// devices, so that two threads can have their own.
  [[nodiscard]] std::vector<PortIo> over(Corpus& corpus, unsigned pair = 0) const;
  static void release(rte_mbuf** mbufs, std::uint32_t count) noexcept;

 private:
  rte_mempool* pool_ = nullptr;
};

}  // namespace sluice::bench
