// Events on their way to the file, shown to whoever follows them over the control socket as well. A
// record is formatted once, and only where somebody follows its kind; each follower has a bounded
// queue whose oldest events go first, counted: a slow reader is never waited for. Control thread
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/event_sink.h"
#include "control/store/eve_format.h"

namespace sluice {

/// A set of kinds of events, one bit each.
using EventTypes = std::uint32_t;
inline constexpr std::array<std::string_view, 12> kEventTypeNames{
    "flow", "drop", "stats", "alert", "anomaly", "http",
    "dns",  "tls",  "ssh",   "smtp",  "ftp",     "quic"};
inline constexpr EventTypes kEventTypesAll = (1U << kEventTypeNames.size()) - 1;
/// An unknown name is an error with the nearest one.
[[nodiscard]] Result<EventTypes> event_types(std::span<const std::string> names);

/// What a follower is shown next: how many of its events were passed over, then one event. Either
/// may be missing, not both.
struct FollowedEvent {
  std::uint64_t lost = 0;
  std::shared_ptr<const std::string> event;  ///< one JSON object, no newline
};

class EventFollowers final : public EventSink {
 public:
  /// Everything goes on to `next`, which outlives the object.
  EventFollowers(EventSink& next, const EveContext& context);

  /// `name` is the request that follows; at most kFollowersMax, and kFollowersOfUser of one user.
  [[nodiscard]] Status follow(std::string name, std::uint32_t uid, EventTypes types);
  void unfollow(std::string_view name) noexcept;
  [[nodiscard]] bool is_following(std::string_view name) const noexcept;
  /// Taken from the front of its queue; nothing where it has seen everything.
  [[nodiscard]] std::optional<FollowedEvent> take(std::string_view name);

  void flow(const FlowRecord& record) noexcept override;
  void drop(const DropRecord& record) noexcept override;
  void inspection(const InspectRecord& record) noexcept override;
  void stats(const StatsSnapshot& snapshot) noexcept override;
  void end_turn(TimeNs now) noexcept override;
  [[nodiscard]] EventCounts counts() const noexcept override { return next_.counts(); }

  void use_mode(Mode mode) noexcept { formatter_.use_mode(mode); }
  void use_rules(std::shared_ptr<const RuleTextIndex> rules) noexcept {
    formatter_.use_rules(std::move(rules));
  }
  [[nodiscard]] std::size_t size() const noexcept { return followers_.size(); }
  /// Events that any follower was not shown, ever.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

  static constexpr std::size_t kFollowersMax = 16;
  static constexpr std::size_t kFollowersOfUser = 4;
  static constexpr std::size_t kQueueBytesMax = 1U << 20;  ///< of each follower
  /// Formatted in 50 ms at most; what is beyond counts as lost for whoever follows it.
  static constexpr std::uint32_t kLinesPerWindow = 2000;
  static constexpr DurationNs kWindow = 50 * kNsPerMs;

 private:
  struct Follower {
    std::string name;
    std::uint32_t uid = 0;
    EventTypes types = 0;
    std::deque<FollowedEvent> queue;  ///< each with what was lost in front of it
    std::size_t bytes = 0;
    std::uint64_t lost_behind = 0;  ///< what was lost behind the last of the queue
  };
  template <class Format>
  void show(EventTypes type, std::size_t bytes_max, Format&& format) noexcept;
  void queue_for(Follower& follower, const std::shared_ptr<const std::string>& event);
  [[nodiscard]] Follower* find(std::string_view name) noexcept;

  EventSink& next_;
  EveFormatter formatter_;
  std::vector<Follower> followers_;
  EventTypes wanted_ = 0;  ///< by any follower
  std::vector<char> buffer_;
  std::uint32_t lines_left_ = kLinesPerWindow;
  TimeNs window_started_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace sluice
