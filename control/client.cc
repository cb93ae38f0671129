#include "control/client.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace sluice {

Client::Client(int fd, Caller caller, TimeNs now)
    : fd_(fd), caller_(std::move(caller)), active_at_(now) {}

Client::~Client() { close(fd_); }

bool Client::read_some(TimeNs now) {
  std::array<char, kReadBytes> bytes;
  const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  active_at_ = now;
  input_.erase(0, std::exchange(taken_, 0));
  if (input_.empty()) partial_at_ = now;
  const std::size_t before = input_.size();
  input_.append(bytes.data(), static_cast<std::size_t>(got));
  find_line_end(has_line() ? 0 : before);
  return true;
}

void Client::find_line_end(std::size_t from) noexcept { line_end_ = input_.find('\n', from); }

std::optional<std::string_view> Client::next_line() {
  if (!has_line()) return {};
  const std::string_view line = std::string_view(input_).substr(taken_, line_end_ - taken_);
  taken_ = line_end_ + 1;
  find_line_end(taken_);
  // The rest came with this line or after it: it is as old as the last bytes at most.
  partial_at_ = active_at_;
  return line;
}

bool Client::is_line_too_long() const noexcept {
  const std::size_t end = has_line() ? line_end_ : input_.size();
  return end - taken_ > kRequestLineBytesMax;
}

std::optional<TimeNs> Client::partial_since() const noexcept {
  if (has_line() || input_.size() == taken_) return {};
  return partial_at_;
}

bool Client::try_queue(std::string_view line) {
  if (bytes_queued() + line.size() > kQueueBytesMax) return false;
  output_.erase(0, std::exchange(sent_, 0));
  output_ += line;
  return true;
}

bool Client::flush(TimeNs now) {
  while (bytes_queued() > 0) {
    const ssize_t sent = send(fd_, output_.data() + sent_, bytes_queued(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    active_at_ = now;
    sent_ += static_cast<std::size_t>(sent);
  }
  output_.clear();
  sent_ = 0;
  return true;
}

}  // namespace sluice
