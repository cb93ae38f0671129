// What a TCP receiver that prefers first copies would read, as byte arrays: the oracle of the
// reassembly. A string of bytes is taken as a sequence of operations on one connection, so that
// random strings and a fuzzer can drive it; every disagreement ends the program.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/stream_reassembly.h"

namespace sluice::test {

/// A byte, or none: never sent, or a gap.
using MaybeByte = std::int16_t;
inline constexpr MaybeByte kNoByte = -1;

/// One direction; offsets count from the first byte of the stream.
struct ModelDirection {
  std::uint32_t first_sequence = 0;
  std::uint32_t window_bytes = 0;
  std::vector<MaybeByte> copies;  ///< first ones
  std::vector<char> left;         ///< was forwarded, or acknowledged
  std::vector<MaybeByte> told;    ///< what the sink must have been told
  std::vector<MaybeByte> heard;   ///< what it was told
  std::int64_t run_begin = 0;     ///< of the sink's bytes since the last gap
  std::int64_t acknowledged = 0;
  std::int64_t forwarded_max = 0;
  std::int64_t fin = -1;
  bool has_ended = false;
  bool heard_end = false;

  [[nodiscard]] std::int64_t scanned() const { return static_cast<std::int64_t>(told.size()); }
  [[nodiscard]] bool has_copy(std::int64_t place) const {
    return place < static_cast<std::int64_t>(copies.size()) &&
           copies[static_cast<std::size_t>(place)] != kNoByte;
  }
  [[nodiscard]] bool has_copy_from(std::int64_t place) const {
    for (auto at = place; at < static_cast<std::int64_t>(copies.size()); ++at) {
      if (has_copy(at)) return true;
    }
    return false;
  }
  void keep(std::int64_t place, std::uint8_t byte) {
    const auto at = static_cast<std::size_t>(place);
    if (at >= copies.size()) copies.resize(at + 1, kNoByte);
    copies[at] = byte;
  }
  void leave(std::int64_t from, std::int64_t to) {
    if (to > static_cast<std::int64_t>(left.size())) left.resize(static_cast<std::size_t>(to));
    for (auto at = std::max<std::int64_t>(from, 0); at < to; ++at) {
      left[static_cast<std::size_t>(at)] = 1;
    }
  }
  [[nodiscard]] std::int64_t forwarded() const {
    return std::find(left.begin() + acknowledged, left.end(), 0) - left.begin();
  }
  void tell_joined() {
    while (has_copy(scanned())) told.push_back(copies[told.size()]);
    if (fin == scanned()) has_ended = true;
  }
};

struct ModelSegment {
  unsigned direction = 0;
  std::int64_t begin = 0;
  std::vector<std::uint8_t> payload;
  bool has_fin = false;
  std::int64_t acknowledgement = 0;

  [[nodiscard]] std::int64_t end() const {
    return begin + static_cast<std::int64_t>(payload.size());
  }
};

/// Judges as the reassembly must when no budget is short.
class StreamOracle {
 public:
  std::array<ModelDirection, 2> directions;

  [[nodiscard]] SegmentFinding judge(const ModelSegment& segment, Mode mode) {
    acknowledge(directions[segment.direction ^ 1], segment.acknowledgement);
    ModelDirection& own = directions[segment.direction];
    const bool is_conflict = conflicts(own, segment);
    if (is_conflict && mode == Mode::enforce) return SegmentFinding::conflicting_retransmission;
    for (std::int64_t place = std::max(segment.begin, own.scanned()); place < segment.end();
         ++place) {
      if (own.fin >= 0 && place >= own.fin) break;
      if (!own.has_copy(place)) {
        own.keep(place, segment.payload[static_cast<std::size_t>(place - segment.begin)]);
      }
    }
    own.tell_joined();
    const bool is_end = segment.has_fin && own.fin < 0 && segment.end() >= own.scanned();
    if (is_end && !own.has_copy_from(segment.end())) own.fin = segment.end();
    own.tell_joined();
    return is_conflict ? SegmentFinding::conflicting_retransmission : SegmentFinding::none;
  }

  void forward(const ModelSegment& segment) {
    ModelDirection& own = directions[segment.direction];
    const std::int64_t end = segment.end() + (segment.has_fin ? 1 : 0);
    own.leave(segment.begin, end);
    own.forwarded_max = std::max(own.forwarded_max, end);
  }

 private:
  static bool conflicts(const ModelDirection& own, const ModelSegment& segment) {
    if (segment.payload.empty() && !segment.has_fin) return false;
    if (own.fin >= 0 && segment.end() > own.fin) return true;
    if (segment.has_fin && own.fin < 0 && segment.end() >= own.scanned() &&
        own.has_copy_from(segment.end())) {
      return true;
    }
    for (std::int64_t place = std::max(segment.begin, own.acknowledged); place < segment.end();
         ++place) {
      const auto byte = segment.payload[static_cast<std::size_t>(place - segment.begin)];
      if (own.has_copy(place) && own.copies[static_cast<std::size_t>(place)] != byte) return true;
    }
    return false;
  }

  static void acknowledge(ModelDirection& own, std::int64_t number) {
    if (number <= own.acknowledged || number > own.forwarded_max) return;
    own.leave(0, number);
    if (own.fin >= 0 && number == own.fin + 1) --number;
    while (own.scanned() < number) {
      own.told.push_back(own.has_copy(own.scanned()) ? own.copies[own.told.size()] : kNoByte);
    }
    own.tell_joined();
    own.acknowledged = number;
  }
};

/// Shared by all, because mapping it takes longer than a sequence.
inline ChunkPool& shared_pool() {
  static MemoryArena arena;
  static const std::unique_ptr<ChunkPool> pool = std::move(*ChunkPool::create(8U << 20, arena));
  return *pool;
}

/// A reassembly with one connection, and the oracle beside it.
class StreamBench {
 public:
  explicit StreamBench(const StreamLimits& limits) : reassembly(shared_pool(), limits) {}

  void open(std::array<std::uint32_t, 2> first, std::array<std::uint16_t, 2> windows) {
    StreamOpening opening;
    opening.next_sequence = first;
    opening.is_known = {true, true};
    opening.window_bytes = windows;
    for (unsigned i = 0; i < 2; ++i) {
      oracle.directions[i].first_sequence = first[i];
      oracle.directions[i].window_bytes = windows[i];
    }
    slot = reassembly.open(opening);
  }

  [[nodiscard]] StreamSegment segment_of(const ModelSegment& segment) const {
    StreamSegment out;
    const auto& directions = oracle.directions;
    out.direction = static_cast<std::uint8_t>(segment.direction);
    out.sequence =
        directions[segment.direction].first_sequence + static_cast<std::uint32_t>(segment.begin);
    out.acknowledgement = directions[segment.direction ^ 1].first_sequence +
                          static_cast<std::uint32_t>(segment.acknowledgement);
    out.flags = static_cast<std::uint8_t>(kAck | (segment.has_fin ? kFin : 0));
    out.payload = segment.payload;
    return out;
  }

  [[nodiscard]] StreamSink sink() {
    return {this,
            [](void* self, const StreamPiece& piece) noexcept {
              static_cast<StreamBench*>(self)->hear(piece);
              return true;
            },
            [](void* self, unsigned direction, std::uint64_t bytes) noexcept {
              auto& own = static_cast<StreamBench*>(self)->oracle.directions[direction];
              own.heard.insert(own.heard.end(), bytes, kNoByte);
              own.run_begin = static_cast<std::int64_t>(own.heard.size());
            },
            [](void*, unsigned) noexcept {
              SLUICE_CHECK(false, "where a handshake was seen nothing begins anew");
            },
            [](void* self, unsigned direction) noexcept {
              auto& own = static_cast<StreamBench*>(self)->oracle.directions[direction];
              SLUICE_CHECK(!own.heard_end, "a direction ends once");
              own.heard_end = true;
            }};
  }

  StreamReassembly reassembly;
  StreamOracle oracle;
  std::uint32_t slot = kNoSlot;
  bool has_memory = true;  ///< no budget is short, so the window is as long as it can be

 private:
  void hear(const StreamPiece& piece) {
    ModelDirection& own = oracle.directions[piece.direction];
    SLUICE_CHECK(piece.begin == own.heard.size(), "bytes come once and in order");
    SLUICE_CHECK(!piece.bytes.empty() && piece.bytes.size() <= kAppendBytesMax, "as promised");
    const std::size_t run = own.heard.size() - static_cast<std::size_t>(own.run_begin);
    own.heard.insert(own.heard.end(), piece.bytes.begin(), piece.bytes.end());
    SLUICE_CHECK(piece.window.size() >= piece.bytes.size(), "the window ends with the piece");
    const std::size_t back = piece.window.size() - piece.bytes.size();
    SLUICE_CHECK(back <= std::min<std::size_t>(run, own.window_bytes), "no further than asked");
    SLUICE_CHECK(!has_memory || back == std::min<std::size_t>(run, own.window_bytes),
                 "as far as asked");
    SLUICE_CHECK(std::equal(piece.window.begin(), piece.window.end(),
                            own.heard.end() - static_cast<std::ptrdiff_t>(piece.window.size())),
                 "the window shows what was told");
  }
};

class StreamOperations {
 public:
  explicit StreamOperations(std::span<const std::uint8_t> input) : input_(input) {}
  [[nodiscard]] bool is_empty() const { return input_.empty(); }
  std::uint8_t byte() {
    if (input_.empty()) return 0;
    const std::uint8_t value = input_[0];
    input_ = input_.subspan(1);
    return value;
  }

  /// Places around the marks, so that segments meet; lengths mostly small.
  [[nodiscard]] ModelSegment segment(const StreamOracle& oracle) {
    ModelSegment segment;
    const std::uint8_t bits = byte();
    segment.direction = bits & 1U;
    const ModelDirection& own = oracle.directions[segment.direction];
    const ModelDirection& other = oracle.directions[segment.direction ^ 1];
    const std::array<std::int64_t, 4> bases{own.scanned(), own.acknowledged, own.forwarded_max,
                                            static_cast<std::int64_t>(own.copies.size())};
    const std::int64_t shift = (bits & 8U) != 0 ? byte() % 64 - 32 : 0;
    segment.begin = bases[bits >> 1 & 3U] + shift;
    std::size_t length = byte() % 48U;
    if ((bits & 0x70U) == 0x70U) length *= length > 45 ? 397 : 67;
    for (std::size_t i = 0; i < length; ++i) {
      segment.payload.push_back(byte_at(segment.begin + static_cast<std::int64_t>(i)));
    }
    if ((bits & 0x80U) != 0 && length > 0) {
      const std::uint8_t kind = byte();
      if (kind < 64) segment.payload[kind % length] ^= 0x5a;
      segment.has_fin = kind > 250;
    }
    const std::uint8_t answer = byte();
    const std::array<std::int64_t, 4> answers{other.acknowledged, other.scanned(),
                                              other.forwarded_max, other.acknowledged};
    segment.acknowledgement = answers[answer & 3U] + (answer >> 2U) % 8 - 2;
    return segment;
  }

 private:
  [[nodiscard]] static std::uint8_t byte_at(std::int64_t place) {
    return static_cast<std::uint8_t>((place * 131) ^ (place >> 7));
  }
  std::span<const std::uint8_t> input_;
};

/// Operations against the oracle, with memory for all.
inline void compare_with_oracle(StreamOperations& input) {
  StreamBench bench({.kept_bytes = 4U << 20,
                     .reorder_bytes = 4U << 20,
                     .kept_bytes_per_direction = 4U << 20,
                     .reorder_bytes_per_direction = 4U << 20,
                     .kept_bytes_unanswered = 4U << 20});
  const std::uint8_t bits = input.byte();
  const Mode mode = (bits & 1U) != 0 ? Mode::monitor : Mode::enforce;
  const std::uint32_t first = (bits & 2U) != 0 ? 0xffffff00 : 1000;
  const std::uint32_t second = (bits & 4U) != 0 ? 0x7fffff80 : 0;
  bench.open({first, second}, {static_cast<std::uint16_t>(bits & 8U ? 100 : 0),
                               static_cast<std::uint16_t>(bits & 16U ? kWindowBytesMax : 40)});
  for (unsigned operations = 0; operations < 200 && !input.is_empty(); ++operations) {
    const ModelSegment segment = input.segment(bench.oracle);
    const StreamSegment as_seen = bench.segment_of(segment);
    const SegmentFinding expected = bench.oracle.judge(segment, mode);
    const Judgement judgement =
        bench.reassembly.take_segment(bench.slot, as_seen, mode, bench.sink());
    SLUICE_CHECK(judgement.finding == expected, "the reassembly judges as the oracle does");
    const bool is_refused = mode == Mode::enforce && expected != SegmentFinding::none;
    if (!is_refused && input.byte() % 8 != 0) {
      bench.reassembly.note_forwarded(bench.slot, as_seen,
                                      static_cast<std::uint32_t>(segment.payload.size()));
      bench.oracle.forward(segment);
    }
    for (unsigned direction = 0; direction < 2; ++direction) {
      const ModelDirection& own = bench.oracle.directions[direction];
      const StreamDirection& state = bench.reassembly.stream(bench.slot).directions[direction];
      SLUICE_CHECK(own.heard.size() == own.told.size(), "the sink is told as far as can be read");
      SLUICE_CHECK(own.heard_end == own.has_ended, "a FIN counts when all before it came");
      const auto forwarded = static_cast<std::int32_t>(state.forwarded_to - own.first_sequence);
      SLUICE_CHECK(forwarded <= own.forwarded() && forwarded >= own.acknowledged,
                   "bytes that did not leave are not said to have left");
    }
  }
  for (const ModelDirection& own : bench.oracle.directions) {
    SLUICE_CHECK(own.heard == own.told, "the sink is told what the receiver reads");
  }
  bench.reassembly.close(bench.slot);
  SLUICE_CHECK(shared_pool().counters().bytes_in_use == 0, "a closed stream holds nothing");
}

/// Operations with budgets that are spent at once: whatever is told was sent, once and in order,
/// and the budgets hold.
inline void run_out_of_memory(StreamOperations& input) {
  const StreamLimits limits{.kept_bytes = 1024U + input.byte() * 256U,
                            .reorder_bytes = 512U + input.byte() * 64U,
                            .kept_bytes_per_direction = 512U + input.byte() * 128U,
                            .reorder_bytes_per_direction = 256U + input.byte() * 64U,
                            .kept_bytes_unanswered = 512U + input.byte() * 64U};
  StreamBench bench(limits);
  bench.has_memory = false;
  bench.open({5, 0xfffffff0}, {200, 0});
  const Mode mode = (input.byte() & 1U) != 0 ? Mode::monitor : Mode::enforce;
  for (unsigned operations = 0; operations < 2000 && !input.is_empty(); ++operations) {
    const ModelSegment segment = input.segment(bench.oracle);
    const StreamSegment as_seen = bench.segment_of(segment);
    const Judgement judgement =
        bench.reassembly.take_segment(bench.slot, as_seen, mode, bench.sink());
    const bool is_refused = mode == Mode::enforce && judgement.finding != SegmentFinding::none;
    if (!is_refused) {
      bench.reassembly.note_forwarded(bench.slot, as_seen,
                                      static_cast<std::uint32_t>(segment.payload.size()));
      bench.oracle.forward(segment);
    }
    for (ModelDirection& own : bench.oracle.directions) own.told = own.heard;
    bench.oracle.directions[segment.direction ^ 1].acknowledged =
        std::max(bench.oracle.directions[segment.direction ^ 1].acknowledged,
                 std::min(segment.acknowledgement,
                          bench.oracle.directions[segment.direction ^ 1].forwarded_max));
    const StreamCounters counters = bench.reassembly.counters();
    SLUICE_CHECK(counters.kept_bytes <= limits.kept_bytes, "kept bytes stay within their budget");
    SLUICE_CHECK(counters.reorder_bytes <= limits.reorder_bytes, "so do waiting ones");
  }
  bench.reassembly.close(bench.slot);
  SLUICE_CHECK(shared_pool().counters().bytes_in_use == 0, "a closed stream holds nothing");
}

/// The first byte says which.
inline void run_stream_operations(std::span<const std::uint8_t> bytes) {
  StreamOperations input(bytes);
  if (input.byte() % 4 != 0) {
    compare_with_oracle(input);
  } else {
    run_out_of_memory(input);
  }
}

}  // namespace sluice::test
