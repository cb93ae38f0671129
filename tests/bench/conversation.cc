#include "tests/bench/conversation.h"

#include <utility>

#include "dataplane/packet.h"

namespace sluice::bench {
namespace {

[[nodiscard]] Sender other(Sender sender) noexcept {
  return sender == Sender::client ? Sender::server : Sender::client;
}

}  // namespace

Conversation::Conversation(const FlowEnds& ends, std::uint32_t number) noexcept
    : ends_(ends), sequence_{number * 2'654'435'761U, number * 40'503U + 12'345U} {}

std::string_view Conversation::keep(std::string text) {
  return texts_.emplace_back(std::move(text));
}

void Conversation::add(Sender sender, std::uint8_t flags, std::string_view payload) {
  const auto own = static_cast<std::size_t>(sender);
  const std::uint32_t acknowledgement = (flags & kAck) != 0 ? sequence_[own ^ 1] : 0;
  steps_.push_back({sender, flags, sequence_[own], acknowledgement, payload});
  const std::uint32_t mark = (flags & (kSyn | kFin)) != 0 ? 1 : 0;
  sequence_[own] += static_cast<std::uint32_t>(payload.size()) + mark;
}

void Conversation::open() {
  add(Sender::client, kSyn);
  add(Sender::server, kSyn | kAck);
  add(Sender::client, kAck);
}

void Conversation::send(Sender sender, std::string_view text, std::size_t segment_bytes) {
  for (std::size_t sent = 1; !text.empty(); ++sent) {
    const std::string_view piece = text.substr(0, segment_bytes);
    text.remove_prefix(piece.size());
    add(sender, text.empty() ? kAck | kPsh : kAck, piece);
    if (sent % 2 == 0 && !text.empty()) add(other(sender), kAck);
  }
}

void Conversation::close() {
  Step& last = steps_.back();
  if (last.sender == Sender::server && !last.payload.empty()) {
    last.flags |= kFin;
    ++sequence_[static_cast<std::size_t>(Sender::server)];
  } else {
    add(Sender::server, kFin | kAck);
  }
  add(Sender::client, kFin | kAck);
  add(Sender::server, kAck);
}

void Conversation::datagram(Sender sender, std::string_view payload) {
  steps_.push_back({sender, 0, 0, 0, payload});
}

void Conversation::write_next(Capture& capture) {
  const Step& step = steps_[next_++];
  const FlowEnds ends = step.sender == Sender::client ? ends_ : ends_.turned();
  if (step.flags == 0) return write_udp(capture, ends, step.payload);
  const auto now = static_cast<std::uint32_t>(1'000 + next_);
  const std::uint32_t echo = (step.flags & kAck) != 0 ? now - 1 : 0;
  write_tcp(capture, ends,
            {step.flags, step.sequence, step.acknowledgement, now, echo, step.payload});
}

}  // namespace sluice::bench
