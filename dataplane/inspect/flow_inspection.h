// What station 8 remembers of a flow: its TCP stream, the scans of its two directions, the parser
// of its application, and what rules left on it. Lives in a chunk of the worker's pool and is named
// by Flow::stream_slot. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/flow/flow.h"
#include "dataplane/inspect/candidates.h"
#include "dataplane/inspect/pattern_scan.h"
#include "dataplane/inspect/set_table.h"
#include "rules/ruleset.h"
#include "rules/service.h"

namespace sluice {

struct FlowApplication;
struct FlowTransactions;

/// Bytes in order that are scanned as they come: a direction of a TCP connection, or a body.
struct StreamScan {
  ScanStream stream;                    ///< not open: no bytes yet, or nothing to scan for
  CandidateList* candidates = nullptr;  ///< hit by a pattern, not decided yet; null while none is
  std::uint32_t group = kNoGroup;
};

/// FlowInspection::detect_from: the direction has told nothing, and will not.
inline constexpr std::uint32_t kUndetectable = 0xffff'ffff;

/// Flow::stream_slot of a flow that has ended for station 8: nothing else is remembered of it.
inline constexpr std::uint32_t kEndedSlot = kNoSlot - 1;

enum InspectionFlag : std::uint8_t {
  kInspectionRefused = 1 << 0,  ///< a packet of the flow was refused, all that follow are
  kInspectionPassed = 1 << 1,   ///< nothing of the flow is inspected until other rules come: a
                                ///< pass rule held, or there are no rules and nothing to tell
  kInspectionShed = 1 << 3,     ///< nothing of the flow is inspected while work is shed
  kInspectionEnded = 1 << 2,    ///< encrypted, or beyond the depth: nothing more of it is inspected
  kInspectionTurned = 1 << 4,   ///< its application is asked by the side that is told for server
};

struct alignas(64) FlowInspection {
  std::uint64_t* flags_of_rules = nullptr;   ///< bits, and behind them numbers, of the ruleset
  FlowApplication* application = nullptr;    ///< null: not recognised, or none that is parsed
  FlowTransactions* transactions = nullptr;  ///< null: none is under way
  std::uint32_t ruleset_epoch = 0;
  std::uint32_t tcp_slot = kNoSlot;  ///< in StreamReassembly
  std::uint32_t refused_rule = 0;
  Service service = Service::any;  ///< any: not told yet; unknown: none that is told apart
  std::uint8_t flags = 0;          ///< InspectionFlag
  std::uint16_t server_port = 0;
  /// Where the bytes begin that may tell the application, by direction.
  std::array<std::uint32_t, 2> detect_from{};
  SetMemo set_memo;
  std::array<StreamScan, 2> scans;  ///< by direction

  [[nodiscard]] bool has(InspectionFlag flag) const noexcept { return (flags & flag) != 0; }
  /// The direction of the application's messages that this direction of the flow carries, and back.
  [[nodiscard]] unsigned turned(unsigned direction) const noexcept {
    return direction ^ (has(kInspectionTurned) ? 1U : 0U);
  }
  void set(InspectionFlag flag) noexcept { flags = static_cast<std::uint8_t>(flags | flag); }
  void clear(InspectionFlag flag) noexcept { flags = static_cast<std::uint8_t>(flags & ~flag); }
};
static_assert(std::is_trivially_destructible_v<FlowInspection>);

}  // namespace sluice
