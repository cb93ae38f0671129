#include "config/options.h"

#include <array>
#include <concepts>
#include <type_traits>

#include "config/rule_limits.h"
#include "config/set_kind.h"

namespace sluice {
namespace {

using enum OptionType;

// --- from a row to the member and back ----------------------------------------------------------

template <class T>
concept Integral = std::integral<T> || std::is_enum_v<T>;

template <Integral T>
OptionValue value_of(const T& member) {
  return static_cast<std::uint64_t>(member);
}
template <class T>
requires(!Integral<T>) OptionValue value_of(const T& member) { return member; }

template <class T>
void assign(T& member, OptionValue value) {
  if constexpr (Integral<T>) {
    member = static_cast<T>(std::get<std::uint64_t>(value));
  } else {
    member = std::get<T>(std::move(value));
  }
}

/// The row of the member that `Path` leads to: &Config::workers, &WorkerConfig::burst.
template <class Record, auto... Path>
constexpr Option<Record> option(OptionShape shape) {
  return {shape, [](const Record& record) { return value_of((record.*....*Path)); },
          [](Record& record, OptionValue value) { assign((record.*....*Path), std::move(value)); }};
}

template <auto... Path>
constexpr Option<Config> at(OptionShape shape) {
  return option<Config, Path...>(shape);
}
template <auto... Path>
constexpr Option<PortPairConfig> of_pair(OptionShape shape) {
  return option<PortPairConfig, Path...>(shape);
}

template <auto... Path>
constexpr Option<RuleLimitConfig> of_rule_limit(OptionShape shape) {
  return option<RuleLimitConfig, Path...>(shape);
}
template <auto... Path>
constexpr Option<SetConfig> of_set(OptionShape shape) {
  return option<SetConfig, Path...>(shape);
}
template <auto... Path>
constexpr Option<RuleExceptionConfig> of_exception(OptionShape shape) {
  return option<RuleExceptionConfig, Path...>(shape);
}

// --- words --------------------------------------------------------------------------------------

constexpr std::string_view kModeWords[] = {"monitor", "enforce"};
constexpr std::string_view kChecksumWords[] = {"verify", "trust", "fix", "auto"};
constexpr std::string_view kTunnelKeyWords[] = {"inner", "outer"};
constexpr std::string_view kFrameWords[] = {"pass", "drop"};
constexpr std::string_view kMalformedWords[] = {"drop", "pass"};
constexpr std::string_view kHugepageWords[] = {"auto", "require", "off"};
constexpr std::string_view kReadyWords[] = {"pass", "drop"};
constexpr std::string_view kEncryptedWords[] = {"bypass", "inspect"};
constexpr std::string_view kLimitedWords[] = {"flow", "source"};
constexpr std::string_view kSetKindWords[] = {"domain", "text", "address"};
constexpr std::string_view kExceptionWords[] = {"pass", "drop_packet", "drop_flow"};

// The order of the words is the order of the enumerators.
static_assert(Mode{1} == Mode::enforce && ChecksumMode{3} == ChecksumMode::automatic);
static_assert(TunnelKey{1} == TunnelKey::outer && FramePolicy{1} == FramePolicy::drop);
static_assert(MalformedPolicy{1} == MalformedPolicy::pass && HugepageMode{2} == HugepageMode::off);
static_assert(ReadyPolicy{1} == ReadyPolicy::drop &&
              EncryptedPolicy{1} == EncryptedPolicy::inspect);
static_assert(ReadyPolicy{1} == ReadyPolicy::drop && LimitedEnd{1} == LimitedEnd::source);
static_assert(SetKind{2} == SetKind::address);
static_assert(ExceptionPolicy{2} == ExceptionPolicy::drop_flow);

// --- ranges that several rows share -------------------------------------------------------------

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr DurationNs kHour = 3'600 * kNsPerSecond;

constexpr OptionRange kTableEntries{1024, std::uint64_t{1} << 26};
constexpr OptionRange kIdleTimeout{100 * kNsPerMs, 30 * 24 * kHour};
constexpr OptionRange kInterval{100 * kNsPerMs, 24 * kHour};
constexpr OptionRange kPath{1, 4096};
constexpr OptionRange kDevice{0, 64};  // none is for the validator to say
constexpr OptionRange kDescriptors{64, 16'384};
constexpr OptionRange kPrefixes{0, 65'536};
constexpr OptionRange kFiles{0, 64};
constexpr OptionRange kRuleFiles{0, 256};
constexpr OptionRange kRuleVariables{0, 256};
constexpr OptionRange kPacketRate{1, 1'000'000'000};
constexpr OptionRange kPacketBurst{1, 100'000'000};
constexpr OptionRange kBitRate{1, 1'000'000'000'000};
constexpr OptionRange kBitBurst{1, kGiB};
constexpr std::string_view kNoLimit = "no limit";
constexpr std::string_view kShortBurst = "a tenth of a second of the rate";
constexpr bool kAtStart = true;  // OptionShape::needs_restart

// --- the table ----------------------------------------------------------------------------------

// A row is an entry of a table, not a call:
// clang-format off
constexpr std::array kConfigOptions{
    at<&Config::mode>({"mode", word, {}, {}, kModeWords,
       "monitor computes every verdict and forwards all the same; enforce acts on it"}),

    at<&Config::workers, &WorkerConfig::lcores>({"workers.lcores", text, {1, 256}, {}, {},
       "CPUs of the workers, one each, as a list such as 2-5,8; auto takes free cores near the "
       "ports", kAtStart}),
    at<&Config::workers, &WorkerConfig::count>({"workers.count", number, {1, 64},
       "one per free core", {}, "how many workers, where lcores is auto", kAtStart}),
    at<&Config::workers, &WorkerConfig::burst>({"workers.burst", number, {1, 32}, {}, {},
       "most packets that a worker takes from a port at a time", kAtStart}),
    at<&Config::workers, &WorkerConfig::handoff_ring>({"workers.handoff_ring", number,
       {64, 65'536}, {}, {},
       "slots of each ring between two workers, a power of two; a full ring drops with "
       "handoff_full", kAtStart}),

    at<&Config::memory, &MemoryConfig::budget_bytes>({"memory.budget", bytes,
       {16 * kMiB, 16'384 * kGiB}, "a quarter of the host's memory", {},
       "all tables and packet buffers together; they are sized from it at start and never grow",
       kAtStart}),
    at<&Config::memory, &MemoryConfig::hugepages>({"memory.hugepages", word, {}, {},
       kHugepageWords,
       "auto takes hugepages where the host has enough; require refuses to start without; off "
       "uses ordinary pages", kAtStart}),
    at<&Config::memory, &MemoryConfig::mbufs>({"memory.mbufs", number, {1'024, 16'777'216},
       "from the memory budget", {}, "packet buffers of each port pair", kAtStart}),

    at<&Config::decode, &DecodeConfig::tunnel_key>({"decode.tunnel_key", word, {}, {},
       kTunnelKeyWords, "which addresses name the flow of a tunnelled packet"}),
    at<&Config::decode, &DecodeConfig::non_ip>({"decode.non_ip", word, {}, {}, kFrameWords,
       "frames that are not IP"}),
    at<&Config::decode, &DecodeConfig::control_frames>({"decode.control_frames", word, {}, {},
       kFrameWords, "link-local control frames: STP, LACP, LLDP, EAPOL, ARP"}),
    at<&Config::decode, &DecodeConfig::malformed>({"decode.malformed", word, {}, {},
       kMalformedWords, "packets that cannot be decoded; pass forwards them uninspected"}),
    at<&Config::decode, &DecodeConfig::exempt_control_protocols>(
      {"decode.exempt_control_protocols", boolean, {}, {}, {},
       "routing and control protocols (BGP, OSPF, BFD, VRRP, IGMP, DHCP, PTP) are not rate "
       "limited"}),
    at<&Config::decode, &DecodeConfig::tunnel_depth>({"decode.tunnel_depth", number, {0, 3}, {},
       {}, "tunnels inside each other that are decoded; 0 decodes none"}),

    at<&Config::fragments, &FragmentConfig::datagrams>({"fragments.datagrams", number,
       {1, 65'536}, {}, {}, "incomplete datagrams that each worker holds at once", kAtStart}),
    at<&Config::fragments, &FragmentConfig::fragments_per_datagram>(
      {"fragments.fragments_per_datagram", number, {2, 64}, {}, {},
       "most fragments of one datagram"}),
    at<&Config::fragments, &FragmentConfig::timeout>({"fragments.timeout", duration,
       {10 * kNsPerMs, 60 * kNsPerSecond}, {}, {},
       "how long an incomplete datagram is held after its first fragment"}),
    at<&Config::fragments, &FragmentConfig::exception_policy>({"fragments.exception_policy", word,
       {}, {}, kExceptionWords, "what becomes of fragments that are over one of these limits"}),

    at<&Config::lists, &ListConfig::allow_source>({"lists.allow.source", prefixes, kPrefixes, {},
       {}, "sources that nothing in any list refuses"}),
    at<&Config::lists, &ListConfig::allow_destination>({"lists.allow.destination", prefixes,
       kPrefixes, {}, {}, "destinations that nothing in any list refuses"}),
    at<&Config::lists, &ListConfig::allow_source_files>({"lists.allow.source_files", paths,
       kFiles, {}, {}, "files with such sources, one prefix a line"}),
    at<&Config::lists, &ListConfig::allow_destination_files>({"lists.allow.destination_files",
       paths, kFiles, {}, {}, "files with such destinations, one prefix a line"}),
    at<&Config::lists, &ListConfig::deny_source>({"lists.deny.source", prefixes, kPrefixes, {},
       {}, "sources whose packets are refused"}),
    at<&Config::lists, &ListConfig::deny_destination>({"lists.deny.destination", prefixes,
       kPrefixes, {}, {}, "destinations to which packets are refused"}),
    at<&Config::lists, &ListConfig::deny_source_files>({"lists.deny.source_files", paths, kFiles,
       {}, {}, "files with such sources, one prefix a line"}),
    at<&Config::lists, &ListConfig::deny_destination_files>({"lists.deny.destination_files",
       paths, kFiles, {}, {}, "files with such destinations, one prefix a line"}),

    at<&Config::flows, &FlowConfig::capacity>({"flows.capacity", number, kTableEntries,
       "from the memory budget", {}, "flows tracked at once, over all workers", kAtStart}),
    at<&Config::flows, &FlowConfig::half_open>({"flows.half_open", number, kTableEntries,
       "a quarter of the capacity", {},
       "TCP handshakes that wait for their answer, over all workers", kAtStart}),
    at<&Config::flows, &FlowConfig::table_full>({"flows.table_full", word, {}, {},
       kExceptionWords, "what becomes of a packet whose flow finds no room"}),
    at<&Config::flows, &FlowConfig::out_of_state>({"flows.out_of_state", word, {}, {},
       kExceptionWords, "what becomes of a TCP packet that does not fit the state of its flow"}),
    at<&Config::flows, &FlowConfig::midstream>({"flows.midstream", word, {}, {}, kExceptionWords,
       "what becomes of a TCP packet whose handshake was not seen"}),
    at<&Config::flows, &FlowConfig::midstream_grace>({"flows.midstream_grace", duration,
       {0, 24 * kHour}, {}, {},
       "after start, connections that are already open are picked up for this long"}),
    at<&Config::flows, &FlowConfig::record_interval>({"flows.record_interval", duration,
       kInterval, "a record at the end of a flow only", {},
       "time between the interim records of a long flow"}),
    at<&Config::flows, &FlowConfig::tcp_opening>({"flows.timeouts.tcp_opening", duration,
       kIdleTimeout, {}, {}, "idle time of a TCP handshake"}),
    at<&Config::flows, &FlowConfig::tcp_established>({"flows.timeouts.tcp_established", duration,
       kIdleTimeout, {}, {}, "idle time of an open TCP connection; RFC 5382 asks for 2h4min"}),
    at<&Config::flows, &FlowConfig::tcp_closing>({"flows.timeouts.tcp_closing", duration,
       kIdleTimeout, {}, {}, "idle time of a TCP connection that one side has closed"}),
    at<&Config::flows, &FlowConfig::tcp_closed>({"flows.timeouts.tcp_closed", duration,
       kIdleTimeout, {}, {}, "idle time of a TCP connection that was closed or reset"}),
    at<&Config::flows, &FlowConfig::udp_one_way>({"flows.timeouts.udp_one_way", duration,
       kIdleTimeout, {}, {}, "idle time of a UDP flow without an answer"}),
    at<&Config::flows, &FlowConfig::udp>({"flows.timeouts.udp", duration, kIdleTimeout, {}, {},
       "idle time of a UDP flow; RFC 4787 asks for 2min"}),
    at<&Config::flows, &FlowConfig::icmp>({"flows.timeouts.icmp", duration, kIdleTimeout, {}, {},
       "idle time of an ICMP query; RFC 5508 asks for 60s"}),
    at<&Config::flows, &FlowConfig::other>({"flows.timeouts.other", duration, kIdleTimeout, {},
       {}, "idle time of flows of any other protocol"}),
    at<&Config::flows, &FlowConfig::refused>({"flows.timeouts.refused", duration, kIdleTimeout,
       {}, {}, "how long a refused flow stays refused after its last packet"}),

    at<&Config::limits, &LimitsConfig::flow, &LimitConfig::packets, &RateConfig::rate>(
      {"limits.flow.packets", event_rate, kPacketRate, kNoLimit, {}, "packets of each flow"}),
    at<&Config::limits, &LimitsConfig::flow, &LimitConfig::packets, &RateConfig::burst>(
      {"limits.flow.packets_burst", number, kPacketBurst, kShortBurst, {},
       "packets that a flow may send at once"}),
    at<&Config::limits, &LimitsConfig::flow, &LimitConfig::bits, &RateConfig::rate>(
      {"limits.flow.bits", bit_rate, kBitRate, kNoLimit, {},
       "bits of each flow, counted as Ethernet frames without FCS"}),
    at<&Config::limits, &LimitsConfig::flow, &LimitConfig::bits, &RateConfig::burst>(
      {"limits.flow.bits_burst", bytes, kBitBurst, kShortBurst, {},
       "bytes that a flow may send at once"}),
    at<&Config::limits, &LimitsConfig::source, &LimitConfig::packets, &RateConfig::rate>(
      {"limits.source.packets", event_rate, kPacketRate, kNoLimit, {},
       "packets of each source, over all workers"}),
    at<&Config::limits, &LimitsConfig::source, &LimitConfig::packets, &RateConfig::burst>(
      {"limits.source.packets_burst", number, kPacketBurst, kShortBurst, {},
       "packets that a source may send at once"}),
    at<&Config::limits, &LimitsConfig::source, &LimitConfig::bits, &RateConfig::rate>(
      {"limits.source.bits", bit_rate, kBitRate, kNoLimit, {},
       "bits of each source, over all workers"}),
    at<&Config::limits, &LimitsConfig::source, &LimitConfig::bits, &RateConfig::burst>(
      {"limits.source.bits_burst", bytes, kBitBurst, kShortBurst, {},
       "bytes that a source may send at once"}),
    at<&Config::limits, &LimitsConfig::sources>({"limits.sources", number, kTableEntries,
       "from the memory budget", {}, "sources whose rates are tracked, over all workers",
       kAtStart}),
    at<&Config::limits, &LimitsConfig::source_prefix_v4>({"limits.source_prefix_v4", number,
       {1, 32}, {}, {}, "an IPv4 source is this many leading bits of its address"}),
    at<&Config::limits, &LimitsConfig::source_prefix_v6>({"limits.source_prefix_v6", number,
       {1, 128}, {}, {}, "an IPv6 source is this many leading bits of its address"}),

    at<&Config::blocks, &BlockConfig::capacity>({"blocks.capacity", number,
       {64, 1'048'576}, {}, {}, "blocks in force at once; fixed at start", kAtStart}),
    at<&Config::blocks, &BlockConfig::duration_max>({"blocks.duration_max", duration,
       {kNsPerSecond, 366 * 24 * kHour}, {}, {}, "the longest that a block may be asked for"}),

    at<&Config::overload, &OverloadConfig::shed>({"overload.shed", boolean, {}, {}, {},
       "workers shed work, in the documented order, while they fall behind"}),
    at<&Config::overload, &OverloadConfig::inspection>({"overload.inspection", boolean, {}, {}, {},
       "behind all records, workers also shed what rules look at: depth, elephants, new streams"}),
    at<&Config::overload, &OverloadConfig::high_percent>({"overload.high_percent", number,
       {2, 100}, {}, {}, "share of full bursts from which a worker sheds one step more"}),
    at<&Config::overload, &OverloadConfig::low_percent>({"overload.low_percent", number,
       {1, 99}, {}, {}, "share of full bursts below which it takes one step back"}),

    at<&Config::rules, &RulesConfig::files>({"rules.files", paths, kRuleFiles, {}, {},
       "rule files, in YAML; a path that is not whole begins where the configuration lies"}),
    at<&Config::rules, &RulesConfig::variables>({"rules.variables", texts, kRuleVariables, {}, {},
       "what variables in rules stand for, each as NAME=VALUE, such as "
       "HOME_NET=[10.0.0.0/8, 2001:db8::/32] or HTTP_PORTS=[80, 8080]"}),
    at<&Config::rules, &RulesConfig::until_ready>({"rules.until_ready", word, {}, {}, kReadyWords,
       "what becomes of packets that rules would judge while the first ruleset is compiled"}),

    at<&Config::inspect, &InspectConfig::memory_bytes>({"inspect.memory", bytes,
       {kMiB, 1'024 * kGiB},
       "an eighth of the memory budget where there are rules or events of applications", {},
       "streams, kept bytes and parsers of all workers", kAtStart}),
    at<&Config::inspect, &InspectConfig::stream_depth>({"inspect.stream_depth", bytes,
       {0, 1'024 * kGiB}, {}, {},
       "bytes of each direction of a flow that are inspected; 0 is all of them"}),
    at<&Config::inspect, &InspectConfig::window>({"inspect.window", bytes, {1'024, 14'336}, {}, {},
       "scanned bytes of a stream that a rule can look back at"}),
    at<&Config::inspect, &InspectConfig::reorder_bytes>({"inspect.reorder", bytes,
       {4'096, 16 * kMiB}, {}, {},
       "bytes of one flow that wait for the segments before them"}),
    at<&Config::inspect, &InspectConfig::request_body>({"inspect.request_body", bytes,
       {0, 16 * kMiB}, {}, {},
       "bytes of a request's body, and of each part of a mail, that are inspected"}),
    at<&Config::inspect, &InspectConfig::response_body>({"inspect.response_body", bytes,
       {0, 16 * kMiB}, {}, {}, "bytes of a response's body that are inspected"}),
    at<&Config::inspect, &InspectConfig::reorder_full>({"inspect.reorder_full", word, {}, {},
       kExceptionWords, "a segment that comes too early and finds no room to wait"}),
    at<&Config::inspect, &InspectConfig::unverifiable>({"inspect.unverifiable", word, {}, {},
       kExceptionWords, "bytes sent again that are no longer at hand to be compared with"}),
    at<&Config::inspect, &InspectConfig::urgent>({"inspect.urgent", word, {}, {}, kExceptionWords,
       "a TCP segment with an urgent pointer, whose receiver may take a byte out of the stream"}),
    at<&Config::inspect, &InspectConfig::no_memory>({"inspect.no_memory", word, {}, {},
       kExceptionWords, "a flow for whose inspection there is no memory"}),
    at<&Config::inspect, &InspectConfig::match_limit>({"inspect.match_limit", word, {}, {},
       kExceptionWords, "a packet of which rules could not all be decided: too many matches, an "
       "evaluation too long, or a message that can be read in two ways or was not read whole; of "
       "TCP, drop_packet is drop_flow, since its bytes are not scanned again"}),
    at<&Config::inspect, &InspectConfig::encrypted>({"inspect.encrypted", word, {}, {},
       kEncryptedWords, "what is encrypted, behind the handshake: not looked at any more, or "
       "inspected as any bytes are"}),
    at<&Config::inspect, &InspectConfig::reject_rate>({"inspect.reject_rate", event_rate,
       {1, 1'000'000}, "none are sent", {},
       "RST and ICMP messages that each worker sends for the action reject"}),

    at<&Config::events, &EventConfig::eve>({"events.eve", text, {0, 4096}, {}, {},
       "file to which events are appended as EVE JSON lines; - is standard output, nothing is no "
       "events"}),
    at<&Config::events, &EventConfig::drop_sample>({"events.drop_sample", number, {1, 1'000'000},
       "no drop events", {}, "of one in so many flows every refused packet is reported"}),
    at<&Config::events, &EventConfig::flow_records>({"events.flow_records", boolean, {}, {}, {},
       "a record of each flow is written"}),
    at<&Config::events, &EventConfig::stats_interval>({"events.stats_interval", duration,
       kInterval, "no counters", {}, "time between two records of all counters"}),
    at<&Config::events, &EventConfig::http>({"events.http", boolean, {}, {}, {},
       "each HTTP request with its response is written"}),
    at<&Config::events, &EventConfig::dns>({"events.dns", boolean, {}, {}, {},
       "each DNS message is written"}),
    at<&Config::events, &EventConfig::tls>({"events.tls", boolean, {}, {}, {},
       "each TLS handshake is written, as far as it can be read"}),
    at<&Config::events, &EventConfig::ssh>({"events.ssh", boolean, {}, {}, {},
       "banners and fingerprints (HASSH) of each SSH connection are written"}),
    at<&Config::events, &EventConfig::smtp>({"events.smtp", boolean, {}, {}, {},
       "each mail's envelope is written"}),
    at<&Config::events, &EventConfig::ftp>({"events.ftp", boolean, {}, {}, {},
       "each FTP command with its replies is written"}),
    at<&Config::events, &EventConfig::quic>({"events.quic", boolean, {}, {}, {},
       "what can be read of each QUIC handshake is written"}),
    at<&Config::events, &EventConfig::anomaly>({"events.anomaly", boolean, {}, {}, {},
       "what no honest host sends is written: bad headers, streams and messages"}),

    at<&Config::metrics, &MetricsConfig::listen>({"metrics.listen", text, {0, 64}, {}, {},
       "address and port of /metrics, /healthz and /readyz; nothing is no HTTP"}),

    at<&Config::control, &ControlConfig::user>({"control.user", text, {0, 32}, {}, {},
       "user that the control process becomes; nothing is the user of the wire process", kAtStart}),
    at<&Config::control, &ControlConfig::state_dir>({"control.state_dir", text, kPath, {}, {},
       "directory of what is to survive a restart", kAtStart}),
    at<&Config::control, &ControlConfig::run_dir>({"control.run_dir", text, kPath, {}, {},
       "directory of the control socket", kAtStart}),
    at<&Config::control, &ControlConfig::socket>({"control.socket", text, {0, 107}, {}, {},
       "control socket; nothing is control.sock in control.run_dir"}),
    at<&Config::control, &ControlConfig::audit>({"control.audit", text, {0, 4096}, {}, {},
       "file to which every change is appended as a JSON line; nothing is audit.json in "
       "control.state_dir"}),
    at<&Config::control, &ControlConfig::socket_group>({"control.socket_group", text, {0, 32}, {},
       {}, "group that may connect to the control socket, and look"}),
    at<&Config::control, &ControlConfig::operator_group>({"control.operator_group", text, {0, 32},
       {}, {}, "group that may also block, bypass, set stages of rules and change sets"}),
    at<&Config::control, &ControlConfig::admin_group>({"control.admin_group", text, {0, 32}, {},
       {}, "group that may do everything, as root may"}),
};

constexpr std::array kPairOptions{
    of_pair<&PortPairConfig::name>({"name", text, {1, 20}, {}, {},
       "word for the pair in events and tables; not given, pair0, pair1 and so on", kAtStart}),
    of_pair<&PortPairConfig::outside, &PortConfig::device>({"outside.device", text, kDevice, {},
       {},
       "port on the side that is not trusted: a PCI address such as 0000:3b:00.0, or "
       "af_packet:IFACE, af_xdp:IFACE, tap:IFACE, ring:NAME, null:SIZE", kAtStart}),
    of_pair<&PortPairConfig::outside, &PortConfig::rx_descriptors>({"outside.rx_descriptors",
       number, kDescriptors, {}, {}, "frames that the port can hold before a worker takes them",
       kAtStart}),
    of_pair<&PortPairConfig::outside, &PortConfig::tx_descriptors>({"outside.tx_descriptors",
       number, kDescriptors, {}, {}, "frames that can wait for transmission", kAtStart}),
    of_pair<&PortPairConfig::inside, &PortConfig::device>({"inside.device", text, kDevice, {}, {},
       "port on the side that is protected, written like outside.device", kAtStart}),
    of_pair<&PortPairConfig::inside, &PortConfig::rx_descriptors>({"inside.rx_descriptors",
       number, kDescriptors, {}, {}, "frames that the port can hold before a worker takes them",
       kAtStart}),
    of_pair<&PortPairConfig::inside, &PortConfig::tx_descriptors>({"inside.tx_descriptors",
       number, kDescriptors, {}, {}, "frames that can wait for transmission", kAtStart}),
    of_pair<&PortPairConfig::mtu>({"mtu", number, {576, 9216}, {}, {},
       "largest IP packet in bytes; at most 3498 on an af_xdp port", kAtStart}),
    of_pair<&PortPairConfig::checksums>({"checksums", word, {}, {}, kChecksumWords,
       "verify refuses wrong sums; trust does not look; fix computes them anew, on virtual ports "
       "only; auto verifies, and accepts what transmit offloading leaves behind", kAtStart}),
    of_pair<&PortPairConfig::domain>({"domain", number, {1, 255}, "a domain of its own", {},
       "pairs with the same number track their flows together, as for traffic over several "
       "paths", kAtStart}),
    of_pair<&PortPairConfig::vlan_in_key>({"vlan_in_key", boolean, {}, {}, {},
       "equal flows in different VLANs are different flows", kAtStart}),
    of_pair<&PortPairConfig::link_follow>({"link_follow", boolean, {}, {}, {},
       "a link that goes down takes the other one of the pair down", kAtStart}),
};

constexpr std::array kRuleLimitOptions{
    of_rule_limit<&RuleLimitConfig::name>({"name", text, {1, kRuleLimitNameMax}, {}, {},
       "word by which rules name it"}),
    of_rule_limit<&RuleLimitConfig::per>({"per", word, {}, {}, kLimitedWords,
       "each flow, or each source, has the rate for itself; a source is as long as "
       "limits.source_prefix_v4 and limits.source_prefix_v6 say"}),
    of_rule_limit<&RuleLimitConfig::limit, &LimitConfig::packets, &RateConfig::rate>({"packets",
       event_rate, kPacketRate, kNoLimit, {}, "packets for which a rule holds"}),
    of_rule_limit<&RuleLimitConfig::limit, &LimitConfig::packets, &RateConfig::burst>(
      {"packets_burst", number, kPacketBurst, kShortBurst, {}, "such packets at once"}),
    of_rule_limit<&RuleLimitConfig::limit, &LimitConfig::bits, &RateConfig::rate>({"bits",
       bit_rate, kBitRate, kNoLimit, {}, "bits of such packets, as Ethernet frames without FCS"}),
    of_rule_limit<&RuleLimitConfig::limit, &LimitConfig::bits, &RateConfig::burst>({"bits_burst",
       bytes, kBitBurst, kShortBurst, {}, "bytes of such packets at once"}),
};

constexpr std::array kSetOptions{
    of_set<&SetConfig::name>({"name", text, {1, kSetNameMax}, {}, {},
       "word by which rules name it"}),
    of_set<&SetConfig::kind>({"kind", word, {}, {}, kSetKindWords,
       "domain: names, each with every name below it; text: exact bytes; address: prefixes"}),
    of_set<&SetConfig::nocase>({"nocase", boolean, {}, {}, {},
       "of kind text: upper and lower case of ASCII letters are the same"}),
    of_set<&SetConfig::file>({"file", text, {0, 4095}, {}, {},
       "entries, one a line, each with until=DATE behind it where it ends; a text between bars, "
       "|0d 0a|, is these bytes; read at start and at every reload"}),
    of_set<&SetConfig::capacity>({"capacity", number, {1, kSetCapacityMax}, {}, {},
       "most entries, those of the file and those added with sluicectl together"}),
};

constexpr std::array kExceptionOptions{
    of_exception<&RuleExceptionConfig::rules>({"rules", texts, {0, kExceptionRulesMax}, {}, {},
       "ids of the rules, each as 20031, or 3:20031 with its gid"}),
    of_exception<&RuleExceptionConfig::class_name>({"class", text, {0, kExceptionTextMax}, {}, {},
       "or all rules of this class"}),
    of_exception<&RuleExceptionConfig::source>({"source", prefixes, {0, kExceptionPrefixesMax},
       {}, {}, "packets from these, as an alert shows their source; none: from everywhere"}),
    of_exception<&RuleExceptionConfig::destination>({"destination", prefixes,
       {0, kExceptionPrefixesMax}, {}, {}, "packets to these; none: to everywhere"}),
    of_exception<&RuleExceptionConfig::uri>({"uri", text, {0, kExceptionTextMax}, {}, {},
       "what the normalised URI of the request begins with, or with * in it, each for any text, "
       "all of it; only for rules that look at HTTP messages"}),
    of_exception<&RuleExceptionConfig::owner>({"owner", text, {0, kExceptionTextMax}, {}, {},
       "who answers for it"}),
    of_exception<&RuleExceptionConfig::reason>({"reason", text, {0, kExceptionTextMax}, {}, {},
       "why it is there"}),
    of_exception<&RuleExceptionConfig::expires>({"expires", text, {0, 32}, {}, {},
       "when it ends, as 2026-12-31 or 2026-12-31T18:00:00Z, in UTC; nothing: never"}),
};
// clang-format on

struct SectionRow {
  std::string_view path;
  std::string_view help;
};
constexpr SectionRow kSections[] = {
    {"workers", "The threads that carry packets, and the CPUs they poll on."},
    {"memory", "Sizes that are fixed at start. `sluiced plan` prints what they come to."},
    {"decode", "How frames are read."},
    {"fragments",
     "Fragments are held until their datagram is complete, judged once, and released unchanged."},
    {"lists",
     "Standing lists of address prefixes. Any allow prefix that covers an address beats every "
     "deny."},
    {"flows", "The flow table, and how long a flow is remembered without a packet."},
    {"limits",
     "Token buckets: of a flow or source that sends more, only the excess is refused. A burst "
     "needs its rate."},
    {"blocks",
     "Temporary denies with an end, set over the control socket or by rules with the action block. "
     "Any allow prefix beats them."},
    {"rules", "Signatures: which rule files are obeyed, and what their variables stand for."},
    {"inspect",
     "How far streams and messages are looked into, and what happens where a bound is reached."},
    {"overload",
     "What a worker leaves undone while most of its bursts come full: first reports of drops and "
     "interim flow records, then all flow records, then inspection: what is deep in streams, large "
     "flows, streams of new connections."},
    {"metrics", "What Prometheus and a load balancer read."},
    {"events", "What is reported, and where."},
    {"control", "The process that decides and reports, apart from the one that holds the wire."},
};

}  // namespace

std::span<const Option<Config>> config_options() noexcept { return kConfigOptions; }

std::span<const Option<PortPairConfig>> pair_options() noexcept { return kPairOptions; }

std::span<const Option<RuleLimitConfig>> rule_limit_options() noexcept { return kRuleLimitOptions; }
std::span<const Option<SetConfig>> set_options() noexcept { return kSetOptions; }
std::span<const Option<RuleExceptionConfig>> exception_options() noexcept {
  return kExceptionOptions;
}

std::string_view section_help(std::string_view path) noexcept {
  for (const SectionRow& row : kSections) {
    if (row.path == path) return row.help;
  }
  return {};
}

}  // namespace sluice
