// How the keeper and the control process talk: small fixed-size messages over a UNIX seqpacket
// socket, bulk as a sealed memfd that travels with its message; and the same over memory for
// replays and tests. Part of the door: no DPDK here. Each end belongs to one thread; nothing
// blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dataplane/policy_parts.h"
#include "dataplane/requests.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

inline constexpr std::uint32_t kChannelVersion = 6;
inline constexpr std::size_t kMessageTextMax = 255;

/// The descriptors that the control process finds open when it starts.
inline constexpr int kControlChannelFd = 3;
inline constexpr int kControlWindowFd = 4;
inline constexpr int kControlTailsFd = 5;

enum class MessageKind : std::uint32_t {
  hello = 1,       ///< first message of either end; generation = the policy in force
  publish_policy,  ///< control -> keeper, with settings; lists and rules where they are others
  ack,             ///< keeper -> control: every worker obeys this generation
  refused,         ///< keeper -> control: this generation was not taken, text says why
  ping,            ///< keeper -> control, answered by
  pong,
  stop,     ///< keeper -> control: finish what you do and exit
  request,  ///< control -> keeper, with a body; generation = the request's number
  reply,    ///< keeper -> control, with a body; generation = that of its request
  denied,   ///< keeper -> control: this request was not carried out, text says why
};

struct Message {
  MessageKind kind = MessageKind::hello;
  std::uint64_t generation = 0;
  std::string text = {};     ///< at most kMessageTextMax bytes are sent
  OwnedFd bulk = {};         ///< sealed memfd; with publish_policy, request and reply only
  RequestKind request = {};  ///< with request and reply
  OwnedFd lists = {};        ///< another sealed memfd; with publish_policy only
  OwnedFd rules = {};        ///< the same
};

class Channel {
 public:
  /// Two connected ends over a socket pair: the first for the keeper, the second for the control
  /// process, which inherits its descriptor.
  [[nodiscard]] static Result<std::pair<Channel, Channel>> make_socket_pair();
  /// Two connected ends in memory.
  [[nodiscard]] static std::pair<Channel, Channel> make_memory_pair();
  /// Takes over an inherited descriptor; invalid where it is no seqpacket socket.
  [[nodiscard]] static Result<Channel> adopt(int fd);

  /// False = the other end is slow and the queue is full: the message was not sent, try later.
  /// Errors: unavailable when the other end is gone.
  [[nodiscard]] Result<bool> try_send(const Message& message);
  /// `publish_policy` with the generation of `settings`. `lists` is a sealed memfd of
  /// `encode_lists` and `rules` one of `encode_ruleset`, which are passed on as they are: a million
  /// prefixes cost no more than one. Not open: those in force stay.
  [[nodiscard]] Result<bool> try_publish(const PolicySettings& settings, const OwnedFd& lists,
                                         const OwnedFd& rules, const RuleOverrides& overrides = {},
                                         const std::vector<SetContents>& live_sets = {});
  /// A request or its reply, with `body` in a sealed memfd.
  [[nodiscard]] Result<bool> try_send_body(MessageKind kind, RequestKind request,
                                           std::uint64_t number, std::span<const std::byte> body);
  /// Empty = nothing waits. Errors: unavailable when the other end is gone, invalid for a message
  /// that no honest peer sends (it is consumed; the caller may go on or hang up).
  [[nodiscard]] Result<std::optional<Message>> try_receive();

  /// For poll; -1 in memory.
  [[nodiscard]] int fd() const noexcept;
  /// Gives the descriptor away (to be inherited by a child); this end is dead afterwards.
  [[nodiscard]] int release_fd() noexcept;

 private:
  struct MemoryLink;
  struct MemoryEnd {
    std::shared_ptr<MemoryLink> link;
    unsigned side = 0;
    MemoryEnd(std::shared_ptr<MemoryLink> l, unsigned s) noexcept : link(std::move(l)), side(s) {}
    MemoryEnd(MemoryEnd&&) noexcept = default;
    MemoryEnd& operator=(MemoryEnd&&) noexcept;
    ~MemoryEnd();
    void close() noexcept;
  };

  explicit Channel(OwnedFd socket) noexcept : end_(std::move(socket)) {}
  explicit Channel(MemoryEnd end) noexcept : end_(std::move(end)) {}

  std::variant<OwnedFd, MemoryEnd> end_;
};

/// The body that came with a request or reply, mapped. Errors: invalid.
[[nodiscard]] Result<SealedView> body_of(const Message& message);
/// What came with a `publish_policy`, with the generation of the message. Errors: invalid.
[[nodiscard]] Result<PolicyParts> parts_of(const Message& message);

}  // namespace sluice
