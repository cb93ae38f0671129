// Where a number stands and how it is read, gathered from the words that byte_test, byte_jump,
// byte_extract and byte_math share. Control side only.
#pragma once

#include <string_view>
#include <utility>

#include "base/result.h"
#include "rules/rule.h"

namespace sluice {

/// "post_offset -1": the word and what stands behind it.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_word(
    std::string_view text) noexcept;
[[nodiscard]] tl::unexpected<Error> unknown_word(std::string_view word);

class ByteReadWords {
 public:
  [[nodiscard]] Status take_bytes(std::string_view text);
  [[nodiscard]] Status take_offset(std::string_view text);
  /// True where the word is a shared one.
  [[nodiscard]] Result<bool> take(std::string_view text);
  /// After all words: the number of bytes has to fit what they are read as.
  [[nodiscard]] Result<ByteRead> finish() const;

 private:
  [[nodiscard]] Status take_mask(std::string_view value);
  [[nodiscard]] bool take_plain(std::string_view word) noexcept;

  ByteRead read_;
  bool is_text_ = false;
  bool has_base_ = false;
};

}  // namespace sluice
