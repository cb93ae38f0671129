#include "dataplane/sealed_memory.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

void OwnedFd::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<OwnedFd> make_memfd(const char* name) {
  OwnedFd memfd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd.is_open()) {
    return fail(ErrorKind::io, fmt::format("cannot make shared memory: {}", std::strerror(errno)));
  }
  return memfd;
}

Status write_and_seal(int memfd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(memfd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return fail(ErrorKind::io,
                  fmt::format("cannot write shared memory: {}", std::strerror(errno)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (fcntl(memfd, F_ADD_SEALS, kSeals) != 0) {
    return fail(ErrorKind::io, fmt::format("cannot seal shared memory: {}", std::strerror(errno)));
  }
  return {};
}

Result<SealedView> SealedView::map(int memfd, std::size_t bytes_max) {
  if (const int seals = fcntl(memfd, F_GET_SEALS); seals < 0 || (seals & kSeals) != kSeals) {
    return fail(ErrorKind::invalid, "shared memory is not sealed");
  }
  struct stat status {};
  if (fstat(memfd, &status) != 0 || status.st_size <= 0) {
    return fail(ErrorKind::invalid, "shared memory is empty");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > bytes_max) {
    return fail(
        ErrorKind::invalid,
        fmt::format("shared memory has {} bytes, above the largest of {}", size, bytes_max));
  }
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, memfd, 0);
  if (address == MAP_FAILED) {
    return fail(ErrorKind::io, fmt::format("cannot map shared memory: {}", std::strerror(errno)));
  }
  return SealedView({static_cast<const std::byte*>(address), size});
}

SealedView::~SealedView() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace sluice
