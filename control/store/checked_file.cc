#include "control/store/checked_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/config_diff.h"
#include "dataplane/sealed_memory.h"

namespace sluice {
namespace {

constexpr std::size_t kDigestDigits = 64;

tl::unexpected<Error> failed(const std::string& path, const char* what) {
  const ErrorKind kind = errno == ENOENT ? ErrorKind::not_found : ErrorKind::io;
  return fail(kind, fmt::format("{}: cannot be {}: {}", path, what, std::strerror(errno)));
}

tl::unexpected<Error> damaged(const std::string& path, const char* what) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", path, what));
}

}  // namespace

Status write_checked_file(const std::string& path, std::span<const std::byte> content) {
  const std::string fresh = path + ".new";
  OwnedFd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.is_open()) return failed(path, "written");
  std::string bytes = digest_of(content);
  bytes.append(reinterpret_cast<const char*>(content.data()), content.size());
  const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
  if (written >= 0 && static_cast<std::size_t>(written) != bytes.size()) errno = ENOSPC;
  if (written < 0 || static_cast<std::size_t>(written) != bytes.size()) {
    auto error = failed(path, "written");
    unlink(fresh.c_str());
    return error;
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) return failed(path, "written");
  return {};
}

Result<std::vector<std::byte>> read_checked_file(const std::string& path) {
  OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return failed(path, "read");
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return failed(path, "read");
  if (!S_ISREG(status.st_mode)) return damaged(path, "is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < kDigestDigits || size > kCheckedFileBytesMax) {
    return damaged(path, "is damaged: it has the wrong length");
  }
  std::vector<std::byte> bytes(size);
  if (read(file.fd(), bytes.data(), size) != status.st_size) return failed(path, "read");
  const std::string digest(reinterpret_cast<const char*>(bytes.data()), kDigestDigits);
  bytes.erase(bytes.begin(), bytes.begin() + kDigestDigits);
  if (digest_of(bytes) != digest) return damaged(path, "is damaged: it has the wrong digest");
  return bytes;
}

}  // namespace sluice
