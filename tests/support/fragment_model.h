// Fragments for tests: builds them, drives a defragmenter while keeping account of every mbuf, and
// says by plain byte arrays what must become of each fragment. Shared by unit tests and fuzzing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/check.h"
#include "dataplane/decode/defrag.h"
#include "dataplane/io/mbuf_train.h"
#include "dataplane/memory_arena.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/mbuf_fixture.h"

namespace sluice::test {

/// What all fragments of one datagram have in common.
struct DatagramSpec {
  std::uint8_t version = 4;
  std::uint32_t id = 7;
  std::uint8_t source = 1;  ///< last byte of the address
  std::uint8_t protocol = 17;
  std::uint8_t vlan_tags = 0;
  std::uint8_t ipv4_option_words = 0;
  bool with_hop_by_hop = false;  ///< IPv6: an extension header in front of the fragment header
};

struct FragmentSpec {
  std::uint32_t first = 0;  ///< a multiple of 8
  bool more = true;
  std::vector<std::uint8_t> data = {};
};

[[nodiscard]] inline std::uint16_t l3_offset_of(const DatagramSpec& datagram) {
  return static_cast<std::uint16_t>(14 + 4 * datagram.vlan_tags);
}

[[nodiscard]] inline std::uint32_t kept_header_bytes(const DatagramSpec& datagram) {
  if (datagram.version == 4) return 20U + 4U * datagram.ipv4_option_words;
  return datagram.with_hop_by_hop ? 48U : 40U;
}

namespace detail {

inline void put16(std::vector<std::uint8_t>& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put_ipv4(std::vector<std::uint8_t>& out, const DatagramSpec& d, std::uint32_t bytes,
                     std::uint32_t offset_word) {
  const std::size_t at = out.size();
  const std::uint32_t header_bytes = kept_header_bytes(d);
  out.push_back(static_cast<std::uint8_t>(0x40 | header_bytes / 4));
  out.push_back(0);
  put16(out, header_bytes + bytes);
  put16(out, d.id);
  put16(out, offset_word);
  for (const std::uint8_t byte : {std::uint8_t{64}, d.protocol, std::uint8_t{0}, std::uint8_t{0}}) {
    out.push_back(byte);
  }
  for (const int byte : {10, 0, 0, int{d.source}, 192, 0, 2, 1}) {
    out.push_back(static_cast<std::uint8_t>(byte));
  }
  out.resize(at + header_bytes, 1);  // options: no operation
  std::uint32_t sum = 0;
  for (std::size_t i = at; i < out.size(); i += 2) sum += load_be16(&out[i]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  store(&out[at + 10], Be16(static_cast<std::uint16_t>(~sum)));
}

// `fragment_bytes` counts what follows the headers written here.
inline void put_ipv6(std::vector<std::uint8_t>& out, const DatagramSpec& d, std::uint8_t next,
                     std::uint32_t bytes) {
  put16(out, 0x6000);
  put16(out, 0);
  put16(out, bytes + (d.with_hop_by_hop ? 8 : 0));
  out.push_back(d.with_hop_by_hop ? std::uint8_t{0} : next);
  out.push_back(64);
  for (const std::uint8_t last : {d.source, std::uint8_t{1}}) {
    out.push_back(0xfd);
    out.resize(out.size() + 14, 0);
    out.push_back(last);
  }
  if (!d.with_hop_by_hop) return;
  for (const std::uint8_t byte : {next, std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{4}}) {
    out.push_back(byte);
  }
  out.resize(out.size() + 4, 0);
}

inline void put_link(std::vector<std::uint8_t>& out, const DatagramSpec& d) {
  out.assign(12, 2);
  for (std::uint8_t i = 0; i < d.vlan_tags; ++i) {
    put16(out, 0x8100);
    put16(out, 100U + i);
  }
  put16(out, d.version == 4 ? 0x0800 : 0x86dd);
}

}  // namespace detail

[[nodiscard]] inline std::vector<std::uint8_t> fragment_frame(const DatagramSpec& datagram,
                                                              const FragmentSpec& fragment) {
  std::vector<std::uint8_t> out;
  const auto bytes = static_cast<std::uint32_t>(fragment.data.size());
  detail::put_link(out, datagram);
  if (datagram.version == 4) {
    detail::put_ipv4(out, datagram, bytes, fragment.first / 8 | (fragment.more ? 0x2000U : 0));
  } else {
    detail::put_ipv6(out, datagram, 44, bytes + 8);
    detail::put16(out, datagram.protocol * 256U);
    detail::put16(out, fragment.first | (fragment.more ? 1U : 0));
    detail::put16(out, datagram.id >> 16);
    detail::put16(out, datagram.id);
  }
  out.insert(out.end(), fragment.data.begin(), fragment.data.end());
  return out;
}

/// The datagram as it would have come without fragmentation.
[[nodiscard]] inline std::vector<std::uint8_t> whole_frame(const DatagramSpec& datagram,
                                                           const std::vector<std::uint8_t>& data) {
  std::vector<std::uint8_t> out;
  detail::put_link(out, datagram);
  const auto bytes = static_cast<std::uint32_t>(data.size());
  if (datagram.version == 4) {
    detail::put_ipv4(out, datagram, bytes, 0);
  } else {
    detail::put_ipv6(out, datagram, datagram.protocol, bytes);
  }
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

/// A defragmenter between two account books: every frame given to it must come out exactly once.
class DefragStation {
 public:
  explicit DefragStation(const DefragSizes& sizes = {}, const FragmentConfig& settings = {},
                         Mode started_in = Mode::enforce)
      : config(settings), mode(started_in) {
    auto made = Defragmenter::create(sizes, SipKey{1, 2}, arena_);
    SLUICE_CHECK(made.has_value(), "the host has memory for a test");
    defragmenter_ = std::move(*made);
  }
  ~DefragStation() { keep_seed("defrag_fuzz", story_); }
  DefragStation(const DefragStation&) = delete;
  DefragStation& operator=(const DefragStation&) = delete;

  /// Puts one fragment into the burst that is being filled.
  Packet& add(const DatagramSpec& datagram, const FragmentSpec& fragment,
              const std::vector<std::uint32_t>& segments = {}) {
    return add_frame(fragment_frame(datagram, fragment), l3_offset_of(datagram), segments);
  }
  Packet& add_frame(const std::vector<std::uint8_t>& frame, std::uint16_t l3_offset,
                    const std::vector<std::uint32_t>& segments = {}) {
    Packet& packet = heap.receive(
        burst, frame,
        {.now = now, .in_port = 3, .packet_number = ++frames_in, .segments = segments});
    packet.flags = kIsIp | kIsFragment;
    packet.l3_offset = l3_offset;
    packet.domain = 0;
    packet.tunnel_depth = 0;
    packet.flow = nullptr;
    inside_.insert(packet.mbuf);
    if (keeps_seeds()) tell(frame, l3_offset);
    return packet;
  }

  /// Runs the station over the burst and settles the books.
  void collect() {
    defragmenter_->collect(burst, config, mode, DatagramDecoder{this, &decoded});
    for (const Packet& packet : burst.all()) settle(packet);
    check_held();
  }
  void start_burst() {
    defragmenter_->release_buffers();
    burst.count = 0;
  }
  /// One fragment in a burst of its own.
  const Packet& take(const DatagramSpec& datagram, const FragmentSpec& fragment) {
    start_burst();
    Packet& packet = add(datagram, fragment);
    collect();
    return packet;
  }
  /// Brings out what `expire` gives, up to a burst.
  Burst& expire() {
    out.count = 0;
    defragmenter_->expire(now, config, out);
    for (const Packet& packet : out.all()) settle(packet);
    check_held();
    return out;
  }
  void finish() {
    defragmenter_->abandon_all();
    while (expire().count > 0) {
    }
    SLUICE_CHECK(inside_.empty() && defragmenter_->held() == 0, "every frame came out");
  }
  Defragmenter& station() { return *defragmenter_; }

  MbufHeap heap;
  Burst burst{};
  Burst out{};
  FragmentConfig config;
  Mode mode;
  TimeNs now = 1'000 * kNsPerSecond;
  std::uint32_t frames_in = 0;
  std::uint32_t datagrams_decoded = 0;
  /// Flags that the stand-in for the decoder gives an assembled datagram.
  std::uint16_t decoded_flags = kIsIp | kIsDatagram;

 private:
  static void decoded(void* self, Packet& datagram) noexcept {
    auto& station = *static_cast<DefragStation*>(self);
    ++station.datagrams_decoded;
    datagram.flags = station.decoded_flags;
  }

  /// The frame as `defrag_fuzz` reads it, each in a burst of its own.
  void tell(const std::vector<std::uint8_t>& frame, std::uint16_t l3_offset) {
    if (frame.size() > 255) return;
    const TimeNs ticks = (now - told_until_) * 64 / kNsPerSecond;
    told_until_ = now;
    story_.insert(story_.end(), {0, static_cast<std::uint8_t>(l3_offset), 0,
                                 static_cast<std::uint8_t>(frame.size())});
    story_.insert(story_.end(), frame.begin(), frame.end());
    story_.insert(story_.end(), {static_cast<std::uint8_t>(mode == Mode::monitor ? 7 : 0),
                                 static_cast<std::uint8_t>(std::min<TimeNs>(ticks, 255)), 1});
  }

  void settle(const Packet& packet) {
    if (packet.verdict.action == Action::held) {
      SLUICE_CHECK(packet.mbuf == nullptr, "a held frame is the defragmenter's");
      return;
    }
    std::uint32_t frames = 0;
    std::uint32_t wire_bytes = 0;
    std::uint32_t last_number = 0;
    const bool is_train = packet.frames > 1;
    for (rte_mbuf* mbuf = packet.mbuf; mbuf != nullptr;) {
      SLUICE_CHECK(inside_.erase(mbuf) == 1, "no frame comes out twice");
      wire_bytes += mbuf->pkt_len;
      ++frames;
      if (is_train) {
        SLUICE_CHECK(note_of(mbuf).packet_number > last_number, "in order of arrival");
        last_number = note_of(mbuf).packet_number;
      }
      mbuf = is_train ? note_of(mbuf).next_in_train : nullptr;
    }
    SLUICE_CHECK(frames == packet.frames, "frames counts the train");
    SLUICE_CHECK(wire_bytes == packet.wire_bytes, "wire_bytes is the sum of the train");
  }

  void check_held() const {
    SLUICE_CHECK(inside_.size() == defragmenter_->held(), "held counts what did not come out");
  }

  MemoryArena arena_;
  std::unique_ptr<Defragmenter> defragmenter_;
  std::set<const rte_mbuf*> inside_;
  std::vector<std::uint8_t> story_{0, 0};
  TimeNs told_until_ = now;
};

enum class Expected : std::uint8_t { held, completes, bad, overlap, limit, timeout };

/// What must become of each fragment, by arrays with one cell a byte.
class FragmentOracle {
 public:
  explicit FragmentOracle(const FragmentConfig& config) : config_(config) {}

  Expected judge(const DatagramSpec& datagram, const FragmentSpec& fragment, TimeNs now) {
    if (!is_acceptable_alone(datagram, fragment)) return Expected::bad;
    State& state = states_[{datagram.version, datagram.id, datagram.source,
                            datagram.version == 4 ? datagram.protocol : std::uint8_t{0}}];
    time_out(state, now);
    if (state.arrivals.empty() && now < state.decided_until) return state.decided;
    if (state.arrivals.empty()) state.started = now;
    const Expected expected = place(state, {fragment, datagram.protocol});
    if (expected == Expected::overlap || expected == Expected::limit) {
      state.clear();
      state.decided = expected;
      const bool is_long =
          expected == Expected::overlap || config_.exception_policy == ExceptionPolicy::drop_flow;
      state.decided_until = now + (is_long ? kRefusedIdTime : config_.timeout);
    }
    const bool is_kept = expected == Expected::held || expected == Expected::completes;
    if (is_kept && fragment.first == 0 && !state.headers) state.headers = datagram;
    if (expected == Expected::completes) {
      whole = whole_frame(*state.headers, {state.bytes.begin(), state.bytes.end()});
      frames = state.arrivals.size();
      state.clear();
    }
    return expected;
  }

  /// Goes with every call of Defragmenter::expire.
  void expire(TimeNs now) {
    for (auto& [key, state] : states_) time_out(state, now);
  }

  /// The datagram that completed last, with the headers of its first fragment.
  std::vector<std::uint8_t> whole;
  std::size_t frames = 0;  ///< and how many fragments it came in

 private:
  struct Arrival {
    FragmentSpec fragment;
    std::uint8_t protocol;

    [[nodiscard]] bool is_duplicate_of(const Arrival& old) const {
      return old.fragment.first == fragment.first && old.fragment.more == fragment.more &&
             old.fragment.data == fragment.data &&
             (fragment.first != 0 || old.protocol == protocol);
    }
  };
  struct State {
    std::vector<Arrival> arrivals;
    std::vector<int> bytes;  ///< -1 = not yet seen
    std::optional<std::size_t> total;
    std::optional<DatagramSpec> headers;
    TimeNs started = 0;
    TimeNs decided_until = 0;
    Expected decided = Expected::held;
    void clear() {
      arrivals.clear();
      bytes.clear();
      total.reset();
      headers.reset();
    }
  };

  void time_out(State& state, TimeNs now) const {
    if (state.arrivals.empty() || now - state.started < config_.timeout) return;
    state.clear();
    if (config_.exception_policy != ExceptionPolicy::drop_flow) return;
    state.decided = Expected::timeout;
    state.decided_until = now + kRefusedIdTime;
  }

  static bool is_acceptable_alone(const DatagramSpec& d, const FragmentSpec& f) {
    const std::size_t size = f.data.size();
    if (size == 0 || (f.more && size % 8 != 0)) return false;
    if (kept_header_bytes(d) + f.first + size > 65'535) return false;
    if (d.protocol != 6) return true;
    if (f.first == 8 || f.first == 16) return false;
    return f.first != 0 || (size >= 20 && size >= (f.data[12] >> 4) * 4U);
  }

  Expected place(State& state, const Arrival& arrival) const {
    const FragmentSpec& f = arrival.fragment;
    const std::size_t end = f.first + f.data.size();
    for (const Arrival& old : state.arrivals) {
      if (arrival.is_duplicate_of(old)) return hold(state, arrival);
    }
    const bool two_ends = state.total && (!f.more || end >= *state.total);
    if (two_ends || (!f.more && end < state.bytes.size())) return Expected::overlap;
    for (std::size_t i = f.first; i < std::min(end, state.bytes.size()); ++i) {
      if (state.bytes[i] >= 0) return Expected::overlap;
    }
    if (state.arrivals.size() >= config_.fragments_per_datagram) return Expected::limit;
    if (state.bytes.size() < end) state.bytes.resize(end, -1);
    std::copy(f.data.begin(), f.data.end(),
              state.bytes.begin() + static_cast<std::ptrdiff_t>(f.first));
    if (!f.more) state.total = end;
    return hold(state, arrival);
  }

  Expected hold(State& state, const Arrival& arrival) const {
    if (state.arrivals.size() >= config_.fragments_per_datagram) return Expected::limit;
    state.arrivals.push_back(arrival);
    if (!state.total) return Expected::held;
    for (const int byte : state.bytes) {
      if (byte < 0) return Expected::held;
    }
    return Expected::completes;
  }

  struct Key {
    std::uint8_t version;
    std::uint32_t id;
    std::uint8_t source;
    std::uint8_t protocol;
    auto operator<=>(const Key&) const = default;
  };
  FragmentConfig config_;
  std::map<Key, State> states_;
};

/// Whether the station did what the oracle says.
[[nodiscard]] inline bool agrees(const Packet& packet, Expected expected) {
  switch (expected) {
    case Expected::held:
      return packet.verdict.action == Action::held;
    case Expected::completes:
      return packet.is_undecided() && packet.has(kIsDatagram);
    case Expected::bad:
      return packet.verdict.reason == DropReason::bad_fragment;
    case Expected::overlap:
      return packet.verdict.reason == DropReason::fragment_overlap;
    case Expected::limit:
      return packet.verdict.reason == DropReason::fragment_limit;
    case Expected::timeout:
      return packet.verdict.reason == DropReason::fragment_timeout;
  }
  return false;
}

}  // namespace sluice::test
