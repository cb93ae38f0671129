// The operator's file as plain values: what `load` returns, `validate` has judged and `print`
// writes back. Every member is a row of the one option table in options.cc, which holds its path,
// type, unit, range, words and help; its default is the initialiser here. Control threads only;
// workers see a `Policy` built from it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/verdict.h"
#include "config/set_kind.h"

namespace sluice {

enum class ChecksumMode : std::uint8_t { verify, trust, fix, automatic };
enum class TunnelKey : std::uint8_t { inner, outer };
enum class FramePolicy : std::uint8_t { pass, drop };
enum class HugepageMode : std::uint8_t { automatic, require, off };
enum class MalformedPolicy : std::uint8_t { drop, pass };

/// One side of a pair. `device` says which DPDK port: a PCI address ("0000:3b:00.0"), or
/// "af_packet:IFACE", "af_xdp:IFACE", "tap:IFACE", "ring:NAME", "null:SIZE".
struct PortConfig {
  std::string device;
  std::uint32_t rx_descriptors = 1024;
  std::uint32_t tx_descriptors = 1024;
  friend bool operator==(const PortConfig&, const PortConfig&) = default;
};

struct PortPairConfig {
  std::string name;  ///< not given: "pair0", "pair1" and so on, in the order of the file
  PortConfig outside;
  PortConfig inside;
  std::uint32_t mtu = 1500;  ///< bytes of layer 3
  ChecksumMode checksums = ChecksumMode::automatic;
  std::uint16_t domain = 0;  ///< tracking domain, 1 to 255 shared; 0 = this pair's own
  bool vlan_in_key = false;  ///< VLAN ids belong to the tracking domain
  bool link_follow = true;   ///< a link that goes down takes its peer down
  friend bool operator==(const PortPairConfig&, const PortPairConfig&) = default;
};

struct WorkerConfig {
  std::string lcores = "auto";  ///< list of CPUs as "2-5,8", or "auto"
  std::uint32_t count = 0;      ///< with lcores auto: workers; 0 = one per free CPU
  std::uint32_t burst = 32;
  std::uint32_t handoff_ring = 2048;  ///< slots of each ring between two workers
  friend bool operator==(const WorkerConfig&, const WorkerConfig&) = default;
};

struct MemoryConfig {
  std::uint64_t budget_bytes = 0;  ///< 0 = a quarter of the host's memory
  HugepageMode hugepages = HugepageMode::automatic;
  std::uint32_t mbufs = 0;  ///< per port pair; 0 = from the budget
  friend bool operator==(const MemoryConfig&, const MemoryConfig&) = default;
};

struct DecodeConfig {
  TunnelKey tunnel_key = TunnelKey::inner;
  FramePolicy non_ip = FramePolicy::pass;
  FramePolicy control_frames = FramePolicy::pass;  ///< STP, LACP, LLDP, EAPOL, ARP
  MalformedPolicy malformed = MalformedPolicy::drop;
  bool exempt_control_protocols = true;  ///< BGP, OSPF, BFD, VRRP, IGMP, DHCP, PTP
  std::uint32_t tunnel_depth = 3;
  friend bool operator==(const DecodeConfig&, const DecodeConfig&) = default;
};

struct FragmentConfig {
  std::uint32_t datagrams = 1024;  ///< datagrams held at once, per worker
  std::uint32_t fragments_per_datagram = 64;
  DurationNs timeout = 2 * kNsPerSecond;
  ExceptionPolicy exception_policy = ExceptionPolicy::drop_packet;
  friend bool operator==(const FragmentConfig&, const FragmentConfig&) = default;
};

/// Prefixes written in the file and files with one prefix a line; any allow beats every deny.
struct ListConfig {
  std::vector<IpPrefix> allow_source;
  std::vector<IpPrefix> allow_destination;
  std::vector<IpPrefix> deny_source;
  std::vector<IpPrefix> deny_destination;
  std::vector<std::string> allow_source_files;
  std::vector<std::string> allow_destination_files;
  std::vector<std::string> deny_source_files;
  std::vector<std::string> deny_destination_files;
  friend bool operator==(const ListConfig&, const ListConfig&) = default;
};

struct FlowConfig {
  std::uint64_t capacity = 0;   ///< flows over all workers; 0 = from the memory budget
  std::uint64_t half_open = 0;  ///< half-open entries over all workers; 0 = capacity / 4
  ExceptionPolicy table_full = ExceptionPolicy::pass;
  ExceptionPolicy out_of_state = ExceptionPolicy::pass;
  ExceptionPolicy midstream = ExceptionPolicy::pass;
  DurationNs midstream_grace = 60 * kNsPerSecond;  ///< pick-up is allowed this long after start
  DurationNs record_interval = 60 * kNsPerSecond;  ///< interim flow records; 0 = only at the end
  // Idle timeouts.
  DurationNs tcp_opening = 30 * kNsPerSecond;
  DurationNs tcp_established = 7440 * kNsPerSecond;  ///< RFC 5382: at least 2 h 4 min
  DurationNs tcp_closing = 240 * kNsPerSecond;
  DurationNs tcp_closed = 10 * kNsPerSecond;
  DurationNs udp_one_way = 30 * kNsPerSecond;
  DurationNs udp = 300 * kNsPerSecond;  ///< RFC 4787: at least 2 min
  DurationNs icmp = 60 * kNsPerSecond;  ///< RFC 5508
  DurationNs other = 600 * kNsPerSecond;
  DurationNs refused = 120 * kNsPerSecond;  ///< tombstone after its last packet
  friend bool operator==(const FlowConfig&, const FlowConfig&) = default;
};

/// A committed rate and burst (RFC 2697 words); rate 0 = no limit.
struct RateConfig {
  std::uint64_t rate = 0;   ///< per second: packets, or bits of the layer-2 frame without FCS
  std::uint64_t burst = 0;  ///< packets, or bytes; 0 = a tenth of a second of the rate, at least
                            ///< one packet or one MTU
  friend bool operator==(const RateConfig&, const RateConfig&) = default;
};
struct LimitConfig {
  RateConfig packets;
  RateConfig bits;
  friend bool operator==(const LimitConfig&, const LimitConfig&) = default;
};
struct LimitsConfig {
  LimitConfig flow;
  LimitConfig source;
  std::uint64_t sources = 0;            ///< sources tracked over all workers; 0 = from the budget
  std::uint32_t source_prefix_v6 = 64;  ///< a source is this many leading bits
  std::uint32_t source_prefix_v4 = 32;
  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

/// Whose rate a limit of rules measures: of the packet that a rule holds for.
enum class LimitedEnd : std::uint8_t { flow, source };
/// What rules hold packets to with the action limit.
struct RuleLimitConfig {
  std::string name;
  LimitedEnd per = LimitedEnd::source;
  LimitConfig limit;
  friend bool operator==(const RuleLimitConfig&, const RuleLimitConfig&) = default;
};

/// What rules ask for by name: entries of a file, and those that operators add.
struct SetConfig {
  std::string name;
  SetKind kind = SetKind::domain;
  bool nocase = false;
  std::string file;  ///< "" = none
  std::uint64_t capacity = 65'536;
  friend bool operator==(const SetConfig&, const SetConfig&) = default;
};

/// What becomes of a packet that a rule should judge before the first ruleset is in force.
enum class ReadyPolicy : std::uint8_t { pass, drop };

inline constexpr std::size_t kExceptionsMax = 256;
inline constexpr std::size_t kExceptionRulesMax = 64;
inline constexpr std::size_t kExceptionPrefixesMax = 32;
inline constexpr std::size_t kExceptionTextMax = 256;

/// Rules that are off for a source, a destination or a URI.
struct RuleExceptionConfig {
  std::vector<std::string> rules;  ///< ids, as base/rule_key.h reads them; or
  std::string class_name;          ///< all rules of a class
  std::vector<IpPrefix> source;
  std::vector<IpPrefix> destination;
  std::string uri;  ///< what it begins with, or a pattern with `*`
  std::string owner;
  std::string reason;
  std::string expires;  ///< as base/date.h reads it; "" = without an end
  friend bool operator==(const RuleExceptionConfig&, const RuleExceptionConfig&) = default;
};

/// Signatures.
struct RulesConfig {
  std::vector<std::string> files;      ///< none = no rules
  std::vector<std::string> variables;  ///< "NAME=VALUE"
  ReadyPolicy until_ready = ReadyPolicy::pass;
  std::vector<RuleExceptionConfig> exceptions;
  friend bool operator==(const RulesConfig&, const RulesConfig&) = default;
};

/// What becomes of a flow behind the handshake that encrypts it.
enum class EncryptedPolicy : std::uint8_t { bypass, inspect };

/// Station 8.
struct InspectConfig {
  std::uint64_t memory_bytes = 0;            ///< over all workers; 0 = from the memory budget
  std::uint64_t stream_depth = 1ULL << 20;   ///< bytes per direction; 0 = without end
  std::uint32_t window = 4096;               ///< of scanned bytes that a rule can look back at
  std::uint32_t reorder_bytes = 256 * 1024;  ///< per flow, waiting for a gap to close
  std::uint32_t request_body = 64 * 1024;    ///< bytes of each body that are looked at
  std::uint32_t response_body = 64 * 1024;
  ExceptionPolicy reorder_full = ExceptionPolicy::drop_packet;
  ExceptionPolicy unverifiable = ExceptionPolicy::pass;
  ExceptionPolicy urgent = ExceptionPolicy::drop_packet;
  ExceptionPolicy no_memory = ExceptionPolicy::pass;
  ExceptionPolicy match_limit = ExceptionPolicy::pass;
  EncryptedPolicy encrypted = EncryptedPolicy::bypass;
  std::uint32_t reject_rate = 1'000;  ///< replies of each worker per second; 0 = none
  friend bool operator==(const InspectConfig&, const InspectConfig&) = default;
};

struct EventConfig {
  std::string eve = "/var/log/sluice/eve.json";  ///< "-" = standard output, "" = none
  std::uint32_t drop_sample = 64;  ///< one in so many flows has its drops reported; 0 = none
  bool flow_records = true;
  DurationNs stats_interval = 10 * kNsPerSecond;  ///< 0 = none
  // Messages of applications.
  bool http = true;
  bool dns = true;
  bool tls = true;
  bool ssh = true;
  bool smtp = true;
  bool ftp = true;
  bool quic = true;
  bool anomaly = true;
  friend bool operator==(const EventConfig&, const EventConfig&) = default;
};

/// Temporary denies.
struct BlockConfig {
  std::uint64_t capacity = 65'536;                          ///< blocks in force at once
  DurationNs duration_max = 30ULL * 86'400 * kNsPerSecond;  ///< longest that may be asked for
  friend bool operator==(const BlockConfig&, const BlockConfig&) = default;
};

/// When a worker sheds work: judged by the share of bursts that came full.
struct OverloadConfig {
  bool shed = true;
  bool inspection = true;           ///< what rules look at is shed as well, behind all records
  std::uint32_t high_percent = 80;  ///< of the busy turns of a window: one step up
  std::uint32_t low_percent = 40;   ///< one step down
  friend bool operator==(const OverloadConfig&, const OverloadConfig&) = default;
};

struct MetricsConfig {
  std::string listen = "127.0.0.1:9464";  ///< "" = no HTTP
  friend bool operator==(const MetricsConfig&, const MetricsConfig&) = default;
};

struct ControlConfig {
  std::string user = "sluice";  ///< the control process runs as; "" = as the wire process
  std::string state_dir = "/var/lib/sluice";
  std::string run_dir = "/run/sluice";
  std::string socket;                   ///< "" = control.sock in run_dir
  std::string audit;                    ///< file of changes; "" = audit.json in state_dir
  std::string socket_group = "sluice";  ///< may connect, as viewers at least
  std::string operator_group;           ///< "" = nobody by group
  std::string admin_group;
  friend bool operator==(const ControlConfig&, const ControlConfig&) = default;
};

struct Config {
  Mode mode = Mode::enforce;
  std::vector<PortPairConfig> pairs;
  WorkerConfig workers;
  MemoryConfig memory;
  DecodeConfig decode;
  FragmentConfig fragments;
  ListConfig lists;
  FlowConfig flows;
  LimitsConfig limits;
  std::vector<RuleLimitConfig> rule_limits;
  std::vector<SetConfig> sets;
  BlockConfig blocks;
  OverloadConfig overload;
  RulesConfig rules;
  InspectConfig inspect;
  EventConfig events;
  MetricsConfig metrics;
  ControlConfig control;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace sluice
