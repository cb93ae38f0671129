// One segment on its way through StreamReassembly, for the files that it is made of. Worker thread
// only.
#pragma once

#include "dataplane/inspect/stream_reassembly.h"

namespace sluice {

struct StreamReassembly::Turn {
  const StreamSegment& segment;
  const StreamSink& sink;
  Mode mode;
  unsigned direction;  ///< of the bytes that are told
  Judgement judgement;

  /// In monitor mode everything goes on.
  [[nodiscard]] bool is_over() const noexcept {
    return mode == Mode::enforce && judgement.is_refused;
  }
};

}  // namespace sluice
