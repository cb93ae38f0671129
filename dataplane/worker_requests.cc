#include "dataplane/worker_requests.h"

#include <algorithm>

#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/limit/rate_limiter.h"

namespace sluice {
namespace {

[[nodiscard]] std::uint32_t whole_tokens(std::uint64_t scaled, std::uint64_t unit) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(scaled / kTokenScale / unit, ~0U));
}

[[nodiscard]] bool touches(const IpPrefix& prefix, const FlowKey& key) noexcept {
  return prefix.length == 0 || prefix.covers({key.low, key.version}) ||
         prefix.covers({key.high, key.version});
}

}  // namespace

RequestSeat::RequestSeat()
    : flows_(std::make_unique<std::array<FlowRecord, kRowsPerReplyMax>>()),
      sources_(std::make_unique<std::array<SourceRow, kRowsPerReplyMax>>()) {}

void RequestSeat::ask(RequestKind kind, const RowQuery& query, std::uint32_t first_slot) noexcept {
  kind_ = kind;
  query_ = query;
  query_.most =
      std::min<std::uint32_t>(query.most, query.largest ? kLargestRowsMax : kRowsPerReplyMax);
  slot_ = first_slot;
  next_slot_ = kNoSlot;
  count_ = 0;
  state_.store(State::asked, std::memory_order_release);
}

std::span<const FlowRecord> RequestSeat::flows() const noexcept {
  return {flows_->data(), kind_ == RequestKind::list_flows ? count_ : 0};
}

std::span<const SourceRow> RequestSeat::sources() const noexcept {
  return {sources_->data(), kind_ == RequestKind::list_sources ? count_ : 0};
}

void RequestSeat::answer_some(const RowTables& tables, TimeNs now, std::uint32_t slots) noexcept {
  for (; slots > 0; --slots) {
    const bool is_done =
        kind_ == RequestKind::list_flows ? step_flows(tables, now) : step_sources(tables, now);
    if (is_done) return state_.store(State::answered, std::memory_order_release);
  }
}

bool RequestSeat::is_over(std::uint32_t slots) noexcept {
  if (slot_ >= slots) return true;
  if (query_.largest || count_ < query_.most) return false;
  next_slot_ = slot_;
  return true;
}

bool RequestSeat::is_wanted(const FlowPair& pair, const FlowCold& cold) const noexcept {
  const bool was_refused = pair.hot.has(kRefused) || pair.warm.dropped_packets != 0;
  return (was_refused || !query_.refused_only) && touches(query_.touching, cold.key);
}

// Behind the last row, or where the largest are wanted and all places are taken, in place of the
// smallest.
FlowRecord* RequestSeat::place_for(std::uint64_t bytes) noexcept {
  std::uint32_t place = count_;
  if (count_ < query_.most) {
    ++count_;
  } else {
    const auto smallest = std::min_element(bytes_.begin(), bytes_.begin() + count_);
    if (*smallest >= bytes) return nullptr;
    place = static_cast<std::uint32_t>(smallest - bytes_.begin());
  }
  if (query_.largest) bytes_[place] = bytes;
  return &(*flows_)[place];
}

bool RequestSeat::step_flows(const RowTables& tables, TimeNs now) noexcept {
  FlowTable& table = tables.flows->table();
  if (is_over(table.used_slots())) return true;
  const std::uint32_t slot = slot_++;
  if (table.is_free(slot)) return false;
  const FlowPair& pair = table.at(slot);
  if (!tables.flows->is_live(pair.hot, now)) return false;
  const FlowCold& cold = table.cold_of(pair.hot);
  if (!is_wanted(pair, cold)) return false;
  FlowRecord* row = place_for(pair.warm.bytes[0] + pair.warm.bytes[1]);
  if (row == nullptr) return false;
  *row = flow_record(pair, cold);
  row->worker = tables.worker;
  return false;
}

bool RequestSeat::step_sources(const RowTables& tables, TimeNs now) noexcept {
  const SourceTable& table = tables.sources->sources();
  if (is_over(table.capacity())) return true;
  const SourceEntry& entry = table.at(slot_++);
  if (entry.is_free() || (query_.refused_only && entry.refused == 0)) return false;
  const IpPrefix source = prefix_of({entry.high, entry.low, entry.realm}, *tables.limits);
  if (query_.touching.length != 0 && !query_.touching.covers(source.address)) return false;
  const TokenPair left = tables.sources->left_of(entry, now);
  (*sources_)[count_++] = {.source = source,
                           .last_seen = entry.stamp,
                           .packets_refused = entry.refused,
                           .packets_left = whole_tokens(left.packets, 1),
                           .bytes_left = whole_tokens(left.bits, 8),
                           .worker = tables.worker};
  return false;
}

}  // namespace sluice
