// Which expressions can match at all in a window of a stream: asked of the engine once for all that
// a sieve holds, and remembered for the rules that are asked next. One per worker; worker thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/inspect/pattern_scan.h"
#include "rules/program.h"

namespace sluice {

class PartSieve {
 public:
  using Databases = std::span<const std::shared_ptr<const ScanDatabase>>;

  /// Other bytes from now on: what was found in those before is forgotten. The scratch is the
  /// worker's, and nothing that an earlier scan has found in it may still be needed.
  void open(Databases databases, ScanScratch& scratch) noexcept;
  /// From now on nothing can be said.
  void close() noexcept { scratch_ = nullptr; }
  /// Of this part something can be said.
  [[nodiscard]] bool concerns(const PartProgram& program) const noexcept {
    return scratch_ != nullptr && program.sieve.database != kNoSieve;
  }

  /// What the window was found to hold, if it was looked at; `window` names it, before transforms.
  struct Look {
    std::uint32_t database = kNoSieve;
    const std::uint8_t* window = nullptr;
    std::size_t window_bytes = 0;
    std::array<std::uint64_t, kScanMatchesMax / 64> found{};  ///< a bit for each pattern

    [[nodiscard]] bool holds(std::uint32_t pattern) const noexcept {
      return pattern >= kScanMatchesMax || (found[pattern / 64] >> pattern % 64 & 1) != 0;
    }
  };
  [[nodiscard]] const Look* earlier_look(std::uint32_t database,
                                         std::span<const std::uint8_t> window) const noexcept;
  /// `bytes` are what the transforms of the sieve's parts make of the window.
  [[nodiscard]] const Look& look(std::uint32_t database, std::span<const std::uint8_t> window,
                                 std::span<const std::uint8_t> bytes) noexcept;

 private:
  static constexpr std::size_t kLooks = 8;  ///< lists of transforms in use, times windows

  Databases databases_;
  ScanScratch* scratch_ = nullptr;
  std::array<Look, kLooks> looks_;
  std::size_t count_ = 0;  ///< of all; the last kLooks are kept
};

}  // namespace sluice
