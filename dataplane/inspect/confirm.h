// Does a part of a rule hold on a buffer? Asked for the few rules that the prefilter has hit.
// Semantics are those of Suricata 7 (docs: contents, byte keywords, isdataat, pcre), made exact: a
// part holds when there is any choice of places for its contents and expressions for which all its
// terms hold in their order. One `Confirmer` per worker; no allocation, no lock after `create`.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/inspect/awaited.h"
#include "dataplane/inspect/confirm_transform.h"
#include "dataplane/inspect/part_sieve.h"
#include "dataplane/inspect/set_table.h"
#include "rules/program.h"
#include "rules/regex.h"

namespace sluice {

enum class ConfirmOutcome : std::uint8_t {
  no,  ///< nor will it with bytes that may still come
  yes,
  not_yet,  ///< more bytes could make it hold
  limit,    ///< could not be decided; `Confirmer::limit_hit` says why
};

enum class ConfirmLimit : std::uint8_t {
  none,
  steps,   ///< the budget of one evaluation
  regex,   ///< a limit of a regular expression
  window,  ///< a byte is needed that the window holds no longer: confirm_window_exhausted
  room,    ///< the buffer is longer than what can be transformed or decoded
};

/// `begin` is the place of bytes[0] in the buffer: 0 for a whole one, more for the window of a
/// stream. A content without bounds is looked for in the window.
struct BufferView {
  std::span<const std::uint8_t> bytes;
  std::uint64_t begin = 0;
  bool is_complete = true;  ///< nothing will follow
};

/// Numbers that the terms of a rule have read; those of the parts of one rule share them.
struct TermVariables {
  std::array<std::uint64_t, kRuleSlots> values{};
  std::uint16_t set_slots = 0;  ///< a bit for each
};

struct ConfirmSettings {
  /// At most 2^26. A step is a term tried, a KiB searched, or 32 items of an expression tried.
  std::uint32_t steps = 4'000;
  RegexLimits regex;
};

class Confirmer {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Confirmer>> create(const ConfirmSettings& settings);

  [[nodiscard]] ConfirmOutcome evaluate(const PartProgram& program, const BufferView& view,
                                        TermVariables& variables) noexcept;
  /// The same of a buffer that comes in pieces. `awaited` is what the piece before has left, or not
  /// set; pieces are asked for in their order, so that none is missed.
  [[nodiscard]] ConfirmOutcome evaluate(const PartProgram& program, const BufferView& view,
                                        TermVariables& variables, Awaited& awaited) noexcept;
  /// The sets of the configuration from now on, and the time that their entries' ends are judged
  /// by.
  void use_sets(const RuleSets* sets, TimeNs now) noexcept {
    sets_ = sets;
    now_ = now;
  }
  /// Asked before a part is tried on a piece.
  [[nodiscard]] PartSieve& sieve() noexcept { return sieve_; }
  /// Why the last evaluation ended with `limit`.
  [[nodiscard]] ConfirmLimit limit_hit() const noexcept { return limit_hit_; }
  /// The last evaluation ended with `limit`, yet bytes that follow could make the part hold.
  [[nodiscard]] bool could_still_hold() const noexcept { return could_still_hold_; }

 private:
  Confirmer(const ConfirmSettings& settings, RegexMatcher matcher)
      : settings_(settings), matcher_(std::move(matcher)) {}
  [[nodiscard]] static bool has_come(const PartProgram& program, const BufferView& view,
                                     Awaited& awaited) noexcept;
  [[nodiscard]] bool may_hold(const PartProgram& program, ByteSpan window) noexcept;
  [[nodiscard]] ConfirmOutcome without_match(const BufferView& view) noexcept;
  [[nodiscard]] ConfirmOutcome ended_by(ConfirmLimit limit) noexcept;

  static constexpr std::uint64_t kPlacesMax = std::uint64_t{1} << 60;

  ConfirmSettings settings_;
  RegexMatcher matcher_;
  BufferTransform transform_;
  PartSieve sieve_;
  ConfirmLimit limit_hit_ = ConfirmLimit::none;
  bool could_still_hold_ = false;
  Awaited awaited_;
  const RuleSets* sets_ = nullptr;
  TimeNs now_ = 0;
};

}  // namespace sluice
