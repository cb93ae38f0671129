// Inputs that unit tests build anyway, kept as a first corpus for the fuzz targets: where the
// environment names a directory in SLUICE_SEED_DIR, each goes into DIR/TARGET/ under the hash of
// its bytes. Without that variable nothing happens. Test code only, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::test {

/// Seeds are a few inputs of each kind, not all that a loop builds.
inline constexpr std::size_t kSeedBytesMax = 4096;
inline constexpr std::size_t kSeedsOfATargetMax = 5000;
inline constexpr std::size_t kSeedsOfAShapeMax = 16;

/// False also while a SeedPause lives.
[[nodiscard]] bool keeps_seeds() noexcept;

/// Around generators of random inputs, which would crowd out what a test wrote by hand.
class SeedPause {
 public:
  SeedPause() noexcept;
  ~SeedPause();
  SeedPause(const SeedPause&) = delete;
  SeedPause& operator=(const SeedPause&) = delete;
};

/// `target` is the name of a fuzz target; `input` what it would be called with. What is too large,
/// there already or one too many is left out. Of those with one `shape`, a word that the caller
/// chooses, a few are kept; without a shape all.
void keep_seed(std::string_view target, std::span<const std::uint8_t> input,
               std::string_view shape = {});
void keep_seed(std::string_view target, std::string_view input);

/// A frame as `decode_fuzz` takes it; its configuration follows from the frame's hash. `shape` says
/// which headers it has.
void keep_frame_seed(std::span<const std::uint8_t> frame, std::string_view shape);

}  // namespace sluice::test
