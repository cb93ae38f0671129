#include "control/synced_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dataplane/sealed_memory.h"

namespace sluice {

Status write_synced(const std::string& path, std::span<const std::byte> bytes) {
  const auto failed = [&path] {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  };
  OwnedFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.is_open()) return failed();
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(file.fd()) != 0) return failed();
  return {};
}

}  // namespace sluice
