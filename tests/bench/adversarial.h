// Traffic made to cost as much as it can: what the worst of senders would send at a gateway that
// scans. Each kind alone, and all beside each other.
#pragma once

#include <cstdint>
#include <span>

#include "tests/bench/capture.h"

namespace sluice::bench {

struct AttackRow {
  const char* name;
  /// A capture of the usual length, or a part of it.
  void (*write)(Capture& capture, std::uint32_t share);
};

[[nodiscard]] std::span<const AttackRow> attack_table() noexcept;
/// Bursts of each in turn.
void write_attacks(Capture& capture, std::uint32_t share);

}  // namespace sluice::bench
