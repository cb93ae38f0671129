#include "control/store/eve_fields.h"

#include <fmt/format.h>

namespace sluice {
namespace {

using enum EveType;

constexpr unsigned kInAll = kInFlow | kInDrop | kInStats | kInAlert;
constexpr unsigned kInPackets = kInFlow | kInDrop | kInAlert;

constexpr EveField kFields[] = {
    {"timestamp", text, kInAll, "UTC with microseconds; of a flow the time of its last packet"},
    {"event_type", text, kInAll, "`flow`, `drop`, `alert` or `stats`"},
    {"flow_id", number, kInPackets | kOptional,
     "names the flow, below 2^53; absent where a refused packet has none"},
    {"pcap_cnt", number, kInPackets | kOptional | kReplayOnly,
     "place in the capture from 1; of a flow that of its first packet"},
    {"in_iface", text, kInPackets | kOptional | kLiveOnly, "port of the first or refused packet"},
    {"vlan", numbers, kInPackets | kOptional, "VLAN ids, outermost first, at most two"},
    {"src_ip", text, kInPackets | kOptional,
     "of a flow its initiator; absent where the frame is not IP"},
    {"src_port", number, kInPackets | kOptional, "TCP, UDP and SCTP"},
    {"dest_ip", text, kInPackets | kOptional, "of a flow its responder"},
    {"dest_port", number, kInPackets | kOptional, "TCP, UDP and SCTP"},
    {"proto", text, kInPackets | kOptional,
     "`TCP`, `UDP`, `ICMP`, `IPv6-ICMP`, `SCTP`, or the number as text"},
    {"icmp_type", number, kInPackets | kOptional, "ICMP; of a flow that of its first packet"},
    {"icmp_code", number, kInPackets | kOptional, "ICMP"},
    {"direction", text, kInDrop | kInAlert | kOptional,
     "`to_server` or `to_client`, where there is a flow"},
    {"community_id", text, kInPackets | kOptional,
     "Community ID v1, seed 0; absent without IP or where an ICMP type is not known"},
    {"flow.pkts_toserver", number, kInFlow | kInAlert,
     "packets of the initiator; of an interim event since the one before, of an alert up to the "
     "packet; an alert about a packet without a flow has no `flow`"},
    {"flow.pkts_toclient", number, kInFlow | kInAlert, "packets of the responder, likewise"},
    {"flow.bytes_toserver", number, kInFlow | kInAlert, "layer-2 bytes without FCS, likewise"},
    {"flow.bytes_toclient", number, kInFlow | kInAlert, "likewise"},
    {"flow.start", text, kInFlow | kInAlert, "time of the first packet"},
    {"flow.end", text, kInFlow, "time of the last packet"},
    {"flow.age", number, kInFlow, "seconds between the two"},
    {"flow.state", text, kInFlow,
     "`new`, `established` or `closed`, at the end that of the last packet; without TCP "
     "`established` once both sides have sent"},
    {"flow.reason", text, kInFlow,
     "`timeout`, `forced`, `shutdown`, or `unknown` for a flow that goes on"},
    {"flow.alerted", flag, kInFlow, "a rule decided about the flow"},
    {"flow.action", text, kInFlow | kOptional, "`drop` where the flow was refused in mode enforce"},
    {"tcp.tcp_flags", text, kInFlow | kOptional,
     "all flags seen, hexadecimal; TCP only, like the rest of `tcp`"},
    {"tcp.tcp_flags_ts", text, kInFlow | kOptional, "those of the initiator"},
    {"tcp.tcp_flags_tc", text, kInFlow | kOptional, "those of the responder"},
    {"tcp.syn", flag, kInFlow | kOptional, "seen at least once, else absent"},
    {"tcp.fin", flag, kInFlow | kOptional, "likewise"},
    {"tcp.rst", flag, kInFlow | kOptional, "likewise"},
    {"tcp.psh", flag, kInFlow | kOptional, "likewise"},
    {"tcp.ack", flag, kInFlow | kOptional, "likewise"},
    {"tcp.urg", flag, kInFlow | kOptional, "likewise"},
    {"tcp.ecn", flag, kInFlow | kOptional, "ECE, likewise"},
    {"tcp.cwr", flag, kInFlow | kOptional, "likewise"},
    {"tcp.state", text, kInFlow | kOptional,
     "`none`, `syn_sent`, `syn_recv`, `established`, `fin_wait1`, `closing` or `closed`"},
    {"drop.len", number, kInDrop | kOptional, "IPv4: total length; IPv6: payload length"},
    {"drop.tos", number, kInDrop | kOptional, "IPv4"},
    {"drop.ttl", number, kInDrop | kOptional, "IPv4"},
    {"drop.ipid", number, kInDrop | kOptional, "IPv4"},
    {"drop.tc", number, kInDrop | kOptional, "IPv6: traffic class"},
    {"drop.hoplimit", number, kInDrop | kOptional, "IPv6"},
    {"drop.tcpseq", number, kInDrop | kOptional, "TCP, like the next eight"},
    {"drop.tcpack", number, kInDrop | kOptional, "acknowledgement number"},
    {"drop.tcpwin", number, kInDrop | kOptional, "window as sent"},
    {"drop.syn", flag, kInDrop | kOptional, ""},
    {"drop.ack", flag, kInDrop | kOptional, ""},
    {"drop.psh", flag, kInDrop | kOptional, ""},
    {"drop.rst", flag, kInDrop | kOptional, ""},
    {"drop.urg", flag, kInDrop | kOptional, ""},
    {"drop.fin", flag, kInDrop | kOptional, ""},
    {"drop.udplen", number, kInDrop | kOptional, "UDP length with header"},
    {"drop.reason", text, kInDrop, "a drop reason of sluice"},
    {"alert.action", text, kInAlert, "`blocked` where the packet was refused, else `allowed`"},
    {"alert.gid", number, kInAlert, "group of the rule's number; 1 but for imported rules"},
    {"alert.signature_id", number, kInAlert, "the rule's id"},
    {"alert.rev", number, kInAlert, "its revision"},
    {"alert.signature", text, kInAlert, "its name"},
    {"alert.category", text, kInAlert, "its class"},
    {"alert.severity", number, kInAlert, "1 critical, 2 high, 3 medium, 4 low"},
    {"alert.metadata", counts, kInAlert | kOptional, "its metadata: lists of texts by key"},
    {"app_proto", text, kInAlert | kOptional, "`http`, where the flow was recognised"},
    {"http.hostname", text, kInAlert | kOptional, "of the message that the rule held for"},
    {"http.url", text, kInAlert | kOptional, "request target as it was sent"},
    {"http.http_user_agent", text, kInAlert | kOptional, ""},
    {"http.http_refer", text, kInAlert | kOptional, ""},
    {"http.http_method", text, kInAlert | kOptional, ""},
    {"http.http_content_type", text, kInAlert | kOptional, ""},
    {"payload", text, kInAlert | kOptional,
     "the beginning of the packet's payload in base64, at most 512 bytes of it"},
    {"payload_printable", text, kInAlert | kOptional, "the same as text"},
    {"stream", number, kInAlert,
     "1 where the rule held for bytes that were put in order, 0 for the packet"},
    {"verdict.action", text, kInDrop | kInAlert,
     "`drop`; `pass` where the packet went on: in mode monitor, or where no rule refused it"},
    {"stats.uptime", number, kInStats, "seconds; in a replay of capture time"},
    {"stats.capture.kernel_packets", number, kInStats, "packets that reached the ports"},
    {"stats.capture.kernel_drops", number, kInStats, "of these, lost in front of sluice"},
    {"stats.decoder.pkts", number, kInStats, "packets received"},
    {"stats.decoder.bytes", number, kInStats, "layer-2 bytes received"},
    {"stats.decoder.invalid", number, kInStats, "packets refused by the decoder"},
    {"stats.flow.total", number, kInStats, "flows made since the start"},
    {"stats.flow.active", number, kInStats, "flows in the tables now"},
    {"stats.ips.accepted", number, kInStats, "packets forwarded"},
    {"stats.ips.blocked", number, kInStats, "packets refused"},
    {"sluice.generation", number, kInAll,
     "of the policy that judged; of statistics the oldest in use"},
    {"sluice.worker", number, kInPackets | kLiveOnly, "who reported it"},
    {"sluice.mode", text, kInAll, "`enforce` or `monitor`"},
    {"sluice.capture", text, kInAll | kOptional | kReplayOnly, "name of the capture file"},
    {"sluice.interim", flag, kInFlow, "the flow goes on; counters are since the event before"},
    {"sluice.end", text, kInFlow | kOptional,
     "`timeout`, `closed`, `evicted`, `refused` or `shutdown`; not of an interim event"},
    {"sluice.midstream", flag, kInFlow | kOptional,
     "true where the flow was picked up without a handshake"},
    {"sluice.dropped_packets", number, kInFlow, "packets of the flow that were refused"},
    {"sluice.refused_reason", text, kInFlow | kOptional, "why the rest of the flow is refused"},
    {"sluice.rule_id", number, kInPackets | kOptional, "the rule that decided"},
    {"sluice.station", text, kInDrop, "the station that refused"},
    {"sluice.stage", text, kInAlert, "stage of the rule: `alert` or `enforce`"},
    {"sluice.frames", number, kInDrop, "frames refused with it: the fragments of a datagram"},
    {"sluice.wire_bytes", number, kInDrop, "their layer-2 bytes without FCS"},
    {"sluice.forwarded", number, kInStats, "packets forwarded"},
    {"sluice.forwarded_bytes", number, kInStats, "their layer-2 bytes"},
    {"sluice.dropped", number, kInStats, "packets refused"},
    {"sluice.held", number, kInStats,
     "fragments waiting now: packets received = forwarded + dropped + held"},
    {"sluice.generated", number, kInStats, "packets sluice made itself"},
    {"sluice.dropped_by_reason", counts, kInStats, "packets by drop reason; absent = 0"},
    {"sluice.would_drop_by_reason", counts, kInStats, "the same for mode monitor"},
    {"sluice.capacity_events", counts, kInStats, "limits of sluice itself that were hit"},
    {"sluice.records_lost", counts, kInStats,
     "events lost: `flow` and `drop` in front of the lanes, `queue` in front of the recorder, "
     "`file` in front of the file"},
    {"sluice.workers", number, kInStats | kLiveOnly, ""},
    {"sluice.workers_unreadable", number, kInStats | kLiveOnly,
     "workers whose counters are those of an earlier moment"},
    {"sluice.events_written", number, kInStats | kLiveOnly, "lines, by this control process"},
    {"sluice.lost_after_transmit", number, kInStats | kLiveOnly,
     "of the packets forwarded, those that a device or the kernel did not send"},
    {"sluice.half_open", number, kInStats | kLiveOnly, "half-open TCP connections now"},
    {"sluice.out_of_state", number, kInStats | kLiveOnly,
     "TCP packets that fit no state of their flow, whatever became of them"},
    {"sluice.midstream_flows", number, kInStats | kLiveOnly,
     "flows picked up without their handshake"},
    {"sluice.polls", number, kInStats | kLiveOnly, "turns of the workers"},
    {"sluice.busy_polls", number, kInStats | kLiveOnly, "turns that received something"},
    {"sluice.full_bursts", number, kInStats | kLiveOnly,
     "receive calls that returned a full burst"},
    {"sluice.handed_over", number, kInStats | kLiveOnly, "frames that another worker had received"},
    {"sluice.ports", counts, kInStats | kLiveOnly,
     "by port: `rx_packets`, `rx_bytes`, `tx_packets`, `tx_bytes`"},
};

constexpr std::string_view kIntroduction =
    "# Events\n\n"
    "One JSON object a line, with the names and the nesting of Suricata's EVE; what only sluice "
    "knows\n"
    "stands under `sluice`. This page is generated from the table of fields.\n\n"
    "* `flow`: at the end of a flow, and at `flows.record_interval` while it goes on "
    "(`sluice.interim`).\n"
    "  The event at the end tells the flow in whole, an interim event what came since the one "
    "before:\n"
    "  add up the ones or the others.\n"
    "* `drop`: a refused packet of one in `events.drop_sample` flows, chosen by a keyed hash; in "
    "mode\n"
    "  monitor a packet that would have been refused.\n"
    "* `alert`: a rule at stage `alert` or `enforce` held; never sampled.\n"
    "* `stats`: every `events.stats_interval`; exact sums over all workers. In a replay once, "
    "behind the\n"
    "  last event of each capture.\n\n"
    "A replay leaves out what depends on the number of workers. Text from outside has control\n"
    "characters escaped and bytes that are not UTF-8 replaced by U+FFFD.\n";

std::string_view word_of(EveType type) noexcept {
  switch (type) {
    case text:
      return "text";
    case number:
      return "number";
    case flag:
      return "true or false";
    case numbers:
      return "list of numbers";
    case counts:
      return "object of counts";
  }
  return "";
}

std::string_view presence(unsigned events) noexcept {
  if ((events & kReplayOnly) != 0) return "replay";
  if ((events & kLiveOnly) != 0) return (events & kOptional) != 0 ? "live, where known" : "live";
  return (events & kOptional) != 0 ? "where it applies" : "always";
}

void append_section(std::string& page, std::string_view event, unsigned bit) {
  page +=
      fmt::format("\n## {}\n\n| field | value | present | meaning |\n|---|---|---|---|\n", event);
  for (const EveField& field : kFields) {
    if ((field.events & bit) == 0) continue;
    page += fmt::format("| `{}` | {} | {} | {} |\n", field.path, word_of(field.type),
                        presence(field.events), field.meaning);
  }
}

}  // namespace

std::span<const EveField> eve_fields() noexcept { return kFields; }

std::string events_reference() {
  std::string page(kIntroduction);
  append_section(page, "flow", kInFlow);
  append_section(page, "drop", kInDrop);
  append_section(page, "alert", kInAlert);
  append_section(page, "stats", kInStats);
  return page;
}

}  // namespace sluice
