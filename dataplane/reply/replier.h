// What the wire sends for packets that rules reject: builds the replies while the packets are still
// there, and sends them behind the frames of the burst, by the port the packet came in by and, to
// the other end of a TCP connection, by its peer. Each worker sends at most so many per second, and
// of ICMP messages few to one host; what is over that, or finds no buffer, is counted and not sent.
// Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/io/port_io.h"
#include "dataplane/limit/token_bucket.h"
#include "dataplane/reply/rejections.h"
#include "dataplane/reply/reply_frame.h"
#include "dataplane/reply/reply_pace.h"
#include "dataplane/window.h"

namespace sluice {

class Replier {
 public:
  /// Ports and counters outlive the replier.
  Replier(const std::vector<PortIo>& ports, ReleaseMbufs release, MakeMbuf make,
          WorkerCounters& counters, const SipKey& key);

  /// After the packets are decided: those that are still rejected are answered.
  void answer(const Burst& burst, const Rejections& rejections, std::uint32_t rate) noexcept;
  /// After the burst is forwarded.
  void send() noexcept;

 private:
  static constexpr std::uint32_t kRepliesMost = 2 * kBurstMax;
  struct Reply {
    rte_mbuf* mbuf;
    std::uint8_t port;
  };

  void answer_packet(const Packet& packet, const ResetMarks& marks) noexcept;
  void reset(const Packet& packet, const ReplyPath& path, ReplySide side,
             const ResetMarks& marks) noexcept;
  void unreachable(const Packet& packet, const ReplyPath& path) noexcept;
  [[nodiscard]] bool may_send(TimeNs now) noexcept;
  template <class Write>
  void make_and_queue(const Packet& packet, std::uint8_t port, Write&& write) noexcept;
  void send_one(const Reply& reply) noexcept;
  void note_unsent() noexcept;

  const std::vector<PortIo>& ports_;
  ReleaseMbufs release_;
  MakeMbuf make_;
  WorkerCounters& counters_;
  ReplyPace pace_;
  std::array<Reply, kRepliesMost> replies_;
  std::uint32_t reply_count_ = 0;
  std::uint32_t rate_ = 0;  ///< what `limit_` was made of
  TokenRate limit_;
  std::uint64_t level_ = 0;  ///< by token_bucket.h as of `stamp_`
  TimeNs stamp_ = 0;
};

}  // namespace sluice
