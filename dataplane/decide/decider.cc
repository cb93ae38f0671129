#include "dataplane/decide/decider.h"

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/io/mbuf_train.h"

namespace sluice {
namespace {

// Refusals that no mode can undo: the frame has nowhere to go.
[[nodiscard]] bool is_physical(DropReason reason) noexcept {
  return reason == DropReason::handoff_full || reason == DropReason::frame_too_big ||
         reason == DropReason::tx_queue_full;
}

void apply_mode(Verdict& verdict, Mode mode) noexcept {
  if (mode == Mode::enforce || is_physical(verdict.reason)) return;
  verdict.would_drop = verdict.reason;
  verdict.reason = DropReason::none;
  verdict.action = Action::pass;
}

[[nodiscard]] bool fits(const Packet& packet, std::uint32_t frame_bytes_max) noexcept {
  if (packet.frames == 1) [[likely]]
    return packet.wire_bytes <= frame_bytes_max;
  for (rte_mbuf* mbuf = packet.mbuf; mbuf != nullptr; mbuf = note_of(mbuf).next_in_train) {
    if (note_of(mbuf).wire_bytes > frame_bytes_max) return false;
  }
  return true;
}

}  // namespace

Decider::Decider(const std::vector<PortIo>& ports) noexcept {
  for (std::size_t i = 0; i < ports.size(); ++i) frame_bytes_max_[i] = ports[i].frame_bytes_max;
}

void Decider::decide(std::span<Packet> packets, Mode mode, FlowTracker& tracker) const noexcept {
  for (Packet& packet : packets) {
    Verdict& verdict = packet.verdict;
    if (verdict.action == Action::undecided) verdict.action = Action::pass;
    if (verdict.action == Action::held) continue;
    if (verdict.action == Action::drop || verdict.action == Action::reject) [[unlikely]] {
      if (verdict.refuses_flow && packet.flow != nullptr) {
        tracker.refuse(*packet.flow, verdict.reason, verdict.rule_id);
      }
      apply_mode(verdict, mode);
    }
    if (verdict.action == Action::pass && !fits(packet, frame_bytes_max_[packet.out_port]))
        [[unlikely]] {
      packet.drop(DropReason::frame_too_big);
    }
  }
}

}  // namespace sluice
