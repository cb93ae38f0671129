#include "control/keeper_link.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

// A policy with a million prefixes is built within a second; a keeper that takes longer is stuck.
constexpr DurationNs kPublishWithin = 20 * kNsPerSecond;
constexpr DurationNs kReplyWithin = 5 * kNsPerSecond;

tl::unexpected<Error> late(std::string_view what, DurationNs within) {
  return fail(ErrorKind::unavailable, fmt::format("{}: no answer from the wire process within {} s",
                                                  what, within / kNsPerSecond));
}

}  // namespace

void KeeperLink::publish(const PolicySettings& settings, OwnedFd lists, OwnedFd rules,
                         Published published, RuleOverrides overrides,
                         std::vector<SetContents> live_sets) {
  publications_.push_back({settings, std::move(lists), std::move(rules), std::move(published), 0,
                           false, std::move(overrides), std::move(live_sets)});
}

void KeeperLink::request(RequestKind kind, std::vector<std::byte> body, Replied replied) {
  requests_.emplace(next_request_++,
                    Asked{kind, std::move(body), {}, std::move(replied), 0, false});
}

void KeeperLink::request(RequestKind kind, OwnedFd sealed, Replied replied) {
  requests_.emplace(next_request_++,
                    Asked{kind, {}, std::move(sealed), std::move(replied), 0, false});
}

void KeeperLink::turn(TimeNs now) {
  if (is_greeted()) {
    send_publication(now);
    send_requests(now, true);
    send_requests(now, false);
  }
  give_up_late(now);
}

// One at a time: the keeper refuses what was overtaken, and everyone is to get an answer.
void KeeperLink::send_publication(TimeNs now) {
  if (publications_.empty() || publications_.front().is_sent) return;
  Publication& first = publications_.front();
  if (first.asked == 0) first.asked = now;
  next_generation_ = std::max(next_generation_, generation_) + 1;
  first.settings.generation = next_generation_;
  auto sent = channel_.try_publish(first.settings, first.lists, first.rules, first.overrides,
                                   first.live_sets);
  if (!sent) return end_publication(tl::unexpected<Error>(sent.error()));
  first.is_sent = *sent;
  if (!first.is_sent) return;
  first.lists.reset();
  first.rules.reset();
}

void KeeperLink::send_requests(TimeNs now, bool are_changes) {
  std::vector<std::pair<std::uint64_t, Error>> failed;
  for (auto& [number, asked] : requests_) {
    if (asked.is_sent || (asked.kind == RequestKind::change_blocks) != are_changes) continue;
    if (asked.asked == 0) asked.asked = now;
    auto sent = try_send(asked, number);
    if (!sent) {
      failed.emplace_back(number, sent.error());
      continue;
    }
    if (!*sent) break;
    asked.is_sent = true;
    asked.body = {};
    asked.sealed.reset();
  }
  for (auto& [number, error] : failed) end_request(number, tl::unexpected<Error>(std::move(error)));
}

Result<bool> KeeperLink::try_send(Asked& asked, std::uint64_t number) {
  if (!asked.sealed.is_open()) {
    return channel_.try_send_body(MessageKind::request, asked.kind, number, asked.body);
  }
  Message message{.kind = MessageKind::request, .generation = number, .request = asked.kind};
  message.bulk = std::move(asked.sealed);
  auto sent = channel_.try_send(message);
  asked.sealed = std::move(message.bulk);
  return sent;
}

void KeeperLink::obey(const Message& message, TimeNs) {
  switch (message.kind) {
    case MessageKind::hello:
      generation_ = message.generation;
      return;
    case MessageKind::ack:
      generation_ = message.generation;
      if (!publications_.empty() && publications_.front().is_sent &&
          publications_.front().settings.generation == message.generation) {
        end_publication(message.generation);
      }
      return;
    case MessageKind::refused:
      if (!publications_.empty() && publications_.front().is_sent &&
          publications_.front().settings.generation == message.generation) {
        end_publication(fail(ErrorKind::invalid, message.text));
      }
      return;
    case MessageKind::denied:
      return end_request(message.generation, fail(ErrorKind::unavailable, message.text));
    case MessageKind::reply:
      return end_request(message.generation, body_of(message));
    case MessageKind::publish_policy:
    case MessageKind::ping:
    case MessageKind::pong:
    case MessageKind::stop:
    case MessageKind::request:
      return;
  }
}

void KeeperLink::end_publication(Result<std::uint64_t> result) {
  Published published = std::move(publications_.front().published);
  publications_.pop_front();
  if (published) published(std::move(result));
}

// An answer that came after it was given up is nobody's any more.
void KeeperLink::end_request(std::uint64_t number, Result<SealedView> result) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return;
  Replied replied = std::move(found->second.replied);
  requests_.erase(found);
  if (replied) replied(std::move(result));
}

void KeeperLink::give_up_late(TimeNs now) {
  if (!publications_.empty()) {
    Publication& first = publications_.front();
    if (first.asked == 0) first.asked = now;
    if (now - first.asked > kPublishWithin) end_publication(late("policy", kPublishWithin));
  }
  std::vector<std::uint64_t> given_up;
  for (auto& [number, asked] : requests_) {
    if (asked.asked == 0) asked.asked = now;
    if (now - asked.asked > kReplyWithin) given_up.push_back(number);
  }
  for (const std::uint64_t number : given_up) end_request(number, late("request", kReplyWithin));
}

}  // namespace sluice
