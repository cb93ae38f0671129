// Events as EVE JSON lines with Suricata's names and nesting; what only sluice knows stands under
// "sluice". docs/reference/events.md lists every field. Each thread that writes events owns one
// formatter: the recorder in the wire, the replaying thread in a replay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/verdict.h"
#include "control/store/community_id.h"
#include "control/store/eve_text.h"
#include "control/store/json_writer.h"
#include "control/store/rule_text_index.h"
#include "dataplane/events.h"
#include "dataplane/window.h"

namespace sluice {

/// No event of a packet or flow is longer, whatever the names of port and capture.
inline constexpr std::size_t kEveLineBytesMax = 4096;
/// With the beginning of a payload in two forms, and of buffers; the most is what a DNS message
/// unfolds to.
inline constexpr std::size_t kEveInspectBytesMax = 32 * 1024;
inline constexpr std::size_t kEveStatsBytesMax = 32 * 1024;

/// Exact sums at one moment, and what was lost on the way to the file.
struct StatsSnapshot {
  TimeNs now = 0;
  TimeNs started = 0;
  std::uint32_t workers = 0;
  std::uint32_t workers_unreadable = 0;  ///< their counters are those of an earlier moment
  std::uint64_t lost_before_receive = 0;
  std::uint64_t lost_after_transmit = 0;  ///< counted as forwarded, then refused by the port
  std::uint64_t events_written = 0;
  std::uint64_t events_lost_queue = 0;  ///< the recorder did not keep up
  std::uint64_t events_lost_file = 0;   ///< the file could not be written
  WorkerCounters total;
};

/// What every event of a run has in common.
struct EveContext {
  std::vector<std::string> port_names;  ///< by port number; empty = no in_iface
  bool is_replay = false;               ///< no workers, no wall time; pcap_cnt instead
  std::string capture;                  ///< in a replay: the name of the file
  Mode mode = Mode::enforce;
};

/// Each function fills `into` with one line, newline included, and returns its length; 0 where it
/// did not fit. Values that the wire process cannot have meant (a port number or a reason out of
/// range) are shown as unknown.
class EveFormatter {
 public:
  explicit EveFormatter(const EveContext& context);

  [[nodiscard]] std::size_t flow(const FlowRecord& record, std::span<char> into) noexcept;
  [[nodiscard]] std::size_t drop(const DropRecord& record, std::span<char> into) noexcept;
  [[nodiscard]] std::size_t inspection(const InspectRecord& record, std::span<char> into) noexcept;
  [[nodiscard]] std::size_t stats(const StatsSnapshot& snapshot, std::span<char> into) noexcept;

  void use_mode(Mode mode) noexcept { mode_ = mode; }
  void use_capture(std::string_view name);
  /// Null: rules are told by their numbers alone.
  void use_rules(std::shared_ptr<const RuleTextIndex> rules) noexcept { rules_ = std::move(rules); }

 private:
  struct Header {
    TimeNs when;
    std::string_view event_type;
    std::uint64_t flow_number = 0;
    std::uint32_t packet_number = 0;
    std::uint8_t in_port = 0;
    std::array<std::uint16_t, 2> vlan{};
  };
  void open_event(JsonWriter& json, const Header& header) noexcept;
  void endpoints(JsonWriter& json, const CommunityTuple& tuple) noexcept;
  void time(JsonWriter& json, std::string_view key, TimeNs when) noexcept;
  void flow_object(JsonWriter& json, const FlowRecord& record) noexcept;
  void flow_extras(JsonWriter& json, const FlowRecord& record) noexcept;
  void alert(JsonWriter& json, const InspectRecord& record) noexcept;
  void transaction(JsonWriter& json, const InspectRecord& record,
                   std::string_view event_type) noexcept;
  void anomaly(JsonWriter& json, const InspectRecord& record) noexcept;
  void open_inspection(JsonWriter& json, const InspectRecord& record,
                       std::string_view event_type) noexcept;
  void inspect_extras(JsonWriter& json, const InspectRecord& record) noexcept;
  void inspect_flow(JsonWriter& json, const InspectRecord& record) noexcept;
  void drop_extras(JsonWriter& json, const DropRecord& record) noexcept;
  void common_extras(JsonWriter& json, std::uint64_t generation, std::uint8_t worker,
                     Mode mode) noexcept;
  void stats_extras(JsonWriter& json, const StatsSnapshot& snapshot) noexcept;
  void ports(JsonWriter& json, const WorkerCounters& total) noexcept;

  std::vector<std::string> port_names_;  ///< escaped
  std::string capture_;                  ///< escaped
  bool is_replay_;
  Mode mode_;
  std::shared_ptr<const RuleTextIndex> rules_;
  EveTime time_;
  CommunityId community_;
};

}  // namespace sluice
