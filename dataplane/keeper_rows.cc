#include "dataplane/keeper_rows.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr unsigned kWorkerShift = 48;
constexpr std::uint64_t kSlotMask = (1ULL << kWorkerShift) - 1;

std::uint64_t cursor_of(std::size_t worker, std::uint32_t slot) {
  return std::uint64_t{worker} << kWorkerShift | slot;
}

std::uint64_t bytes_of(const FlowRecord& record) { return record.bytes[0] + record.bytes[1]; }

}  // namespace

Status RowRequests::take(RequestKind kind, std::uint64_t number, std::span<const std::byte> body) {
  auto query = decode_as<RowQuery>(body);
  if (!query) return tl::unexpected<Error>(query.error());
  if (query->largest && kind != RequestKind::list_flows) {
    return fail(ErrorKind::invalid, "request: only flows can be asked for by size");
  }
  if (waiting_.size() >= kRowRequestsMax) {
    return fail(ErrorKind::limit,
                fmt::format("request: {} lists are waiting already, ask later", waiting_.size()));
  }
  waiting_.push_back({kind, number, *query});
  return {};
}

void RowRequests::forget_all() noexcept {
  waiting_.clear();
  if (at_work_) at_work_->is_forgotten = true;
}

void RowRequests::start() {
  at_work_ = std::move(waiting_.front());
  waiting_.pop_front();
  flows_ = {};
  sources_ = {};
  next_ = 0;
  if (at_work_->query.largest) {
    worker_ = 0;
    for (RequestSeat* seat : seats_) seat->ask(at_work_->kind, at_work_->query, 0);
    return;
  }
  worker_ = at_work_->query.cursor >> kWorkerShift;
  slot_ = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(at_work_->query.cursor & kSlotMask, kNoSlot));
  if (worker_ < seats_.size()) ask_next();
}

void RowRequests::ask_next() {
  RowQuery query = at_work_->query;
  query.most -= static_cast<std::uint32_t>(rows());
  seats_[worker_]->ask(at_work_->kind, query, slot_);
}

void RowRequests::collect(RequestSeat& seat) {
  flows_.rows.insert(flows_.rows.end(), seat.flows().begin(), seat.flows().end());
  sources_.rows.insert(sources_.rows.end(), seat.sources().begin(), seat.sources().end());
  slot_ = seat.next_slot();
  seat.close();
}

// Both are false while a worker is at it.
bool RowRequests::is_page_collected() {
  if (worker_ >= seats_.size()) return true;
  if (!seats_[worker_]->is_answered()) return false;
  collect(*seats_[worker_]);
  if (slot_ != kNoSlot) {
    next_ = cursor_of(worker_, slot_);
    return true;
  }
  if (++worker_ == seats_.size()) return true;
  slot_ = 0;
  if (rows() >= at_work_->query.most || at_work_->is_forgotten) {
    next_ = cursor_of(worker_, slot_);
    return true;
  }
  ask_next();
  return false;
}

bool RowRequests::are_largest_collected() {
  for (; worker_ < seats_.size(); ++worker_) {
    if (!seats_[worker_]->is_answered()) return false;
    collect(*seats_[worker_]);
  }
  std::ranges::stable_sort(flows_.rows, std::greater{}, bytes_of);
  if (flows_.rows.size() > at_work_->query.most) flows_.rows.resize(at_work_->query.most);
  return true;
}

std::optional<RowAnswer> RowRequests::turn() {
  if (!at_work_ && !waiting_.empty()) start();
  if (!at_work_) return std::nullopt;
  if (!(at_work_->query.largest ? are_largest_collected() : is_page_collected())) {
    return std::nullopt;
  }
  const Asked asked = *std::exchange(at_work_, std::nullopt);
  if (asked.is_forgotten) return std::nullopt;
  flows_.next = sources_.next = next_;
  const bool is_flows = asked.kind == RequestKind::list_flows;
  return RowAnswer{asked.number, asked.kind, is_flows ? encode(flows_) : encode(sources_)};
}

}  // namespace sluice
