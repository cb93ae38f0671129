#include "dataplane/io/link_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr DurationNs kQuietMin = 100 * kNsPerMs;
constexpr DurationNs kQuietMax = 10 * kNsPerSecond;
constexpr DurationNs kFlapMemory = 60 * kNsPerSecond;
constexpr std::uint32_t kFlapsMax = 7;
// An interface that was just made or just got an XDP program has no link for up to a second.
constexpr DurationNs kSettleTime = 3 * kNsPerSecond;

DurationNs quiet_time(std::uint32_t flaps) {
  return std::min(kQuietMin << std::min(flaps, kFlapsMax), kQuietMax);
}

}  // namespace

LinkFollower::LinkFollower(std::vector<bool> follows) : links_(follows.size()) {
  for (std::size_t i = 0; i < follows.size(); ++i) links_[i].follows = follows[i];
}

bool LinkFollower::see(std::size_t port, bool has_carrier, TimeNs now) {
  Link& link = links_[port];
  if (link.is_held_down) return false;
  if (link.has_carrier == has_carrier) {
    link.is_settled = link.is_settled || has_carrier;
    return false;
  }
  const bool is_recent = link.changed != 0 && now - link.changed < kFlapMemory;
  link.flaps = is_recent ? link.flaps + 1 : 0;
  link.has_carrier = has_carrier;
  link.is_settled = link.is_settled || has_carrier;
  link.changed = now;
  return true;
}

// A port without carrier never takes a peer down that has none either: both would hold each other
// down for ever.
std::vector<LinkFollower::Change> LinkFollower::due(TimeNs now) {
  std::vector<Change> changes;
  for (std::size_t port = 0; port < links_.size(); ++port) {
    Link& link = links_[port];
    Link& peer = links_[port ^ 1];
    if (!link.follows || link.is_held_down || link.followed == link.has_carrier) continue;
    if (now < link.changed + (link.is_settled ? quiet_time(link.flaps) : kSettleTime)) continue;
    if (!link.has_carrier && !peer.has_carrier) continue;
    link.followed = link.has_carrier;
    peer.is_held_down = !link.has_carrier;
    changes.push_back({port ^ 1, link.has_carrier});
  }
  return changes;
}

Result<std::unique_ptr<LinkWatch>> LinkWatch::create(std::vector<int> interfaces) {
  std::unique_ptr<LinkWatch> watch(new LinkWatch);
  watch->interfaces_ = std::move(interfaces);
  watch->socket_.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(watch->socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorKind::io,
                fmt::format("link watch: no rtnetlink socket: {}", std::strerror(errno)));
  }
  if (auto asked = watch->ask_for_all(); !asked) return tl::unexpected<Error>(asked.error());
  return watch;
}

/// Also after messages were lost: the answer holds the state of every interface.
Status LinkWatch::ask_for_all() {
  struct {
    nlmsghdr header;
    ifinfomsg body;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.ifi_family = AF_UNSPEC;
  if (send(socket_.fd(), &request, request.header.nlmsg_len, 0) >= 0) return {};
  return fail(ErrorKind::io,
              fmt::format("link watch: cannot ask for links: {}", std::strerror(errno)));
}

void LinkWatch::drain(const std::function<void(std::size_t port, bool has_carrier)>& seen) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  while (true) {
    const ssize_t received = recv(socket_.fd(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == ENOBUFS) {
      if (!ask_for_all()) return;
      continue;
    }
    if (received <= 0) return;
    auto left = static_cast<unsigned>(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != RTM_NEWLINK) continue;
      if (message->nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) continue;
      const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
      const auto found = std::ranges::find(interfaces_, link->ifi_index);
      if (link->ifi_index == 0 || found == interfaces_.end()) continue;
      seen(static_cast<std::size_t>(found - interfaces_.begin()),
           (link->ifi_flags & IFF_LOWER_UP) != 0);
    }
  }
}

}  // namespace sluice
