// How the keeper reads a worker's tables without touching them: one seat per worker, in which the
// keeper puts a question and finds rows later. The worker answers between bursts, a few slots of a
// table at a time, and waits for nobody. One question at a time; the rows' memory is the seat's and
// is taken at start.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "dataplane/flow/flow.h"
#include "dataplane/requests.h"

namespace sluice {

class FlowTracker;
class RateLimiter;
struct CompiledLimits;

/// Slots of a table that are looked at after a turn: of flows, that costs two lines each.
inline constexpr std::uint32_t kRequestSlotsBusy = 16;
inline constexpr std::uint32_t kRequestSlotsIdle = 64;

/// What a worker shows.
struct RowTables {
  FlowTracker* flows = nullptr;
  const RateLimiter* sources = nullptr;
  const CompiledLimits* limits = nullptr;
  std::uint8_t worker = 0;
};

class RequestSeat {
 public:
  RequestSeat();

  // Keeper thread.
  // ---------------------------------------------------------------------------------------------
  [[nodiscard]] bool is_idle() const noexcept { return is_in(State::idle); }
  /// Only where idle. From `first_slot` on, at most `query.most` rows; a cursor in the query is not
  /// looked at.
  void ask(RequestKind kind, const RowQuery& query, std::uint32_t first_slot) noexcept;
  [[nodiscard]] bool is_answered() const noexcept { return is_in(State::answered); }
  /// Only where answered, and valid until `close`; one of the two is empty.
  [[nodiscard]] std::span<const FlowRecord> flows() const noexcept;
  [[nodiscard]] std::span<const SourceRow> sources() const noexcept;
  /// Where to go on; kNoSlot: there was no more.
  [[nodiscard]] std::uint32_t next_slot() const noexcept { return next_slot_; }
  /// Back to idle.
  void close() noexcept { state_.store(State::idle, std::memory_order_release); }

  // Worker thread.
  // ---------------------------------------------------------------------------------------------
  [[nodiscard]] bool is_asked() const noexcept { return is_in(State::asked); }
  /// Only where asked: looks at the next `slots` slots.
  void answer_some(const RowTables& tables, TimeNs now, std::uint32_t slots) noexcept;

 private:
  enum class State : std::uint8_t { idle, asked, answered };
  [[nodiscard]] bool is_in(State state) const noexcept {
    return state_.load(std::memory_order_acquire) == state;
  }
  /// True when the walk is over.
  [[nodiscard]] bool step_flows(const RowTables& tables, TimeNs now) noexcept;
  [[nodiscard]] bool step_sources(const RowTables& tables, TimeNs now) noexcept;
  [[nodiscard]] bool is_over(std::uint32_t slots) noexcept;
  [[nodiscard]] bool is_wanted(const FlowPair& pair, const FlowCold& cold) const noexcept;
  [[nodiscard]] FlowRecord* place_for(std::uint64_t bytes) noexcept;

  std::atomic<State> state_{State::idle};
  // Whose they are follows from the state: the worker's where asked, else the keeper's.
  RequestKind kind_ = RequestKind::list_flows;
  RowQuery query_;
  std::uint32_t slot_ = 0;
  std::uint32_t next_slot_ = kNoSlot;
  std::uint32_t count_ = 0;
  std::array<std::uint64_t, kLargestRowsMax> bytes_;  ///< of the rows, where the largest are wanted
  std::unique_ptr<std::array<FlowRecord, kRowsPerReplyMax>> flows_;
  std::unique_ptr<std::array<SourceRow, kRowsPerReplyMax>> sources_;
};

}  // namespace sluice
