// The private area behind an mbuf, and trains: the originals of one datagram, linked through their
// notes in order of arrival. Used by the defragmenter, the hand-off rings and the forwarder, each
// on the worker's thread that owns the mbufs at that moment.
#pragma once

#include <cstdint>

#include <rte_mbuf.h>

#include "dataplane/packet.h"

namespace sluice {

/// The note of any mbuf of sluice's pools; it lives and dies with the mbuf.
[[nodiscard]] inline MbufNote& note_of(rte_mbuf* mbuf) noexcept {
  return *static_cast<MbufNote*>(rte_mbuf_to_priv(mbuf));
}
[[nodiscard]] inline const MbufNote& note_of(const rte_mbuf* mbuf) noexcept {
  return note_of(const_cast<rte_mbuf*>(mbuf));
}

/// Writes down what the packet knows of its one frame, which becomes a train of itself.
inline void write_note(const Packet& packet) noexcept {
  MbufNote& note = note_of(packet.mbuf);
  note.next_in_train = nullptr;
  note.received = packet.now;
  note.packet_number = packet.packet_number;
  note.wire_bytes = packet.wire_bytes;
  note.frames = 1;
  note.l3_offset = packet.l3_offset;
  note.in_port = packet.in_port;
  note.complete_train = 0;
}

/// Calls `visit(rte_mbuf*)` for every original, oldest first; `visit` may give the mbuf away.
template <class Visit>
void for_each_in_train(rte_mbuf* head, Visit&& visit) {
  for (rte_mbuf* next = nullptr; head != nullptr; head = next) {
    next = note_of(head).next_in_train;
    visit(head);
  }
}

}  // namespace sluice
