#include "config/validate.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/units.h"
#include "config/cpu_list.h"
#include "config/device_word.h"
#include "config/listen_address.h"
#include "config/mbuf_need.h"
#include "config/set_memory.h"
#include "config/validate_checks.h"
#include "config/worker_count.h"

namespace sluice {
namespace {

// Ethernet header and one VLAN tag around an IP packet.
constexpr std::uint64_t kFrameOverheadBytes = 18;

// Least memory of one entry of each table; the plan knows the rest.
constexpr std::uint64_t kFlowBytes = 272;
constexpr std::uint64_t kHalfOpenBytes = 32;
constexpr std::uint64_t kSourceBytes = 66;
constexpr std::uint64_t kMbufBytes = 2048 + 256;

// sun_path holds 107 bytes; the socket's own name takes some.
constexpr std::size_t kRunDirBytesMax = 80;

// --- pairs --------------------------------------------------------------------------------------

/// Devices that are spoken for, and by which option.
using TakenDevices = std::map<std::string, std::string>;

struct PortPlace {
  const PortPairConfig& pair;
  const PortConfig& port;
  std::string pair_path;  ///< "pairs[0]"
  std::string path;       ///< "pairs[0].outside"
};

void check_mtu(const PortPlace& place, DeviceKind kind, FindingWriter& findings) {
  const std::uint32_t most = mtu_max(kind);
  if (place.pair.mtu <= most) return;
  findings.error_at(place.pair_path + ".mtu",
                    fmt::format("{}.mtu is {}, above the largest of {} on {}", place.pair_path,
                                place.pair.mtu, most, place.port.device),
                    "jumbo frames need af_packet or a PCI device");
}

void check_fix(const PortPlace& place, DeviceKind kind, FindingWriter& findings) {
  if (place.pair.checksums != ChecksumMode::fix || kind != DeviceKind::pci) return;
  findings.error_at(place.pair_path + ".checksums",
                    fmt::format("{}.checksums is fix, but {} is not a virtual port",
                                place.pair_path, place.port.device),
                    "a wrong sum from a real wire is to stay wrong: use verify or auto");
}

void check_port(const PortPlace& place, TakenDevices& taken, FindingWriter& findings) {
  const std::string path = place.path + ".device";
  if (place.port.device.empty()) {
    if (findings.is_refused(path)) return;
    findings.error_at(path, fmt::format("{} is missing: every port has a device", path),
                      "add 'device:', such as af_packet:eth0 or 0000:3b:00.0");
    return;
  }
  const auto device = parse_device_word(place.port.device);
  if (!device) {
    findings.error_at(path, fmt::format("{}: {}", path, device.error().message),
                      device.error().hint);
    return;
  }
  check_mtu(place, device->kind, findings);
  check_fix(place, device->kind, findings);
  const std::string name = device->exclusive_name();
  if (name.empty()) return;
  const auto [other, is_free] = taken.try_emplace(name, path);
  if (is_free) return;
  findings.error_at(
      path, fmt::format("{} is {}, which {} uses already", path, place.port.device, other->second));
}

void check_pair_names(const Config& config, FindingWriter& findings) {
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    const std::string& name = config.pairs[i].name;
    const std::string path = fmt::format("pairs[{}].name", i);
    if (!is_word(name)) {
      findings.error_at(path, fmt::format("{} is '{}', where a word belongs", path, name),
                        "letters, digits, _ and - make a word");
    }
    const auto [other, is_free] = seen.try_emplace(name, i);
    if (is_free) continue;
    findings.error_at(
        path, fmt::format("{} is '{}', as is that of pairs[{}]", path, name, other->second));
  }
}

void check_pairs(const Config& config, ConfigPurpose purpose, FindingWriter& findings) {
  const bool is_needed = purpose == ConfigPurpose::run && !findings.is_refused("pairs");
  if (config.pairs.empty() && is_needed) {
    findings.error_at("pairs", "pairs is empty: a gateway needs at least one pair of ports",
                      "config/examples has complete files");
  }
  TakenDevices taken;
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    const PortPairConfig& pair = config.pairs[i];
    const std::string path = fmt::format("pairs[{}]", i);
    check_port({pair, pair.outside, path, path + ".outside"}, taken, findings);
    check_port({pair, pair.inside, path, path + ".inside"}, taken, findings);
  }
  check_pair_names(config, findings);
}

// --- workers and memory -------------------------------------------------------------------------

void check_workers(const WorkerConfig& workers, FindingWriter& findings) {
  if (!std::has_single_bit(workers.handoff_ring)) {
    findings.error_at("workers.handoff_ring",
                      fmt::format("workers.handoff_ring is {}, which is not a power of two",
                                  workers.handoff_ring),
                      fmt::format("the next is {}", std::bit_ceil(workers.handoff_ring)));
  }
  if (workers.lcores == "auto") return;
  const auto cpus = parse_cpu_list(workers.lcores);
  if (!cpus) {
    findings.error_at("workers.lcores", fmt::format("workers.lcores: {}", cpus.error().message),
                      cpus.error().hint);
    return;
  }
  if (cpus->size() > kWorkersMax) {
    findings.error_at("workers.lcores",
                      fmt::format("workers.lcores names {} CPUs, above the most of {}",
                                  cpus->size(), kWorkersMax));
  }
  if (workers.count != 0 && workers.count != cpus->size()) {
    findings.error_at("workers.count",
                      fmt::format("workers.count is {}, but workers.lcores names {} CPUs",
                                  workers.count, cpus->size()),
                      "leave workers.count out");
  }
}

struct MemoryNeed {
  std::string_view path;
  std::uint64_t bytes;
};

void check_budget(const Config& config, FindingWriter& findings) {
  const std::uint64_t budget = config.memory.budget_bytes;
  if (budget == 0) return;
  std::uint64_t set_bytes = 0;
  for (const SetConfig& set : config.sets) {
    set_bytes += kSetGenerations * set.capacity * set_entry_bytes(set);
  }
  const MemoryNeed needs[] = {
      {"flows.capacity", config.flows.capacity * kFlowBytes},
      {"flows.half_open", config.flows.half_open * kHalfOpenBytes},
      {"limits.sources", config.limits.sources * kSourceBytes},
      {"memory.mbufs", config.memory.mbufs * config.pairs.size() * kMbufBytes},
      {"sets", set_bytes},
  };
  std::uint64_t sum = 0;
  for (const MemoryNeed& need : needs) sum += need.bytes;
  if (sum <= budget) return;
  const MemoryNeed& largest = *std::ranges::max_element(needs, {}, &MemoryNeed::bytes);
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  findings.error_at(
      largest.path,
      fmt::format("{} needs {}MiB, and all tables together {}MiB: memory.budget is "
                  "{}",
                  largest.path, largest.bytes / kMiB, sum / kMiB, print_bytes(budget)),
      largest.path == "sets" ? "raise memory.budget, or lower the capacity of sets"
                             : "raise memory.budget, or leave the capacity out to have it fit");
}

void check_mbufs(const Config& config, FindingWriter& findings) {
  if (config.memory.mbufs == 0) return;
  // Where the host says how many workers there are, the plan asks again.
  const std::uint32_t workers = std::max(stated_workers(config.workers), 1U);
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    const std::uint64_t least = mbufs_min(config.pairs[i], config.workers, workers);
    if (config.memory.mbufs >= least) continue;
    findings.error_at(
        "memory.mbufs",
        fmt::format("memory.mbufs is {}, below the {} that pairs[{}] needs: an af_xdp "
                    "port that is short of buffers stops receiving",
                    config.memory.mbufs, least, i),
        "leave memory.mbufs out to have it fit");
  }
}

// --- limits -------------------------------------------------------------------------------------

void check_limits(const Config& config, FindingWriter& findings) {
  std::uint64_t frame_bytes = 0;
  for (const PortPairConfig& pair : config.pairs) {
    frame_bytes = std::max(frame_bytes, pair.mtu + kFrameOverheadBytes);
  }
  check_limit(config.limits.flow, "limits.flow", frame_bytes, findings);
  check_limit(config.limits.source, "limits.source", frame_bytes, findings);
}

// --- events and control -------------------------------------------------------------------------

void check_absolute(std::string_view path, std::string_view value, FindingWriter& findings) {
  if (value.starts_with('/')) return;
  findings.error_at(path, fmt::format("{} is '{}', where a path from / belongs", path, value));
}

void check_names(const ControlConfig& control, FindingWriter& findings) {
  struct Row {
    std::string_view path;
    const std::string& name;
    std::string_view what;
  };
  const Row rows[] = {{"control.user", control.user, "user"},
                      {"control.socket_group", control.socket_group, "group"},
                      {"control.operator_group", control.operator_group, "group"},
                      {"control.admin_group", control.admin_group, "group"}};
  for (const Row& row : rows) {
    if (is_word(row.name) && !row.name.starts_with('-')) continue;
    findings.error_at(
        row.path, fmt::format("{} is '{}', which is no {}'s name", row.path, row.name, row.what));
  }
}

void check_control(const Config& config, FindingWriter& findings) {
  const bool is_file = !config.events.eve.empty() && config.events.eve != "-";
  if (is_file) check_absolute("events.eve", config.events.eve, findings);
  check_absolute("control.state_dir", config.control.state_dir, findings);
  check_absolute("control.run_dir", config.control.run_dir, findings);
  if (config.control.run_dir.size() > kRunDirBytesMax) {
    findings.error_at("control.run_dir",
                      fmt::format("control.run_dir is {} bytes long, above the largest of {}: it "
                                  "holds a socket",
                                  config.control.run_dir.size(), kRunDirBytesMax));
  }
  check_names(config.control, findings);
  for (const auto& [path, file] :
       {std::pair<std::string_view, const std::string&>{"control.socket", config.control.socket},
        {"control.audit", config.control.audit}}) {
    if (!file.empty()) check_absolute(path, file, findings);
  }
}

void check_overload(const OverloadConfig& overload, FindingWriter& findings) {
  if (overload.low_percent < overload.high_percent) return;
  findings.error_at("overload.low_percent",
                    fmt::format("overload.low_percent is {}, not below overload.high_percent of {}",
                                overload.low_percent, overload.high_percent));
}

void check_metrics(const MetricsConfig& metrics, FindingWriter& findings) {
  if (metrics.listen.empty()) return;
  const auto listen = parse_listen_address(metrics.listen);
  if (listen) return;
  findings.error_at("metrics.listen", "metrics.listen is " + listen.error().message,
                    listen.error().hint);
}

// --- what is allowed, and probably not meant ----------------------------------------------------

void warn_of_timeouts(const FlowConfig& flows, FindingWriter& findings) {
  struct Row {
    std::string_view path;
    DurationNs value;
    DurationNs least;
    std::string_view why;
  };
  const Row rows[] = {
      {"flows.timeouts.tcp_established", flows.tcp_established, 7440 * kNsPerSecond,
       "RFC 5382 asks for it"},
      {"flows.timeouts.udp", flows.udp, 120 * kNsPerSecond, "RFC 4787 asks for it"},
      {"flows.timeouts.icmp", flows.icmp, 60 * kNsPerSecond, "RFC 5508 asks for it"},
      {"flows.timeouts.refused", flows.refused, 120 * kNsPerSecond,
       "a sender that retries for longer gets through"},
  };
  for (const Row& row : rows) {
    if (row.value >= row.least) continue;
    findings.warning_at(row.path,
                        fmt::format("{} is {}, below {}: {}", row.path, print_duration(row.value),
                                    print_duration(row.least), row.why));
  }
}

void warn_of_limits(const LimitsConfig& limits, FindingWriter& findings) {
  const auto is_above = [](std::uint64_t flow, std::uint64_t source) {
    return source != 0 && flow > source;
  };
  if (is_above(limits.flow.packets.rate, limits.source.packets.rate)) {
    findings.warning_at("limits.flow.packets",
                        "limits.flow.packets is above limits.source.packets and never reached");
  }
  if (is_above(limits.flow.bits.rate, limits.source.bits.rate)) {
    findings.warning_at("limits.flow.bits",
                        "limits.flow.bits is above limits.source.bits and never reached");
  }
}

void warn_of_trust(const Config& config, FindingWriter& findings) {
  for (std::size_t i = 0; i < config.pairs.size(); ++i) {
    if (config.pairs[i].checksums != ChecksumMode::trust) continue;
    const std::string path = fmt::format("pairs[{}].checksums", i);
    findings.warning_at(path, fmt::format("{} is trust: packets pass that their receiver discards, "
                                          "which hides others from inspection",
                                          path));
  }
}

void warn_of_repeats(const std::vector<IpPrefix>& list, const std::string& path,
                     FindingWriter& findings) {
  std::set<IpPrefix> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (seen.insert(list[i]).second) continue;
    findings.warning_at(
        fmt::format("{}[{}]", path, i),
        fmt::format("{}[{}] is {}, which stands above already", path, i, to_string(list[i])));
  }
}

void warn_of_lists(const ListConfig& lists, FindingWriter& findings) {
  warn_of_repeats(lists.allow_source, "lists.allow.source", findings);
  warn_of_repeats(lists.allow_destination, "lists.allow.destination", findings);
  warn_of_repeats(lists.deny_source, "lists.deny.source", findings);
  warn_of_repeats(lists.deny_destination, "lists.deny.destination", findings);
}

}  // namespace

bool is_word(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

void check_limit(const LimitConfig& limit, const std::string& path, std::uint64_t frame_bytes,
                 FindingWriter& findings) {
  if (limit.packets.burst != 0 && limit.packets.rate == 0 &&
      !findings.is_refused(path + ".packets")) {
    findings.error_at(path + ".packets_burst",
                      fmt::format("{0}.packets_burst has no rate: {0}.packets is not set", path));
  }
  if (limit.bits.burst != 0 && limit.bits.rate == 0 && !findings.is_refused(path + ".bits")) {
    findings.error_at(path + ".bits_burst",
                      fmt::format("{0}.bits_burst has no rate: {0}.bits is not set", path));
  }
  if (limit.bits.burst != 0 && limit.bits.burst < frame_bytes) {
    findings.error_at(path + ".bits_burst",
                      fmt::format("{}.bits_burst is {}, below the largest frame of {} bytes: such "
                                  "a frame could never pass",
                                  path, print_bytes(limit.bits.burst), frame_bytes));
  }
}

void validate_config(const Config& config, const Source& source, ConfigPurpose purpose,
                     Diagnostics& diagnostics) {
  FindingWriter findings(source, diagnostics);
  check_pairs(config, purpose, findings);
  check_workers(config.workers, findings);
  check_budget(config, findings);
  check_mbufs(config, findings);
  check_limits(config, findings);
  check_overload(config.overload, findings);
  check_metrics(config.metrics, findings);
  check_control(config, findings);
  check_named_by_rules(config, findings);
  // Warnings come last, so that they never crowd errors out.
  warn_of_timeouts(config.flows, findings);
  warn_of_limits(config.limits, findings);
  warn_of_trust(config, findings);
  warn_of_lists(config.lists, findings);
}

}  // namespace sluice
