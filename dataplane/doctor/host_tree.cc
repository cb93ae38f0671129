#include "dataplane/doctor/host_tree.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <sys/stat.h>

#include "config/text_file.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 4U << 20;
constexpr std::size_t kNamesMax = 4096;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return parts;
}

}  // namespace

HostTree::HostTree(std::string root) : root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
}

std::string HostTree::locate(const std::string& path) const {
  return path.starts_with('/') ? root_ + path : path;
}

// A pipe or a device in the place of a file would make the reader wait.
std::string HostTree::text(const std::string& path) const {
  std::error_code error;
  if (!fs::is_regular_file(locate(path), error)) return {};
  return read_text_file(locate(path), kFileBytesMax).value_or(std::string());
}

std::string HostTree::line(const std::string& path) const {
  const std::string all = text(path);
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = all.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return {};
  const std::string first = all.substr(begin, all.find('\n', begin) - begin);
  return first.substr(0, first.find_last_not_of(kBlanks) + 1);
}

std::optional<std::uint64_t> HostTree::number(const std::string& path) const {
  const std::string word = line(path);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool is_number = error == std::errc() && stop == word.data() + word.size();
  return is_number ? std::optional(value) : std::nullopt;
}

bool HostTree::exists(const std::string& path) const {
  std::error_code error;
  return fs::exists(fs::symlink_status(locate(path), error));
}

std::vector<std::string> HostTree::names(const std::string& path) const {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator at(locate(path), error);
  while (!error && at != fs::directory_iterator() && found.size() < kNamesMax) {
    found.push_back(at->path().filename());
    at.increment(error);
  }
  std::ranges::sort(found);
  return found;
}

std::string HostTree::link_name(const std::string& path) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(locate(path), error);
  return error ? std::string() : target.filename().string();
}

std::optional<FileFacts> HostTree::facts(const std::string& path) const {
  struct stat found {};
  if (stat(locate(path).c_str(), &found) != 0) return std::nullopt;
  return FileFacts{.owner = found.st_uid,
                   .group = found.st_gid,
                   .mode = found.st_mode & 07777U,
                   .is_directory = S_ISDIR(found.st_mode)};
}

std::vector<std::string_view> split_words(std::string_view text) { return split(text, " \t\r\n"); }

bool has_word(std::string_view text, std::string_view word) {
  const std::vector<std::string_view> words = split_words(text);
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string_view> split_lines(std::string_view text) { return split(text, "\n"); }

}  // namespace sluice
