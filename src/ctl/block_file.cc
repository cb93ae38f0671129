#include "ctl/block_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "ctl/fields.h"

namespace sluice {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_comment(std::string_view line) noexcept {
  line = line.substr(0, line.find('#'));
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

Result<BlockFile> BlockFile::open(const std::string& path) {
  if (path == "-") return BlockFile(stdin, "standard input");
  std::FILE* file = std::fopen(path.c_str(), "re");
  const std::string name = escape_lines(path);
  if (file != nullptr) return BlockFile(file, name);
  return fail(ErrorKind::not_found, fmt::format("{}: cannot open: {}", name, std::strerror(errno)));
}

BlockFile::~BlockFile() {
  if (file_ != nullptr && file_ != stdin) std::fclose(file_);
}

BlockFile::BlockFile(BlockFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      name_(std::move(other.name_)),
      line_(other.line_) {}

Result<std::vector<std::string>> BlockFile::next() {
  std::vector<std::string> items;
  std::array<char, kBlockLineBytesMax + 2> buffer;
  while (items.size() < kBlocksPerRequest &&
         std::fgets(buffer.data(), static_cast<int>(buffer.size()), file_) != nullptr) {
    const std::string_view line = buffer.data();
    ++line_;
    if (line.size() + 1 == buffer.size() && line.back() != '\n') {
      return fail(ErrorKind::invalid, fmt::format("{}:{}: a line longer than {} bytes", name_,
                                                  line_, kBlockLineBytesMax));
    }
    const std::string_view what = without_comment(line);
    if (!what.empty()) items.emplace_back(what);
  }
  if (std::ferror(file_) != 0) {
    return fail(ErrorKind::io, fmt::format("{}: cannot read: {}", name_, std::strerror(errno)));
  }
  return items;
}

}  // namespace sluice
