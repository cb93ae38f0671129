#include "dataplane/inspect/part_sieve.h"

#include <algorithm>

namespace sluice {

void PartSieve::open(Databases databases, ScanScratch& scratch) noexcept {
  databases_ = databases;
  scratch_ = &scratch;
  count_ = 0;
}

const PartSieve::Look* PartSieve::earlier_look(
    std::uint32_t database, std::span<const std::uint8_t> window) const noexcept {
  for (const Look& look : std::span(looks_).first(std::min(count_, kLooks))) {
    if (look.database == database && look.window == window.data() &&
        look.window_bytes == window.size()) {
      return &look;
    }
  }
  return nullptr;
}

const PartSieve::Look& PartSieve::look(std::uint32_t database, std::span<const std::uint8_t> window,
                                       std::span<const std::uint8_t> bytes) noexcept {
  Look& look = looks_[count_++ % kLooks];
  look.database = database;
  look.window = window.data();
  look.window_bytes = window.size();
  const ScanMatches matches = scratch_->scan_block(*databases_[database], bytes);
  look.found.fill(matches.too_many || matches.has_failed ? ~std::uint64_t{0} : 0);
  for (const PatternMatch& match : matches.found) {
    look.found[match.pattern / 64 % look.found.size()] |= std::uint64_t{1} << match.pattern % 64;
  }
  return look;
}

}  // namespace sluice
