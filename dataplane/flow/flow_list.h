// Flows in the order in which a full table gives them up: doubly linked through the warm lines, so
// that a flow leaves from anywhere in constant time. A flow is on one list at most. Worker only.
#pragma once

#include <cstdint>

#include "dataplane/flow/flow_table.h"

namespace sluice {

class FlowList {
 public:
  [[nodiscard]] std::uint32_t head() const noexcept { return head_; }

  void append(FlowTable& table, std::uint32_t slot) noexcept {
    FlowWarm& warm = table.at(slot).warm;
    warm.list_next = kNoSlot;
    warm.list_previous = tail_;
    (tail_ == kNoSlot ? head_ : table.at(tail_).warm.list_next) = slot;
    tail_ = slot;
  }

  /// `slot` is on this list.
  void remove(FlowTable& table, std::uint32_t slot) noexcept {
    const FlowWarm& warm = table.at(slot).warm;
    const std::uint32_t next = warm.list_next;
    const std::uint32_t previous = warm.list_previous;
    (previous == kNoSlot ? head_ : table.at(previous).warm.list_next) = next;
    (next == kNoSlot ? tail_ : table.at(next).warm.list_previous) = previous;
  }

 private:
  std::uint32_t head_ = kNoSlot;  ///< oldest
  std::uint32_t tail_ = kNoSlot;
};

}  // namespace sluice
