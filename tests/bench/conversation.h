// A TCP connection or an exchange of datagrams as a list of what is sent, written to a capture
// piece by piece, so that many of them can run beside each other.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/capture.h"

namespace sluice::bench {

enum class Sender : std::uint8_t { client, server };

class Conversation {
 public:
  Conversation(const FlowEnds& ends, std::uint32_t number) noexcept;

  // What is said: `text` stays valid until it was written, as everything that is `keep`t does.
  void open();
  /// Cut into segments; every other is acknowledged at once, the last by what comes next.
  void send(Sender sender, std::string_view text, std::size_t segment_bytes = kSegmentBytesMax);
  /// The server ends it, with a FIN on its last bytes where nothing came behind them.
  void close();
  void datagram(Sender sender, std::string_view payload);
  [[nodiscard]] std::string_view keep(std::string text);

  [[nodiscard]] std::size_t steps() const noexcept { return steps_.size(); }
  [[nodiscard]] bool is_over() const noexcept { return next_ == steps_.size(); }
  void write_next(Capture& capture);

 private:
  struct Step {
    Sender sender;
    std::uint8_t flags;  ///< of TCP; 0: a datagram
    std::uint32_t sequence;
    std::uint32_t acknowledgement;
    std::string_view payload;
  };
  void add(Sender sender, std::uint8_t flags, std::string_view payload = {});

  FlowEnds ends_;
  std::uint32_t sequence_[2];
  std::vector<Step> steps_;
  std::deque<std::string> texts_;
  std::size_t next_ = 0;
};

}  // namespace sluice::bench
