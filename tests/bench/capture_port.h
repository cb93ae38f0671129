// The ports of benchmarks that need whole frames: what is received stands in a capture's memory, as
// a NIC would have written it, and what is sent is gone. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/io/port_io.h"
#include "tests/bench/capture.h"

struct rte_mbuf;

namespace sluice::bench {

class CapturePort {
 public:
  /// `checksums_good`: a NIC has verified the checksums.
  explicit CapturePort(bool checksums_good);
  ~CapturePort();

  /// From now on these frames are received, each once.
  void use(std::span<const CaptureFrame> frames) noexcept;
  /// Frames arrive `interval` cycles from each other on average, at random; each packet that leaves
  /// adds the cycles since its arrival to `times`. 0: as fast as they are taken.
  void pace(std::uint64_t interval, std::vector<std::uint32_t>* times) noexcept;
  [[nodiscard]] bool is_over() const noexcept { return next_ == frames_.size(); }
  /// Two ports: 0 receives and 1 sends.
  [[nodiscard]] std::vector<PortIo> ports() noexcept;
  static void release(rte_mbuf** mbufs, std::uint32_t count) noexcept;

 private:
  struct Slot;
  static std::uint16_t receive(const PortIo& port, rte_mbuf** mbufs, std::uint16_t most) noexcept;
  static std::uint16_t transmit(const PortIo& port, rte_mbuf** mbufs, std::uint16_t count) noexcept;
  [[nodiscard]] std::uint16_t arrived(std::uint16_t most) noexcept;
  [[nodiscard]] rte_mbuf* wrap(const CaptureFrame& frame) noexcept;

  std::vector<Slot> slots_;
  std::vector<Slot*> free_;
  std::span<const CaptureFrame> frames_;
  std::size_t next_ = 0;
  std::uint64_t flags_ = 0;
  std::uint64_t interval_ = 0;
  std::uint64_t next_arrival_ = 0;
  std::uint64_t random_ = 1;
  std::vector<std::uint64_t> arrivals_;  ///< of the frames that have come and were not taken yet
  std::vector<std::uint32_t>* times_ = nullptr;
};

}  // namespace sluice::bench
