// Copies of buffers that were changed before a rule's terms look at them: cleaned, decoded, hashed.
// One per worker, with all its memory taken when it is made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/inspect/confirm_search.h"
#include "rules/program.h"

namespace sluice {

/// Longest buffer that is changed or decoded.
inline constexpr std::size_t kTransformBytesMax = 16'384;

class BufferTransform {
 public:
  BufferTransform();

  /// What the transforms of the program make of `bytes`, until the next call; none where it is too
  /// long.
  [[nodiscard]] std::optional<ByteSpan> apply(const PartProgram& program, ByteSpan bytes) noexcept;

  struct Decoded {
    ByteSpan bytes;
    bool is_cut = false;  ///< more would have been decoded than there is room for
  };
  /// The base64 characters at the start of `text`, up to the first that is none of them; until the
  /// next call.
  [[nodiscard]] Decoded decode_base64(ByteSpan text) noexcept;

 private:
  [[nodiscard]] std::size_t change(Transform transform, ByteSpan key, std::size_t size) noexcept;

  std::unique_ptr<std::uint8_t[]> changed_;
  std::unique_ptr<std::uint8_t[]> decoded_;
};

/// One of the hashes: its result is that of the whole buffer or of nothing.
[[nodiscard]] constexpr bool is_hash(Transform transform) noexcept {
  return transform == Transform::to_md5 || transform == Transform::to_sha1 ||
         transform == Transform::to_sha256;
}

}  // namespace sluice
