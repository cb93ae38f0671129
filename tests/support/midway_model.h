// A connection that the reassembly meets midway, with a receiver as byte array: the oracle of what
// may be hidden there. One of the two ends means ill. The sender sends any part of its stream in
// any order, and copies that die on the way; or the receiver acknowledges what it likes. Whatever
// they do, the receiver's application never gets the word. And two honest ends always get on,
// whatever somebody else sends in their names.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tests/support/stream_model.h"

namespace sluice::test {

inline constexpr std::string_view kMidwayWord = "WORD";

/// Takes the first copy of a byte, or the last one that came before it could be read.
class MidwayReceiver {
 public:
  MidwayReceiver(std::size_t length, std::size_t has, bool prefers_last)
      : bytes_(length, '\0'), begin_(has), next_(has), prefers_last_(prefers_last) {}

  void take(std::size_t place, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::size_t at = place + i;
      if (at >= next_ && (bytes_[at] == '\0' || prefers_last_)) bytes_[at] = text[i];
    }
    while (next_ < bytes_.size() && bytes_[next_] != '\0') ++next_;
  }
  [[nodiscard]] std::size_t next() const { return next_; }
  [[nodiscard]] bool has_all() const { return next_ == bytes_.size(); }
  /// What the application reads.
  [[nodiscard]] std::string_view read() const {
    return std::string_view(bytes_).substr(begin_, next_ - begin_);
  }

 private:
  std::string bytes_;
  std::size_t begin_, next_;
  bool prefers_last_;
};

class MidwayBench {
 public:
  explicit MidwayBench(unsigned seed, Mode mode = Mode::enforce)
      : random_(seed),
        first_(static_cast<std::uint32_t>(random_())),
        mode_(mode),
        reassembly_(shared_pool(), {.kept_bytes = 4U << 20, .reorder_bytes = 4U << 20}) {
    StreamOpening opening;
    opening.window_bytes = {100, 100};
    slot_ = reassembly_.open(opening);
  }
  ~MidwayBench() {
    reassembly_.close(slot_);
    SLUICE_CHECK(shared_pool().counters().bytes_in_use == 0, "a closed stream holds nothing");
  }
  MidwayBench(const MidwayBench&) = delete;
  MidwayBench& operator=(const MidwayBench&) = delete;

  /// True if the application got the word.
  [[nodiscard]] bool run_with_bad_sender() {
    const std::size_t has = begin(true);
    MidwayReceiver receiver(stream_.size(), has, below(2) == 0);
    for (unsigned i = 0; i < 300 && !is_refused_; ++i) {
      const std::size_t place = below(stream_.size());
      const std::size_t length = 1 + below(std::min<std::size_t>(40, stream_.size() - place));
      switch (below(4)) {
        case 0:
          acknowledge(receiver.next());
          break;
        case 1:
          (void)passes(decoy_place(place), std::string(length, 'x'));
          break;
        default:
          send(receiver, place, length);
      }
    }
    return receiver.read().find(kMidwayWord) != std::string_view::npos;
  }

  /// An honest sender goes on at the first byte that it has not sent; the word stands behind that.
  [[nodiscard]] bool run_with_bad_receiver() {
    const std::size_t has = begin(true);
    MidwayReceiver receiver(stream_.size(), has, false);
    std::size_t sent = has;
    for (unsigned i = 0; i < 300 && !is_refused_; ++i) {
      const std::size_t place = below(4) == 0 ? receiver.next() : sent;
      const std::size_t length = std::min<std::size_t>(1 + below(30), stream_.size() - place);
      if (below(3) == 0) {
        acknowledge(below(2) == 0 ? receiver.next() : decoy_place(sent));
      } else if (length > 0) {
        send(receiver, place, length);
        sent = std::max(sent, place + length);
      }
    }
    return receiver.read().find(kMidwayWord) != std::string_view::npos;
  }

  /// Two honest ends: parts of what was under way before are lost, and so is some of the rest. In
  /// one way the gateway sees nothing of the receiver.
  [[nodiscard]] bool gets_on(bool is_one_way) {
    const std::size_t has = begin(false);
    MidwayReceiver receiver(stream_.size(), has, false);
    std::size_t sent = std::min(has + below(120), stream_.size());
    for (std::size_t at = has; at < sent; at += 20) {
      const std::size_t end = std::min(at + 20, sent);
      if (below(3) != 0) receiver.take(at, std::string_view(stream_).substr(at, end - at));
    }
    if (below(2) == 0) (void)passes(static_cast<std::uint32_t>(random_()), "spoofed");
    if (!is_one_way && below(2) == 0) acknowledge(random_());
    for (unsigned i = 0; i < 600 && !receiver.has_all(); ++i) {
      const bool is_again = sent == stream_.size() || below(3) == 0;
      const std::size_t place = is_again ? receiver.next() : sent;
      const std::size_t length = std::min<std::size_t>(20, stream_.size() - place);
      if (below(8) != 0) send(receiver, place, length);
      sent = std::max(sent, place + length);
      if (!is_one_way && below(4) != 0) acknowledge(receiver.next());
    }
    return receiver.has_all() && !is_refused_;
  }

 private:
  /// A stream, and how much of it the receiver has before the gateway sees anything.
  std::size_t begin(bool has_word) {
    stream_.resize(150 + below(300));
    for (char& byte : stream_) byte = static_cast<char>('a' + below(3));
    const std::size_t has = below(100);
    const std::size_t place = has + below(stream_.size() - has - kMidwayWord.size());
    if (has_word) stream_.replace(place, kMidwayWord.size(), kMidwayWord);
    return has;
  }

  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  /// Near, or anywhere on the circle.
  std::uint32_t decoy_place(std::size_t near) {
    if (below(3) == 0) return static_cast<std::uint32_t>(random_());
    return static_cast<std::uint32_t>(near + below(200)) - 100;
  }

  void send(MidwayReceiver& receiver, std::size_t place, std::size_t length) {
    const auto text = std::string_view(stream_).substr(place, length);
    if (passes(static_cast<std::uint32_t>(place), text)) receiver.take(place, text);
  }

  [[nodiscard]] bool passes(std::uint32_t place, std::string_view text) {
    StreamSegment segment;
    segment.flags = kAck;
    segment.sequence = first_ + place;
    segment.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    const Judgement judgement = reassembly_.take_segment(slot_, segment, mode_, sink());
    const bool is_enforced = mode_ == Mode::enforce;
    is_refused_ = is_refused_ || (is_enforced && judgement.is_refused);
    if (is_refused_ || (is_enforced && judgement.finding != SegmentFinding::none)) return false;
    reassembly_.note_forwarded(slot_, segment, static_cast<std::uint32_t>(text.size()));
    return true;
  }

  void acknowledge(std::size_t place) {
    StreamSegment segment;
    segment.flags = kAck;
    segment.direction = kToClient;
    segment.sequence = 7000;
    segment.acknowledgement = first_ + static_cast<std::uint32_t>(place);
    const Judgement judgement = reassembly_.take_segment(slot_, segment, mode_, sink());
    is_refused_ = is_refused_ || (mode_ == Mode::enforce && judgement.is_refused);
  }

  [[nodiscard]] StreamSink sink() {
    return {this,
            [](void* self, const StreamPiece& piece) noexcept {
              std::string& told = static_cast<MidwayBench*>(self)->told_;
              told.append(piece.bytes.begin(), piece.bytes.end());
              return told.find(kMidwayWord) == std::string::npos;
            },
            [](void* self, unsigned, std::uint64_t) noexcept {
              static_cast<MidwayBench*>(self)->told_ += '_';
            },
            [](void* self, unsigned) noexcept { static_cast<MidwayBench*>(self)->told_.clear(); },
            [](void*, unsigned) noexcept {}};
  }

  std::mt19937 random_;
  std::uint32_t first_;
  Mode mode_;
  StreamReassembly reassembly_;
  std::uint32_t slot_;
  std::string stream_;
  std::string told_;  ///< since the direction was told anew
  bool is_refused_ = false;
};

}  // namespace sluice::test
