// Frames of a benchmark one behind the other in memory, in the order of their arrival, and what
// writes them: Ethernet, IPv4, TCP or UDP, with right checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::bench {

struct CaptureFrame {
  const std::uint8_t* bytes = nullptr;
  std::uint32_t size = 0;
};

class Capture {
 public:
  /// Room for the next frame; the caller fills it. Stays where it is.
  [[nodiscard]] std::uint8_t* add(std::size_t size);
  void add(std::span<const std::uint8_t> frame);
  [[nodiscard]] std::span<const CaptureFrame> frames() const noexcept { return frames_; }
  [[nodiscard]] std::uint64_t wire_bytes() const noexcept { return wire_bytes_; }

 private:
  struct Freed {
    void operator()(std::uint8_t* block) const noexcept;
  };
  std::vector<std::unique_ptr<std::uint8_t[], Freed>> blocks_;
  std::size_t used_ = 0;  ///< of the last block
  std::vector<CaptureFrame> frames_;
  std::uint64_t wire_bytes_ = 0;
};

/// Of a flow, in host order.
struct FlowEnds {
  std::uint32_t client = 0;
  std::uint32_t server = 0;
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
  [[nodiscard]] FlowEnds turned() const noexcept {
    return {server, client, server_port, client_port};
  }
};

/// One segment; `ends.client` sends it. A timestamps option stands in each.
struct TcpSegment {
  std::uint8_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t timestamp_echo = 0;
  std::string_view payload;
};
inline constexpr std::size_t kSegmentBytesMax = 1448;

void write_tcp(Capture& capture, const FlowEnds& ends, const TcpSegment& segment);
void write_udp(Capture& capture, const FlowEnds& ends, std::string_view payload);

}  // namespace sluice::bench
