#include "control/event_followers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/suggest.h"
#include "control/store/eve_words.h"

namespace sluice {
namespace {

constexpr EventTypes kFlow = 1, kDrop = 2, kStats = 4;
constexpr EventTypes kInspections = kEventTypesAll & ~(kFlow | kDrop | kStats);
// What an event costs beside its text: its places in the queue and on the heap.
constexpr std::size_t kEventOverheadBytes = 96;

/// 0 where the record makes no event.
EventTypes type_of(const InspectRecord& record) noexcept {
  const auto* const found =
      std::find(kEventTypeNames.begin(), kEventTypeNames.end(), event_type_of(record));
  return found == kEventTypeNames.end() ? 0 : 1U << (found - kEventTypeNames.begin());
}

std::size_t cost_of(const FollowedEvent& followed) noexcept {
  return followed.event->size() + kEventOverheadBytes;
}

}  // namespace

Result<EventTypes> event_types(std::span<const std::string> names) {
  EventTypes types = 0;
  for (const std::string& name : names) {
    const auto* const found = std::find(kEventTypeNames.begin(), kEventTypeNames.end(), name);
    if (found == kEventTypeNames.end()) {
      const std::string_view near = nearest_word(name, kEventTypeNames);
      return fail(ErrorKind::invalid,
                  fmt::format("types: no events of type '{}': {}",
                              escape_control(name.substr(0, 64)), fmt::join(kEventTypeNames, ", ")),
                  near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
    types |= 1U << (found - kEventTypeNames.begin());
  }
  return types == 0 ? kEventTypesAll : types;
}

EventFollowers::EventFollowers(EventSink& next, const EveContext& context)
    : next_(next), formatter_(context), buffer_(kEveStatsBytesMax) {}

Status EventFollowers::follow(std::string name, std::uint32_t uid, EventTypes types) {
  if (followers_.size() >= kFollowersMax) {
    return fail(ErrorKind::limit,
                fmt::format("events.follow: {} follow already, which is all there may be",
                            followers_.size()));
  }
  if (std::ranges::count(followers_, uid, &Follower::uid) >=
      static_cast<std::ptrdiff_t>(kFollowersOfUser)) {
    return fail(ErrorKind::limit,
                fmt::format("events.follow: {} of this user follow already, which is all that one "
                            "user can have",
                            kFollowersOfUser),
                "close one, or try again");
  }
  Follower& follower = followers_.emplace_back();
  follower.name = std::move(name);
  follower.uid = uid;
  follower.types = types;
  wanted_ |= types;
  return {};
}

void EventFollowers::unfollow(std::string_view name) noexcept {
  std::erase_if(followers_, [name](const Follower& one) { return one.name == name; });
  wanted_ = 0;
  for (const Follower& one : followers_) wanted_ |= one.types;
}

EventFollowers::Follower* EventFollowers::find(std::string_view name) noexcept {
  const auto found = std::find_if(followers_.begin(), followers_.end(),
                                  [name](const Follower& one) { return one.name == name; });
  return found == followers_.end() ? nullptr : &*found;
}

bool EventFollowers::is_following(std::string_view name) const noexcept {
  return std::any_of(followers_.begin(), followers_.end(),
                     [name](const Follower& one) { return one.name == name; });
}

std::optional<FollowedEvent> EventFollowers::take(std::string_view name) {
  Follower* follower = find(name);
  if (follower == nullptr) return {};
  if (follower->queue.empty()) {
    if (follower->lost_behind == 0) return {};
    return FollowedEvent{std::exchange(follower->lost_behind, 0), nullptr};
  }
  FollowedEvent first = std::move(follower->queue.front());
  follower->queue.pop_front();
  follower->bytes -= cost_of(first);
  return first;
}

void EventFollowers::queue_for(Follower& follower,
                               const std::shared_ptr<const std::string>& event) {
  follower.queue.push_back({std::exchange(follower.lost_behind, 0), event});
  follower.bytes += cost_of(follower.queue.back());
  while (follower.bytes > kQueueBytesMax && follower.queue.size() > 1) {
    const FollowedEvent oldest = std::move(follower.queue.front());
    follower.queue.pop_front();
    follower.bytes -= cost_of(oldest);
    follower.queue.front().lost += oldest.lost + 1;
    ++lost_;
  }
}

template <class Format>
void EventFollowers::show(EventTypes type, std::size_t bytes_max, Format&& format) noexcept {
  std::shared_ptr<const std::string> event;
  if (lines_left_ > 0) {
    --lines_left_;
    const std::size_t bytes = format(std::span<char>(buffer_).first(bytes_max));
    if (bytes > 0) event = std::make_shared<const std::string>(buffer_.data(), bytes - 1);
  }
  for (Follower& follower : followers_) {
    if ((follower.types & type) == 0) continue;
    if (event != nullptr) {
      queue_for(follower, event);
    } else {
      ++follower.lost_behind;
      ++lost_;
    }
  }
}

void EventFollowers::flow(const FlowRecord& record) noexcept {
  next_.flow(record);
  if ((wanted_ & kFlow) == 0) return;
  show(kFlow, kEveLineBytesMax,
       [&](std::span<char> into) { return formatter_.flow(record, into); });
}

void EventFollowers::drop(const DropRecord& record) noexcept {
  next_.drop(record);
  if ((wanted_ & kDrop) == 0) return;
  show(kDrop, kEveLineBytesMax,
       [&](std::span<char> into) { return formatter_.drop(record, into); });
}

void EventFollowers::inspection(const InspectRecord& record) noexcept {
  next_.inspection(record);
  if ((wanted_ & kInspections) == 0) return;
  const EventTypes type = type_of(record);
  if ((wanted_ & type) == 0) return;
  show(type, kEveInspectBytesMax,
       [&](std::span<char> into) { return formatter_.inspection(record, into); });
}

void EventFollowers::stats(const StatsSnapshot& snapshot) noexcept {
  next_.stats(snapshot);
  if ((wanted_ & kStats) == 0) return;
  show(kStats, kEveStatsBytesMax,
       [&](std::span<char> into) { return formatter_.stats(snapshot, into); });
}

void EventFollowers::end_turn(TimeNs now) noexcept {
  next_.end_turn(now);
  if (now < window_started_ + kWindow) return;
  window_started_ = now;
  lines_left_ = kLinesPerWindow;
}

}  // namespace sluice
