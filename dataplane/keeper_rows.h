// Lists of flows and sources for the control process: each request goes to one worker after the
// other (or, for the largest, to all at once), and what they show becomes one reply. One request is
// worked on at a time, the others wait in order. Keeper thread; nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/requests.h"
#include "dataplane/worker_requests.h"

namespace sluice {

inline constexpr std::size_t kRowRequestsMax = 64;

struct RowAnswer {
  std::uint64_t number = 0;
  RequestKind kind = {};
  std::vector<std::byte> body;
};

class RowRequests {
 public:
  /// One seat per worker, in their order; they outlive the requests.
  explicit RowRequests(std::span<RequestSeat* const> seats) : seats_(seats.begin(), seats.end()) {}

  /// `body` is an encoded RowQuery. Errors: invalid; limit, where too many wait.
  [[nodiscard]] Status take(RequestKind kind, std::uint64_t number,
                            std::span<const std::byte> body);
  /// Once per turn: the next answer that is ready.
  [[nodiscard]] std::optional<RowAnswer> turn();
  [[nodiscard]] bool is_waiting() const noexcept { return at_work_ || !waiting_.empty(); }
  /// Whoever asked is gone. What a worker is at is finished and thrown away.
  void forget_all() noexcept;

 private:
  struct Asked {
    RequestKind kind = {};
    std::uint64_t number = 0;
    RowQuery query;
    bool is_forgotten = false;
  };
  void start();
  void ask_next();
  [[nodiscard]] bool is_page_collected();
  [[nodiscard]] bool are_largest_collected();
  void collect(RequestSeat& seat);
  [[nodiscard]] std::size_t rows() const noexcept {
    return flows_.rows.size() + sources_.rows.size();
  }

  std::vector<RequestSeat*> seats_;
  std::deque<Asked> waiting_;
  std::optional<Asked> at_work_;
  std::size_t worker_ = 0;  ///< asked now; for the largest, the first that has not answered
  std::uint32_t slot_ = 0;
  std::uint64_t next_ = 0;
  FlowRows flows_;
  SourceRows sources_;
};

}  // namespace sluice
