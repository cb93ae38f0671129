// The part of the inspector that looks once more when a flow ends without a FIN: a head of HTTP
// that was not whole by then is judged as far as it came. Nothing can be refused any more, so rules
// only report. There is no packet: they see one without payload, from the side that sent the head.
#include <algorithm>
#include <cstring>

#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/inspect/inspector.h"

namespace sluice {
namespace {

/// The headers of IP and TCP with the addresses and ports of a flow; all else in them is zero.
class EndingPacket {
 public:
  EndingPacket(Flow& flow, const FlowRecord& record, unsigned direction) noexcept {
    const bool is_low = (record.initiator_is_low != 0) == (direction == kToServer);
    const FlowKey& key = record.key;
    const std::uint16_t ip_bytes = key.version == 4 ? 20 : 40;
    packet.bytes = bytes_.data();
    packet.now = flow.last_seen;
    packet.bytes_at_hand = ip_bytes + kTcpBytes;
    packet.id = flow.id;
    packet.flow = &flow;
    packet.flags = static_cast<std::uint16_t>(kIsIp | kHasPorts | (is_low ? kSourceIsLow : 0) |
                                              (direction == kToServer ? kInitiator : 0));
    packet.l4_offset = ip_bytes;
    packet.payload_offset = packet.l3_bytes = static_cast<std::uint16_t>(ip_bytes + kTcpBytes);
    packet.source_port = is_low ? key.low_port : key.high_port;
    packet.destination_port = is_low ? key.high_port : key.low_port;
    packet.domain = key.domain;
    packet.ip_version = key.version;
    packet.protocol = key.protocol;
    packet.in_port = record.in_port;
    packet.frames = 1;
    write_addresses(is_low ? key.low : key.high, is_low ? key.high : key.low);
  }

  Packet packet{};

 private:
  using Address = std::array<std::uint8_t, 16>;
  static constexpr std::uint16_t kTcpBytes = 20;

  void write_addresses(const Address& source, const Address& destination) noexcept {
    const bool is_v4 = packet.ip_version == 4;
    const std::size_t size = is_v4 ? 4 : 16;
    const std::size_t at = is_v4 ? 12 : 8;
    bytes_[0] = is_v4 ? 0x45 : 0x60;
    std::memcpy(bytes_.data() + at, source.data(), size);
    std::memcpy(bytes_.data() + at + size, destination.data(), size);
  }

  std::array<std::uint8_t, 60> bytes_{};
};

}  // namespace

void Inspector::end(Flow& flow, const PolicySettings& settings) noexcept {
  if (flow.stream_slot >= kEndedSlot) return forget(flow);
  auto& inspection = *static_cast<FlowInspection*>(pool_->at(flow.stream_slot));
  // Rules that are in force no more may be gone.
  const bool has_rules = &settings == settings_ && settings.generation == generation_ &&
                         ruleset_ != nullptr && inspection.ruleset_epoch == ruleset_->epoch;
  const bool is_refused = flow.has(kRefused) || inspection.has(kInspectionRefused);
  for (const unsigned direction : {kToServer, kToClient}) {
    if (!has_rules || is_refused) break;
    const bool has_head =
        inspection.application != nullptr &&
        inspection.application->parser.has_unfinished_head(inspection.turned(direction));
    if (has_head || inspection.scans[direction].candidates != nullptr) {
      end_direction(flow, inspection, direction);
    }
  }
  forget(flow);
}

void Inspector::end_direction(Flow& flow, FlowInspection& inspection, unsigned direction) noexcept {
  FlowTable& table = setup_.tracker->table();
  const FlowRecord record = flow_record(table.at(table.slot_of(flow)), table.cold_of(flow));
  EndingPacket ending(flow, record, direction);
  judge_->begin(*ruleset_, overlay_,
                {.packet = &ending.packet,
                 .flow = &flow,
                 .service = inspection.service,
                 .stream_bytes = stream_bytes_of(inspection),
                 .sets = sets_},
                &inspection);
  report_.begin();
  flow_ = &inspection;
  end_stream(direction);
  flow_ = nullptr;
  const auto& rules = ruleset_->rules.rules;
  const auto is_pass = [&](const RuleHit& hit) noexcept { return passes(rules[hit.rule], hit); };
  if (std::ranges::any_of(judge_->hits(), is_pass)) return;
  const FlowTotals totals{
      .started = record.first_seen, .bytes = record.bytes, .packets = record.packets};
  for (const RuleHit& hit : judge_->hits()) {
    if (hit.stage == RuleStage::shadow || !hit.is_reported) continue;
    report_.alert({judge_->subject(), totals, {}}, rules[hit.rule], hit, false, *settings_);
  }
}

}  // namespace sluice
