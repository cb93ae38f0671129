// One evaluation of a part while it lasts: where it stands, what it may still try, why it failed.
// Lives on the worker's stack; only the confirm*.cc files use it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include "dataplane/inspect/confirm.h"

namespace sluice {

/// Bytes under absolute places. Places are signed, so that what lies before the start of a buffer
/// can be told apart.
struct PlacedBytes {
  ByteSpan bytes;
  std::int64_t begin = 0;
  bool is_open = false;        ///< more bytes will follow
  bool has_fuzzy_end = false;  ///< where the bytes end now counts as the end; see `Evaluation`

  [[nodiscard]] std::int64_t end() const noexcept {
    return begin + static_cast<std::int64_t>(bytes.size());
  }
  /// Both places lie between `begin` and `end()`, `low` not behind `high`.
  [[nodiscard]] ByteSpan between(std::int64_t low, std::int64_t high) const noexcept {
    return bytes.subspan(static_cast<std::size_t>(low - begin),
                         static_cast<std::size_t>(high - low));
  }
};

/// Why a step did not hold, as far as it concerns the outcome.
struct Doubts {
  bool more_bytes = false;  ///< it may with bytes that follow
  bool is_endless = false;  ///< whatever their number
  bool lost_bytes = false;  ///< it may have in bytes before the window

  Doubts& operator|=(const Doubts& other) noexcept {
    more_bytes |= other.more_bytes;
    is_endless |= other.is_endless;
    lost_bytes |= other.lost_bytes;
    return *this;
  }
};

[[nodiscard]] inline ByteSpan bytes_of(const PartProgram& program, const Needle& needle) noexcept {
  return ByteSpan(program.bytes).subspan(needle.bytes.begin, needle.bytes.size);
}

/// A payload's stream has no end that a rule could mean, so its end is where it ends now, as for
/// Suricata: `ends_with` and a negated `data_at` hold there. Everywhere else they wait for the end.
class Evaluation {
 public:
  struct Tools {
    RegexMatcher& matcher;
    BufferTransform& transform;
    std::uint32_t steps;
    const RuleSets* sets;  ///< of the configuration; null: all are empty
    TimeNs now;
  };
  Evaluation(const PartProgram& program, const PlacedBytes& bytes, TermVariables& variables,
             const Tools& tools) noexcept
      : program_(program), whole_(bytes), variables_(variables), tools_(tools) {}

  [[nodiscard]] ConfirmOutcome run() noexcept;
  [[nodiscard]] ConfirmLimit limit() const noexcept { return limit_; }
  [[nodiscard]] bool could_still_hold() const noexcept { return doubts_.more_bytes; }
  /// Of an evaluation that ended with `not_yet`: where it goes on, if there is such a place.
  [[nodiscard]] Awaited awaited() const noexcept;

 private:
  static constexpr std::int64_t kFirstTry = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();

  /// A step that held, and where it may be tried again.
  struct Choice {
    std::int64_t at;    ///< where the step counted from
    std::int64_t next;  ///< first place not tried yet
    std::size_t step;
    bool is_decoded;
  };
  struct Region {
    std::int64_t low = 0;
    std::int64_t high = kNoBound;
    bool needs_low = false;  ///< bytes from `low` on are needed, even before the window
  };
  struct Number {
    std::uint64_t value = 0;
    std::int64_t end = 0;  ///< behind its last byte
  };

  [[nodiscard]] bool holds(const ContentStep& step) noexcept;
  [[nodiscard]] bool holds(const RegexStep& step) noexcept;
  [[nodiscard]] bool holds(const ByteTestStep& step) noexcept;
  [[nodiscard]] bool holds(const ByteJumpStep& step) noexcept;
  [[nodiscard]] bool holds(const ByteExtractStep& step) noexcept;
  [[nodiscard]] bool holds(const ByteMathStep& step) noexcept;
  [[nodiscard]] bool holds(const DataAtStep& step) noexcept;
  [[nodiscard]] bool holds(const SizeStep& step) noexcept;
  [[nodiscard]] bool holds(const Base64Step& step) noexcept;
  [[nodiscard]] bool holds(const SetStep& step) noexcept;

  [[nodiscard]] bool try_step(const PartStep& step) noexcept;
  void note_failure(std::size_t index) noexcept;
  /// Goes back to the last choice and returns its step.
  [[nodiscard]] std::size_t choose_again() noexcept;
  [[nodiscard]] ConfirmOutcome outcome(bool is_match) noexcept;

  [[nodiscard]] const PlacedBytes& bytes() const noexcept {
    return is_decoded_ ? decoded_ : whole_;
  }
  /// The end may still move, and what asks for it must wait.
  [[nodiscard]] bool is_end_unknown() const noexcept {
    return bytes().is_open && !bytes().has_fuzzy_end;
  }
  /// Pays for a step; false when the budget is used up.
  [[nodiscard]] bool pay(std::uint64_t steps) noexcept;
  [[nodiscard]] bool fail_for_more() noexcept;
  [[nodiscard]] bool fail_for_lost() noexcept;

  [[nodiscard]] std::optional<std::uint64_t> value_of(const StepNumber& number) const noexcept;
  /// For places and distances: numbers that a packet holds are cut to kPlaceMax.
  [[nodiscard]] std::optional<std::int64_t> place_of(const StepNumber& number) const noexcept;
  /// No value leaves the slot empty, and every term that asks for it fails.
  void set(std::uint8_t slot, std::optional<std::uint64_t> value) noexcept;

  [[nodiscard]] std::optional<Region> region_of(const ContentStep& step) const noexcept;
  [[nodiscard]] std::optional<std::int64_t> find(const ContentStep& step,
                                                 const Region& region) noexcept;
  [[nodiscard]] bool is_absent(const ContentStep& step, const Region& region) noexcept;
  [[nodiscard]] bool has_needle(const RegexStep& step, ByteSpan subject) const noexcept;
  void capture(const RegexStep& step, ByteSpan subject) noexcept;
  [[nodiscard]] std::optional<Number> read(const ReadStep& step) noexcept;

  const PartProgram& program_;
  PlacedBytes whole_;
  PlacedBytes decoded_;
  TermVariables& variables_;
  Tools tools_;
  std::array<Choice, kPartSteps> choices_;
  std::size_t choice_count_ = 0;
  std::int64_t at_ = 0;            ///< end of the last match: relative steps count from here
  std::int64_t from_ = kFirstTry;  ///< where a choice that is tried again may begin
  std::int64_t next_ = 0;          ///< where the step that held just now may be tried again
  bool is_decoded_ = false;        ///< steps look at what base64 decoded
  bool is_decoding_cut_ = false;   ///< there was more than room to decode it to
  std::size_t deepest_ = 0;        ///< step that failed, however it was come to
  bool saw_needle_ = false;        ///< the step tried last did, and failed or not for other reasons
  bool is_needle_there_ = false;   ///< of the deepest step that failed
  Doubts doubts_;
  ConfirmLimit limit_ = ConfirmLimit::none;
};

}  // namespace sluice
