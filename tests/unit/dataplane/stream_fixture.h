// A connection for tests of the reassembly: text goes in at places of the stream, and what the sink
// is told comes out as text.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/stream_reassembly.h"

namespace sluice::test {

inline constexpr StreamLimits kRoomyLimits{.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20};

class StreamTest : public testing::Test {
 protected:
  ~StreamTest() override {
    if (reassembly_ == nullptr) return;
    reassembly_->close(slot_);
    EXPECT_EQ(pool_->counters().bytes_in_use, 0U);
  }

  void open(const StreamLimits& limits = kRoomyLimits, std::size_t pool_bytes = 2U << 20) {
    StreamOpening opening;
    opening.next_sequence = {first[0], first[1]};
    opening.is_known = {true, true};
    opening.has_timestamps = true;
    open_as(opening, limits, pool_bytes);
  }
  void open_as(const StreamOpening& opening, const StreamLimits& limits = kRoomyLimits,
               std::size_t pool_bytes = 2U << 20) {
    pool_ = std::move(*ChunkPool::create(pool_bytes, arena_));
    reassembly_ = std::make_unique<StreamReassembly>(*pool_, limits);
    slot_ = reassembly_->open(opening);
    ASSERT_NE(slot_, kNoSlot);
  }

  [[nodiscard]] StreamSegment segment(unsigned direction, std::uint32_t place,
                                      std::string_view text, unsigned flags = kAck) const {
    StreamSegment out;
    out.direction = static_cast<std::uint8_t>(direction);
    out.sequence = first[direction] + place;
    out.acknowledgement = first[direction ^ 1] + acknowledged_[direction ^ 1];
    out.flags = static_cast<std::uint8_t>(flags);
    out.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    out.now = now;
    return out;
  }

  Judgement judge(const StreamSegment& segment) {
    return reassembly_->take_segment(slot_, segment, mode, sink());
  }
  void forward(const StreamSegment& segment) {
    reassembly_->note_forwarded(slot_, segment, static_cast<std::uint32_t>(segment.payload.size()));
  }

  /// Judged, and forwarded unless that is refused.
  Judgement pass(const StreamSegment& segment) {
    const Judgement judgement = judge(segment);
    const bool is_refused = judgement.finding != SegmentFinding::none || judgement.is_refused;
    if (!is_refused || mode == Mode::monitor) forward(segment);
    return judgement;
  }
  Judgement send(std::uint32_t place, std::string_view text, unsigned flags = kAck) {
    return pass(segment(kToServer, place, text, flags));
  }
  SegmentFinding finding_of(std::uint32_t place, std::string_view text) {
    return send(place, text).finding;
  }
  /// The server has all before `place`.
  Judgement acknowledge(std::uint32_t place) {
    acknowledged_[kToServer] = place;
    return pass(segment(kToClient, static_cast<std::uint32_t>(heard[kToClient].size()), ""));
  }

  [[nodiscard]] const StreamDirection& to_server() const {
    return reassembly_->stream(slot_).directions[kToServer];
  }
  [[nodiscard]] StreamCounters counters() const { return reassembly_->counters(); }

  std::array<std::uint32_t, 2> first{1000, 5000};
  std::array<std::string, 2> heard;  ///< gaps as underscores
  std::array<unsigned, 2> ended{};
  unsigned restarts = 0;
  std::string refused_text = "\xff\xff";  ///< the sink refuses when it has heard this
  std::string last_window;
  Mode mode = Mode::enforce;
  TimeNs now = 0;

  std::unique_ptr<ChunkPool> pool_;
  std::unique_ptr<StreamReassembly> reassembly_;
  std::uint32_t slot_ = kNoSlot;

 private:
  [[nodiscard]] StreamSink sink() {
    return {this,
            [](void* self, const StreamPiece& piece) noexcept {
              auto& test = *static_cast<StreamTest*>(self);
              std::string& text = test.heard[piece.direction];
              EXPECT_EQ(piece.begin, text.size());
              text.append(piece.bytes.begin(), piece.bytes.end());
              test.last_window.assign(piece.window.begin(), piece.window.end());
              return text.find(test.refused_text) == std::string::npos;
            },
            [](void* self, unsigned direction, std::uint64_t bytes) noexcept {
              static_cast<StreamTest*>(self)->heard[direction].append(bytes, '_');
            },
            [](void* self, unsigned direction) noexcept {
              ++static_cast<StreamTest*>(self)->restarts;
              static_cast<StreamTest*>(self)->heard[direction].clear();
            },
            [](void* self, unsigned direction) noexcept {
              ++static_cast<StreamTest*>(self)->ended[direction];
            }};
  }

  MemoryArena arena_;
  std::array<std::uint32_t, 2> acknowledged_{};
};

}  // namespace sluice::test
