#include "dataplane/reply/replier.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <rte_mbuf.h>

#include "dataplane/flow/flow.h"
#include "dataplane/io/mbuf_train.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint32_t kBurstsPerSecond = 10;
constexpr std::uint32_t kBurstMin = 2;  // both ends of a connection

}  // namespace

Replier::Replier(const std::vector<PortIo>& ports, ReleaseMbufs release, MakeMbuf make,
                 WorkerCounters& counters, const SipKey& key)
    : ports_(ports), release_(release), make_(make), counters_(counters), pace_(key) {}

void Replier::note_unsent() noexcept {
  ++counters_.capacity[static_cast<std::size_t>(CapacityEvent::reply_limit)];
}

void Replier::answer(const Burst& burst, const Rejections& rejections,
                     std::uint32_t rate) noexcept {
  if (rejections.places == 0) [[likely]]
    return;
  if (rate == 0) return;
  if (rate != rate_) {
    rate_ = rate;
    limit_ = token_rate(rate, std::max(rate / kBurstsPerSecond, kBurstMin), kTokenScale);
  }
  for (std::uint32_t places = rejections.places; places != 0; places &= places - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(places));
    const Packet& packet = burst.packets[i];
    if (packet.verdict.action == Action::reject) answer_packet(packet, rejections.marks[i]);
  }
}

void Replier::answer_packet(const Packet& packet, const ResetMarks& marks) noexcept {
  if (!can_be_answered(packet)) return;
  const auto path = reply_path_of(packet);
  if (!path) return note_unsent();
  if (packet.protocol != kTcp) return unreachable(packet, *path);
  reset(packet, *path, ReplySide::sender, marks);
  reset(packet, *path, ReplySide::peer, marks);
}

void Replier::reset(const Packet& packet, const ReplyPath& path, ReplySide side,
                    const ResetMarks& marks) noexcept {
  const unsigned direction = packet.flow != nullptr && !packet.has(kInitiator) ? 1 : 0;
  const auto fields = reset_fields(packet, side, marks, direction);
  if (!fields) return;
  if (side == ReplySide::sender && !path.has_way_back) return note_unsent();
  const std::uint8_t port = side == ReplySide::sender ? packet.in_port : packet.out_port;
  make_and_queue(packet, port, [&](std::span<std::uint8_t> into) {
    return write_reset(packet, path, side, *fields, into);
  });
}

void Replier::unreachable(const Packet& packet, const ReplyPath& path) noexcept {
  if (!path.has_way_back || !pace_.allows(packet)) return note_unsent();
  make_and_queue(packet, packet.in_port, [&](std::span<std::uint8_t> into) {
    return write_unreachable(packet, path, into);
  });
}

bool Replier::may_send(TimeNs now) noexcept {
  const DurationNs elapsed = now > stamp_ ? now - stamp_ : 0;
  level_ = refilled(limit_, level_, elapsed);
  stamp_ = std::max(stamp_, now);
  if (!conforms(limit_, level_, kTokenScale)) return false;
  level_ += kTokenScale;
  return true;
}

// A replay knows the frames of the capture by their number, and what is not of it by none.
template <class Write>
void Replier::make_and_queue(const Packet& packet, std::uint8_t port, Write&& write) noexcept {
  if (!may_send(packet.now)) return note_unsent();
  rte_mbuf* mbuf = reply_count_ < kRepliesMost ? make_.make(make_.context, *packet.mbuf) : nullptr;
  if (mbuf == nullptr) return note_unsent();
  const std::size_t room = std::min<std::size_t>(
      {rte_pktmbuf_tailroom(mbuf), kReplyBytesMax, ports_[port].frame_bytes_max});
  const std::size_t bytes = write({rte_pktmbuf_mtod(mbuf, std::uint8_t*), room});
  if (bytes == 0) {
    release_(&mbuf, 1);
    return note_unsent();
  }
  mbuf->data_len = static_cast<std::uint16_t>(bytes);
  mbuf->pkt_len = static_cast<std::uint32_t>(bytes);
  MbufNote& note = note_of(mbuf);
  note = {};
  note.received = packet.now;
  note.wire_bytes = mbuf->pkt_len;
  replies_[reply_count_++] = {mbuf, port};
}

void Replier::send_one(const Reply& reply) noexcept {
  const PortIo& io = ports_[reply.port];
  rte_mbuf* mbuf = reply.mbuf;
  const std::uint32_t bytes = mbuf->pkt_len;
  if (io.transmit(io, &mbuf, 1) == 0) {
    release_(&mbuf, 1);
    return note_unsent();
  }
  ++counters_.generated;
  ++counters_.ports[reply.port].tx_packets;
  counters_.ports[reply.port].tx_bytes += bytes;
}

// One by one, in the order of the packets they are for: they are few.
void Replier::send() noexcept {
  for (std::uint32_t i = 0; i < reply_count_; ++i) send_one(replies_[i]);
  reply_count_ = 0;
}

}  // namespace sluice
