#include "control/respond/rule_blocks.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/ip_address.h"
#include "rules/rule.h"

namespace sluice {
namespace {

constexpr std::string_view kOwner = "rule";
constexpr std::size_t kEarlyMax = 64;

[[nodiscard]] bool is_enforced_block(const InspectRecord& record) noexcept {
  return record.kind == InspectKind::alert && record.is_refused != 0 && record.is_enforced != 0 &&
         record.action == static_cast<std::uint8_t>(RuleActionKind::block);
}

[[nodiscard]] IpAddress address_of(const InspectRecord& record, bool is_source) noexcept {
  IpAddress address;
  address.bytes = is_source ? record.source : record.destination;
  address.version = record.ip_version;
  return address;
}

[[nodiscard]] std::string end_text(const IpAddress& address, std::uint16_t port) {
  const std::string text = to_string(address);
  return address.version == 4 ? fmt::format("{}:{}", text, port)
                              : fmt::format("[{}]:{}", text, port);
}

/// As an operator would write it.
[[nodiscard]] std::string flow_text(const InspectRecord& record) {
  const IpAddress source = address_of(record, true);
  const IpAddress destination = address_of(record, false);
  const auto with_ports = [&](std::string_view protocol) {
    return fmt::format("{} {} {}", protocol, end_text(source, record.source_port),
                       end_text(destination, record.destination_port));
  };
  switch (record.protocol) {
    case 6:
      return with_ports("tcp");
    case 17:
      return with_ports("udp");
    case 132:
      return with_ports("sctp");
    case 1:
    case 58:
      return fmt::format("icmp {} {}", to_string(source), to_string(destination));
    default:
      return {};
  }
}

}  // namespace

std::optional<BlockTarget> block_target(const InspectRecord& record, BlockedEnd key) {
  if (record.ip_version != 4 && record.ip_version != 6) return std::nullopt;
  const std::string text = key == BlockedEnd::flow
                               ? flow_text(record)
                               : to_string(address_of(record, key == BlockedEnd::source));
  auto target = parse_block_target(text);
  if (!target) return std::nullopt;
  return *target;
}

RuleBlocks::RuleBlocks(EventSink& next, Blocks& blocks, const Clock& clock, RuleBlocksTold told)
    : next_(next), blocks_(blocks), clock_(clock), told_(std::move(told)) {}

void RuleBlocks::inspection(const InspectRecord& record) noexcept {
  next_.inspection(record);
  if (is_enforced_block(record)) consider(record, true);
}

bool RuleBlocks::is_asked_for(const BlockTarget& target) const {
  const auto is_this = [&target](const BlockRequest& one) { return one.target == target; };
  return blocks_.holds(target) || std::ranges::any_of(waiting_, is_this) ||
         std::ranges::any_of(asked_, is_this);
}

bool RuleBlocks::has_room(Use& use, TimeNs now) {
  while (!use.untils.empty() && use.untils.front() <= now) use.untils.pop_front();
  if (now - use.second >= kNsPerSecond) {
    use.second = now;
    use.in_second = 0;
  }
  return use.in_second < kRuleBlocksPerSecond && use.untils.size() < kRuleBlocksInForceMax &&
         waiting_.size() < kBlocksPerRequestMax;
}

void RuleBlocks::use_rules(std::shared_ptr<const RuleTextIndex> rules) {
  rules_ = std::move(rules);
  for (const InspectRecord& record : std::exchange(early_, {})) consider(record, false);
}

// A rule of which nothing is known yet came into force this moment: what it asks for waits.
void RuleBlocks::consider(const InspectRecord& record, bool may_wait) {
  const RuleEventText* text =
      rules_ == nullptr ? nullptr : rules_->find(record.gid, record.rule_id);
  if (text == nullptr && may_wait && early_.size() < kEarlyMax) return early_.push_back(record);
  const auto target = text != nullptr && text->block ? block_target(record, text->block->key)
                                                     : std::optional<BlockTarget>();
  if (!target) {
    ++counts_.refused;
    return;
  }
  if (is_asked_for(*target)) return;
  const TimeNs now = clock_.now();
  Use& use = uses_[{record.gid, record.rule_id}];
  if (blocks_.is_let_through(*target) || !has_room(use, now)) {
    ++counts_.refused;
    return;
  }
  const DurationNs longest = std::max(blocks_.duration_max(), kBlockDurationMin);
  const DurationNs duration = std::clamp(text->block->duration, kBlockDurationMin, longest);
  ++use.in_second;
  use.untils.push_back(now + duration);
  waiting_.push_back({*target, duration, text->block->reason});
}

void RuleBlocks::turn() {
  if (waiting_.empty() || !asked_.empty()) return;
  asked_ = std::exchange(waiting_, {});
  blocks_.add(asked_, std::string(kOwner), [this](const Result<std::vector<BlockAdded>>& added) {
    take_answer(added ? Status() : Status(tl::unexpected<Error>(added.error())));
  });
}

void RuleBlocks::take_answer(const Status& answer) {
  (answer ? counts_.made : counts_.refused) += asked_.size();
  told_(asked_, answer);
  asked_.clear();
}

}  // namespace sluice
