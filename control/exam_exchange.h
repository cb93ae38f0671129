// The packets of one exchange between a client and a server, as frames for a replay: what a rule is
// examined with. IPv4 over Ethernet, every field right. Offline tools only.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {

/// Addresses in host order.
struct ExamEnds {
  std::uint32_t client = 0;
  std::uint32_t server = 0;
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
  friend constexpr auto operator<=>(const ExamEnds&, const ExamEnds&) noexcept = default;
};

enum class ExamTransport : std::uint8_t { tcp, udp, icmp };
enum class ExamSide : std::uint8_t { client, server };

/// What fits into one frame; more becomes several segments of TCP.
inline constexpr std::size_t kExamPayloadMax = 65'000;

using ExamFrame = std::vector<std::uint8_t>;

class ExamExchange {
 public:
  ExamExchange(ExamTransport transport, const ExamEnds& ends)
      : transport_(transport), ends_(ends) {}

  /// The handshake of TCP; of others an empty packet each way, so that both have spoken.
  void open();
  /// One segment or datagram; the other side acknowledges a segment.
  void send(ExamSide from, std::string_view bytes);
  /// Ends a connection of TCP in both directions.
  void close();

  [[nodiscard]] std::vector<ExamFrame>& frames() noexcept { return frames_; }

 private:
  void add(ExamSide from, std::uint8_t tcp_flags, std::string_view bytes);
  [[nodiscard]] std::vector<std::uint8_t> tcp_header(ExamSide from, std::uint8_t flags) const;
  [[nodiscard]] std::vector<std::uint8_t> datagram_header(ExamSide from, std::size_t bytes) const;

  ExamTransport transport_;
  ExamEnds ends_;
  std::uint32_t next_[2] = {1'000'000, 5'000'000};  ///< sequence numbers by side
  std::vector<ExamFrame> frames_;
};

}  // namespace sluice
