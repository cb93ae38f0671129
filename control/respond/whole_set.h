// The whole set of blocks on its way to the wire process, and the answer to it: copied, and looked
// through, in pieces, so that a million blocks do not keep the control thread from its other work.
// What runs out meanwhile does no harm. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "base/result.h"
#include "control/respond/block_set.h"
#include "dataplane/requests.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

class WholeSet {
 public:
  enum class Step : std::uint8_t { copying, waiting, taking };
  [[nodiscard]] Step step() const noexcept { return step_; }

  /// Copies another piece; the body of the request once everything is in it. Errors: io.
  [[nodiscard]] Result<std::optional<OwnedFd>> copy(const BlockSet& set);
  /// The answer to the request. Errors: those of the reply; internal, where it is for other blocks.
  [[nodiscard]] Status take(Result<SealedView> reply);
  using EachSlot = std::function<void(BlockSet::Entry&, std::uint32_t slot)>;
  /// Calls `each` with another piece of the blocks that are still there; true once there is no
  /// more. Errors: internal, for a slot that there is not.
  [[nodiscard]] Result<bool> pass_on(BlockSet& set, const EachSlot& each);

 private:
  Step step_ = Step::copying;
  std::optional<WholeBlocksBody> body_;
  std::uint64_t last_id_ = 0;
  std::deque<std::uint64_t> ids_;  ///< in the order of the slots; in front the next to be taken
  std::optional<SealedView> reply_;
  std::optional<ReceiptSlots> slots_;  ///< in `reply_`
  std::size_t next_ = 0;
};

}  // namespace sluice
