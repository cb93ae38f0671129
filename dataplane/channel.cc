#include "dataplane/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

constexpr std::size_t kMemoryQueueMax = 64;

/// A message as it stands in the socket.
struct Frame {
  std::uint32_t version;
  std::uint32_t kind;
  std::uint64_t generation;
  std::uint32_t has_bulk;
  std::uint32_t text_bytes;
  std::uint32_t request;
  std::uint32_t has_lists;
  std::uint32_t has_rules;
  std::uint32_t reserved_;
  std::array<char, kMessageTextMax + 1> text;
};
static_assert(sizeof(Frame) == 296 && std::is_trivially_copyable_v<Frame>);

/// What travels beside a frame: those that there are of bulk, lists and rules, in this order.
constexpr std::size_t kDescriptorsMax = 3;
using Descriptors = std::array<OwnedFd, kDescriptorsMax>;

Frame frame_of(const Message& message) {
  Frame frame{};
  frame.version = kChannelVersion;
  frame.kind = static_cast<std::uint32_t>(message.kind);
  frame.generation = message.generation;
  frame.request = static_cast<std::uint32_t>(message.request);
  frame.has_bulk = message.bulk.is_open() ? 1 : 0;
  frame.has_lists = message.lists.is_open() ? 1 : 0;
  frame.has_rules = message.rules.is_open() ? 1 : 0;
  frame.text_bytes = static_cast<std::uint32_t>(std::min(message.text.size(), kMessageTextMax));
  std::memcpy(frame.text.data(), message.text.data(), frame.text_bytes);
  return frame;
}

bool carries_bulk(MessageKind kind) {
  return kind == MessageKind::publish_policy || kind == MessageKind::request ||
         kind == MessageKind::reply;
}

bool is_request_known(MessageKind kind, std::uint32_t request) {
  if (kind != MessageKind::request && kind != MessageKind::reply) return request == 0;
  return request >= static_cast<std::uint32_t>(RequestKind::change_blocks) &&
         request <= static_cast<std::uint32_t>(RequestKind::list_sources);
}

bool has_what_it_says(const Frame& frame, MessageKind kind, const Descriptors& sent) {
  if (frame.has_bulk > 1 || frame.has_lists > 1 || frame.has_rules > 1) return false;
  const auto count = static_cast<std::uint32_t>(std::ranges::count_if(sent, &OwnedFd::is_open));
  const bool has_more = frame.has_lists != 0 || frame.has_rules != 0;
  return count == frame.has_bulk + frame.has_lists + frame.has_rules &&
         (frame.has_bulk == 1) == carries_bulk(kind) &&
         (!has_more || kind == MessageKind::publish_policy);
}

Result<Message> message_of(const Frame& frame, Descriptors sent) {
  if (frame.version != kChannelVersion) {
    return fail(ErrorKind::invalid, fmt::format("channel: the other end speaks version {}, not {}",
                                                frame.version, kChannelVersion));
  }
  if (frame.kind < static_cast<std::uint32_t>(MessageKind::hello) ||
      frame.kind > static_cast<std::uint32_t>(MessageKind::denied)) {
    return fail(ErrorKind::invalid, fmt::format("channel: unknown kind of message {}", frame.kind));
  }
  const auto kind = static_cast<MessageKind>(frame.kind);
  if (frame.text_bytes > kMessageTextMax || !has_what_it_says(frame, kind, sent) ||
      !is_request_known(kind, frame.request)) {
    return fail(ErrorKind::invalid, "channel: a message contradicts itself");
  }
  Message message{.kind = kind,
                  .generation = frame.generation,
                  .text = std::string(frame.text.data(), frame.text_bytes),
                  .request = static_cast<RequestKind>(frame.request)};
  std::size_t taken = 0;
  if (frame.has_bulk != 0) message.bulk = std::move(sent[taken++]);
  if (frame.has_lists != 0) message.lists = std::move(sent[taken++]);
  if (frame.has_rules != 0) message.rules = std::move(sent[taken++]);
  return message;
}

tl::unexpected<Error> gone() {
  return fail(ErrorKind::unavailable, "channel: the other end is gone");
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

Result<bool> send_frame(int socket, const Message& message) {
  Frame frame = frame_of(message);
  iovec vector{&frame, sizeof frame};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  std::array<int, kDescriptorsMax> fds{};
  std::size_t count = 0;
  for (const OwnedFd* fd : {&message.bulk, &message.lists, &message.rules}) {
    if (fd->is_open()) fds[count++] = fd->fd();
  }
  if (count != 0) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), count * sizeof(int));
  }
  while (true) {
    const ssize_t sent = sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(sizeof frame)) return true;
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && would_block(errno)) return false;
    return gone();
  }
}

/// The descriptors that came along, up to as many as there may be. Every other one is closed.
Descriptors take_descriptors(msghdr& header) {
  Descriptors taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      const auto place = std::ranges::find_if_not(taken, &OwnedFd::is_open);
      if (place != taken.end()) {
        place->reset(fd);
      } else {
        close(fd);
      }
    }
  }
  return taken;
}

Result<std::optional<Message>> receive_frame(int socket) {
  Frame frame{};
  iovec vector{&frame, sizeof frame};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0 && would_block(errno)) return std::nullopt;
  if (received <= 0) return gone();
  Descriptors sent = take_descriptors(header);
  if (received != static_cast<ssize_t>(sizeof frame) ||
      (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail(ErrorKind::invalid,
                fmt::format("channel: a message of {} bytes, not {}", received, sizeof frame));
  }
  auto message = message_of(frame, std::move(sent));
  if (!message) return tl::unexpected<Error>(message.error());
  return std::optional<Message>(std::move(*message));
}

OwnedFd duplicate(const OwnedFd& fd) {
  return OwnedFd(fd.is_open() ? fcntl(fd.fd(), F_DUPFD_CLOEXEC, 0) : -1);
}

Descriptors duplicates_of(const Message& message) {
  Descriptors copies;
  std::size_t count = 0;
  for (const OwnedFd* fd : {&message.bulk, &message.lists, &message.rules}) {
    if (fd->is_open()) copies[count++] = duplicate(*fd);
  }
  return copies;
}

}  // namespace

/// Messages keep their socket form, so that both kinds of channel refuse the same ones.
struct Channel::MemoryLink {
  struct Waiting {
    Frame frame;
    Descriptors sent;
  };
  std::mutex mutex;
  std::array<std::deque<Waiting>, 2> queue;  ///< by receiving side
  std::array<bool, 2> is_open{true, true};
};

void Channel::MemoryEnd::close() noexcept {
  if (link == nullptr) return;
  const std::lock_guard lock(link->mutex);
  link->is_open[side] = false;
}
Channel::MemoryEnd::~MemoryEnd() { close(); }
Channel::MemoryEnd& Channel::MemoryEnd::operator=(MemoryEnd&& other) noexcept {
  if (this != &other) {
    close();
    link = std::move(other.link);
    side = other.side;
  }
  return *this;
}

Result<std::pair<Channel, Channel>> Channel::make_socket_pair() {
  std::array<int, 2> fds{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) != 0) {
    return fail(ErrorKind::io, fmt::format("channel: no socket pair: {}", std::strerror(errno)));
  }
  return std::pair(Channel(OwnedFd(fds[0])), Channel(OwnedFd(fds[1])));
}

std::pair<Channel, Channel> Channel::make_memory_pair() {
  auto link = std::make_shared<MemoryLink>();
  return {Channel(MemoryEnd(link, 0)), Channel(MemoryEnd(link, 1))};
}

Result<Channel> Channel::adopt(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    return fail(ErrorKind::invalid,
                fmt::format("channel: descriptor {} is no seqpacket socket", fd));
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return Channel(OwnedFd(fd));
}

Result<bool> Channel::try_send(const Message& message) {
  if (const auto* socket = std::get_if<OwnedFd>(&end_)) return send_frame(socket->fd(), message);
  const auto& end = std::get<MemoryEnd>(end_);
  const std::lock_guard lock(end.link->mutex);
  if (!end.link->is_open[1 - end.side]) return gone();
  auto& queue = end.link->queue[1 - end.side];
  if (queue.size() >= kMemoryQueueMax) return false;
  queue.push_back({frame_of(message), duplicates_of(message)});
  return true;
}

Result<bool> Channel::try_publish(const PolicySettings& settings, const OwnedFd& lists,
                                  const OwnedFd& rules, const RuleOverrides& overrides,
                                  const std::vector<SetContents>& live_sets) {
  auto memfd = make_memfd("sluice-policy");
  if (!memfd) return tl::unexpected<Error>(memfd.error());
  const PolicyParts parts{.settings = settings,
                          .lists = {},
                          .keeps_lists = true,
                          .overrides = overrides,
                          .sets = {},
                          .live_sets = live_sets};
  if (auto written = write_and_seal(memfd->fd(), encode_parts(parts)); !written) {
    return tl::unexpected<Error>(written.error());
  }
  OwnedFd passed = duplicate(lists);
  OwnedFd passed_rules = duplicate(rules);
  if (passed.is_open() != lists.is_open() || passed_rules.is_open() != rules.is_open()) {
    return fail(ErrorKind::io, fmt::format("channel: no descriptor: {}", std::strerror(errno)));
  }
  return try_send({.kind = MessageKind::publish_policy,
                   .generation = settings.generation,
                   .bulk = std::move(*memfd),
                   .lists = std::move(passed),
                   .rules = std::move(passed_rules)});
}

Result<bool> Channel::try_send_body(MessageKind kind, RequestKind request, std::uint64_t number,
                                    std::span<const std::byte> body) {
  auto memfd = make_memfd("sluice-request");
  if (!memfd) return tl::unexpected<Error>(memfd.error());
  if (auto written = write_and_seal(memfd->fd(), body); !written) {
    return tl::unexpected<Error>(written.error());
  }
  return try_send(
      {.kind = kind, .generation = number, .bulk = std::move(*memfd), .request = request});
}

Result<std::optional<Message>> Channel::try_receive() {
  if (const auto* socket = std::get_if<OwnedFd>(&end_)) return receive_frame(socket->fd());
  const auto& end = std::get<MemoryEnd>(end_);
  MemoryLink::Waiting waiting;
  {
    const std::lock_guard lock(end.link->mutex);
    auto& queue = end.link->queue[end.side];
    if (queue.empty()) {
      if (!end.link->is_open[1 - end.side]) return gone();
      return std::nullopt;
    }
    waiting = std::move(queue.front());
    queue.pop_front();
  }
  auto message = message_of(waiting.frame, std::move(waiting.sent));
  if (!message) return tl::unexpected<Error>(message.error());
  return std::optional<Message>(std::move(*message));
}

int Channel::fd() const noexcept {
  const auto* socket = std::get_if<OwnedFd>(&end_);
  return socket == nullptr ? -1 : socket->fd();
}

int Channel::release_fd() noexcept {
  auto* socket = std::get_if<OwnedFd>(&end_);
  return socket == nullptr ? -1 : socket->release();
}

Result<SealedView> body_of(const Message& message) {
  return SealedView::map(message.bulk.fd(), kRequestBytesMax);
}

Result<PolicyParts> parts_of(const Message& message) {
  auto view = SealedView::map(message.bulk.fd(), kPartsBytesMax);
  if (!view) return tl::unexpected<Error>(view.error());
  auto parts = decode_parts(view->bytes());
  if (!parts) return parts;
  if (parts->settings.generation != message.generation) {
    return fail(ErrorKind::invalid, "policy parts: another generation than their message says");
  }
  if (!parts->keeps_lists) {
    return fail(ErrorKind::invalid, "policy parts: lists among the settings: beside them would do");
  }
  if (!message.lists.is_open()) return parts;
  auto lists_view = SealedView::map(message.lists.fd(), kPartsBytesMax);
  if (!lists_view) return with_context("policy lists", lists_view.error());
  auto lists = decode_lists(lists_view->bytes());
  if (!lists) return tl::unexpected<Error>(lists.error());
  parts->lists = std::move(lists->lists);
  parts->sets = std::move(lists->sets);
  parts->keeps_lists = false;
  return parts;
}

}  // namespace sluice
