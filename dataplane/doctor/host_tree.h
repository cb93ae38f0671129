// Files of the host as doctor reads them: below a root, up to a bound, and never an error: what is
// not there, is no regular file or is too large reads as nothing. No DPDK here. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct FileFacts {
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::uint32_t mode = 0;  ///< permission bits
  bool is_directory = false;
};

class HostTree {
 public:
  explicit HostTree(std::string root);

  /// Where an absolute `path` of the host stands; a relative one is the caller's own.
  [[nodiscard]] std::string locate(const std::string& path) const;

  [[nodiscard]] std::string text(const std::string& path) const;
  /// The first line without blanks at its ends.
  [[nodiscard]] std::string line(const std::string& path) const;
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
  /// Names in a directory, sorted; at most 4,096 of them.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
  /// The last part of what a symbolic link points to.
  [[nodiscard]] std::string link_name(const std::string& path) const;
  [[nodiscard]] std::optional<FileFacts> facts(const std::string& path) const;

 private:
  std::string root_;
};

/// The words of `text` between blanks.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);
[[nodiscard]] bool has_word(std::string_view text, std::string_view word);
/// The lines of `text`, empty ones left out.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace sluice
