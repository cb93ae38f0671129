// Reassembly that cannot be fooled about what the receiver will see.
//
// Problem: fragments hide ports and payload, hosts differ in which of two overlapping copies they
// keep (Ptacek and Newsham 1998; RFC 1858), and a table of half-finished datagrams is an old way to
// exhaust a gateway.
// Way: hold every fragment; when each byte has come exactly once, assemble a copy, let the journey
// judge that, and release the originals as they came. There is one reading of the bytes, because
// anything that would allow two kills the datagram and refuses its id (RFC 5722, applied to IPv4
// too): an overlap that is not an exact repetition, two different ends, a piece behind the end. An
// exact duplicate is held and shares the fate of the datagram like every other frame.
// Bounds: sets, frames and assembly memory are fixed at start. A full table displaces its oldest
// set: the fragments of an honest datagram arrive within a few milliseconds of each other, so that
// under a flood of first fragments honest datagrams still complete, where refusing newcomers would
// shut them out for the whole timeout. The place of a piece is found from the end of an ordered
// list (O(1) in order, at most `fragments_per_datagram` steps otherwise). Rejected: passing
// fragments and remembering what they held (the last one could still be refused, but the datagram
// has already been seen by a receiver that keeps its own copy of it); copying fragments on arrival
// (the copy is needed only for datagrams that complete). Nested fragments (a fragment inside of a
// fragmented tunnel packet) are a limit: the exception policy decides. Reference: RFC 791, RFC
// 8200 4.5, RFC 5722, RFC 6946, RFC 7112, RFC 3128.
#include "dataplane/decode/defrag.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <rte_mbuf.h>

#include "dataplane/io/mbuf_train.h"

namespace sluice {
namespace {

constexpr std::uint32_t kFramesPerSetMax = 0xffff;  // what Packet::frames can say

[[nodiscard]] bool is_timed_out(const FragmentSet& set, const FragmentConfig& config,
                                TimeNs now) noexcept {
  return now >= set.started && now - set.started >= config.timeout;
}

[[nodiscard]] DropReason by_policy(const FragmentConfig& config, DropReason reason) noexcept {
  return config.exception_policy == ExceptionPolicy::pass ? DropReason::none : reason;
}

void apply(Packet& packet, DropReason reason) noexcept {
  if (reason != DropReason::none) packet.drop(reason);
}

}  // namespace

Defragmenter::Defragmenter(const DefragSizes& sizes, const SipKey& key, FragmentTable table,
                           DecidedIds decided, AssemblyArea area) noexcept
    : key_(key),
      table_(table),
      decided_(decided),
      area_(area),
      datagrams_max_(sizes.datagrams),
      frames_held_max_(sizes.frames_held_max) {}

Result<std::unique_ptr<Defragmenter>> Defragmenter::create(const DefragSizes& sizes,
                                                           const SipKey& key, MemoryArena& arena) {
  auto table = FragmentTable::create(sizes.datagrams + kDeadSetsMax, sizes.frames_held_max, arena);
  if (!table) return tl::unexpected<Error>(table.error());
  auto decided = DecidedIds::create(2 * sizes.datagrams, arena);
  if (!decided) return tl::unexpected<Error>(decided.error());
  auto memory = arena.allocate_array<std::uint8_t>(sizes.assembly_bytes);
  if (!memory) return tl::unexpected<Error>(memory.error());
  return std::unique_ptr<Defragmenter>(
      new Defragmenter(sizes, key, *table, *decided, AssemblyArea(*memory)));
}

void Defragmenter::collect(Burst& burst, const FragmentConfig& config, Mode mode,
                           const DatagramDecoder& decoder) noexcept {
  const Turn turn{config, mode, decoder};
  for (Packet& packet : burst.all()) {
    if (!packet.has(kIsFragment) || !packet.is_undecided()) [[likely]]
      continue;
    if (packet.frames > 1) {
      assemble(packet, turn);
    } else {
      take_in(packet, turn);
    }
  }
}

void Defragmenter::take_in(Packet& packet, const Turn& turn) noexcept {
  const auto fragment = read_fragment(packet.mbuf, packet.l3_offset);
  if (fragment && fragment->is_atomic()) return;
  if (!fragment || !is_acceptable(packet.mbuf, *fragment)) {
    return packet.drop(DropReason::bad_fragment);
  }
  const Hash128 key = datagram_key(key_, packet, *fragment);
  FragmentSet* set = table_.find(key);
  if (set != nullptr && is_timed_out(*set, turn.config, packet.now)) {
    time_out(*set, turn.config, packet.now);
    set = nullptr;
  }
  if (set == nullptr) {
    if (const DecidedId* decided = decided_.find(key, packet.now)) {
      return apply(packet, decided->reason);
    }
    set = open_set(key, packet, turn);
    if (set == nullptr) return limit_packet(packet, turn);
  }
  if (set->is_observed != (turn.mode == Mode::monitor)) {
    // The mode changed under a datagram: what there is of it passes.
    decided_.remember({key, packet.now + turn.config.timeout, DropReason::none});
    return kill(*set, DropReason::none, packet.now);
  }
  add(*set, packet, *fragment, turn);
}

FragmentSet* Defragmenter::open_set(const Hash128& key, Packet& packet, const Turn& turn) noexcept {
  if (table_.alive() >= std::min(turn.config.datagrams, datagrams_max_)) {
    if (table_.oldest() == nullptr || table_.dead() >= kDeadSetsMax) return nullptr;
    displace(*table_.oldest(), turn, packet.now);
  }
  FragmentSet* set = table_.open(key);
  if (set == nullptr) return nullptr;
  set->started = packet.now;
  set->first_packet = packet;
  set->is_observed = turn.mode == Mode::monitor;
  return set;
}

// At the cap the oldest set makes room; a set that is the oldest itself has taken too much.
bool Defragmenter::has_room_for_frame(const FragmentSet& set, const Turn& turn,
                                      TimeNs now) noexcept {
  if (set.frames >= std::min(turn.config.fragments_per_datagram, kFramesPerSetMax)) return false;
  if (waiting_ < frames_held_max_ && table_.has_free_piece()) return true;
  FragmentSet* oldest = table_.oldest();
  if (oldest == &set || table_.dead() >= kDeadSetsMax) return false;
  displace(*oldest, turn, now);
  return true;
}

void Defragmenter::add(FragmentSet& set, Packet& packet, const Fragment& fragment,
                       const Turn& turn) noexcept {
  const Place place = place_of(set, packet, fragment);
  if (place.fit == Fit::conflict) return refuse_overlap(set, packet);
  if (!has_room_for_frame(set, turn, packet.now)) return limit_set(set, packet, turn);
  if (place.fit == Fit::fits) insert(set, packet, fragment, place.previous);
  ++set.frames;
  set.wire_bytes += packet.wire_bytes;
  const bool is_complete = set.total_bytes != 0 && set.covered_bytes == set.total_bytes;
  if (set.is_observed) {
    if (is_complete) kill(set, DropReason::none, packet.now);
    return;
  }
  hold(set, packet);
  if (is_complete) finish(set, packet, turn);
}

Defragmenter::Place Defragmenter::place_of(FragmentSet& set, const Packet& packet,
                                           const Fragment& fragment) noexcept {
  std::uint32_t previous = kNone;
  std::uint32_t next = set.first_piece;
  const std::uint32_t last_end = set.last_piece == kNone ? 0 : table_.piece(set.last_piece).end();
  if (fragment.first >= last_end) {
    previous = set.last_piece;
    next = kNone;
  }
  while (next != kNone && table_.piece(next).first_byte() < fragment.first) {
    previous = std::exchange(next, table_.piece(next).next);
  }
  if (next != kNone && is_same(table_.piece(next), set, packet, fragment)) {
    return {Fit::duplicate, previous};
  }
  const bool overlaps = (previous != kNone && table_.piece(previous).end() > fragment.first) ||
                        (next != kNone && table_.piece(next).first_byte() < fragment.end());
  const bool ends_twice = set.total_bytes != 0 && fragment.end() >= set.total_bytes;
  const bool ends_early = !fragment.more && fragment.end() < last_end;
  return {overlaps || ends_twice || ends_early ? Fit::conflict : Fit::fits, previous};
}

bool Defragmenter::is_same(const FragmentPiece& piece, const FragmentSet& set, const Packet& packet,
                           const Fragment& fragment) noexcept {
  if (piece.first_byte() != fragment.first || piece.bytes != fragment.bytes) return false;
  const bool piece_is_last = piece.end() == set.total_bytes;
  if (fragment.more == piece_is_last) return false;
  if (set.is_observed) return piece.digest == digest_of(packet.mbuf, fragment);
  const auto held = read_fragment(piece.frame, note_of(piece.frame).l3_offset);
  return held && (fragment.first != 0 || held->protocol == fragment.protocol) &&
         is_same_payload(piece.frame, *held, packet.mbuf, fragment);
}

// Independent of how the frame is cut into segments. Digests stand for bytes only in monitor mode,
// where nothing is held to compare with.
std::uint64_t Defragmenter::digest_of(const rte_mbuf* frame, const Fragment& fragment) noexcept {
  const std::uint32_t bytes = bytes_at_hand(frame, fragment);
  std::uint8_t* scratch = area_.borrow(bytes);
  if (scratch == nullptr) return 0;
  copy_payload(frame, fragment, scratch);
  const SipKey key{key_.k0 ^ (fragment.first == 0 ? fragment.protocol : 0), key_.k1};
  return siphash<1, 3>(key, scratch, bytes);
}

void Defragmenter::insert(FragmentSet& set, const Packet& packet, const Fragment& fragment,
                          std::uint32_t previous) noexcept {
  FragmentPiece& piece = table_.insert_piece(set, previous);
  piece.first = static_cast<std::uint16_t>(fragment.first / 8);
  piece.bytes = static_cast<std::uint16_t>(fragment.bytes);
  if (set.is_observed) {
    piece.digest = digest_of(packet.mbuf, fragment);
  } else {
    piece.frame = packet.mbuf;
  }
  set.covered_bytes += fragment.bytes;
  if (!fragment.more) set.total_bytes = fragment.end();
}

void Defragmenter::hold(FragmentSet& set, Packet& packet) noexcept {
  write_note(packet);
  if (set.train_head == nullptr) {
    set.train_head = packet.mbuf;
  } else {
    note_of(set.train_tail).next_in_train = packet.mbuf;
  }
  set.train_tail = packet.mbuf;
  packet.mbuf = nullptr;
  packet.verdict.action = Action::held;
  ++waiting_;
  ++held_;
}

void Defragmenter::finish(FragmentSet& set, Packet& packet, const Turn& turn) noexcept {
  packet.mbuf = set.train_head;
  packet.frames = set.frames;
  packet.wire_bytes = set.wire_bytes;
  packet.verdict.action = Action::undecided;
  note_of(packet.mbuf).frames = set.frames;
  waiting_ -= set.frames;
  held_ -= set.frames;
  table_.retire(set);
  table_.release(set);
  assemble(packet, turn);
}

void Defragmenter::assemble(Packet& packet, const Turn& turn) noexcept {
  switch (area_.assemble(packet)) {
    case AssemblyOutcome::assembled:
      turn.decoder.decode(turn.decoder.context, packet);
      if (packet.has(kIsFragment) && packet.is_undecided()) limit_packet(packet, turn);
      return;
    case AssemblyOutcome::no_room:
      return limit_packet(packet, turn);
    case AssemblyOutcome::inconsistent:
      return packet.drop(DropReason::bad_fragment);
  }
}

void Defragmenter::refuse_overlap(FragmentSet& set, Packet& packet) noexcept {
  packet.drop(DropReason::fragment_overlap);
  decided_.remember({set.key, packet.now + kRefusedIdTime, DropReason::fragment_overlap});
  kill(set, DropReason::fragment_overlap, packet.now);
}

// The id stays decided for as long as further fragments can be on their way; `drop_flow` refuses it
// for as long as an overlap does.
void Defragmenter::remember_limit(const Hash128& key, const FragmentConfig& config,
                                  TimeNs now) noexcept {
  const bool refuses_flow = config.exception_policy == ExceptionPolicy::drop_flow;
  decided_.remember({key, now + (refuses_flow ? kRefusedIdTime : config.timeout),
                     by_policy(config, DropReason::fragment_limit)});
}

void Defragmenter::limit_set(FragmentSet& set, Packet& packet, const Turn& turn) noexcept {
  remember_limit(set.key, turn.config, packet.now);
  kill(set, by_policy(turn.config, DropReason::fragment_limit), packet.now);
  limit_packet(packet, turn);
}

void Defragmenter::limit_packet(Packet& packet, const Turn& turn) noexcept {
  ++limits_hit_;
  apply(packet, by_policy(turn.config, DropReason::fragment_limit));
}

void Defragmenter::displace(FragmentSet& set, const Turn& turn, TimeNs now) noexcept {
  ++limits_hit_;
  remember_limit(set.key, turn.config, now);
  kill(set, by_policy(turn.config, DropReason::fragment_limit), now);
}

void Defragmenter::time_out(FragmentSet& set, const FragmentConfig& config, TimeNs now) noexcept {
  if (config.exception_policy == ExceptionPolicy::drop_flow) {
    decided_.remember({set.key, now + kRefusedIdTime, DropReason::fragment_timeout});
  }
  kill(set, by_policy(config, DropReason::fragment_timeout), set.started + config.timeout);
}

// Frames of a held set leave with the next `expire`; those of an observed one have left already.
// `when` is what its drop event says: it does not depend on when somebody came to take it out.
void Defragmenter::kill(FragmentSet& set, DropReason reason, TimeNs when) noexcept {
  set.ended = when;
  table_.retire(set);
  if (set.is_observed || set.frames == 0) {
    if (reason != DropReason::none) {
      late_would_drop_[static_cast<std::size_t>(reason)] += set.frames;
    }
    return table_.release(set);
  }
  waiting_ -= set.frames;
  set.verdict.action = reason == DropReason::none ? Action::pass : Action::drop;
  set.verdict.reason = reason;
  table_.append_dead(set);
}

void Defragmenter::leave(FragmentSet& set, Burst& out) noexcept {
  HeaderCopy& headers = headers_[out.count];
  Packet& packet = out.packets[out.count++];
  packet = set.first_packet;
  packet.mbuf = set.train_head;
  packet.now = std::max(set.ended, packet.now);
  packet.frames = set.frames;
  packet.wire_bytes = set.wire_bytes;
  packet.verdict = set.verdict;
  packet.flow = nullptr;
  packet.bytes = rte_pktmbuf_mtod(packet.mbuf, const std::uint8_t*);
  packet.bytes_at_hand = rte_pktmbuf_data_len(packet.mbuf);
  const auto header_bytes = std::min<std::uint32_t>(rte_pktmbuf_pkt_len(packet.mbuf),
                                                    static_cast<std::uint32_t>(headers.size()));
  if (packet.bytes_at_hand < header_bytes) {
    packet.bytes = static_cast<const std::uint8_t*>(
        rte_pktmbuf_read(packet.mbuf, 0, header_bytes, headers.data()));
    packet.bytes_at_hand = header_bytes;
  }
  note_of(packet.mbuf).frames = set.frames;
  held_ -= set.frames;
}

void Defragmenter::expire(TimeNs now, const FragmentConfig& config, Burst& out) noexcept {
  for (std::uint32_t looked_at = 0; looked_at < kDeadSetsMax; ++looked_at) {
    if (out.count == kBurstMax) return;
    if (FragmentSet* dead = table_.first_dead()) {
      leave(*dead, out);
      table_.drop_first_dead();
      continue;
    }
    FragmentSet* oldest = table_.oldest();
    if (oldest == nullptr || !is_timed_out(*oldest, config, now)) return;
    time_out(*oldest, config, now);
  }
}

void Defragmenter::abandon_all() noexcept {
  while (FragmentSet* oldest = table_.oldest()) {
    kill(*oldest, DropReason::fragment_timeout, oldest->started);
  }
}

void Defragmenter::add_to(WorkerCounters& counters) noexcept {
  counters.held = held_;
  counters.capacity[static_cast<std::size_t>(CapacityEvent::fragment_limit)] += limits_hit_;
  limits_hit_ = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    counters.would_drop[i] += std::exchange(late_would_drop_[i], 0);
  }
}

}  // namespace sluice
