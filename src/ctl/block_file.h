// A file of addresses, prefixes and flows to block, one a line; `#` begins a comment. Bytes of
// anybody, checked for size only: what a line says is for the daemon to judge. One thread.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice {

inline constexpr std::size_t kBlockLineBytesMax = 256;
inline constexpr std::size_t kBlocksPerRequest = 100;

class BlockFile {
 public:
  /// "-" is the standard input. Errors: not_found.
  [[nodiscard]] static Result<BlockFile> open(const std::string& path);
  ~BlockFile();
  BlockFile(BlockFile&& other) noexcept;
  BlockFile& operator=(BlockFile&&) = delete;

  /// The next of them, at most kBlocksPerRequest, none at the end. Errors: invalid with the line,
  /// io.
  [[nodiscard]] Result<std::vector<std::string>> next();

 private:
  BlockFile(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}

  std::FILE* file_;
  std::string name_;
  std::size_t line_ = 0;
};

}  // namespace sluice
