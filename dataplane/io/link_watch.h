// Follows the carrier of kernel interfaces through rtnetlink and, where the pair asks for it, takes
// the peer down with a port that lost its link, so that the neighbours on both sides notice. DPDK's
// drivers of such ports do not report links. Keeper thread; nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

/// Decides, and does nothing else: time and carrier come in, what to set comes out.
class LinkFollower {
 public:
  struct Change {
    std::size_t port = 0;
    bool up = false;
    friend bool operator==(const Change&, const Change&) noexcept = default;
  };
  /// `follows[i]`: port i takes its peer `i ^ 1` down. All links count as up before the first
  /// sight.
  explicit LinkFollower(std::vector<bool> follows);

  /// True where that is news; what a port does that was taken down here never is.
  bool see(std::size_t port, bool has_carrier, TimeNs now);
  /// What is to be set now. A link has to be quiet for a while before it is followed: 100 ms, twice
  /// as long after each change within the last minute, at most 10 s; 3 s before it was ever up.
  [[nodiscard]] std::vector<Change> due(TimeNs now);
  [[nodiscard]] bool has_carrier(std::size_t port) const noexcept {
    return links_[port].has_carrier;
  }

 private:
  struct Link {
    bool follows = false;
    bool has_carrier = true;
    bool is_settled = false;    ///< was seen with carrier at least once
    bool followed = true;       ///< the state that the peer was last set to
    bool is_held_down = false;  ///< taken down by us: its own carrier says nothing
    std::uint32_t flaps = 0;
    TimeNs changed = 0;
  };
  std::vector<Link> links_;
};

class LinkWatch {
 public:
  /// `interfaces`: kernel index by port; 0 = not a kernel port.
  [[nodiscard]] static Result<std::unique_ptr<LinkWatch>> create(std::vector<int> interfaces);
  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
  /// Reads what the kernel reported: calls `seen(port, has_carrier)` for each message about a port.
  void drain(const std::function<void(std::size_t port, bool has_carrier)>& seen);

 private:
  LinkWatch() = default;
  [[nodiscard]] Status ask_for_all();
  OwnedFd socket_;
  std::vector<int> interfaces_;
};

}  // namespace sluice
