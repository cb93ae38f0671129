// The control thread's end of the channel: publishes policies and carries requests to the wire
// process, one answer each, with a bound on how long an answer is waited for. Control thread only;
// nothing blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/channel.h"

namespace sluice {

class KeeperLink {
 public:
  /// The generation that every worker obeys now, or why the policy was not taken.
  using Published = std::function<void(Result<std::uint64_t>)>;
  using Replied = std::function<void(Result<SealedView>)>;

  explicit KeeperLink(Channel channel) noexcept : channel_(std::move(channel)) {}

  /// Gives `settings` the next generation and sends them, with the rest as `Channel::try_publish`
  /// takes it. Policies are in force in the order in which they were asked
  /// for; `published` is called once, never from within this call.
  void publish(const PolicySettings& settings, OwnedFd lists, OwnedFd rules, Published published,
               RuleOverrides overrides = {}, std::vector<SetContents> live_sets = {});
  /// Requests are answered in any order, and changes of blocks sent before lists of rows; `replied`
  /// is called once, never from within this call.
  void request(RequestKind kind, std::vector<std::byte> body, Replied replied);
  /// The same with a body that is sealed already.
  void request(RequestKind kind, OwnedFd sealed, Replied replied);

  /// Sends what waits, gives up what waited too long (unavailable). Once per turn of the loop.
  void turn(TimeNs now);
  /// A message that concerns this link: hello, ack, refused, reply, denied.
  void obey(const Message& message, TimeNs now);

  /// In force as far as the keeper has told; 0 before its hello.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] bool is_greeted() const noexcept { return generation_ != 0; }
  [[nodiscard]] Channel& channel() noexcept { return channel_; }

 private:
  struct Publication {
    PolicySettings settings;
    OwnedFd lists;
    OwnedFd rules;
    Published published;
    TimeNs asked = 0;
    bool is_sent = false;
    RuleOverrides overrides;
    std::vector<SetContents> live_sets;
  };
  struct Asked {
    RequestKind kind = {};
    std::vector<std::byte> body;
    OwnedFd sealed;  ///< in place of `body`
    Replied replied;
    TimeNs asked = 0;
    bool is_sent = false;
  };
  void send_publication(TimeNs now);
  void send_requests(TimeNs now, bool are_changes);
  [[nodiscard]] Result<bool> try_send(Asked& asked, std::uint64_t number);
  void end_publication(Result<std::uint64_t> result);
  void end_request(std::uint64_t number, Result<SealedView> result);
  void give_up_late(TimeNs now);

  Channel channel_;
  std::uint64_t generation_ = 0;
  std::uint64_t next_generation_ = 0;
  std::uint64_t next_request_ = 1;
  std::deque<Publication> publications_;  ///< the first may be sent and wait for its ack
  std::map<std::uint64_t, Asked> requests_;
};

}  // namespace sluice
