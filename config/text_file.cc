#include "config/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/units.h"

namespace sluice {
namespace {

tl::unexpected<Error> cannot_read() {
  return fail(ErrorKind::io, fmt::format("cannot be read: {}", std::strerror(errno)));
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) noexcept
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  const OpenFile file(path);
  if (file.fd() < 0) return cannot_read();
  std::string text;
  std::array<char, 65'536> chunk;
  while (true) {
    const ssize_t got = ::read(file.fd(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read();
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      return fail(ErrorKind::limit, fmt::format("is larger than {}", print_bytes(bytes_max)));
    }
  }
}

}  // namespace sluice
